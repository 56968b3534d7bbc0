//! Groups of work: parts of what documents ask for, each planned, done and reviewed before those that wait for it. How one stands
//! is derived from what is here, and stored nowhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::graph::{Graph, way};
use crate::base::text::one_line;
use crate::model::finding::Finding;
use crate::model::{CommitId, IssueId, RunId};

pub(crate) mod answer;

/// The most groups of a generation.
pub const MOST_GROUPS: usize = 100;
/// The most tasks that a group is estimated at, where nothing says less.
pub const MOST_TASKS: u32 = 1000;
/// Bytes of a key.
const KEY: usize = 40;
/// Characters of a name.
const NAME: usize = 120;
/// Bytes of a scope, and of a briefing.
const TEXT: usize = 20_000;

/// What a generation is built from, and in which groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Build {
    /// The documents: paths of the repository. Empty where those of `context_files` are meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// The documents as they were when groups were planned last: the ids of their contents, by path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub planned: BTreeMap<String, String>,
    /// Places where the documents contradict each other or themselves, as the plan reports them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<String>,
    /// The groups, in the order in which they are taken up where several can be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

impl Build {
    /// Returns whether groups were planned, though it was found that there are none, or were made by hand.
    pub fn is_planned(&self) -> bool {
        !self.groups.is_empty() || !self.planned.is_empty()
    }
}

/// How hard a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Little thought, few places.
    Small,
    /// As most work.
    Medium,
    /// Much thought, or many places.
    Large,
}

impl Effort {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Returns its name in answers and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// A part of what documents ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name in commands and dependencies.
    pub key: String,
    /// One line.
    pub name: String,
    /// What belongs to it, in Markdown.
    pub scope: String,
    /// The keys of those that must be done first.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// What its tasks have to know beside their documents, in Markdown.
    #[serde(default)]
    pub briefing: String,
    /// How many tasks it may have.
    pub estimated_tasks: u32,
    /// How hard it is.
    pub effort: Effort,
    /// The last commit before its first task: it has one once a task is filed, or it was found that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<CommitId>,
    /// Whether all its tasks are filed.
    #[serde(default)]
    pub measured: bool,
    /// The closing reviews of its changes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<ClosingReview>,
    /// That it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<GroupDone>,
}

/// A closing review: one reading of all that changed since a group began, in batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosingReview {
    /// The commit that is read.
    pub tip: CommitId,
    /// How many batches its changes have.
    pub batches: u32,
    /// How many of them are read.
    pub read: u32,
    /// What is to be changed: each is a task once all batches are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Findings of lesser weight, which become no tasks.
    #[serde(default)]
    pub lesser: u32,
    /// Files whose changes are too large for any batch: a reviewer was told to read the files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_large: Vec<String>,
    /// The tasks that its findings became; none until all batches are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed: Option<Vec<IssueId>>,
}

/// The end of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupDone {
    /// The commit on which all gates passed.
    pub tip: CommitId,
    /// When.
    pub at: Timestamp,
    /// The run that found it so.
    pub run: RunId,
}

/// How a group stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// All of it is done.
    Done,
    /// Its tasks are filed.
    AtWork,
    /// It can begin.
    Open,
    /// It waits for these, which are not done.
    Waiting(Vec<String>),
}

impl GroupState {
    /// Returns the word for it, as people and JSON have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::AtWork => "at_work",
            Self::Open => "open",
            Self::Waiting(_) => "waiting",
        }
    }
}

impl Group {
    /// Builds a group that nobody has begun.
    pub fn new(key: impl Into<String>, name: impl Into<String>, scope: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            name: name.into(),
            scope: scope.into(),
            depends_on: Vec::new(),
            briefing: String::new(),
            estimated_tasks: 1,
            effort: Effort::Medium,
            begun: None,
            measured: false,
            reviews: Vec::new(),
            done: None,
        }
    }

    /// Returns the closing reviews that have read all batches.
    pub fn whole_reviews(&self) -> impl DoubleEndedIterator<Item = &ClosingReview> {
        self.reviews.iter().filter(|review| review.filed.is_some())
    }

    /// Returns the closing review that has batches left.
    pub fn review_under_way(&self) -> Option<&ClosingReview> {
        self.reviews.last().filter(|review| review.filed.is_none())
    }

    /// Lists what is wrong with the group by itself, in sentences.
    fn own_problems(&self, most_tasks: u32) -> Vec<String> {
        let mut found = Vec::new();
        let letter_first = self.key.starts_with(|first: char| first.is_ascii_alphabetic());
        let is_plain = |one: char| one.is_ascii_alphanumeric() || one == '-' || one == '_';
        if !letter_first || !self.key.chars().all(is_plain) || self.key.len() > KEY {
            found.push(format!(
                "key must be at most {KEY} letters, digits, `-` and `_`, beginning with a letter."
            ));
        }
        if self.name.trim().is_empty() || self.name.chars().any(char::is_control) || self.name.chars().count() > NAME {
            found.push(format!("name must be one line of at most {NAME} characters."));
        }
        for (what, text, may_be_empty) in [("scope", &self.scope, false), ("briefing", &self.briefing, true)] {
            if text.trim().is_empty() && !may_be_empty {
                found.push(format!("{what} is empty."));
            }
            if text.len() > TEXT {
                found.push(format!(
                    "{what} has {} bytes, but at most {TEXT} are allowed.",
                    text.len()
                ));
            }
            if text
                .chars()
                .any(|one| one.is_control() && !matches!(one, '\n' | '\t' | '\r'))
            {
                found.push(format!("{what} has control characters."));
            }
        }
        if !(1..=most_tasks).contains(&self.estimated_tasks) {
            found.push(format!(
                "estimated_tasks is {}, and must be from 1 to {most_tasks}: a larger group is to be split.",
                self.estimated_tasks
            ));
        }
        let name = one_line(&self.key, KEY);
        found
            .into_iter()
            .map(|problem| format!("Group `{name}`: {problem}"))
            .collect()
    }
}

/// Lists what is wrong with groups, each by itself and all together, in sentences. `most_tasks` bounds those that nobody has begun.
pub fn problems(groups: &[Group], most_tasks: u32) -> Vec<String> {
    let mut found = Vec::new();
    if groups.len() > MOST_GROUPS {
        found.push(format!(
            "There are {} groups, and at most {MOST_GROUPS} are allowed: join those that belong together.",
            groups.len()
        ));
        return found;
    }
    let mut keys = BTreeSet::new();
    for group in groups {
        let most = if group.begun.is_some() { MOST_TASKS } else { most_tasks };
        found.extend(group.own_problems(most));
        if !keys.insert(group.key.as_str()) {
            found.push(format!("Two groups have the key `{}`.", one_line(&group.key, KEY)));
        }
    }
    for group in groups {
        let key = one_line(&group.key, KEY);
        let mut seen = BTreeSet::new();
        for on in &group.depends_on {
            let shown = one_line(on, KEY);
            if *on == group.key {
                found.push(format!("Group `{key}` depends on itself."));
            } else if !keys.contains(on.as_str()) {
                found.push(format!("Group `{key}` depends on `{shown}`, which is not a group."));
            } else if !seen.insert(on) {
                found.push(format!("Group `{key}` names its dependency `{shown}` twice."));
            }
        }
    }
    let edges = groups.iter().flat_map(|group| {
        let others = group.depends_on.iter().filter(|on| **on != group.key);
        others.map(|on| (group.key.as_str(), on.as_str()))
    });
    for cycle in Graph::new(edges).cycles() {
        let cycle: Vec<String> = cycle.iter().map(|key| one_line(key, KEY)).collect();
        found.push(format!("Dependencies of groups form a circle: {}.", way(&cycle)));
    }
    found
}

/// Returns groups in an order in which each comes after those that it waits for, and else in their own.
#[must_use]
pub fn in_order(groups: Vec<Group>) -> Vec<Group> {
    let mut waiting = groups;
    let mut sorted = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let keys: BTreeSet<String> = waiting.iter().map(|group| group.key.clone()).collect();
        let is_free = |group: &Group| !group.depends_on.iter().any(|on| keys.contains(on));
        let Some(place) = waiting.iter().position(is_free) else {
            // Only where they form a circle, which is found elsewhere.
            sorted.append(&mut waiting);
            break;
        };
        sorted.push(waiting.remove(place));
    }
    sorted
}

/// Returns how a group stands among the others.
pub fn state_of(group: &Group, groups: &[Group]) -> GroupState {
    if group.done.is_some() {
        return GroupState::Done;
    }
    if group.begun.is_some() {
        return GroupState::AtWork;
    }
    let is_undone = |on: &&String| groups.iter().any(|other| other.key == **on && other.done.is_none());
    let undone: Vec<String> = group.depends_on.iter().filter(is_undone).cloned().collect();
    if undone.is_empty() {
        GroupState::Open
    } else {
        GroupState::Waiting(undone)
    }
}

/// Returns the group that is worked on: one that has begun, else the first that can; `None` where all are done.
pub fn next(groups: &[Group]) -> Option<&Group> {
    let begun = groups
        .iter()
        .find(|group| group.begun.is_some() && group.done.is_none());
    begun.or_else(|| groups.iter().find(|group| state_of(group, groups) == GroupState::Open))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(key: &str, depends_on: &[&str]) -> Group {
        Group {
            depends_on: depends_on.iter().map(|on| (*on).to_owned()).collect(),
            ..Group::new(key, format!("The {key}"), "All of it.")
        }
    }

    fn done(mut group: Group) -> Group {
        group.begun = Some("c0ffee".parse().unwrap());
        group.done = Some(GroupDone {
            tip: "c0ffee".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            run: "20261121-1".parse().unwrap(),
        });
        group
    }

    fn keys(groups: &[Group]) -> Vec<&str> {
        groups.iter().map(|group| group.key.as_str()).collect()
    }

    #[test]
    fn each_comes_after_those_that_it_waits_for_and_else_in_its_own_place() {
        let groups = vec![
            group("c", &["a", "b"]),
            group("b", &["a"]),
            group("d", &[]),
            group("a", &[]),
        ];
        assert_eq!(keys(&in_order(groups)), ["d", "a", "b", "c"]);
    }

    #[test]
    fn the_next_one_is_that_which_has_begun_then_the_first_whose_dependencies_are_done() {
        let mut groups = vec![group("b", &["a"]), group("a", &[]), group("c", &[])];
        assert_eq!(next(&groups).unwrap().key, "a");
        assert_eq!(state_of(&groups[0], &groups), GroupState::Waiting(vec!["a".to_owned()]));
        groups[2].begun = Some("c0ffee".parse().unwrap());
        assert_eq!(next(&groups).unwrap().key, "c");
        assert_eq!(state_of(&groups[2], &groups), GroupState::AtWork);
        groups[2] = done(groups[2].clone());
        groups[1] = done(groups[1].clone());
        assert_eq!(next(&groups).unwrap().key, "b");
        assert_eq!(state_of(&groups[0], &groups), GroupState::Open);
        groups[0] = done(groups[0].clone());
        assert_eq!(next(&groups), None);
    }

    #[test]
    fn what_no_plan_can_be_is_told_with_its_names() {
        let wrong = |groups: &[Group]| problems(groups, 10).join("\n");
        assert_eq!(wrong(&[group("a", &[]), group("b", &["a"])]), "");
        for (groups, expect) in [
            (vec![group("a", &["b"]), group("b", &["a"])], "form a circle: a → b → a"),
            (
                vec![group("a", &["x"])],
                "Group `a` depends on `x`, which is not a group.",
            ),
            (vec![group("a", &["a"])], "Group `a` depends on itself."),
            (vec![group("a", &[]), group("a", &[])], "Two groups have the key `a`."),
            (vec![group("1", &[])], "beginning with a letter"),
            (
                vec![Group {
                    estimated_tasks: 11,
                    ..group("a", &[])
                }],
                "estimated_tasks is 11, and must be from 1 to 10",
            ),
            (
                vec![Group {
                    scope: " ".to_owned(),
                    ..group("a", &[])
                }],
                "scope is empty",
            ),
        ] {
            let told = wrong(&groups);
            assert!(told.contains(expect), "{told}");
        }
        let many: Vec<Group> = (0..500).map(|number| group(&format!("g{number}"), &[])).collect();
        assert_eq!(
            wrong(&many),
            "There are 500 groups, and at most 100 are allowed: join those that belong together."
        );
    }
}
