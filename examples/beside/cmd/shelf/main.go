// Command shelf keeps a list of books.
package main

import "fmt"

func main() {
	fmt.Println("shelf")
}
