//! The story of `demo audit`: files are read and what is wrong with them is reported; nothing else happens. Then the same is
//! asked for with `--fix`: each finding becomes a task, and the result is merged.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::{Stage, user_prompt};

/// What is audited.
const AUDITED: &str = "src/export.py";

/// The project's files at the beginning: paths and texts. One is the template that the tasks' agents get their scripts from.
pub(super) const PROJECT: [(&str, &str); 3] = [
    ("README.md", "# Orders\n\nExports the orders of a shop.\n"),
    (AUDITED, include_str!("audit/export.py")),
    ("prompts/stitch.md.j2", include_str!("audit/stitch.md.j2")),
];

/// Returns the project's `configuration.yaml`, with `more` for the surroundings. The image's `sh` knows few commands:
/// `has=FILE,TEXT` fails where a file does not have a text.
pub(super) fn configuration(more: &str) -> String {
    let finding = |severity: &str, line: u32, title: &str, problem: &str, suggestion: &str| {
        json!({
            "severity": severity, "category": "security", "path": AUDITED, "line": line, "title": title, "problem": problem,
            "suggestion": suggestion,
        })
    };
    let found = [
        finding(
            "high",
            11,
            "A name becomes a part of a command of the shell",
            "Who names an order `; rm -r .` has that run. What gzip says is lost, too.",
            "Give gzip a list of arguments, with `check=True`.",
        ),
        finding(
            "medium",
            7,
            "Everybody on the machine knows the file's path",
            "In /tmp somebody else may have made a link of that name, which is written through.",
            "Make a folder with `tempfile.mkdtemp`.",
        ),
        finding("high", 40, "A password is in the file", "It is in line 40.", ""),
    ];
    let answer = json!({ "findings": found });
    let script = format!(
        "~~~script\nsay I follow a name from its caller to where it is used.\nsleep 300\npropose <<FINDINGS\n{answer:#}\nFINDINGS\n~~~"
    );
    format!(
        "gates: [\"has={AUDITED},gzip\"]\nestimated_lines_min: 1\nestimated_lines_max: 50\nstitch_prompt: prompts/stitch.md.j2\n{more}\n{}",
        user_prompt(&script)
    )
}

/// Plays the story, in a repository that is configured.
pub(super) fn play(stage: &Stage<'_>) -> Result<()> {
    // 7: something is found that is as bad as `--fail-on` says, which is a part of the story.
    stage.xtask(&["audit", "src", "--type", "security", "--fail-on", "high"], 7)?;
    stage.xtask(&["report", "show"], 0)?;
    stage.xtask(&["audit", "src", "--type", "security", "--fix", "--stop"], 0)?;
    stage.show("git", &["log", "--graph", "--stat", "--format=%h %s"])?;
    let text = std::fs::read_to_string(stage.repository.join(AUDITED)).context("what was audited is gone")?;
    ensure!(
        text.contains("check=True") && text.contains("mkdtemp"),
        "the fixes did not come out as the story says: {text}"
    );
    Ok(())
}
