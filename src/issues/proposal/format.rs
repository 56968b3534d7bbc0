//! The format of the answer: a JSON Schema for the client, and an example for the prompt.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{BatchLimits, Proposal};
use crate::base::error::{Context as _, Result};
use crate::issues::answer::closed;
use crate::issues::issue::{FileAction, TaskFile};

/// Returns the schema for `--json-schema`. It uses only what structured outputs accept: every object closed, every
/// property required, and no keyword for sizes, which `validate` checks instead. A proposal has a proof only where one is
/// needed.
pub fn json_schema(needs_proof: bool) -> Value {
    closed(&json!({"proposals": {"type": "array", "items": proposal_schema(needs_proof)}}))
}

/// Returns the schema of one proposal.
pub(super) fn proposal_schema(needs_proof: bool) -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    let texts = |what: &str| json!({"type": "array", "description": what, "items": {"type": "string"}});
    let file = closed(&json!({
        "path": text("Path from the repository's root"),
        "action": {"type": "string", "enum": ["create", "modify", "delete"]},
    }));
    let mut properties = json!({
        "key": text("Name within this answer: letters, digits, - and _, beginning with a letter"),
        "title": text("One line, at most 120 characters"),
        "description": text("What to do and why, in Markdown"),
        "required_reading": texts("Paths of documents and sources to read first"),
        "files": {"type": "array", "description": "Files that the task touches, at least one", "items": file},
        "requirements": texts("What must be built, at least one"),
        "acceptance_criteria": texts("How to check that it is done, at least one"),
        "estimated_lines": {"type": "integer", "description": "Size estimate in changed lines"},
        "priority": {"type": "integer", "enum": [0, 1, 2, 3, 4], "description": "0 is first, 4 is last"},
        "depends_on": texts("Keys of this answer or ids of existing tasks that must be done first"),
    });
    if needs_proof {
        properties["proof"] = text("One command line that fails before the work and passes on its result");
    }
    closed(&properties)
}

/// Returns a valid answer under these limits, for the prompt.
pub fn example(limits: &BatchLimits) -> Result<String> {
    let lines = u32::midpoint(limits.lines_min, limits.lines_max);
    let mut proposals = vec![
        with_proof(first_example(lines), limits.needs_proof),
        with_proof(second_example(lines), limits.needs_proof),
    ];
    proposals.truncate(usize::try_from(limits.max_issues).unwrap_or(usize::MAX));
    let answer = BTreeMap::from([("proposals", proposals)]);
    serde_json::to_string_pretty(&answer).context("cannot write the example of an answer")
}

/// Returns an example with a proof, where one is needed.
pub(super) fn with_proof(example: Proposal, is_needed: bool) -> Proposal {
    let proof = || format!("sh tests/{}.sh", example.key);
    Proposal {
        proof: is_needed.then(proof),
        ..example
    }
}

fn first_example(estimated_lines: u32) -> Proposal {
    Proposal {
        key: "ledger-parser".into(),
        title: "Parse ledger lines into entries".into(),
        description:
            "The specification describes one entry per line. Build the parser that everything else reads from.".into(),
        required_reading: vec!["docs/ledger.md".into()],
        files: vec![file("src/ledger.txt", FileAction::Create)],
        requirements: vec!["A malformed line is an error that names its line number.".into()],
        acceptance_criteria: vec!["Every example of docs/ledger.md parses to what the document says.".into()],
        estimated_lines,
        priority: 1,
        depends_on: Vec::new(),
        proof: None,
    }
}

pub(super) fn second_example(estimated_lines: u32) -> Proposal {
    Proposal {
        key: "ledger-totals".into(),
        title: "Add up ledger entries by account".into(),
        description: "Totals by account over the parsed entries, as the specification's second part asks.".into(),
        required_reading: vec!["docs/ledger.md".into()],
        files: vec![
            file("src/totals.txt", FileAction::Create),
            file("src/ledger.txt", FileAction::Modify),
        ],
        requirements: vec!["Accounts without entries are left out.".into()],
        acceptance_criteria: vec!["The totals of the sample ledger match the document's table.".into()],
        estimated_lines,
        priority: 2,
        depends_on: vec!["ledger-parser".into()],
        proof: None,
    }
}

fn file(path: &str, action: FileAction) -> TaskFile {
    TaskFile {
        path: path.into(),
        action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issues::proposal::validate;

    #[test]
    fn the_example_passes_the_validator_under_all_limits() {
        for (max_issues, lines_min, lines_max) in [(10, 250, 350), (1, 1, 1), (2, 1, 100_000), (3, 0, 1)] {
            let limits = BatchLimits {
                max_issues,
                lines_min,
                lines_max,
                most_lines: Some(lines_max),
                needs_proof: max_issues == 2,
            };
            let answer = format!("Here it is.\n```json\n{}\n```\n", example(&limits).unwrap());
            let proposals = super::super::answer::from_text(&answer).unwrap();
            let validated = validate(proposals, &[], &limits);
            assert_eq!(validated.problems, Vec::<String>::new());
            assert_eq!(validated.accepted.len(), usize::min(2, max_issues as usize));
        }
    }

    /// Checks a schema: closed objects, everything required, no keyword that the API refuses.
    fn check_schema(schema: &Value) {
        const KNOWN: [&str; 7] = [
            "type",
            "description",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "enum",
        ];
        let object = schema.as_object().unwrap();
        for keyword in object.keys() {
            assert!(KNOWN.contains(&keyword.as_str()), "{keyword}");
        }
        if let Some(items) = schema.get("items") {
            check_schema(items);
        }
        let Some(properties) = schema.get("properties") else {
            return;
        };
        assert_eq!(schema["additionalProperties"], false);
        let properties = properties.as_object().unwrap();
        assert_eq!(schema["required"].as_array().unwrap().len(), properties.len());
        for property in properties.values() {
            check_schema(property);
        }
    }

    #[test]
    fn the_schema_keeps_to_what_structured_outputs_accept() {
        check_schema(&json_schema(true));
        check_schema(&super::super::review::json_schema(false));
    }

    #[test]
    fn the_schema_names_the_fields_that_are_read() {
        let schema = json_schema(false);
        let asked = schema.pointer("/properties/proposals/items/properties").unwrap();
        let read = serde_json::to_value(first_example(1)).unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let (mut asked, mut read) = (names(asked), names(&read));
        asked.sort();
        read.sort();
        assert_eq!(asked, read);
    }
}
