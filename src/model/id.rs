//! Ids: of issues, runs, commits and sessions.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A task's name, such as `cw-k7qd`: drawn by the store, never taken from an agent. Earlier versions counted instead:
/// `cw-12`. Such ids stay, and a store may hold both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssueId(Form);

/// In the order of ids: counted ones by their number, then drawn ones by their letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Counted(u32),
    Drawn(String),
}

/// What every id begins with.
const PREFIX: &str = "cw-";
/// The letters and digits of drawn ids: none that is easily taken for another (`i`, `l`, `o`, `u` are not here).
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstvwxyz0123456789";
/// How many of them are letters. A drawn id begins with one of these, so that it is never read as a number.
const LETTERS: u128 = 22;
/// The fewest letters and digits of a drawn id, and the most: further ones would not fit into its random bits.
const DRAWN: std::ops::RangeInclusive<usize> = 4..=24;

impl IssueId {
    /// Returns the id that earlier versions gave to the issue with this number, counted from 1 within its generation.
    pub fn new(number: u32) -> Self {
        Self(Form::Counted(number))
    }

    /// Makes an id of random bits for a task that is one of `count`: the more there are, the longer it is.
    pub(crate) fn from_bits(bits: u128, count: usize) -> Self {
        let mut rest = bits;
        let mut next = |choices: u128| {
            let choice = usize::try_from(rest % choices).expect("a remainder of at most 32");
            rest /= choices;
            char::from(ALPHABET[choice])
        };
        let mut text = String::from(next(LETTERS));
        text.extend((1..length(count)).map(|_| next(32)));
        Self(Form::Drawn(text))
    }

    /// Returns the number, of an id that was counted.
    pub fn number(&self) -> Option<u32> {
        match self.0 {
            Form::Counted(number) => Some(number),
            Form::Drawn(_) => None,
        }
    }
}

/// Returns how many letters and digits the id of one of `count` tasks has. Two clones that each file so many have an id
/// in common with a chance of less than one in a hundred.
fn length(count: usize) -> usize {
    let count = u128::try_from(count).unwrap_or(u128::MAX);
    let needed = count.saturating_mul(count).saturating_mul(100);
    let ids =
        |length: usize| LETTERS.saturating_mul(32_u128.saturating_pow(u32::try_from(length - 1).unwrap_or(u32::MAX)));
    DRAWN
        .clone()
        .find(|length| ids(*length) >= needed)
        .unwrap_or(*DRAWN.end())
}

fn is_drawn(text: &str) -> bool {
    DRAWN.contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

fn counted(digits: &str) -> Option<u32> {
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(number)
}

impl fmt::Display for IssueId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Counted(number) => write!(formatter, "{PREFIX}{number}"),
            Form::Drawn(text) => write!(formatter, "{PREFIX}{text}"),
        }
    }
}

impl FromStr for IssueId {
    type Err = String;

    /// Reads a whole id: `cw-k7qd`, or `cw-12`, or just `12`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix(PREFIX);
        let drawn = bare
            .filter(|bare| is_drawn(bare))
            .map(|bare| Form::Drawn(bare.to_owned()));
        let form = counted(bare.unwrap_or(text)).map(Form::Counted).or(drawn);
        form.map(Self).ok_or_else(|| unreadable(text))
    }
}

fn unreadable(text: &str) -> String {
    format!(
        "`{}` is not the id of a task: expected `cw-` and letters and digits, such as `cw-k7qd`",
        text.escape_debug()
    )
}

/// What a person types for a task: its id, or the first letters of it, with `cw-` or without. An id that was counted
/// is typed whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedId(String);

impl TypedId {
    /// Returns whether this is the whole id.
    pub(crate) fn is(&self, id: &IssueId) -> bool {
        match &id.0 {
            Form::Counted(number) => counted(&self.0) == Some(*number),
            Form::Drawn(text) => *text == self.0,
        }
    }

    /// Returns whether the id begins with this.
    pub(crate) fn begins(&self, id: &IssueId) -> bool {
        match &id.0 {
            Form::Counted(_) => self.is(id),
            Form::Drawn(text) => text.starts_with(&self.0),
        }
    }
}

impl From<&IssueId> for TypedId {
    fn from(id: &IssueId) -> Self {
        Self(id.to_string()[PREFIX.len()..].to_owned())
    }
}

impl fmt::Display for TypedId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", self.0)
    }
}

impl FromStr for TypedId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let typed = text.to_ascii_lowercase();
        let bare = typed.strip_prefix(PREFIX).unwrap_or(&typed);
        let is_plain = bare
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if bare.is_empty() || !is_plain || bare.len() > *DRAWN.end() {
            return Err(unreadable(text));
        }
        Ok(Self(bare.to_owned()))
    }
}

impl TryFrom<String> for IssueId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IssueId> for String {
    fn from(id: IssueId) -> Self {
        id.to_string()
    }
}

/// Writes ids one after the other: `cw-1, cw-2`.
pub(crate) fn id_list(ids: &[IssueId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A name that is checked once, where it is read, and is the same text wherever it is written.
macro_rules! checked_text {
    ($(#[$about:meta])* $name:ident, $what:literal, $is_one:path) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads a text; `None` for one that cannot be such an id.
            pub fn parse(text: &str) -> Option<Self> {
                $is_one(text).then(|| Self(text.to_owned()))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text).ok_or_else(|| format!(concat!("`{}` is not ", $what), text.escape_debug()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

checked_text!(
    /// The id of a client's session. Text from a stream must not become an option on a command line: only letters,
    /// digits and `-` are accepted, with a letter or digit first.
    SessionId,
    "the id of a session",
    is_session
);

checked_text!(
    /// The name of a run, such as `20261121-093000123-4711`: when it began, in UTC and to the millisecond, and its
    /// process, so that two runs of a repository never share one. Its records are in a folder of that name, so it is
    /// never a way out of the folder above.
    RunId,
    "the name of a run",
    is_run
);

checked_text!(
    /// The id of a commit, as git writes it: 40 hexadecimal digits or 64, or the first of them, at least four.
    CommitId,
    "the id of a commit",
    is_commit
);

impl RunId {
    /// Names the run that a process began at a moment.
    pub fn new(begun: Timestamp, process: u32) -> Self {
        Self(format!("{}-{process}", begun.strftime("%Y%m%d-%H%M%S%3f")))
    }
}

fn is_session(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !text.is_empty() && text.len() <= 64 && !text.starts_with('-') && text.chars().all(good)
}

fn is_run(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.len() <= 64 && !text.starts_with(['-', '.']) && text.chars().all(good)
}

fn is_commit(text: &str) -> bool {
    let good = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    (4..=64).contains(&text.len()) && text.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        for (text, expect) in [
            ("cw-12", Some("cw-12")),
            ("12", Some("cw-12")),
            ("cw-k7qd", Some("cw-k7qd")),
            ("cw-abcdefghjkmnpqrstvwxyz01", Some("cw-abcdefghjkmnpqrstvwxyz01")),
            // Letters alone may be a word of a proposal: an id that was drawn is written whole.
            ("k7qd", None),
            ("cw-0", None),
            ("cw-+1", None),
            ("cw-99999999999", None),
            ("cw-7kqd", None),
            ("cw-k7q", None),
            ("cw-k7qo", None),
            ("cw-K7QD", None),
            ("cw-k7qd/..", None),
            ("cw-abcdefghjkmnpqrstvwxyz012", None),
            ("cw-", None),
            ("", None),
        ] {
            let read = text.parse::<IssueId>().map(|id| id.to_string());
            assert_eq!(read.ok().as_deref(), expect, "{text:?}");
        }
    }

    #[test]
    fn a_drawn_id_is_never_a_number_and_grows_with_how_many_there_are() {
        let mut state = 1_u128;
        for count in [0, 1, 84, 85, 480, 481, 2_717, 2_718, usize::MAX] {
            state = state.wrapping_mul(0x2545_F491_4F6C_DD1D_2545_F491_4F6C_DD1D) ^ (state >> 7);
            let id = IssueId::from_bits(state, count);
            assert_eq!(id.number(), None);
            assert_eq!(id.to_string().parse::<IssueId>().as_ref(), Ok(&id));
        }
        let lengths = [0, 84, 85, 479, 481, 2_716, 2_718, usize::MAX].map(length);
        assert_eq!(lengths, [4, 4, 5, 5, 6, 6, 7, 24]);
        assert_eq!(IssueId::from_bits(0, 0).to_string(), "cw-aaaa");
        assert_eq!(IssueId::from_bits(u128::MAX, usize::MAX).to_string().len(), 27);
    }

    #[test]
    fn a_person_types_the_beginning_of_a_drawn_id_and_the_whole_of_a_counted_one() {
        let [drawn, counted]: [IssueId; 2] = ["cw-k7qd", "cw-12"].map(|id| id.parse().unwrap());
        for (typed, is, begins) in [
            ("cw-k7qd", true, true),
            ("K7QD", true, true),
            ("k", false, true),
            ("CW-k7", false, true),
            ("k7qdd", false, false),
            ("7", false, false),
        ] {
            let typed: TypedId = typed.parse().unwrap();
            assert_eq!((typed.is(&drawn), typed.begins(&drawn)), (is, begins), "{typed}");
        }
        for (typed, expect) in [
            ("12", true),
            ("cw-12", true),
            ("cw-012", true),
            ("1", false),
            ("123", false),
        ] {
            let typed: TypedId = typed.parse().unwrap();
            assert_eq!(
                (typed.is(&counted), typed.begins(&counted)),
                (expect, expect),
                "{typed}"
            );
        }
        for text in ["", "cw-", "k7 qd", "k7/qd", "é", &"a".repeat(25)] {
            assert!(text.parse::<TypedId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_session_is_never_an_option() {
        for (name, is_one) in [
            ("18ec0967-cb23-4c95-895b-c95b00000006", true),
            ("a", true),
            ("", false),
            ("-a", false),
            ("--bare", false),
            ("a\n", false),
            ("é", false),
            ("a b", false),
            ("a/b", false),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(SessionId::parse(name).is_some(), is_one, "{name:?}");
        }
    }

    #[test]
    fn a_run_is_never_a_way_out_of_its_folder() {
        for (name, is_one) in [
            ("20261121-093000123-4711", true),
            ("run_1.2", true),
            ("", false),
            (".", false),
            ("..", false),
            ("../a", false),
            ("a/b", false),
            ("-a", false),
            ("a\n", false),
        ] {
            assert_eq!(RunId::parse(name).is_some(), is_one, "{name:?}");
        }
        let begun = "2026-11-21T09:30:00Z".parse().expect("a time");
        assert_eq!(RunId::new(begun, 1).to_string(), "20261121-093000000-1");
    }

    #[test]
    fn a_commit_is_named_by_its_id_alone() {
        let whole = "0123456789abcdef0123456789abcdef01234567";
        assert!(CommitId::parse(whole).is_some() && CommitId::parse(&whole[..4]).is_some());
        assert!(serde_json::from_value::<CommitId>(whole.into()).is_ok());
        for text in [
            "",
            "HEAD",
            "abc",
            "main",
            "c0ff^",
            &whole.to_uppercase(),
            &whole.repeat(2),
        ] {
            assert!(CommitId::parse(text).is_none(), "{text:?}");
        }
    }
}
