//! Issues from elsewhere: the JSON of `cordwainer issues export`, of the older system, and of GitHub.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::input::TITLE_MAX;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text;
use crate::issues::issue::{BatchIssue, BatchProblems, Comment, ImportedState, NewIssue, Status};

mod github;

/// A batch as it was read, and the parts of the text that were left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportedBatch {
    /// The issues; each carries its own problems, for [`crate::issues::issue::Issues::import`] to report.
    pub batch: Vec<BatchIssue>,
    /// The parts that were left out, a line each.
    pub notes: Vec<String>,
    /// How many were left out because they are closed on GitHub.
    pub closed: usize,
}

/// The status with which the older system keeps the name of a deleted issue.
const TOMBSTONE: &str = "tombstone";
/// Its statuses for issues that nobody should work on now.
const SET_ASIDE: [&str; 3] = ["deferred", "hooked", "pinned"];

/// An edge in the form of other tools; they have more types than `blocks`.
#[derive(Deserialize)]
struct ForeignDependency {
    #[serde(default)]
    issue_id: Option<String>,
    depends_on_id: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// A comment in the form of other tools.
#[derive(Deserialize)]
struct ForeignComment {
    #[serde(default)]
    author: String,
    text: String,
    created_at: Timestamp,
}

/// Reads a JSON array of issues, or one issue per line. Issues that are closed on GitHub are left out and counted. Unknown fields and deleted issues are left out and reported;
/// deferred issues are held, and the rest of a title that is too long is moved to the description.
///
/// Text that is not JSON is a usage error that names every bad line.
pub fn read_batch(text: &str) -> Result<ImportedBatch> {
    let mut reading = ImportedBatch::default();
    let mut gone = BTreeSet::new();
    for (index, value) in values(text)?.into_iter().enumerate() {
        let Value::Object(mut map) = value else {
            return Err(malformed(vec![format!("entry {} is not a JSON object", index + 1)]));
        };
        if github::is_closed(&map) {
            reading.closed += 1;
            continue;
        }
        if github::is_issue(&map) {
            github::convert(&mut map);
        }
        if map.get("status").and_then(Value::as_str) == Some(TOMBSTONE) {
            let key = map.get("key").or_else(|| map.get("id")).and_then(Value::as_str);
            let shown = key.unwrap_or("one without a name").escape_debug();
            reading
                .notes
                .push(format!("entry {}: `{shown}` was deleted, and is left out", index + 1));
            gone.extend(key.map(str::to_owned));
            continue;
        }
        let (mut item, notes) = read_issue(map);
        item.place = Some(index + 1);
        reading.batch.push(item);
        reading
            .notes
            .extend(notes.into_iter().map(|note| format!("entry {}: {note}", index + 1)));
    }
    // No issue waits for a deleted one.
    for item in &mut reading.batch {
        item.depends_on.retain(|key| !gone.contains(key));
    }
    Ok(reading)
}

fn values(text: &str) -> Result<Vec<Value>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|error| malformed(vec![error.to_string()]));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut values = Vec::new();
    let mut problems = Vec::new();
    for (index, line) in lines {
        match serde_json::from_str(line) {
            Ok(value) => values.push(value),
            Err(error) => problems.push(format!("line {}: {error}", index + 1)),
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(malformed(problems))
    }
}

fn malformed(problems: Vec<String>) -> Error {
    Error::new(
        ErrorKind::Usage,
        "the text is neither a JSON array nor JSON lines",
    )
    .because(BatchProblems(problems))
    .hint("`cordwainer issues export`, or `gh issue list --json number,title,body,labels,state,url`, prints what `cordwainer issues import` reads")
}

fn read_issue(map: Map<String, Value>) -> (BatchIssue, Vec<String>) {
    let mut fields = Fields {
        map,
        problems: Vec::new(),
        notes: Vec::new(),
    };
    let id: Option<String> = fields.take("id");
    let key = fields.take("key").or_else(|| id.clone());
    let mut issue = NewIssue::titled(fields.take::<String>("title").unwrap_or_default());
    issue.description = fields.take("description").unwrap_or_default();
    fields.shorten_title(&mut issue);
    issue.priority = fields.take("priority").unwrap_or(issue.priority);
    issue.issue_type = fields.take("issue_type").unwrap_or(issue.issue_type);
    issue.labels = fields.take("labels").unwrap_or_default();
    issue.external = fields.take("external").or(id);
    issue.group = fields.take("group");
    issue.plan = fields.take("plan").unwrap_or_default();
    let depends_on = fields.dependencies(key.as_deref());
    let state = fields.state();
    fields.note_the_rest();
    let item = BatchIssue {
        key,
        issue,
        depends_on,
        state: Some(state),
        place: None,
        problems: fields.problems,
    };
    (item, fields.notes)
}

/// The fields of one object, taken one by one.
struct Fields {
    map: Map<String, Value>,
    problems: Vec<String>,
    notes: Vec<String>,
}

impl Fields {
    /// Takes a field; absent and null are the same, anything of another type is a problem.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.map.remove(name).filter(|value| !value.is_null())?;
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(text::harmless(&format!("`{name}`: {error}")));
                None
            }
        }
    }

    fn dependencies(&mut self, key: Option<&str>) -> Vec<String> {
        let mut depends_on: Vec<String> = self.take("depends_on").unwrap_or_default();
        for edge in self.take::<Vec<ForeignDependency>>("dependencies").unwrap_or_default() {
            if edge.issue_id.is_some() && edge.issue_id.as_deref() != key {
                self.problems.push(format!(
                    "holds a dependency of another task, on `{}`",
                    edge.depends_on_id.escape_debug()
                ));
            }
            match edge.kind.as_deref() {
                None | Some("blocks") => depends_on.push(edge.depends_on_id),
                Some(other) => self.notes.push(format!(
                    "left out its relation `{}` to `{}`: only `blocks` makes a task wait",
                    other.escape_debug(),
                    edge.depends_on_id.escape_debug()
                )),
            }
        }
        depends_on
    }

    /// Puts a title that is too long before the description, and shortens it.
    fn shorten_title(&mut self, issue: &mut NewIssue) {
        let length = issue.title.trim().chars().count();
        if length > TITLE_MAX {
            self.notes
                .push(format!("its title of {length} characters continues in its description"));
            issue.description = format!("{}\n\n{}", issue.title.trim(), issue.description);
            issue.title = text::one_line(&issue.title, TITLE_MAX - 1);
        }
    }

    /// Returns the state, and why the issue is held: a deferred issue of the older system waits for a person.
    fn status(&mut self) -> (Status, Option<String>) {
        let hold = self.take("hold");
        let word = self.map.get("status").and_then(Value::as_str);
        let Some(word) = SET_ASIDE.into_iter().find(|status| Some(*status) == word) else {
            return (self.take("status").unwrap_or_default(), hold);
        };
        self.map.remove("status");
        let why = format!("it was `{word}`");
        self.notes.push(format!("{why}, and is held"));
        (Status::Blocked, hold.or(Some(why)))
    }

    fn question(&mut self) -> Option<String> {
        self.map.remove("hold_kind");
        // The branch is in the repository that it comes from.
        self.map.remove("taken");
        self.map.remove("begins_from");
        self.take("question")
    }

    fn state(&mut self) -> ImportedState {
        let comments: Vec<ForeignComment> = self.take("comments").unwrap_or_default();
        let (status, hold) = self.status();
        ImportedState {
            status,
            hold,
            question: self.question(),
            created_at: self.take("created_at"),
            closed_at: self.take("closed_at"),
            close_reason: self.take("close_reason"),
            commit: self.take("commit"),
            comments: comments.into_iter().map(Comment::from).collect(),
            attempts: self.take("attempts").unwrap_or_default(),
            forgiven_attempts: self.take("forgiven_attempts").unwrap_or_default(),
        }
    }

    /// Reports the fields that were not read. A claim and the time of the last change are not imported, which loses
    /// nothing.
    fn note_the_rest(&mut self) {
        self.map
            .retain(|name, value| !value.is_null() && !["claim", "updated_at"].contains(&name.as_str()));
        if !self.map.is_empty() {
            let names: Vec<String> = self
                .map
                .keys()
                .map(|name| format!("`{}`", name.escape_debug()))
                .collect();
            self.notes.push(format!("left out {}", names.join(", ")));
        }
    }
}

impl From<ForeignComment> for Comment {
    fn from(comment: ForeignComment) -> Self {
        Self {
            author: comment.author,
            text: comment.text,
            created_at: comment.created_at,
        }
    }
}
