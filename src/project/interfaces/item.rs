//! A public item, and how its declaration is read from lines.

/// A public item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What it is and is called, within its file: the same before and after a change of its declaration.
    pub(super) key: String,
    /// Its declaration, on one line.
    pub(super) shown: String,
}

impl Item {
    /// Returns its declaration without what a formatter decides.
    pub(super) fn squeezed(&self) -> String {
        let text: String = self
            .shown
            .chars()
            .filter(|character| !character.is_whitespace())
            .collect();
        text.replace(",)", ")")
            .replace(",>", ">")
            .replace(",}", "}")
            .replace(",]", "]")
    }
}

/// The most lines of a declaration.
const MOST_LINES: usize = 40;

/// Joins the lines of a declaration from the first on, until all its brackets are closed; `ends` says whether a line with all
/// of them closed is the last one.
pub(super) fn joined(lines: &[&str], ends: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut depth = 0_i32;
    for line in lines.iter().take(MOST_LINES) {
        let line = line.trim();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
        for character in line.chars() {
            match character {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                _ => {}
            }
        }
        if depth <= 0 && ends(line) {
            break;
        }
    }
    text
}

/// Returns the name at the beginning of a text, and what is after it.
pub(super) fn name(text: &str) -> (&str, &str) {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let end = text.find(|character| !is_part(character)).unwrap_or(text.len());
    text.split_at(end)
}

/// Returns the width of the space at the beginning of a line.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
