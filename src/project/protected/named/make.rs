//! Makefiles: the files that they include by name.

use super::tree::joined;
use super::what::{MOST_OF_A_FILE, What};

pub(super) fn read(folder: &str, text: &str) -> Option<Vec<What>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if !matches!(words.next(), Some("include" | "-include" | "sinclude")) {
            continue;
        }
        let names = words.take_while(|word| !word.starts_with('#'));
        found.extend(names.filter_map(|name| joined(folder, name)).map(What::Path));
    }
    (found.len() <= MOST_OF_A_FILE).then_some(found)
}
