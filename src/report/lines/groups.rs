//! The lines about groups.

use crate::base::text::one_line;
use crate::record::event::{EventKind, GroupEnded, GroupReviewed, GroupsPlanned, PlannedGroup};
use crate::report::numbers::{counted, usage};

/// Returns the lines about groups.
pub(super) fn line(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::GroupsAsked(asked_for) => asked(asked_for.documents, &asked_for.changed),
        EventKind::GroupsPlanned(planned) => of_plan(planned),
        EventKind::GroupReviewed(reviewed) => of_review(reviewed),
        EventKind::GroupDone(GroupEnded {
            group, name, done, all, ..
        }) => format!("Group `{group}` is done: {} ({done} of {all}).", one_line(name, 100)),
        _ => return None,
    })
}

fn asked(documents: usize, changed: &[String]) -> String {
    let documents = counted(documents, "document");
    match changed {
        [] => format!("Plan: asking for groups, from {documents}."),
        changed => format!(
            "Plan: asking for groups for what is new, from {documents}; changed: {}.",
            one_line(&changed.join(", "), 300)
        ),
    }
}

fn of_plan(planned: &GroupsPlanned) -> String {
    let groups = counted(planned.groups.len(), "group");
    let mut text = if planned.by_rule && planned.groups.is_empty() {
        format!(
            "  Nothing is new: merged generations have done what the documents ask for. {groups} planned without a call."
        )
    } else if planned.by_rule {
        format!("  {groups} planned without a call.")
    } else {
        format!("  {groups} planned ({}).", usage(&planned.usage))
    };
    for group in &planned.groups {
        text.push_str(&format!("\n  + {}", planned_group(group)));
    }
    for one in &planned.contradictions {
        text.push_str(&format!(
            "\n  ! the documents contradict each other: {}",
            one_line(one, 300)
        ));
    }
    text
}

fn planned_group(group: &PlannedGroup) -> String {
    let waits = match group.depends_on.as_slice() {
        [] => String::new(),
        on => format!(", after {}", on.join(", ")),
    };
    let tasks = counted(usize::try_from(group.estimated_tasks).unwrap_or(usize::MAX), "task");
    format!("{}: {} (about {tasks}{waits})", group.key, one_line(&group.name, 100))
}

fn of_review(reviewed: &GroupReviewed) -> String {
    let GroupReviewed {
        group,
        round,
        batch,
        batches,
        ..
    } = reviewed;
    if *batches == 0 {
        return format!("Group `{group}`: nothing has changed, so nothing is reviewed.");
    }
    let place = if *batches > 1 {
        format!(", batch {batch} of {batches}")
    } else {
        String::new()
    };
    let findings = counted(reviewed.findings.len(), "finding");
    let mut text = format!(
        "Group `{group}`, closing review {round}{place}: {findings} to act on ({}).",
        usage(&reviewed.usage)
    );
    for finding in &reviewed.findings {
        text.push_str(&format!("\n  ! {}", one_line(finding, 300)));
    }
    for (count, what) in [
        (reviewed.left_out, "more than are kept of one answer"),
        (reviewed.dropped, "about places that are not there"),
    ] {
        if count > 0 {
            text.push_str(&format!("\n  {count} {what}"));
        }
    }
    if !reviewed.too_large.is_empty() {
        text.push_str(&format!(
            "\n  Too large to be shown, so the reviewer was told to read: {}",
            one_line(&reviewed.too_large.join(", "), 500)
        ));
    }
    let Some(filed) = &reviewed.filed else { return text };
    for task in filed {
        text.push_str(&format!("\n  + {}: {}", task.id, one_line(&task.title, 100)));
    }
    let before = reviewed.found.unwrap_or_default().saturating_sub(filed.len());
    if before > 0 {
        text.push_str(&format!(
            "\n  {} filed before, and not again",
            counted(before, "finding")
        ));
    }
    if reviewed.lesser > 0 {
        let lesser = counted(usize::try_from(reviewed.lesser).unwrap_or(usize::MAX), "finding");
        text.push_str(&format!("\n  {lesser} of lesser weight, which become no tasks"));
    }
    text
}
