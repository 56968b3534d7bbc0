//! A changelog with one entry more. Pure.

/// Puts an entry into a changelog, which has it where a reader expects the newest one: behind the section of what is
/// unreleased, where there is one, else behind the first heading and what is said below that. `title` becomes its heading.
pub(super) fn with_entry(changelog: &str, title: &str, lines: &[String]) -> String {
    let headings = headings(changelog);
    let unreleased = headings.iter().position(|heading| heading.is_unreleased);
    let (level, after) = match (unreleased, headings.as_slice()) {
        (Some(place), _) => (headings[place].level, place),
        (None, [first, second, ..]) if second.level > first.level => (second.level, 0),
        // There is no title: the newest version is the first heading.
        (None, [first, second, ..]) if second.level == first.level => {
            return inserted(changelog, (first.at, first.level), title, lines);
        }
        (None, [first, ..]) => (first.level.saturating_add(1).min(6), 0),
        (None, []) => (2, 0),
    };
    // Sections below the one that is unreleased belong to it.
    let next = headings.iter().skip(after.saturating_add(1));
    let next = next
        .into_iter()
        .find(|heading| unreleased.is_none() || heading.level <= level);
    let at = match (headings.is_empty(), next) {
        (true, _) => 0,
        (false, Some(heading)) => heading.at,
        (false, None) => changelog.len(),
    };
    inserted(changelog, (at, level), title, lines)
}

/// Puts an entry of a level at a place.
fn inserted(changelog: &str, (at, level): (usize, usize), title: &str, lines: &[String]) -> String {
    let end = if changelog.contains("\r\n") { "\r\n" } else { "\n" };
    let (before, rest) = changelog.split_at(at);
    let before = before.trim_end();
    let mut text = String::with_capacity(changelog.len() + 200);
    if !before.is_empty() {
        text.push_str(before);
        text.push_str(end);
        text.push_str(end);
    }
    text.push_str(&format!("{} {title}{end}{end}", "#".repeat(level)));
    for line in lines {
        text.push_str(&format!("- {line}{end}"));
    }
    if !rest.trim().is_empty() {
        text.push_str(end);
        text.push_str(rest);
    }
    text
}

/// A heading of a document.
struct Heading {
    /// Where it begins, in bytes.
    at: usize,
    /// How many `#` it has.
    level: usize,
    is_unreleased: bool,
}

/// Returns the headings of a document, but for those in fenced blocks: lines that begin with `#`, and those that are underlined.
fn headings(text: &str) -> Vec<Heading> {
    let mut found = Vec::new();
    let mut fence = None;
    let mut at = 0;
    let mut last: Option<(usize, &str)> = None;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                let underlined = last.and_then(|(at, words)| underlined(at, words, trimmed));
                found.extend(underlined.or_else(|| heading(at, line)));
            }
            _ => {}
        }
        last = Some((at, line));
        at += line.len();
    }
    found
}

/// Returns the heading that a line is by what stands below it.
fn underlined(at: usize, words: &str, below: &str) -> Option<Heading> {
    let level = match below.as_bytes() {
        [b'=', ..] if below.bytes().all(|byte| byte == b'=') => 1,
        [b'-', b'-', ..] if below.bytes().all(|byte| byte == b'-') => 2,
        _ => return None,
    };
    let words = words.trim();
    let is_words = !words.is_empty() && !words.starts_with(['#', '-', '*', '>', '|']);
    is_words.then(|| Heading {
        at,
        level,
        is_unreleased: is_unreleased(words),
    })
}

fn is_unreleased(words: &str) -> bool {
    let words = words.trim().trim_start_matches('[').to_ascii_lowercase();
    words.starts_with("unreleased")
}

fn heading(at: usize, line: &str) -> Option<Heading> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let words = &line[level..];
    let is_heading = (1..=6).contains(&level) && words.starts_with([' ', '\t']);
    is_heading.then(|| Heading {
        at,
        level,
        is_unreleased: is_unreleased(words),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str) {
        let lines = ["One (cw-1)".to_owned(), "Two (cw-2)".to_owned()];
        assert_eq!(with_entry(before, "v2 - 2026-11-30", &lines), after);
    }

    const ENTRY: &str = "## v2 - 2026-11-30\n\n- One (cw-1)\n- Two (cw-2)\n";

    #[test]
    fn versions_without_a_title_and_underlined_headings_are_known() {
        check(
            "## 1.1.0\n\n- B\n\n## 1.0.0\n\n- A\n",
            &format!("{ENTRY}\n## 1.1.0\n\n- B\n\n## 1.0.0\n\n- A\n"),
        );
        check(
            "Changelog\n=========\n\n1.0.0\n-----\n\n- A\n",
            &format!("Changelog\n=========\n\n{ENTRY}\n1.0.0\n-----\n\n- A\n"),
        );
    }

    #[test]
    fn an_entry_comes_behind_what_is_unreleased() {
        check(
            "# Changes\n\nWords.\n\n## [Unreleased]\n\n### Added\n\n- That.\n\n## [1] - 2026\n\n- This.\n",
            &format!(
                "# Changes\n\nWords.\n\n## [Unreleased]\n\n### Added\n\n- That.\n\n{ENTRY}\n## [1] - 2026\n\n- This.\n"
            ),
        );
        check(
            "# Changes\n\n## Unreleased\n",
            &format!("# Changes\n\n## Unreleased\n\n{ENTRY}"),
        );
    }

    #[test]
    fn else_it_comes_behind_the_first_heading() {
        check(
            "# Changes\n\nWords.\n\n## 1\n\n- This.\n",
            &format!("# Changes\n\nWords.\n\n{ENTRY}\n## 1\n\n- This.\n"),
        );
        check("# Changes", &format!("# Changes\n\n{ENTRY}"));
        check(
            "# Changes\n```\n# none\n```\n\n### 1\n",
            "# Changes\n```\n# none\n```\n\n### v2 - 2026-11-30\n\n- One (cw-1)\n- Two (cw-2)\n\n### 1\n",
        );
    }

    #[test]
    fn without_a_heading_it_comes_first_and_ends_of_lines_are_the_files_own() {
        check("", ENTRY);
        check("Old words.\n", &format!("{ENTRY}\nOld words.\n"));
        check(
            "# C\r\n\r\nW.\r\n",
            &format!("# C\n\nW.\n\n{ENTRY}").replace('\n', "\r\n"),
        );
    }
}
