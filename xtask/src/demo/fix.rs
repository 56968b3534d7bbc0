//! The story of `demo fix`: a table says another size than its document, and a report says so. The agent's first try is
//! wrong, which the task's proof shows; the same session goes on, and its second one is right.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::{Stage, user_prompt, write};

/// What the person types.
const REQUEST: &str = "265 mm gives 41, and docs/sizes.md says 42";
/// What the run of their own test had printed.
const LOG: &str = "table: 265 mm: expected 42, found 41\n";

/// The project's files at the beginning: paths and texts.
pub(super) const PROJECT: [(&str, &str); 3] = [
    ("README.md", "# Sizes\n\nThe table of shoe sizes, for programs.\n"),
    (
        "docs/sizes.md",
        "# Sizes\n\nA foot of 255 mm has size 40, one of 265 mm size 42.\n",
    ),
    ("src/table.txt", "255:40\n265:41\n"),
];

/// Returns the project's `configuration.yaml`, with `more` for the surroundings. The image's `sh` knows few commands:
/// `has=FILE,TEXT` fails where a file does not have a text.
pub(super) fn configuration(more: &str) -> String {
    let summary = json!({"summary": {
        "type": "fix", "subject": "give feet of 265 mm size 42", "cause": "the row was copied from a table of another maker",
        "place": "src/table.txt:2", "test": null,
    }});
    let proposal = json!({
        "key": "size-of-265",
        "title": "Give feet of 265 mm size 42",
        "description": format!("The row of 265 mm in src/table.txt, line 2, was copied from a table of another maker. docs/sizes.md says 42.\n\n\
                        ~~~script\nsay Half sizes round up, so it must be 43.\nwrite src/table.txt <<TABLE\n255:40\n265:43\nTABLE\nsleep 300\ndone\n\
                        say The proof wants 42, as the document says.\nwrite src/table.txt <<TABLE\n255:40\n265:42\nTABLE\nsleep 300\n\
                        answer <<END\nThe size of 265 mm is that of the document.\n\n```json\n{summary}\n```\nEND\n~~~\n"),
        "required_reading": ["docs/sizes.md"],
        "files": [{"path": "src/table.txt", "action": "modify"}],
        "requirements": ["A foot of 265 mm has size 42."],
        "acceptance_criteria": ["The row of 255 mm is as it was."],
        "estimated_lines": 2, "priority": 1, "depends_on": [],
        "proof": "has=src/table.txt,265:42",
    });
    let answer = json!({ "proposals": [proposal] });
    let script = format!(
        "~~~script\nsay The document and the table differ in one row.\nsleep 300\npropose <<PROPOSALS\n{answer:#}\nPROPOSALS\n~~~"
    );
    format!(
        "gates: [\"has=src/table.txt,255:40\"]\nestimated_lines_min: 1\nestimated_lines_max: 50\n{more}\n{}",
        user_prompt(&script)
    )
}

/// Plays the story, in a repository that is configured.
pub(super) fn play(stage: &Stage<'_>) -> Result<()> {
    write(stage.repository, ".git/test.log", LOG)?;
    stage.xtask(&["fix", REQUEST, "--attach", ".git/test.log", "--stop"], 0)?;
    stage.show("git", &["log", "--graph", "--stat", "--format=%h %s"])?;
    let table = std::fs::read_to_string(stage.repository.join("src/table.txt")).context("the table is gone")?;
    ensure!(
        table.contains("265:42"),
        "the fix did not come out as the story says: {table}"
    );
    Ok(())
}
