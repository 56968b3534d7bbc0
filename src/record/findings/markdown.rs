//! The report as Markdown. What agents wrote becomes text in it, never markup: it cannot make headings, links, images or
//! HTML; code in backticks stays code.

use super::report::{FindingsReport, ReportedFinding};
use crate::base::text::{harmless, one_line};
use crate::model::Severity;

/// How many files are listed in full where they were read: of more, their number says enough.
const MOST_LISTED: usize = 50;

impl FindingsReport {
    /// Returns the report as Markdown.
    pub fn markdown(&self) -> String {
        let mut parts = vec![format!("# {}", line(&self.examined.title)), self.about()];
        parts.extend(self.table());
        parts.extend(self.findings.iter().map(in_full));
        parts.extend(self.not_read());
        parts.extend(self.files_read());
        parts.join("\n\n") + "\n"
    }

    fn about(&self) -> String {
        let examined = &self.examined;
        let mut about = format!("Mode {}", line(&examined.mode));
        if let Some(revision) = &examined.revision {
            about.push_str(&format!(", revision `{revision}`"));
        }
        if let Some(since) = &examined.since {
            about.push_str(&format!(", changes since `{since}`"));
        }
        if !examined.complete {
            about.push_str(", not complete");
        }
        let cost = &examined.cost;
        let words = [
            about,
            format!("{} read", counted(examined.read.len() as u64, "file")),
            format!("{} not read", counted(examined.not_read.len() as u64, "file")),
            self.in_words(),
            format!(
                "{} joined with another, {} dropped since the place does not exist",
                counted(self.summary.joined, "report"),
                self.summary.dropped
            ),
            format!(
                "{}, {}, ${:.4}",
                counted(cost.calls, "call"),
                counted(cost.tokens(), "token"),
                cost.cost_usd
            ),
        ];
        words.map(|word| format!("- {word}")).join("\n")
    }

    /// Returns how many findings there are by category and severity.
    fn table(&self) -> Option<String> {
        if self.findings.is_empty() {
            return None;
        }
        let mut rows = vec![
            format!("| category | {} |", Severity::ALL.map(Severity::name).join(" | ")),
            "|---|---|---|---|---|".to_owned(),
        ];
        for count in &self.summary.categories {
            let cells = Severity::ALL.map(|severity| {
                let is_one =
                    |finding: &&ReportedFinding| finding.category == count.category && finding.severity == severity;
                self.findings.iter().filter(is_one).count().to_string()
            });
            rows.push(format!("| {} | {} |", line(&count.category), cells.join(" | ")));
        }
        Some(rows.join("\n"))
    }

    fn not_read(&self) -> Option<String> {
        let files = &self.examined.not_read;
        let lines = files
            .iter()
            .map(|file| format!("- {}: {}", path(&file.path), line(&file.reason)));
        let lines: Vec<_> = lines.collect();
        (!lines.is_empty()).then(|| format!("## Not read\n\n{}", lines.join("\n")))
    }

    fn files_read(&self) -> Option<String> {
        let files = &self.examined.read;
        let mut lines: Vec<_> = files
            .iter()
            .take(MOST_LISTED)
            .map(|file| format!("- {}", path(file)))
            .collect();
        if files.len() > MOST_LISTED {
            lines.push(format!(
                "- and {} more, which the JSON lists",
                files.len() - MOST_LISTED
            ));
        }
        (!lines.is_empty()).then(|| format!("## Read\n\n{}", lines.join("\n")))
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

fn in_full(finding: &ReportedFinding) -> String {
    let mut place = path(&finding.finding().place());
    if !finding.other_lines.is_empty() {
        let lines: Vec<_> = finding.other_lines.iter().map(ToString::to_string).collect();
        place.push_str(&format!(", also at {}", lines.join(", ")));
    }
    let mut facts = vec![place, line(&finding.category)];
    if finding.count > 1 {
        facts.push(format!("reported {} times", finding.count));
    }
    facts.push(path(&finding.fingerprint));
    let mut parts = vec![
        format!("## {}: {}", finding.severity, line(&finding.title)),
        facts.join(" · "),
    ];
    parts.extend(quoted(&finding.problem));
    if let Some(suggestion) = quoted(&finding.suggestion) {
        parts.push(format!("Suggestion:\n\n{suggestion}"));
    }
    parts.join("\n\n")
}

/// Returns a text of an agent as a quotation, line by line.
fn quoted(said: &str) -> Option<String> {
    let said = said.trim();
    let lines = said
        .lines()
        .map(|one| format!("> {}", text(&harmless(one))).trim_end().to_owned());
    (!said.is_empty()).then(|| lines.collect::<Vec<_>>().join("\n"))
}

/// Returns a text of an agent on one line.
fn line(said: &str) -> String {
    text(&one_line(said, 300))
}

/// Returns a path as code, whatever characters it has.
fn path(name: &str) -> String {
    let name = one_line(name, 400);
    let longest = name.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

/// Escapes what would be markup, but for code in single backticks.
pub(crate) fn text(said: &str) -> String {
    let is_paired = said.matches('`').count().is_multiple_of(2) && !said.contains("``");
    let parts = said.split('`').enumerate();
    let parts = parts.map(|(index, part)| {
        if is_paired && index % 2 == 1 {
            // In a table a bar ends a cell, in code too.
            part.replace('|', "\\|")
        } else {
            escaped(part)
        }
    });
    parts.collect::<Vec<_>>().join(if is_paired { "`" } else { "\\`" })
}

fn escaped(part: &str) -> String {
    let mut safe = String::with_capacity(part.len());
    for (index, letter) in part.char_indices() {
        let begins = part[..index].trim().is_empty();
        match letter {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '*' | '_' | '[' | ']' | '|' | '!' | '#' | '~' | '=' => safe.extend(['\\', letter]),
            '-' | '+' | '>' if begins => safe.extend(['\\', letter]),
            // A link that begins with a scheme or `www.` needs no brackets on many sites.
            ':' if part[index..].starts_with("://") => safe.push_str("&#58;"),
            '.' if part[..index].ends_with("www") => safe.push_str("&#46;"),
            '@' => safe.push_str("&#64;"),
            _ => safe.push(letter),
        }
    }
    safe
}
