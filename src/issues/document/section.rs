//! What the headings above a place say of what stands there.

use std::sync::LazyLock;

use regex::Regex;

use super::words::{self, has};

/// What the items of a section are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Requirements,
    Tasks,
    Bugs,
    Cases,
    /// Nothing in it is an item of its own.
    Aside,
}

/// What a heading, or all headings above a place, say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Says {
    pub(super) role: Option<Role>,
    pub(super) done: Option<bool>,
    pub(super) priority: Option<u8>,
    pub(super) issue_type: Option<&'static str>,
}

/// The headings above a place.
#[derive(Debug, Default)]
pub(super) struct Sections {
    open: Vec<(u8, Says)>,
    /// Whether there was a heading: the first one is the title.
    has_title: bool,
}

impl Sections {
    /// Goes on below a heading.
    pub(super) fn enter(&mut self, level: u8, text: &str) {
        while self.open.last().is_some_and(|(above, _)| *above >= level) {
            self.open.pop();
        }
        let mut says = said_by(text);
        if !self.has_title {
            // A title names the whole: nothing in it is aside or done.
            self.has_title = true;
            says.done = None;
            says.role = says.role.filter(|role| *role != Role::Aside);
        }
        self.open.push((level, says));
    }

    /// Returns what the items are among which a heading of a level would stand.
    pub(super) fn role_above(&self, level: u8) -> Option<Role> {
        let mut above = self.open.iter().rev().filter(|(other, _)| *other < level);
        above.find_map(|(_, says)| says.role)
    }

    /// Returns what holds here: the nearest heading that says anything of it.
    pub(super) fn says(&self) -> Says {
        let mut all = Says::default();
        for (_, says) in self.open.iter().rev() {
            all.role = all.role.or(says.role);
            all.done = all.done.or(says.done);
            all.priority = all.priority.or(says.priority);
            all.issue_type = all.issue_type.or(says.issue_type);
        }
        all
    }
}

/// Returns whether a heading says nothing of what is below it.
pub(super) fn says_nothing(heading: &str) -> bool {
    said_by(heading) == Says::default()
}

/// Matches the number in front of a heading.
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(\d+\.)*\d*[.)]?\s+").expect("the pattern is valid"));
/// Matches a heading that is a version.
static VERSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\[?(v?\d+\.\d+(\.\d+)?\S*|unreleased)\]?($|\s)").expect("the pattern is valid"));

/// Returns a heading in lower case, without its number.
pub(super) fn plain(heading: &str) -> String {
    let heading = heading.trim().to_lowercase();
    let rest = NUMBER.find(&heading).map_or(0, |found| found.end());
    heading[rest..].trim().trim_end_matches([':', '.']).to_owned()
}

/// Returns whether a heading is a version of a changelog.
pub(super) fn is_version(heading: &str) -> bool {
    VERSION.is_match(&heading.trim().to_lowercase())
}

/// Returns the type of what a section of a changelog has.
pub(super) fn of_changelog(heading: &str) -> Option<&'static str> {
    match plain(heading).as_str() {
        "added" => Some("feature"),
        "fixed" | "security" => Some("bug"),
        "changed" | "removed" | "deprecated" => Some("task"),
        _ => None,
    }
}

fn said_by(heading: &str) -> Says {
    let text = plain(heading);
    let mut says = Says::default();
    if let Some(issue_type) = of_changelog(heading) {
        says.role = Some(Role::Tasks);
        says.issue_type = Some(issue_type);
        says.done = Some(true);
        return says;
    }
    if let Some(priority) = priority(&text) {
        says.priority = Some(priority);
        says.role = Some(Role::Tasks);
    }
    let roles = [
        (words::ASIDE, Role::Aside),
        (words::BUGS, Role::Bugs),
        (words::CASES, Role::Cases),
        (words::REQUIREMENTS, Role::Requirements),
    ];
    if let Some((_, role)) = roles.into_iter().find(|(words, _)| has(&text, words)) {
        says.role = Some(role);
        if role == Role::Aside {
            return says;
        }
    }
    let states = [(words::DOING, false), (words::DONE, true), (words::OPEN, false)];
    if let Some((_, done)) = states.into_iter().find(|(words, _)| has(&text, words)) {
        says.done = Some(done);
        says.role = says.role.or(Some(Role::Tasks));
    }
    if has(&text, words::REFACTOR) {
        says.role = says.role.or(Some(Role::Tasks));
        says.issue_type = Some("chore");
    }
    says
}

/// Returns the priority that a heading is about: `High priority`, `Must have`, `P1`.
fn priority(text: &str) -> Option<u8> {
    let count = text.split_whitespace().count();
    let names = text.contains("priori") || text.ends_with("have") || count == 1;
    let is_short = count <= 4 && names;
    let found = words::PRIORITIES.iter().find(|(word, _)| is_short && has(text, word));
    found.map(|(_, priority)| *priority)
}
