//! What lines are made of.

use crate::base::text::harmless;

/// How much of a commit's id a person needs.
const SHORT_ID: usize = 10;

/// What announces the last output of what failed, at the end of a line.
pub(crate) const ITS_OUTPUT: &str = "; its last output:";

/// Returns the beginning of a commit's id.
pub(crate) fn short_id(id: &str) -> &str {
    &id[..SHORT_ID.min(id.len())]
}

/// Returns the end of a sentence about what failed: a period, or its last output below it.
pub(super) fn last_lines(output: &[String], indent: &str) -> String {
    if output.is_empty() {
        return ".".to_owned();
    }
    let mut text = ITS_OUTPUT.to_owned();
    for line in output {
        text.push_str(&format!("\n{indent}| {}", harmless(line)));
    }
    text
}
