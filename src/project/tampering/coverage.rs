//! How much coverage is required, in the settings of the tools that measure it.

use std::collections::BTreeMap;

use super::{FileChange, Finding, FindingKind, checks, pattern, settings};

/// A threshold that a file sets.
#[derive(Clone, Debug, PartialEq)]
struct Threshold {
    path: String,
    line: usize,
    /// The key under which it is compared, across files and tools.
    key: &'static str,
    /// As it is written.
    text: String,
    value: f64,
}

/// Finds the thresholds that are lower after a change, or gone.
pub(super) fn find(changes: &[FileChange]) -> Vec<Finding> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for change in changes {
        let sides = [
            (&change.old_path, &change.before, &mut before),
            (&change.new_path, &change.after, &mut after),
        ];
        for (path, text, all) in sides {
            if let (Some(path), Some(text)) = (path, text) {
                all.extend(thresholds(path, text));
            }
        }
    }
    let mut found = Vec::new();
    let mut keys: BTreeMap<&str, Vec<&Threshold>> = BTreeMap::new();
    for threshold in &before {
        keys.entry(threshold.key).or_default().push(threshold);
    }
    for (key, were) in keys {
        let are: Vec<&Threshold> = after.iter().filter(|one| one.key == key).collect();
        found.extend(lower(&were, &are));
    }
    found
}

/// Compares the thresholds of one key, the highest with the highest.
fn lower(were: &[&Threshold], are: &[&Threshold]) -> Vec<Finding> {
    let sorted = |all: &[&Threshold]| {
        let mut all: Vec<Threshold> = all.iter().map(|one| (*one).clone()).collect();
        all.sort_by(|one, other| other.value.total_cmp(&one.value));
        all
    };
    let finding = |at: &Threshold, what: String| Finding {
        path: at.path.clone(),
        line: at.line,
        what,
        kind: FindingKind::Coverage,
    };
    let (were, are) = (sorted(were), sorted(are));
    let mut found = Vec::new();
    for (index, was) in were.iter().enumerate() {
        match are.get(index) {
            Some(is) if is.value < was.value => {
                found.push(finding(
                    is,
                    format!("less coverage is required: `{}` was `{}`", is.text, was.text),
                ));
            }
            None => found.push(finding(
                was,
                format!("no coverage is required any more: `{}` is gone", was.text),
            )),
            Some(_) => {}
        }
    }
    found
}

fn thresholds(path: &str, text: &str) -> Vec<Threshold> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut found = Vec::new();
    let is_codecov = matches!(name, "codecov.yml" | ".codecov.yml" | "codecov.yaml" | ".codecov.yaml");
    let is_script = settings::is_settings(path) || checks::has_commands(path);
    let mut scope = Scope::default();
    for (index, line) in text.lines().enumerate().filter(|_| is_script) {
        let mut add = |key: &'static str, text: &str, value: Option<f64>| {
            found.extend(value.map(|value| Threshold {
                path: path.to_owned(),
                line: index + 1,
                key,
                text: text.trim().trim_end_matches(',').to_owned(),
                value,
            }));
        };
        let number = |text: &str| text.replace('_', "").parse::<f64>().ok();
        if is_codecov {
            if let Some(target) = pattern!(r"\btarget:\s*['\x22]?(\d[\d.]*)%?").captures(line) {
                add("codecov target", &target[0], number(&target[1]));
            }
            if pattern!(r"\binformational:\s*true").is_match(line) {
                add("codecov informational", "informational: true", Some(-1.0));
            }
            if let Some(more) = pattern!(r"^\s*threshold:\s*['\x22]?(\d[\d.]*)%?").captures(line) {
                // More may be lost unseen.
                add("codecov threshold", &more[0], number(&more[1]).map(|value| -value));
            }
            continue;
        }
        let total = pattern!(
            r"(?:\bfail[-_]under(?:[-_]\w+)?|--fail-under(?:-\w+)?|--cov-fail-under|\bminimum_coverage(?:_by_file)?|--coverage-threshold|--min-msi|--min|\bminMsi|[:/]Threshold)[\x22']?\s*[=: ]\s*(?:line:\s*)?[\x22']?(\d[\d._]*)"
        );
        if let Some(found) = total.captures(line) {
            add("total", &found[0], number(&found[1]));
        }
        let ratio = pattern!(
            r"<minimum>\s*(\d[\d.]*)\s*</minimum>|\bminimum\s*=\s*[\x22']?(\d[\d.]*)|\bminBound\s*\(\s*(\d+)|<Threshold>\s*(\d[\d.]*)"
        );
        if let Some(found) = ratio.captures(line) {
            let value = (1..=4).find_map(|group| found.get(group));
            add("ratio", &found[0], value.and_then(|value| number(value.as_str())));
        }
        scope.read(line);
        if scope.is_within || settings::is_of_coverage(name) {
            for found in pattern!(r"[\x22']?\b(branches|functions|lines|statements|check-coverage|threshold|total|perFile|package|file)\b[\x22']?\s*:\s*(-?\d[\d.]*|true|false)").captures_iter(line) {
                let key = ["branches", "functions", "lines", "statements", "check-coverage", "threshold", "total", "package", "file"]
                    .into_iter()
                    .find(|key| *key == &found[1]);
                let value = match &found[2] {
                    "true" => Some(1.0),
                    "false" => Some(0.0),
                    other => number(other),
                };
                if let Some(key) = key {
                    add(key, &found[0], value);
                }
            }
        }
        scope.leave(line);
    }
    if is_codecov && !found.iter().any(|one| one.key == "codecov informational") {
        found.push(Threshold {
            path: path.to_owned(),
            line: 1,
            key: "codecov informational",
            text: "informational: false".to_owned(),
            value: 0.0,
        });
    }
    if is_codecov && !found.iter().any(|one| one.key == "codecov threshold") {
        found.push(Threshold {
            path: path.to_owned(),
            line: 1,
            key: "codecov threshold",
            text: "threshold: 0%".to_owned(),
            value: 0.0,
        });
    }
    found
}

/// Whether a line is between the braces behind `coverageThreshold` and its like.
#[derive(Default)]
struct Scope {
    is_within: bool,
    depth: i64,
}

impl Scope {
    fn read(&mut self, line: &str) {
        if !self.is_within
            && pattern!(r"\b(?:coverageThreshold|thresholds|nyc|c8|test_coverage)\b[\x22']?\s*[:=]").is_match(line)
        {
            self.is_within = true;
            self.depth = 0;
        }
    }

    fn leave(&mut self, line: &str) {
        if self.is_within {
            let count =
                |bytes: &[u8]| i64::try_from(line.bytes().filter(|byte| bytes.contains(byte)).count()).unwrap_or(0);
            self.depth += count(b"{[") - count(b"}]");
            self.is_within = self.depth > 0;
        }
    }
}
