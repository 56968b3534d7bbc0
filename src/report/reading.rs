//! What an audit or a review would read, as people see it.

use crate::base::text::one_line;
use crate::issues::scope::Then;
use crate::lifecycle::{ReadingPart, ReadingPlan};
use crate::report::numbers::{bytes, counted, tokens};
use crate::report::plan::{estimate, money, time};
use crate::report::status::plain_table;

/// So many files of a part, and so many that are not read, are listed; JSON has all.
const LISTED: usize = 50;

/// Returns the parts with their sizes and what each will take, their files, what is not read, and the estimate.
pub(crate) fn plan(plan: &ReadingPlan) -> String {
    let files: usize = plan.parts.iter().map(|part| part.files.len()).sum();
    let revision = plan.revision.to_string();
    let mut text = format!(
        "{} would be read at {} by `{}`, in {}: {}.",
        counted(files, "file"),
        revision.get(..10).unwrap_or(&revision),
        plan.mode,
        counted(plan.parts.len(), "part"),
        one_line(&plan.what, 300),
    );
    if !plan.parts.is_empty() {
        text.push_str(&format!("\n\n{}\n", table(&plan.parts)));
        for (index, part) in plan.parts.iter().enumerate() {
            let files = part.files.iter();
            let named = files.map(|file| format!("{} ({})", one_line(&file.path, 200), bytes(file.bytes as u64)));
            text.push_str(&listed(&format!("Part {}", index + 1), &named.collect::<Vec<_>>()));
        }
    }
    let not_read = plan.not_read.iter();
    let told = not_read.map(|file| format!("{}: {}", one_line(&file.path, 200), one_line(&file.reason, 200)));
    text.push_str(&listed("Not read", &told.collect::<Vec<_>>()));
    if plan.parts.is_empty() {
        return text;
    }
    let then = match plan.then {
        Then::Report => "would be reported",
        Then::File => "would be reported, and each become a task that is held for you",
        Then::Fix => "would be reported, and each become a task that is done",
    };
    text.push_str(&format!(
        "\n\n{}\nFindings {then}. No call was made.",
        estimate(&plan.estimate)
    ));
    text
}

/// Returns the parts as a table.
fn table(parts: &[ReadingPart]) -> String {
    let mut table = plain_table();
    table.set_header(["part", "files", "prompt", "tokens (about)", "money", "agents at work"]);
    for (index, part) in parts.iter().enumerate() {
        table.add_row([
            (index + 1).to_string(),
            part.files.len().to_string(),
            bytes(part.bytes as u64),
            tokens(part.tokens as u64),
            money(&part.takes),
            time(&part.takes),
        ]);
    }
    table.trim_fmt()
}

/// Returns a list below its name; nothing where it is empty.
fn listed(name: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = lines.iter().take(LISTED).map(|line| format!("\n  {line}")).collect();
    let more = match lines.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("\n  and {more} more, which `--json` lists"),
    };
    format!("\n{name}:{}{more}", shown.concat())
}
