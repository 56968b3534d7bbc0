//! Finds the proposals in the agent's answer.

use serde_json::Value;

use super::{Batch, Proposal};
use crate::agent::CallReport;
use crate::base::text::one_line;
use crate::issues::answer::json_answer;
#[cfg(test)]
use crate::issues::answer::json_in;

/// Reads the proposals of a measure: the structured output, else the last fenced JSON block of the
/// result, else the result as bare JSON. The problems are sentences for the agent.
///
/// Fails with the problems of an answer in which there is no list of proposals.
pub fn extract(report: &CallReport) -> Result<Batch, Vec<String>> {
    from_value(json_answer(report).map_err(|problem| vec![problem])?)
}

/// Reads the proposals of a result text.
#[cfg(test)]
pub(super) fn from_text(text: &str) -> Result<Batch, Vec<String>> {
    from_value(json_in(text).map_err(|problem| vec![problem])?)
}

/// Reads `{"proposals": […]}`, or the list alone; each proposal that cannot be read is a problem of its own.
fn from_value(answer: Value) -> Result<Batch, Vec<String>> {
    let items = match answer {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("proposals") {
            Some(Value::Array(items)) => items,
            Some(_) => return Err(vec!["`proposals` is not a list.".into()]),
            None => return Err(vec!["The answer has no field `proposals`.".into()]),
        },
        _ => return Err(vec!["The answer is not a JSON object with a field `proposals`.".into()]),
    };
    let mut batch = Batch::default();
    for (index, item) in items.into_iter().enumerate() {
        let key = item.get("key").and_then(Value::as_str).map(str::to_owned);
        match serde_json::from_value::<Proposal>(item) {
            Ok(proposal) => batch.proposals.push(proposal),
            Err(error) => {
                let name = key.as_ref().map_or_else(
                    || format!("Proposal {}", index + 1),
                    |key| format!("Proposal `{}`", one_line(key, 60)),
                );
                let why = one_line(&error.to_string(), 200);
                batch.problems.push(format!("{name} cannot be read: {why}."));
                batch.unread.extend(key);
            }
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::{Ending, Transcript};

    fn proposal(key: &str) -> Value {
        json!({"key": key, "title": "Build it", "description": "All of ```it```", "required_reading": [],
            "files": [{"path": "a.txt", "action": "create"}], "requirements": ["r"], "acceptance_criteria": ["c"],
            "estimated_lines": 300, "priority": 2, "depends_on": []})
    }

    fn answer(structured: &Value, text: Option<&str>) -> CallReport {
        let mut transcript = Transcript::new();
        let line = json!({"type": "result", "structured_output": structured, "result": text});
        transcript.push_line(line.to_string().as_bytes());
        transcript.finish(&Ending::of_recording())
    }

    fn check(structured: &Value, text: Option<&str>, expect: Result<&[&str], &[&str]>) {
        let keys = extract(&answer(structured, text)).and_then(|batch| {
            let keys: Vec<_> = batch.proposals.into_iter().map(|one| one.key).collect();
            if batch.problems.is_empty() {
                Ok(keys)
            } else {
                Err(batch.problems)
            }
        });
        match (keys, expect) {
            (Ok(keys), Ok(expect)) => assert_eq!(keys, expect, "{text:?}"),
            (Err(problems), Err(expect)) => assert_eq!(problems, expect, "{text:?}"),
            (read, expect) => panic!("{text:?}: {read:?}, not {expect:?}"),
        }
    }

    #[test]
    fn the_answer_is_found_wherever_it_stands() {
        let list = json!({"proposals": [proposal("a")]});
        check(&list, Some("Done."), Ok(&["a"]));
        check(&json!({"proposals": []}), None, Ok(&[]));
        check(&Value::Null, Some(&list.to_string()), Ok(&["a"]));
        check(&Value::Null, Some(&json!([proposal("b")]).to_string()), Ok(&["b"]));
        let draft = json!({"proposals": [proposal("draft")]});
        let two = format!("First:\n```json\n{draft}\n```\nNo, rather:\n```json\n{list:#}\n```\nThat is all.");
        check(&Value::Null, Some(&two), Ok(&["a"]));
        let other = format!("```sh\nls\n```\n```JSON\n{list}\n```\n```text\nend\n```");
        check(&Value::Null, Some(&other), Ok(&["a"]));
        let unclosed = format!("```json\n{list}");
        check(&Value::Null, Some(&unclosed), Ok(&["a"]));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        check(
            &Value::Null,
            None,
            Err(&["There is no answer: neither structured output nor a result text."]),
        );
        check(
            &Value::Null,
            Some("I have no proposals."),
            Err(&["The answer is not valid JSON: expected value at line 1 column 1."]),
        );
        check(
            &json!({"tasks": []}),
            None,
            Err(&["The answer has no field `proposals`."]),
        );
        check(&json!({"proposals": 3}), None, Err(&["`proposals` is not a list."]));
        check(
            &json!("x"),
            None,
            Err(&["The answer is not a JSON object with a field `proposals`."]),
        );
        let mut incomplete = proposal("a");
        incomplete.as_object_mut().unwrap().remove("priority");
        let mut odd = proposal("b");
        odd["estimated_lines"] = json!("many");
        let mut extra = proposal("c");
        extra["assignee"] = json!("me");
        let mut action = proposal("d");
        action["files"][0]["action"] = json!("rename");
        check(
            &json!({"proposals": [incomplete, proposal("fine"), odd, extra, action, 7]}),
            None,
            Err(&[
                "Proposal `a` cannot be read: missing field `priority`.",
                "Proposal `b` cannot be read: invalid type: string \"many\", expected u32.",
                "Proposal `c` cannot be read: unknown field `assignee`, expected one of `key`, `title`, `description`, `required_reading`, `files`, `requirements`, `acceptance_criteria`, `estimated_lines`, `priority`, `depends_on`, `proof`.",
                "Proposal `d` cannot be read: unknown variant `rename`, expected one of `create`, `modify`, `delete`.",
                "Proposal 6 cannot be read: invalid type: integer `7`, expected struct Proposal.",
            ]),
        );
    }
}
