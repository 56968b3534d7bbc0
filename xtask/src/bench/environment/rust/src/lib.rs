//! A register of shoes: lines of text in, JSON out.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

mod round;

pub use round::ROUND;

/// One kind of shoe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shoe {
    /// Its name.
    pub name: String,
    /// The sizes of which there are some, and how many.
    pub sizes: BTreeMap<u32, u32>,
}

/// Reads lines such as `Derby: 42 x 3, 43 x 1`; lines of another form are left out.
pub fn read(text: &str) -> Vec<Shoe> {
    let line = Regex::new(r"(?m)^(?<name>\w+):(?<sizes>(?: *\d+ x \d+,?)*)$").unwrap();
    let size = Regex::new(r"(\d+) x (\d+)").unwrap();
    let number = |text: &str| text.parse().unwrap_or_default();
    line.captures_iter(text)
        .map(|found| Shoe {
            name: found["name"].to_owned(),
            sizes: size
                .captures_iter(&found["sizes"])
                .map(|found| (number(&found[1]), number(&found[2])))
                .collect(),
        })
        .collect()
}

/// Writes a register as JSON.
pub fn json(shoes: &[Shoe]) -> String {
    serde_json::to_string(shoes).unwrap()
}
