//! A gate of this repository's own: no task may drop a requirement.

use std::collections::BTreeSet;

use cordwainer::extension::{Gate, GateError, Judgement, TreeView, Work};

/// Requires that each requirement that the work began from is still there, and that changed Go files are formatted.
pub struct RequirementsKept;

impl Gate for RequirementsKept {
    fn name(&self) -> &str {
        "requirements kept"
    }

    fn judge(&self, work: &Work) -> Result<Judgement, GateError> {
        let (before, after) = (numbers(work.parent())?, numbers(work.result())?);
        let dropped: Vec<_> = before.difference(&after).cloned().collect();
        if !dropped.is_empty() {
            return Ok(Judgement::failed(format!("misses {}", dropped.join(", "))));
        }
        let is_go = |path: &std::path::Path| path.extension().is_some_and(|extension| extension == "go");
        if work.changes()?.iter().any(|change| is_go(&change.path)) {
            // In a sealed container: nothing of the work runs here.
            let listed = work.run("gofmt -l .")?;
            if !listed.passed() || !listed.output.trim().is_empty() {
                return Ok(Judgement::failed(format!("finds files that are not formatted: {}", listed.output)));
            }
        }
        Ok(Judgement::passed())
    }
}

/// The numbers of requirements, such as `F1`, in a tree.
fn numbers(tree: &TreeView) -> Result<BTreeSet<String>, GateError> {
    let mut numbers = BTreeSet::new();
    for file in tree.files()? {
        if !file.path.starts_with("docs/requirements") {
            continue;
        }
        let text = tree.read(&file.path)?.unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            let number = line.strip_prefix("- **").and_then(|line| line.split_once("**"));
            numbers.extend(number.map(|(number, _)| number.to_owned()));
        }
    }
    Ok(numbers)
}
