//! A public item, and how its declaration is read from lines.

/// How many items of a file are read: far more than one for people has, and few enough to compare at once.
const MOST_ITEMS: usize = 5000;
/// How many bytes they may have together; what stands around an item is repeated in each.
const MOST_BYTES: usize = 4 << 20;

/// A public item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What it is and is called, within its file: the same before and after a change of its declaration.
    pub(super) key: String,
    /// Its declaration, on one line.
    pub(super) shown: String,
    /// Its declaration without what a formatter decides.
    pub(super) squeezed: String,
}

impl Item {
    pub(super) fn new(key: impl Into<String>, shown: impl Into<String>) -> Self {
        let (key, shown) = (key.into(), shown.into());
        let text: String = shown.chars().filter(|character| !character.is_whitespace()).collect();
        let squeezed = text
            .replace(",)", ")")
            .replace(",>", ">")
            .replace(",}", "}")
            .replace(",]", "]");
        Self { key, shown, squeezed }
    }

    /// Returns how much it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.key.len() + self.shown.len() + self.squeezed.len() + size_of::<Self>()
    }
}

/// The items of a file, while it is read.
#[derive(Default)]
pub(super) struct Items {
    all: Vec<Item>,
    bytes: usize,
}

impl Items {
    /// Takes in one more; `None` where there are too many: then the file is not read on.
    pub(super) fn push(&mut self, item: Item) -> Option<()> {
        self.bytes += item.bytes();
        self.all.push(item);
        (self.all.len() <= MOST_ITEMS && self.bytes <= MOST_BYTES).then_some(())
    }

    /// Takes in those that are there, as [`Items::push`].
    pub(super) fn extend(&mut self, items: impl IntoIterator<Item = Item>) -> Option<()> {
        items.into_iter().try_for_each(|item| self.push(item))
    }

    pub(super) fn into_vec(self) -> Vec<Item> {
        self.all
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
