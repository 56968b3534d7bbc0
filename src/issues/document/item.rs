//! One item, from the words of its first line.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::section::{Role, Says};
use super::words::{self, begins, has};
use crate::base::text::one_line;

/// The longest title, in characters; what is longer goes on in the description.
const TITLE: usize = 160;
/// How much of an item's first paragraph is looked at, in characters.
const LOOKED_AT: usize = 4000;
/// How many statements of what it waits for are looked for in one text.
const MOST_STATEMENTS: usize = 100;
/// The priority of what names none.
const MIDDLE: u8 = 2;

/// An item of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentItem {
    /// The line on which it begins, counted from 1.
    pub line: u32,
    /// Its name in the document.
    pub id: Option<String>,
    /// One line.
    pub title: String,
    /// What stands below its first line; may be empty.
    pub description: String,
    /// One of the types of tasks.
    #[serde(rename = "type")]
    pub issue_type: String,
    /// 0 (first) to 4 (last).
    pub priority: u8,
    /// Whether the document says that it is done.
    pub done: bool,
    /// The items of the document that it names as what it waits for.
    pub depends_on: Vec<String>,
}

/// The pattern of an id: letters and a number, such as `R1.2`, `REQ-001`, `#12`.
pub(super) const ID: &str = r"(?:#\d{1,7}|[A-Z][A-Za-z]{0,9}(?:-[A-Z]{1,9})?-?\d{1,6}(?:\.\d{1,4})*)";
/// Beginnings of what looks like an id and is a priority, a standard, or a quarter.
const NOT_IDS: [&str; 14] = [
    "P", "UTF", "SHA", "MD", "ISO", "HTTP", "IPv", "ES", "Q", "H", "RFC", "CSS", "HTML", "Python",
];

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is valid")
}

static LEADING_ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"^([\[(`]?)({ID})([\])`]?)(\s*[:.|]\s+|\s*[–—-]\s+|\s*:$|\s+|$)"
    ))
});
static WHOLE_ID: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("^{ID}$")));
static ANY_ID: LazyLock<Regex> = LazyLock::new(|| pattern(ID));
static DEPENDS: LazyLock<Regex> = LazyLock::new(|| {
    let verbs = "depends on|depending on|dependencies|dependent on|blocked by|needs|requires|after|waits for|prerequisites?|\
                 hängt ab von|benötigt|nach|dépend de|après|depende de|después de";
    let list = format!(r"{ID}(?:\s*(?:,|and|&|und|et|y)\s*(?:and\s+)?{ID})*");
    pattern(&format!(r"[\s,;.(\[–—-]*\(?\b(?i:{verbs})\b\s*:?\s*({list})\s*[)\]]?"))
});
static PRIORITY: LazyLock<Regex> = LazyLock::new(|| {
    let words =
        "critical|blocker|urgent|highest|high|medium|low|minor|major|trivial|must|should|could|hoch|mittel|niedrig";
    pattern(&format!(
        r"(?i)\s*(?:[\[(](?:prio(?:rity)?:?\s*)?(p[0-4]|{words})(?:\s+priority)?[\])]|\bprio(?:rity)?:\s*(p?[0-4]|{words})\b|^(p[0-4])\b\s*[:–—-]?\s*|[,–—-]\s*(p[0-4])$)"
    ))
});
static LABEL: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s*[\[(]([A-Za-z][A-Za-z ]{2,15})[\])]\s*$"));
static PREFIX: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?i)(bug|feature|feat|fix|chore|docs|task|story)(?:\([a-z-]+\))?:\s+"));

/// Marks in front of an item that say whether it is done.
const MARKS: [(&str, bool); 14] = [
    ("✅", true),
    ("☑️", true),
    ("☑", true),
    ("✔️", true),
    ("✔", true),
    ("✓", true),
    ("❌", false),
    ("✗", false),
    ("⬜", false),
    ("🔲", false),
    ("🚧", false),
    ("⏳", false),
    ("☐", false),
    ("🟡", false),
];

/// What the words of an item say of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Words {
    pub(super) id: Option<String>,
    /// Whether the id stands apart from the title: by a mark, brackets or bold.
    pub(super) is_marked: bool,
    pub(super) title: String,
    /// What the title has no room for.
    pub(super) rest: String,
    pub(super) priority: Option<u8>,
    pub(super) issue_type: Option<&'static str>,
    pub(super) done: Option<bool>,
    pub(super) depends_on: Vec<String>,
}

/// Reads the words of an item; `lead` are the bold words that it begins with.
pub(super) fn words_of(text: &str, lead: &str) -> Words {
    let (looked_at, beyond) = text.split_at(text.char_indices().nth(LOOKED_AT).map_or(text.len(), |(at, _)| at));
    let mut text = looked_at.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut words = Words {
        done: take_mark(&mut text),
        ..Words::default()
    };
    take_id(&mut text, lead, &mut words);
    if words.id.is_none() {
        take_lead(&mut text, lead, &mut words);
    }
    words.depends_on = take_dependencies(&mut text);
    if let Some(found) = PRIORITY.captures(&text) {
        let word = found.iter().skip(1).flatten().next().map_or("", |word| word.as_str());
        words.priority = priority_of(word);
        let range = found.get(0).map_or(0..0, |whole| whole.range());
        text.replace_range(range, " ");
    }
    if let Some(found) = LABEL.captures(&text)
        && let Some(named) = type_named(&found[1])
    {
        words.issue_type = Some(named);
        let end = found.get(0).map_or(0, |whole| whole.start());
        text.truncate(end);
    }
    if let Some(found) = PREFIX.captures(&text) {
        words.issue_type = words.issue_type.or_else(|| type_named(&found[1]));
        let end = found[0].len();
        text.drain(..end);
    }
    (words.title, words.rest) = cut(text.trim());
    words.rest.push_str(beyond);
    words
}

fn take_mark(text: &mut String) -> Option<bool> {
    let (mark, done) = MARKS.iter().find(|(mark, _)| text.starts_with(mark))?;
    *text = text[mark.len()..]
        .trim_start_matches('\u{fe0f}')
        .trim_start()
        .to_owned();
    Some(*done)
}

fn take_id(text: &mut String, lead: &str, words: &mut Words) {
    let Some(found) = LEADING_ID.captures(text) else { return };
    let id = found[2].to_owned();
    if !is_id(&id) {
        return;
    }
    let is_closed = !found[1].is_empty() && !found[3].is_empty();
    let has_mark = !found[4].trim().is_empty();
    words.is_marked = is_closed || has_mark || id.starts_with('#') || lead.trim_end_matches([':', '.']) == id;
    words.id = Some(id);
    let end = found[0].len();
    *text = text[end..].trim_start_matches([':', ' ', '–', '—']).to_owned();
}

/// Takes a bold word that is a priority: `**Critical** Data is lost`.
fn take_lead(text: &mut String, lead: &str, words: &mut Words) {
    let word = lead.trim_matches([':', '.', '[', ']', '(', ')', ' ']);
    if let Some(priority) = priority_of(word)
        && text.starts_with(lead)
        && !lead.is_empty()
    {
        words.priority = Some(priority);
        *text = text[lead.len()..]
            .trim_start_matches([':', ' ', '–', '—', '-'])
            .to_owned();
    }
}

/// Takes what a text says of what it waits for out of it.
pub(super) fn take_dependencies(text: &mut String) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..MOST_STATEMENTS {
        let Some(found) = DEPENDS.captures(text) else { break };
        ids.extend(ids_in(&found[1]));
        let range = found.get(0).map_or(0..text.len(), |whole| whole.range());
        text.replace_range(range, " ");
    }
    *text = text.trim().to_owned();
    ids
}

/// Returns the ids that a text names.
pub(super) fn ids_in(text: &str) -> Vec<String> {
    let ids = ANY_ID.find_iter(text).map(|id| id.as_str().to_owned());
    ids.filter(|id| is_id(id)).collect()
}

/// Returns whether a text is an id, and nothing else.
pub(super) fn is_id(text: &str) -> bool {
    let letters = text.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    WHOLE_ID.is_match(text) && !NOT_IDS.contains(&letters.trim_end_matches('-'))
}

/// Returns the letters that an id begins with.
pub(super) fn prefix(id: &str) -> &str {
    id.find(|letter: char| letter.is_ascii_digit())
        .map_or(id, |end| &id[..end])
}

/// Returns the priority that a word names.
pub(super) fn priority_of(word: &str) -> Option<u8> {
    let word = word.trim().to_lowercase();
    let digit = word.strip_prefix('p').unwrap_or(&word);
    if let Ok(priority @ 0..=4) = digit.parse() {
        return Some(priority);
    }
    let found = words::PRIORITIES.iter().find(|(name, _)| *name == word);
    found.map(|(_, priority)| *priority)
}

/// Returns the type that a word names.
pub(super) fn type_named(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    let found = words::TYPE_NAMES.iter().find(|(name, _)| *name == word);
    found.map(|(_, name)| *name)
}

/// Cuts a text into title and rest, after a sentence if it is too long for one.
fn cut(text: &str) -> (String, String) {
    let trimmed = |title: &str| title.trim_end_matches(['.', ':', ',', ';', ' ']).to_owned();
    if text.chars().count() <= TITLE {
        return (trimmed(text), String::new());
    }
    let sentence = text
        .match_indices(". ")
        .map(|(at, _)| at)
        .find(|at| text[..*at].chars().count() <= TITLE);
    match sentence {
        Some(at) => (trimmed(&text[..at]), text[at + 2..].trim().to_owned()),
        None => (one_line(text, TITLE), text.to_owned()),
    }
}

/// Returns whether a text is a user story.
pub(super) fn is_story(text: &str) -> bool {
    let text = text.trim_start().to_lowercase();
    begins(&text, words::STORY) && has(&text, words::WANTS)
}

/// Returns the type of an item by its words, where no label names it.
fn type_of(title: &str, says: Says, usual: &'static str) -> &'static str {
    let title = title.to_lowercase();
    match says.role {
        Some(Role::Bugs) => return "bug",
        Some(Role::Cases) => return "task",
        _ => {}
    }
    if let Some(named) = says.issue_type {
        return named;
    }
    if has(&title, words::MODAL) && usual == "feature" {
        return "feature";
    }
    if has(&title, words::BUG_WORDS) {
        "bug"
    } else if begins(&title, words::TEST_WORDS) {
        "task"
    } else if begins(&title, words::CHORE_VERBS) || has(&title, words::CHORE_WORDS) {
        "chore"
    } else if begins(&title, words::FEATURE_WORDS) {
        "feature"
    } else {
        usual
    }
}

impl Words {
    /// Makes an item of it. `usual` is the type of what names none.
    pub(super) fn item(self, line: u32, says: Says, usual: &'static str) -> DocumentItem {
        let issue_type = self.issue_type.unwrap_or_else(|| type_of(&self.title, says, usual));
        DocumentItem {
            line,
            id: self.id,
            issue_type: issue_type.to_owned(),
            priority: self.priority.or(says.priority).unwrap_or(MIDDLE),
            done: self.done.or(says.done).unwrap_or(false),
            depends_on: self.depends_on,
            title: self.title,
            description: self.rest,
        }
    }
}
