use register::{json, read, Shoe, ROUND};

#[test]
fn lines_are_read_and_written() {
    let shoes = read("Derby: 42 x 3, 43 x 1\nnothing here\nOxford:\n");
    assert_eq!(shoes.len(), 2);
    assert_eq!(shoes[0].sizes[&42], 3);
    let back: Vec<Shoe> = serde_json::from_str(&json(&shoes)).unwrap();
    assert_eq!(back, shoes);
}

#[test]
fn there_is_a_round() {
    assert!(ROUND < u32::MAX);
}
