//! The plan of groups that an agent answers with: its schema, how it is read, and how it is checked.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Effort, Group, in_order, problems};
use crate::agent::CallReport;
use crate::base::error::{Context as _, Result};
use crate::base::text::one_line;
use crate::issues::answer::{closed, read_answer};

/// The most contradictions that are kept of a plan.
const MOST_CONTRADICTIONS: usize = 20;

/// A group as an answer has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Proposed {
    key: String,
    name: String,
    scope: String,
    depends_on: Vec<String>,
    briefing: String,
    estimated_tasks: u32,
    effort: Effort,
}

/// An answer that could be read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Answer {
    groups: Vec<Proposed>,
    #[serde(default)]
    contradictions: Vec<String>,
}

/// A plan that can be filed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Planned {
    /// The new groups, each after those that it waits for.
    pub(crate) groups: Vec<Group>,
    /// Where the documents contradict each other, in a line each.
    pub(crate) contradictions: Vec<String>,
}

/// Returns the schema for `--json-schema`, with nothing in it but what structured outputs accept.
pub(crate) fn json_schema() -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    let texts = |what: &str| json!({"type": "array", "description": what, "items": {"type": "string"}});
    let group = closed(&json!({
        "key": text("A word that names the group: letters, digits, - and _, beginning with a letter"),
        "name": text("One line"),
        "scope": text("What belongs to the group, and what does not, in Markdown"),
        "depends_on": texts("Keys of the groups that must be done first"),
        "briefing": text("What whoever plans and does its tasks has to know beside the documents, in Markdown; may be empty"),
        "estimated_tasks": {"type": "integer", "description": "How many tasks it may have"},
        "effort": {"type": "string", "enum": Effort::ALL.map(Effort::name)},
    }));
    closed(&json!({
        "groups": {"type": "array", "items": group},
        "contradictions": texts("Places where the documents contradict each other or themselves, and how you read them; mostly empty"),
    }))
}

/// Returns a valid answer, for the prompt.
pub(crate) fn example() -> Result<String> {
    let answer = json!({
        "groups": [
            {"key": "ledger", "name": "Read ledgers", "scope": "The format of docs/ledger.md, its parser and its errors.",
             "depends_on": [], "briefing": "Numbers are exact: no floating point.", "estimated_tasks": 3, "effort": "medium"},
            {"key": "reports", "name": "Totals and reports", "scope": "Totals by account, and the reports of docs/reports.md.",
             "depends_on": ["ledger"], "briefing": "", "estimated_tasks": 2, "effort": "small"},
        ],
        "contradictions": [],
    });
    serde_json::to_string_pretty(&answer).context("cannot write the example of an answer")
}

/// Reads and checks the plan that a call answered with, which is added to the groups that are there; it may have none where there are
/// some, or earlier generations have done all.
///
/// Fails with sentences for the agent: where anything is wrong with it, nothing of it counts.
pub(crate) fn read(
    report: &CallReport,
    (existing, may_be_empty): (&[Group], bool),
    most_tasks: u32,
) -> std::result::Result<Planned, Vec<String>> {
    let answer: Answer = read_answer(report).map_err(|problem| vec![problem])?;
    let groups: Vec<Group> = answer.groups.into_iter().map(Group::from).collect();
    if groups.is_empty() && !may_be_empty {
        return Err(vec![
            "There are no groups: everything that the documents ask for must be in one.".to_owned(),
        ]);
    }
    // How many tasks the groups that are there may have was checked when they came: no answer can change that.
    let known = existing.iter().map(|group| Group {
        estimated_tasks: group.estimated_tasks.min(most_tasks),
        ..group.clone()
    });
    let all: Vec<Group> = known.chain(groups.iter().cloned()).collect();
    let found = problems(&all, most_tasks);
    if !found.is_empty() {
        return Err(found);
    }
    let contradictions = answer.contradictions.iter();
    Ok(Planned {
        groups: in_order(groups),
        contradictions: contradictions
            .map(|one| one_line(one, 500))
            .filter(|one| !one.is_empty())
            .take(MOST_CONTRADICTIONS)
            .collect(),
    })
}

impl From<Proposed> for Group {
    fn from(proposed: Proposed) -> Self {
        Self {
            depends_on: proposed.depends_on,
            briefing: proposed.briefing,
            estimated_tasks: proposed.estimated_tasks,
            effort: proposed.effort,
            ..Self::new(proposed.key, proposed.name.trim(), proposed.scope)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &Value, existing: &[Group]) -> std::result::Result<Planned, Vec<String>> {
        let report = CallReport {
            structured_output: Some(answer.clone()),
            ..CallReport::of_success("one")
        };
        read(&report, (existing, !existing.is_empty()), 10)
    }

    fn one(key: &str, depends_on: &[&str]) -> Value {
        json!({"key": key, "name": key, "scope": "s", "depends_on": depends_on, "briefing": "",
            "estimated_tasks": 2, "effort": "small"})
    }

    #[test]
    fn the_example_fits_the_schema_and_passes_the_check() {
        let example: Value = serde_json::from_str(&example().unwrap()).unwrap();
        assert!(jsonschema::validator_for(&json_schema()).unwrap().is_valid(&example));
        let planned = answered(&example, &[]).unwrap();
        assert_eq!(planned.groups.len(), 2);
    }

    #[test]
    fn a_plan_adds_to_what_is_there_and_comes_in_order() {
        let existing = [Group::new("a", "A", "s")];
        let planned = answered(&json!({"groups": [one("c", &["b"]), one("b", &["a"])]}), &existing).unwrap();
        let keys: Vec<_> = planned.groups.iter().map(|group| group.key.as_str()).collect();
        assert_eq!(keys, ["b", "c"]);
        // Where nothing is new, nothing is added; a first plan has something.
        assert_eq!(answered(&json!({"groups": []}), &existing).unwrap().groups, []);
        assert!(answered(&json!({"groups": []}), &[]).unwrap_err()[0].contains("There are no groups"));
        let nothing = CallReport {
            structured_output: Some(json!({"groups": []})),
            ..CallReport::of_success("one")
        };
        assert_eq!(read(&nothing, (&[], true), 10).unwrap().groups, []);
        // One that is estimated above what a measure may propose by now refuses no others.
        let large = Group {
            estimated_tasks: 11,
            ..existing[0].clone()
        };
        assert_eq!(
            answered(&json!({"groups": [one("b", &["a"])]}), &[large])
                .unwrap()
                .groups
                .len(),
            1
        );
        let mut larger = one("b", &[]);
        larger["estimated_tasks"] = 11.into();
        let refused = answered(&json!({"groups": [larger]}), &existing).unwrap_err();
        assert_eq!(
            refused,
            ["Group `b`: estimated_tasks is 11, and must be from 1 to 10: a larger group is to be split."]
        );
        assert!(answered(&json!({"groups": [one("a", &[])]}), &existing).unwrap_err()[0].contains("the key `a`"));
    }

    #[test]
    fn contradictions_are_harmless_lines() {
        let answer = json!({"groups": [one("a", &[])], "contradictions": ["§1 and §2\u{1b}[2J\ndiffer", " "]});
        assert_eq!(
            answered(&answer, &[]).unwrap().contradictions,
            ["§1 and §2\\u{1b}[2J differ"]
        );
    }
}
