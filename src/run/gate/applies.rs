//! Whether a gate is for a task: by what the task changed, by its labels and by its type.

use std::path::Path;

use crate::base::error::Result;
use crate::config::When;
use crate::git::Globs;

/// Returns whether all that a gate asks for is so, of a task with labels and a type; of each list, one entry is enough.
pub(super) fn applies<'a>(
    when: &When,
    (labels, kind): (&[String], &str),
    changed: impl IntoIterator<Item = &'a Path>,
) -> Result<bool> {
    let paths = Globs::new(when.paths.iter().map(String::as_str))?;
    let touches = when.paths.is_empty() || changed.into_iter().any(|path| paths.matches(path));
    let is_labelled = when.labels.is_empty() || when.labels.iter().any(|label| labels.contains(label));
    let has_type = when.types.is_empty() || when.types.iter().any(|one| one == kind);
    Ok(touches && is_labelled && has_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_conditions_must_hold_and_one_entry_of_each() {
        let when = |paths: &[&str], labels: &[&str], types: &[&str]| {
            let [paths, labels, types] =
                [paths, labels, types].map(|list| list.iter().map(ToString::to_string).collect());
            When { paths, labels, types }
        };
        let labels = ["web".to_owned(), "slow".to_owned()];
        for (when, expect) in [
            (when(&[], &[], &[]), true),
            (when(&["docs/**", "site/**"], &[], &[]), true),
            (when(&["docs/**"], &[], &[]), false),
            (when(&["site/*"], &[], &[]), false),
            (when(&[], &["web"], &[]), true),
            (when(&[], &["other"], &[]), false),
            (when(&[], &[], &["bug", "task"]), true),
            (when(&[], &[], &["bug"]), false),
            (when(&["site/**"], &["other"], &[]), false),
        ] {
            let changed = ["site/a/index.html", "README.md"].map(Path::new);
            assert_eq!(applies(&when, (&labels, "task"), changed).unwrap(), expect, "{when:?}");
        }
    }
}
