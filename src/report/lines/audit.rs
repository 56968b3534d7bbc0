//! The lines about an audit or a review of files.

use super::measure::filed_task;
use crate::base::text::{one_line, sentence};
use crate::record::event::AuditStep;
use crate::report::numbers::{counted, usage};

/// Returns the lines about a step.
pub(super) fn of_audit(step: &AuditStep) -> String {
    match step {
        AuditStep::Started {
            what,
            files,
            not_read,
            parts,
            known,
        } => {
            let (files, parts) = (counted(*files, "file"), counted(*parts, "part"));
            let mut text = format!("Reading {}: {files} in {parts}", one_line(what, 300));
            if *known > 0 {
                text.push_str(&format!(", {known} of them read before"));
            }
            if *not_read > 0 {
                text.push_str(&format!("; {} cannot be read", counted(*not_read, "file")));
            }
            sentence(&text)
        }
        AuditStep::PartRead {
            part,
            parts,
            failed: Some(why),
            ..
        } => sentence(&format!(
            "  Part {part} of {parts} came to nothing: {}",
            one_line(why, 300)
        )),
        AuditStep::PartRead {
            part, parts, findings, ..
        } => format!("  Part {part} of {parts}: {}.", counted(*findings, "finding")),
        AuditStep::Reported { .. } => reported(step),
    }
}

fn reported(step: &AuditStep) -> String {
    let AuditStep::Reported {
        complete,
        how,
        findings,
        weightiest,
        dropped,
        read,
        not_read,
        filed,
        known_before,
        usage: used,
    } = step
    else {
        return String::new();
    };
    let until_then = if *complete { "" } else { "until then, " };
    let mut text = format!("  Found {until_then}{how}");
    if *dropped > 0 {
        text.push_str(&format!(", and {dropped} about places that are not there"));
    }
    text.push_str(&format!(
        "; {} read, {not_read} not ({}).",
        counted(*read, "file"),
        usage(used)
    ));
    for one in weightiest {
        text.push_str(&format!("\n    {}", one_line(one, 300)));
    }
    if *findings > weightiest.len() {
        text.push_str(&format!("\n    and {} more", findings - weightiest.len()));
    }
    for task in filed {
        text.push_str(&format!("\n  + {}", filed_task(task)));
    }
    match known_before {
        0 => {}
        1 => text.push_str("\n  1 finding was filed as a task before."),
        count => text.push_str(&format!("\n  {count} findings were filed as tasks before.")),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Usage;

    #[test]
    fn a_report_says_what_was_not_read_and_what_was_left_out() {
        let started = AuditStep::Started {
            what: "the whole tree".into(),
            files: 3,
            not_read: 1,
            parts: 2,
            known: 1,
        };
        assert_eq!(
            of_audit(&started),
            "Reading the whole tree: 3 files in 2 parts, 1 of them read before; 1 file cannot be read."
        );
        let reported = AuditStep::Reported {
            complete: false,
            how: "2 findings (2 low)".into(),
            findings: 2,
            weightiest: vec!["low a: b (c)".into()],
            dropped: 1,
            read: 2,
            not_read: 1,
            filed: Vec::new(),
            known_before: 2,
            usage: Usage::default(),
        };
        let said = of_audit(&reported);
        assert!(
            said.starts_with(
                "  Found until then, 2 findings (2 low), and 1 about places that are not there; 2 files read, 1 not ("
            ),
            "{said}"
        );
        assert!(
            said.ends_with("\n    low a: b (c)\n    and 1 more\n  2 findings were filed as tasks before."),
            "{said}"
        );
    }
}
