//! How many lines of which files were changed, as `git diff --stat` shows it.

use serde::Serialize;

use crate::base::text::one_line;
use crate::report::numbers::counted;
use crate::report::tone::DiffPart;

/// How much of a path is shown, in characters.
const LONGEST_PATH: usize = 100;
/// The widest bar, in columns, and the narrowest one for which paths are cut.
const BARS: std::ops::RangeInclusive<usize> = 10..=50;

/// The change of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub(crate) path: String,
    /// Where it was moved from.
    pub(crate) old_path: Option<String>,
    /// `None` where lines are not counted.
    pub(crate) insertions: Option<u64>,
    pub(crate) deletions: Option<u64>,
}

impl Change {
    fn lines(&self) -> Option<(u64, u64)> {
        self.insertions.zip(self.deletions)
    }

    fn name(&self) -> String {
        let path = one_line(&self.path, LONGEST_PATH);
        match &self.old_path {
            Some(old) => format!("{} => {path}", one_line(old, LONGEST_PATH)),
            None => path,
        }
    }
}

/// A line, in parts with their colours.
pub(crate) type Parts = Vec<(Option<DiffPart>, String)>;

/// Returns a line for each file, and one of sums, in at most `width` columns where paths are short enough.
pub(crate) fn stat(changes: &[Change], width: usize) -> Vec<Parts> {
    let names: Vec<String> = changes.iter().map(Change::name).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let total = |change: &Change| change.lines().map_or(0, |(added, removed)| added + removed);
    let most = changes.iter().map(total).max().unwrap_or(0);
    let digits = most.to_string().len().max(3);
    let room = width.saturating_sub(longest + digits + 6);
    let bar = room.clamp(*BARS.start(), *BARS.end()) as u64;
    let scaled = |lines: u64| {
        if most > bar {
            (lines * bar).div_ceil(most.max(1))
        } else {
            lines
        }
    };
    let line = |(change, name): (&Change, &String)| {
        let begin = format!(" {name}{} | ", " ".repeat(longest - name.chars().count()));
        let Some((added, removed)) = change.lines() else {
            return vec![(None, format!("{begin}{:>digits$}", "Bin"))];
        };
        let signs = |sign: &str, lines: u64| sign.repeat(usize::try_from(scaled(lines)).unwrap_or(0));
        vec![
            (
                None,
                format!(
                    "{begin}{:>digits$}{}",
                    added + removed,
                    if added + removed > 0 { " " } else { "" }
                ),
            ),
            (Some(DiffPart::Added), signs("+", added)),
            (Some(DiffPart::Removed), signs("-", removed)),
        ]
    };
    let mut lines: Vec<Parts> = changes.iter().zip(&names).map(line).collect();
    let sum = |count: fn(&Change) -> Option<u64>| changes.iter().filter_map(count).sum::<u64>();
    let (added, removed) = (sum(|change| change.insertions), sum(|change| change.deletions));
    let files = counted(changes.len(), "file");
    lines.push(vec![(None, format!(" {files} changed, +{added} -{removed}"))]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(changes: &[Change], width: usize) -> String {
        let lines = stat(changes, width);
        let line = |parts: &Parts| parts.iter().map(|(_, text)| text.as_str()).collect::<String>();
        lines.iter().map(|parts| line(parts) + "\n").collect()
    }

    #[test]
    fn files_are_listed_with_bars_that_fit() {
        let change = |path: &str, lines: Option<(u64, u64)>| Change {
            path: path.to_owned(),
            old_path: None,
            insertions: lines.map(|lines| lines.0),
            deletions: lines.map(|lines| lines.1),
        };
        let changes = [
            change("src/a.rs", Some((3, 1))),
            change("logo.png", None),
            Change {
                old_path: Some("b.rs".to_owned()),
                ..change("src/b.rs", Some((0, 0)))
            },
        ];
        insta::assert_snapshot!(shown(&changes, 80), @r"
         src/a.rs         |   4 +++-
         logo.png         | Bin
         b.rs => src/b.rs |   0
         3 files changed, +3 -1
        ");
        let large = [change("a", Some((3000, 1000))), change("b", Some((1, 0)))];
        let text = shown(&large, 40);
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        assert!(text.contains("b |    1 +\n"), "{text}");
        assert_eq!(shown(&[], 80), " 0 files changed, +0 -0\n");
    }
}
