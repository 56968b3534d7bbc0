//! How much coverage is required, in the settings of the tools that measure it.

use std::collections::BTreeMap;

use super::change::FileChange;
use super::finding::{Finding, FindingKind};
use super::pattern::pattern;
use super::{checks, settings};

/// Whether Codecov only tells: lower where it does.
const INFORMATIONAL: &str = "codecov informational";
/// How much coverage may be lost from one commit to the next: lower where it is more.
const MAY_BE_LOST: &str = "codecov threshold";

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

/// Collects the thresholds of a file.
struct Reader<'path> {
    path: &'path str,
    line: usize,
    found: Vec<Threshold>,
}

impl Reader<'_> {
    fn add(&mut self, key: &'static str, text: &str, value: Option<f64>) {
        self.found.extend(value.map(|value| Threshold {
            path: self.path.to_owned(),
            line: self.line,
            key,
            text: text.trim().trim_end_matches(',').to_owned(),
            value,
        }));
    }

    /// Reads a line of Codecov's settings.
    fn of_codecov(&mut self, line: &str) {
        if let Some(target) = pattern!(r"\btarget:\s*['\x22]?(\d[\d.]*)%?").captures(line) {
            self.add("codecov target", &target[0], number(&target[1]));
        }
        if pattern!(r"\binformational:\s*true").is_match(line) {
            self.add(INFORMATIONAL, "informational: true", Some(-1.0));
        }
        if let Some(more) = pattern!(r"^\s*threshold:\s*['\x22]?(\d[\d.]*)%?").captures(line) {
            // So much may be lost unseen.
            self.add(MAY_BE_LOST, &more[0], number(&more[1]).map(|value| -value));
        }
    }

    /// Reads a line of any other settings, for words that mean coverage wherever they are.
    fn of_any(&mut self, line: &str) {
        let total = pattern!(
            r"(?:\bfail[-_]under(?:[-_]\w+)?|--fail-under(?:-\w+)?|--cov-fail-under|\bminimum_coverage(?:_by_file)?|--coverage-threshold|--min-msi|--min|\bminMsi|[:/]Threshold)[\x22']?\s*[=: ]\s*(?:line:\s*)?[\x22']?(\d[\d._]*)"
        );
        if let Some(found) = total.captures(line) {
            self.add("total", &found[0], number(&found[1]));
        }
        let ratio = pattern!(
            r"<minimum>\s*(\d[\d.]*)\s*</minimum>|\bminimum\s*=\s*[\x22']?(\d[\d.]*)|\bminBound\s*\(\s*(\d+)|<Threshold>\s*(\d[\d.]*)"
        );
        if let Some(found) = ratio.captures(line) {
            let value = (1..=4).find_map(|group| found.get(group));
            self.add("ratio", &found[0], value.and_then(|value| number(value.as_str())));
        }
    }

    /// Reads a line that belongs to settings of coverage.
    fn of_coverage(&mut self, line: &str) {
        const KEYS: [&str; 9] = [
            "branches",
            "functions",
            "lines",
            "statements",
            "check-coverage",
            "threshold",
            "total",
            "package",
            "file",
        ];
        let entries = pattern!(
            r"[\x22']?\b(branches|functions|lines|statements|check-coverage|threshold|total|package|file)\b[\x22']?\s*:\s*(-?\d[\d.]*|true|false)"
        );
        for found in entries.captures_iter(line) {
            let value = match &found[2] {
                "true" => Some(1.0),
                "false" => Some(0.0),
                other => number(other),
            };
            if let Some(key) = KEYS.into_iter().find(|key| *key == &found[1]) {
                self.add(key, &found[0], value);
            }
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.replace('_', "").parse().ok()
}

fn thresholds(path: &str, text: &str) -> Vec<Threshold> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_codecov = pattern!(r"^\.?codecov\.ya?ml$").is_match(name);
    let mut reader = Reader {
        path,
        line: 0,
        found: Vec::new(),
    };
    if !settings::is_settings(path) && !checks::has_commands(path) {
        return reader.found;
    }
    let mut scope = Scope::default();
    for line in text.lines() {
        reader.line += 1;
        if is_codecov {
            reader.of_codecov(line);
            continue;
        }
        reader.of_any(line);
        scope.read(line);
        if scope.is_within || settings::is_of_coverage(name) {
            reader.of_coverage(line);
        }
        scope.leave(line);
    }
    if is_codecov {
        // What these are where the file does not say it.
        reader.line = 1;
        for (key, text) in [(INFORMATIONAL, "informational: false"), (MAY_BE_LOST, "threshold: 0%")] {
            if !reader.found.iter().any(|one| one.key == key) {
                reader.add(key, text, Some(0.0));
            }
        }
    }
    reader.found
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
