//! The story of `demo build`: a specification in two parts is divided into two groups of work, of which the second needs the
//! first. The review that closes the first group finds what its task forgot, and that is done before the second begins.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Stage, user_prompt};

/// Where the specification is.
const DOCUMENT: &str = "docs/specification.md";

/// The project's files at the beginning: paths and texts.
pub(super) const PROJECT: [(&str, &str); 2] = [
    (
        "README.md",
        "# Boxes\n\nSizes of shoes, and the labels of their boxes.\n",
    ),
    (DOCUMENT, include_str!("build/specification.md")),
];

/// Returns the project's `configuration.yaml`, with `more` for the surroundings. The image's `sh` knows few commands:
/// `only=FILE` ends well where there is no such file, and `has=FILE,TEXT` fails where it does not have a text. The agent finds the same
/// each time that it reads, so each group is read once.
pub(super) fn configuration(more: &str) -> String {
    let answer = json!({"groups": [labels(), table()], "contradictions": []});
    let plan = format!(
        "~~~plan\nsay The document has two parts, and the labels are made from the table.\nsleep 300\npropose <<GROUPS\n{answer:#}\nGROUPS\n~~~"
    );
    format!(
        "source_dirs: [src]\npreserve_sources: true\nestimated_lines_min: 1\nestimated_lines_max: 50\n\
         gates:\n- {{name: table, command: 'only=src/table.txt has=src/table.txt,270:43'}}\n\
         - {{name: labels, command: 'only=src/labels.txt has=src/labels.txt,26.0'}}\nreview: {{closing_rounds: 1}}\n{more}\n{}",
        user_prompt(&plan)
    )
}

/// The first group. Its task forgets that sizes come in halves.
fn table() -> Value {
    let task = proposal(
        "table",
        "Write the table of sizes",
        "src/table.txt",
        "Sizes of part 1, in whole millimetres.",
        &writes("src/table.txt", "255:41\n260:42\n265:42\n270:43\n"),
    );
    let halves = json!({
        "severity": "high", "category": "correctness", "path": "src/table.txt", "line": 2, "title": "Half sizes are missing",
        "problem": format!(
            "Sizes come in halves: 260 mm is 41.5, and 265 mm is 42.5.\n\n~~~script\n{}\n~~~\n",
            writes("src/table.txt", "255:41\n260:41.5\n265:42.5\n270:43\n")
        ),
        "suggestion": "Take them from part 1.",
    });
    let review = format!(
        "say I compare the table with part 1.\nsleep 300\npropose {}",
        review(5, &[halves])
    );
    group("table", "The table of sizes", &[], &task, &review)
}

/// The second group.
fn labels() -> Value {
    let task = proposal(
        "labels",
        "Write the labels of the sizes",
        "src/labels.txt",
        "Labels of part 2, for the sizes of src/table.txt.",
        &writes(
            "src/labels.txt",
            "41: EU 41 / 25.5 cm\n41.5: EU 41.5 / 26.0 cm\n42.5: EU 42.5 / 26.5 cm\n43: EU 43 / 27.0 cm\n",
        ),
    );
    let review = format!(
        "say Each size of the table has its label.\nsleep 300\npropose {}",
        review(9, &[])
    );
    group("labels", "The labels", &["table"], &task, &review)
}

/// A group with the scripts of its measure and its closing review.
fn group(key: &str, name: &str, depends_on: &[&str], task: &Value, review: &str) -> Value {
    let measure = format!(
        "say One task is enough for this part.\nsleep 300\npropose {}",
        json!({ "proposals": [task] })
    );
    json!({
        "key": key, "name": name, "scope": format!("What the document says of the {key}."), "depends_on": depends_on,
        "briefing": format!("~~~script\n{measure}\n~~~\n\n~~~review\n{review}\n~~~"),
        "estimated_tasks": 1, "effort": "small",
    })
}

fn proposal(key: &str, title: &str, path: &str, description: &str, script: &str) -> Value {
    json!({
        "key": key, "title": title, "description": format!("{description}\n\n~~~script\n{script}\n~~~\n"),
        "required_reading": [DOCUMENT], "files": [{"path": path, "action": "create"}],
        "requirements": ["Each rule of the part holds."], "acceptance_criteria": ["Its check passes."],
        "estimated_lines": 4, "priority": 1, "depends_on": [],
    })
}

/// The steps by which an agent writes a file.
fn writes(path: &str, text: &str) -> String {
    format!("write {path} <<TEXT\n{text}TEXT\nsleep 300")
}

fn review(score: u32, findings: &[Value]) -> Value {
    json!({"score": score, "approved": findings.is_empty(), "summary": "All changes are read.", "findings": findings})
}

/// Plays the story, in a repository that is configured.
pub(super) fn play(stage: &Stage<'_>) -> Result<()> {
    stage.xtask(&["plan", DOCUMENT], 0)?;
    stage.xtask(&["build", DOCUMENT, "--stop"], 0)?;
    stage.show("git", &["log", "--graph", "--stat", "--format=%h %s"])?;
    for (path, line) in [
        ("src/table.txt", "260:41.5"),
        ("src/labels.txt", "41.5: EU 41.5 / 26.0 cm"),
    ] {
        let text = std::fs::read_to_string(stage.repository.join(path)).with_context(|| format!("`{path}` is gone"))?;
        ensure!(
            text.contains(line),
            "`{path}` did not come out as the story says: {text}"
        );
    }
    Ok(())
}
