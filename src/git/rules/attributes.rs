//! Attributes of paths, from all files that git reads.

use std::collections::HashMap;

use super::pattern::{Pattern, Subject, without_mark};
use crate::git::bytes;
use crate::git::work::Work;

/// A line this long or longer is ignored, as in git.
const LONGEST_LINE: usize = 2048;
/// A line with this beginning gives a name to several attributes.
const MACRO: &[u8] = b"[attr]";
/// The macro that is built into git.
const BINARY: &[u8] = b"[attr]binary -diff -merge -text\n";
/// Macros inside macros inside macros: more are not followed.
const DEEPEST_MACRO: u32 = 16;
/// How many steps each byte of rules counts when it is read: the parsed data takes far more memory.
const STEPS_A_BYTE: u64 = 50;
/// The name of a file of attributes in a tree.
const NAME: &str = ".gitattributes";

/// The state of an attribute for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) enum State {
    /// `name`.
    Set,
    /// `-name`.
    Unset,
    /// `!name`: as if no rule had named it.
    Unspecified,
    /// `name=value`.
    Value(Vec<u8>),
}

/// The attributes of a path, by name.
pub(in crate::git) type Found = HashMap<Vec<u8>, State>;

type States = Vec<(Vec<u8>, State)>;

/// One file of attributes.
#[derive(Clone, Debug, Default)]
struct AttributesFile {
    lines: Vec<(Pattern, States)>,
    macros: Vec<(Vec<u8>, States)>,
}

/// All files of attributes that apply to a tree.
#[derive(Clone, Debug)]
pub(in crate::git) struct Attributes {
    fold_case: bool,
    /// Below the tree's own, the weakest first: git's own, the system's, the person's.
    outside: Vec<AttributesFile>,
    /// By folder.
    inside: HashMap<Vec<u8>, AttributesFile>,
    /// `info/attributes`, stronger than all others.
    of_repository: AttributesFile,
    macros: HashMap<Vec<u8>, States>,
}

impl Attributes {
    /// Takes the attributes outside of any tree: the contents of the system's and the person's files, the weakest
    /// first, and of the repository's `info/attributes`.
    pub(in crate::git) fn new(outside: &[Vec<u8>], of_repository: &[u8], fold_case: bool) -> Self {
        let parse = |content: &[u8]| AttributesFile::parse(content, true, fold_case);
        let mut all = Self {
            fold_case,
            outside: vec![parse(BINARY)],
            inside: HashMap::new(),
            of_repository: parse(of_repository),
            macros: HashMap::new(),
        };
        all.outside.extend(outside.iter().map(|content| parse(content)));
        all.gather_macros();
        all
    }

    /// Adds the `.gitattributes` of a folder of the tree, or replaces it; not when the budget of work is spent.
    pub(in crate::git) fn add(&mut self, folder: &[u8], content: &[u8], work: &Work) {
        if !work.spend((content.len() as u64).saturating_mul(STEPS_A_BYTE)) {
            work.note(Some((folder, NAME)), folder);
            return;
        }
        let file = AttributesFile::parse(content, folder.is_empty(), self.fold_case);
        self.inside.insert(folder.to_vec(), file);
        if folder.is_empty() {
            self.gather_macros();
        }
    }

    /// Returns all attributes of the file at a path; none when the budget of work is spent.
    pub(in crate::git) fn of(&self, path: &[u8], work: &Work) -> Found {
        let mut found = Found::new();
        self.take(&self.of_repository, path, &mut found, work);
        work.note(None, path);
        let mut folder = bytes::split_last(path).0;
        loop {
            if let Some(file) = self.inside.get(folder) {
                let below = if folder.is_empty() {
                    path
                } else {
                    &path[folder.len() + 1..]
                };
                self.take(file, below, &mut found, work);
                work.note(Some((folder, NAME)), path);
            }
            if folder.is_empty() {
                break;
            }
            folder = bytes::split_last(folder).0;
        }
        for file in self.outside.iter().rev() {
            self.take(file, path, &mut found, work);
        }
        work.note(None, path);
        if work.is_spent() {
            return Found::new();
        }
        found.retain(|_, state| *state != State::Unspecified);
        found
    }

    /// Takes from one file the attributes that no stronger rule has set.
    fn take(&self, file: &AttributesFile, path: &[u8], found: &mut Found, work: &Work) {
        let subject = Subject { path, is_folder: false };
        for (pattern, states) in file.lines.iter().rev() {
            if pattern.matches(subject, self.fold_case, work) {
                self.fill(states, found, DEEPEST_MACRO, work);
            }
        }
    }

    fn fill(&self, states: &States, found: &mut Found, deepest: u32, work: &Work) {
        if !work.spend(states.len() as u64) {
            return;
        }
        for (name, state) in states.iter().rev() {
            if found.contains_key(name) {
                continue;
            }
            found.insert(name.clone(), state.clone());
            if *state == State::Set
                && deepest > 0
                && let Some(states) = self.macros.get(name)
            {
                self.fill(states, found, deepest - 1, work);
            }
        }
    }

    /// Keeps the strongest definition of each macro, which is the one that counts.
    fn gather_macros(&mut self) {
        let root = self.inside.get(b"".as_slice());
        let files = self.outside.iter().chain(root).chain([&self.of_repository]);
        self.macros = files.flat_map(|file| file.macros.iter().cloned()).collect();
    }
}

impl AttributesFile {
    fn parse(content: &[u8], has_macros: bool, fold_case: bool) -> Self {
        let mut file = Self::default();
        for line in without_mark(content).split(|byte| *byte == b'\n') {
            let Some((head, states)) = Self::line(line) else {
                continue;
            };
            match head {
                Head::Macro(name) if has_macros => file.macros.push((name, states)),
                Head::Macro(_) => {}
                Head::Pattern(text) => {
                    let pattern = Pattern::parse(&text, fold_case);
                    // Git warns about these and ignores them.
                    if !pattern.is_negated {
                        file.lines.push((pattern, states));
                    }
                }
            }
        }
        file
    }

    /// Reads one line; `None` where git finds nothing in it, or nothing valid.
    fn line(line: &[u8]) -> Option<(Head, States)> {
        if line.len() >= LONGEST_LINE {
            return None;
        }
        let line = without_blanks(line.split(|byte| *byte == 0).next()?);
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        let (head, rest) = if let Some((text, rest)) = unquoted(line) {
            (Head::Pattern(text), rest)
        } else {
            let (word, rest) = split_word(line);
            match word.strip_prefix(MACRO).filter(|name| !name.is_empty()) {
                Some(name) if is_name(name) => (Head::Macro(name.to_vec()), rest),
                Some(_) => return None,
                None => (Head::Pattern(word.to_vec()), rest),
            }
        };
        let mut states = States::new();
        let mut rest = without_blanks(rest);
        while !rest.is_empty() {
            let (word, after) = split_word(rest);
            states.push(state(word)?);
            rest = without_blanks(after);
        }
        Some((head, states))
    }
}

/// The subject of a line.
enum Head {
    Macro(Vec<u8>),
    Pattern(Vec<u8>),
}

/// Reads `name`, `-name`, `!name` or `name=value`; `None` for an invalid name, because of which git ignores the line.
fn state(word: &[u8]) -> Option<(Vec<u8>, State)> {
    let (name, value) = match word.iter().position(|byte| *byte == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    };
    let (name, state) = match (name.first()?, value) {
        (b'-', _) => (&name[1..], State::Unset),
        (b'!', _) => (&name[1..], State::Unspecified),
        (_, Some(value)) => (name, State::Value(value.to_vec())),
        (_, None) => (name, State::Set),
    };
    is_name(name).then(|| (name.to_vec(), state))
}

fn is_name(name: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && !name.starts_with(b"-") && !name.starts_with(b"builtin_") && name.iter().all(letter)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn without_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    &text[blanks..]
}

fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len()))
}

/// Reads a pattern in quotes, with C's escapes; `None` where there is none, or it does not end.
fn unquoted(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = line.strip_prefix(b"\"")?;
    let mut text = Vec::new();
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((text, rest)),
            b'\\' => {
                let (escape, after) = rest.split_first()?;
                rest = after;
                text.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'\\' | b'"' => *escape,
                    b'0'..=b'3' => {
                        let (digits, after) = rest.split_at_checked(2)?;
                        rest = after;
                        octal(*escape, digits)?
                    }
                    _ => return None,
                });
            }
            other => text.push(*other),
        }
    }
}

/// Returns the byte of three octal digits.
fn octal(first: u8, digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(first - b'0', |sum, digit| match digit {
        b'0'..=b'7' => Some((sum << 3) | (digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &str, path: &str, name: &str, expect: Option<&State>) {
        let mut attributes = Attributes::new(&[], b"", false);
        attributes.add(b"", rules.as_bytes(), &Work::new());
        let found = attributes.of(path.as_bytes(), &Work::new());
        assert_eq!(found.get(name.as_bytes()), expect, "{rules:?} on {path}");
    }

    #[test]
    fn later_lines_are_stronger_and_macros_stand_for_others() {
        check("*.txt text\n*.txt -text\n", "a.txt", "text", Some(&State::Unset));
        check("*.png binary\n", "a.png", "text", Some(&State::Unset));
        check(
            "[attr]big eol=lf text\n* big\n",
            "a",
            "eol",
            Some(&State::Value(b"lf".to_vec())),
        );
        check("* text\n*.c !text\n", "a.c", "text", None);
        check("\"a b\" text\n", "a b", "text", Some(&State::Set));
        check("\"a\\040b\" text\n", "a b", "text", Some(&State::Set));
        check("!a text\n", "a", "text", None);
        check("a/ text\n", "a", "text", None);
    }

    #[test]
    fn the_nearest_folder_is_stronger_and_the_repository_s_own_file_strongest() {
        let mut attributes = Attributes::new(&[b"* eol=lf".to_vec()], b"*.x text", false);
        attributes.add(b"", b"*.x -text\n*.y -text", &Work::new());
        attributes.add(b"sub", b"*.y text", &Work::new());
        let text = |path: &str| attributes.of(path.as_bytes(), &Work::new()).remove(b"text".as_slice());
        assert_eq!(text("sub/a.y"), Some(State::Set));
        assert_eq!(text("a.y"), Some(State::Unset));
        assert_eq!(text("sub/a.x"), Some(State::Set));
        assert!(attributes.of(b"z", &Work::new()).contains_key(b"eol".as_slice()));
    }
}
