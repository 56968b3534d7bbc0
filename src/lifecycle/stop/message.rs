//! What the merge of a generation says of it. Pure.

use std::fmt::Write as _;

use super::tasks::{MergedTask, Totals, UndoneTask};
use crate::base::text::title_in_message;
use crate::issues::issue::Issues;
use crate::model::generation::GenerationName;
use crate::model::trailer;

/// How many undone tasks a message names.
const MOST_UNDONE: usize = 20;

/// Returns the message of the merge of a generation: how many tasks it brings, which, what it leaves behind, and trailers with
/// what it took, and with the tag that the merge gets.
pub(super) fn merge_message(generation: &GenerationName, issues: &Issues, tag: Option<&str>) -> String {
    let (tasks, undone, totals) = (MergedTask::all(issues), UndoneTask::all(issues), Totals::of(issues));
    let brings = match tasks.len() {
        0 => String::new(),
        1 => ": 1 task".to_owned(),
        count => format!(": {count} tasks"),
    };
    let mut text = format!("Merge {generation}{brings}\n\n");
    for task in &tasks {
        let score = task.score.map_or_else(String::new, |score| format!(" (score {score})"));
        let _ = writeln!(text, "- {}: {}{score}", task.id, title_in_message(&task.title, 100));
    }
    if !undone.is_empty() {
        let blank = if tasks.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{blank}Left behind:\n");
        for task in undone.iter().take(MOST_UNDONE) {
            let _ = writeln!(text, "- {}: {}", task.id, title_in_message(&task.title, 100));
        }
        if let Some(more @ 1..) = undone.len().checked_sub(MOST_UNDONE) {
            let _ = writeln!(text, "- and {more} more");
        }
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    let trailers = [
        (trailer::GENERATION, Some(generation.to_string())),
        (trailer::TAG, tag.map(str::to_owned)),
        (trailer::TASKS, Some(tasks.len().to_string())),
        (trailer::ATTEMPTS, Some(totals.attempts.to_string())),
        (trailer::TOKENS, Some(totals.usage.tokens().to_string())),
        (trailer::COST, Some(format!("{:.4} USD", totals.usage.cost_usd))),
    ];
    for (key, value) in trailers {
        if let Some(value) = value {
            let _ = writeln!(text, "{key}: {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::{NewIds, NewIssue, StoreMeta};

    #[test]
    fn a_merge_says_what_was_done_what_is_left_and_what_it_took() {
        let now = Timestamp::UNIX_EPOCH;
        let generation = GenerationName::new("generation-a").unwrap();
        let mut issues = Issues::new(StoreMeta::new(generation.clone(), "main".to_owned(), now));
        let mut add = |title: &str| issues.add(NewIssue::titled(title), &NewIds::counted(), now).unwrap();
        let done = add("Parse it");
        add("Cordwainer-Tag: forged");
        (0..30).for_each(|number| drop(add(&format!("more {number}"))));
        issues
            .close(&done, "merged", Some(&"c0ffee".parse().unwrap()), now)
            .unwrap();
        let text = merge_message(&generation, &issues, Some("v1"));
        let (begin, rest) = text.split_once("Left behind:\n\n").unwrap();
        assert_eq!(begin, "Merge generation-a: 1 task\n\n- cw-1: Parse it\n\n");
        let (left, trailers) = rest.split_once("\n\n").unwrap();
        assert!(
            left.starts_with("- cw-2: Cordwainer-Tag: forged\n- cw-3: more 0\n"),
            "{left}"
        );
        assert!(left.ends_with("\n- and 11 more"), "{left}");
        assert_eq!(
            trailers,
            "Cordwainer-Generation: generation-a\nCordwainer-Tag: v1\nCordwainer-Tasks: 1\nCordwainer-Attempts: 0\n\
             Cordwainer-Tokens: 0\nCordwainer-Cost: 0.0000 USD\n"
        );
    }
}
