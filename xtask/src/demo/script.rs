//! The demo's story, as data: a small project, and what the scripted agent proposes and does in it.
//!
//! Five tasks: `sizes` fails at its first attempt and succeeds at its second, `check-table` changes nothing, and
//! `command-line` waits for two others. Two are worked on at once where nothing waits: `lengths` and `check-table`. Each task's description carries the script that the agent follows when it
//! stitches it; the agent proposes them all because the configuration's `user_prompt` carries the script for measure.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::user_prompt;

/// The project's files at the beginning: paths and texts.
pub(crate) const PROJECT: [(&str, &str); 5] = [
    ("README.md", include_str!("project/README.md")),
    ("Cargo.toml", include_str!("project/Cargo.toml.txt")),
    ("docs/sizes.md", include_str!("project/docs/sizes.md")),
    ("docs/command-line.md", include_str!("project/docs/command-line.md")),
    ("src/lib.rs", include_str!("project/src/lib.rs.txt")),
];

/// Everything of the tasks but their descriptions.
const TASKS: &str = include_str!("tasks.json");

const DESCRIPTIONS: [(&str, &str); 5] = [
    ("foot-length", include_str!("tasks/foot-length.md")),
    ("sizes", include_str!("tasks/sizes.md")),
    ("lengths", include_str!("tasks/lengths.md")),
    ("check-table", include_str!("tasks/check-table.md")),
    ("command-line", include_str!("tasks/command-line.md")),
];

/// The project's `configuration.yaml`: what the story needs, and `more` for the surroundings, such as `image: …`.
pub(crate) fn configuration(more: &str) -> Result<String> {
    let prompt = user_prompt(&prompt()?);
    Ok(format!(
        "source_dirs: [src]\ncontext_files: [docs/*.md]\nmax_issues: 5\n\
         estimated_lines_min: 20\nestimated_lines_max: 80\nstitch: {{parallel: 2}}\n{more}\n{prompt}"
    ))
}

/// What the project's owner tells measure, with the script that the scripted agent looks for in it.
fn prompt() -> Result<String> {
    let answer = json!({"proposals": proposals()?});
    Ok(format!(
        "Begin with what the rest stands on. Small tasks, please.\n\n\
         ~~~script\nsay I have read both documents and looked at what is there.\nsleep 300\n\
         propose <<PROPOSALS\n{answer:#}\nPROPOSALS\n~~~"
    ))
}

fn proposals() -> Result<Vec<Value>> {
    let mut tasks: Vec<Value> = serde_json::from_str(TASKS).context("tasks.json is not a list")?;
    for task in &mut tasks {
        let key = task["key"].as_str().context("a task without a key")?;
        let (_, text) = DESCRIPTIONS
            .iter()
            .find(|(name, _)| *name == key)
            .with_context(|| format!("task `{key}` has no description"))?;
        task["description"] = (*text).into();
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use cordwainer::proposal::{BatchLimits, Proposal, validate};

    use super::*;

    #[test]
    fn measure_would_accept_the_story() {
        let answer: Vec<Proposal> = proposals()
            .unwrap()
            .into_iter()
            .map(|task| serde_json::from_value(task).unwrap())
            .collect();
        let limits = BatchLimits {
            max_issues: 5,
            lines_min: 20,
            lines_max: 80,
            most_lines: None,
            needs_proof: false,
        };
        let validated = validate(answer.into(), &[], &limits);
        assert_eq!(validated.problems, Vec::<String>::new());
        assert_eq!(validated.accepted.len(), 5);
    }

    #[test]
    fn every_text_of_the_story_is_a_script_of_its_own() {
        for (key, text) in DESCRIPTIONS {
            assert_eq!(text.matches("\n~~~script\n").count(), 1, "{key}");
            assert!(text.ends_with("\n~~~\n"), "{key}");
        }
        let configuration = configuration("image: scripted").unwrap();
        assert_eq!(configuration.matches("\n  ~~~script\n").count(), 1);
        assert!(configuration.ends_with("\n  PROPOSALS\n  ~~~\n"));
    }
}
