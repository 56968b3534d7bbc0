//! What a storm hit, and what came of it, for the person who called it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// How often something was the case, by its name.
pub(crate) type Counts = BTreeMap<String, u32>;

/// Counts as a line: the most frequent first.
pub(crate) fn line(counts: &Counts) -> String {
    let mut sorted: Vec<(&String, &u32)> = counts.iter().collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
    let words: Vec<String> = sorted.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

/// Returns the folder of the newest run that is none of those `known`.
pub(crate) fn newest(runs: &Path, known: &mut BTreeSet<String>) -> Result<Option<String>> {
    let Ok(entries) = fs::read_dir(runs) else {
        return Ok(None);
    };
    let mut found = None;
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if known.insert(name.clone()) {
            found = Some(name);
        }
    }
    Ok(found)
}

/// Returns the events of a run so far, with their fields. The last line of one that was killed may be cut short.
pub(crate) fn events(runs: &Path, run: &str) -> Result<Vec<Value>> {
    let path = runs.join(run).join("events.jsonl");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    let parsed = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(parsed
        .map(|mut event| event["event"].take())
        .filter(|event| event["type"].is_string())
        .collect())
}

/// Returns at which steps the attempts of a run were when it died; `before work` where none had begun.
pub(crate) fn steps(events: &[Value]) -> Vec<String> {
    let mut at: BTreeMap<String, String> = BTreeMap::new();
    for event in events {
        let task = event["task"].as_str().or(event["call"]["task"].as_str());
        let Some(task) = task else { continue };
        let step = match event["type"].as_str() {
            Some("task_claimed") => Some("claim"),
            Some("step_started") => event["step"].as_str(),
            Some("attempt_ended") => {
                at.remove(task);
                None
            }
            _ => None,
        };
        if let Some(step) = step {
            at.insert(task.to_owned(), step.to_owned());
        }
    }
    if at.is_empty() {
        return vec!["before work".to_owned()];
    }
    at.into_values().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_steps_of_a_death_are_those_of_attempts_that_had_not_ended() {
        let claimed = |task: &str| json!({"type": "task_claimed", "task": task});
        let merges = json!({"type": "step_started", "call": {"task": "a"}, "step": "merge"});
        let ended = json!({"type": "attempt_ended", "task": "b"});
        assert_eq!(steps(&[claimed("a"), claimed("b"), merges, ended]), ["merge"]);
        assert_eq!(steps(&[]), ["before work"]);
        let counts = Counts::from([("a".to_owned(), 1), ("b".to_owned(), 3)]);
        assert_eq!(line(&counts), "b 3, a 1");
    }
}
