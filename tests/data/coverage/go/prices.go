package prices

import "fmt"

func Price(cents int, members bool) string {
	if cents < 0 {
		panic("no price is below zero")
	}
	if members {
		cents = cents * 9 / 10
	}
	if cents > 10000 {
		return "large"
	}
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}
