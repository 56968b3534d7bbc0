//! Uncovered places as a text for a prompt, within a bound.

use super::measured::{Coverage, FileCoverage, LineRange};
use crate::base::text::one_line;

/// How many places of one file are named.
const MOST_RANGES: usize = 30;

impl Coverage {
    /// Returns the uncovered places, the files with most of them first, in at most about `most` bytes. What is left out is
    /// counted in the last line.
    pub fn uncovered_in_words(&self, most: usize) -> String {
        let mut files: Vec<_> = self
            .files
            .iter()
            .filter(|(_, file)| file.totals.uncovered() > 0)
            .collect();
        files.sort_by(|one, other| {
            let uncovered = |file: &FileCoverage| file.totals.uncovered();
            (uncovered(other.1), one.0).cmp(&(uncovered(one.1), other.0))
        });
        let totals = self.totals();
        let mut text = format!(
            "{} of {} are covered ({}).\n",
            totals.covered,
            totals.all,
            totals.percent()
        );
        for (index, (path, file)) in files.iter().enumerate() {
            let line = in_a_line(path, file);
            if text.len() + line.len() > most {
                let rest = &files[index..];
                let uncovered: u64 = rest.iter().map(|(_, file)| file.totals.uncovered()).sum();
                text.push_str(&format!(
                    "- and {} more files, with {uncovered} uncovered\n",
                    rest.len()
                ));
                break;
            }
            text.push_str(&line);
        }
        text
    }
}

fn in_a_line(path: &str, file: &FileCoverage) -> String {
    let totals = file.totals;
    let places: Vec<String> = file.uncovered.iter().take(MOST_RANGES).copied().map(range).collect();
    let mut places = places.join(", ");
    if file.uncovered.len() > MOST_RANGES {
        places.push_str(&format!(" and {} more places", file.uncovered.len() - MOST_RANGES));
    }
    if places.is_empty() {
        places.push_str("not told where");
    }
    format!(
        "- {}: {} of {} uncovered: {places}\n",
        one_line(path, 300),
        totals.uncovered(),
        totals.all
    )
}

fn range(range: LineRange) -> String {
    if range.first == range.last {
        range.first.to_string()
    } else {
        format!("{}-{}", range.first, range.last)
    }
}
