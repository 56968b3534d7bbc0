fn main() {
    println!("tally 0.1.0");
}
