//! The timers of a role, and the rules between them.

use std::time::Duration;

use super::RoleConfig;
use super::field::Field;
use super::section::Section;
use super::show::duration_text;

/// Reads the timers and adjusts them to each other: a contradiction that a person wrote is a problem, a default gives
/// way. Only the hard limit does not, because it limits the call.
pub(super) fn read(section: &Section<'_>, role: &mut RoleConfig) {
    section.set_limit(
        "first_event_timeout",
        &mut role.first_event_timeout,
        Field::duration_or_off,
    );
    section.set_limit("idle_timeout", &mut role.idle_timeout, Field::duration_or_off);
    section.set_limit("tool_timeout", &mut role.tool_timeout, Field::duration_or_off);
    section.set_limit("timeout", &mut role.timeout, Field::duration_or_off);
    section.set("result_grace", &mut role.result_grace, |field| field.duration(""));
    let whole = role.timeout;
    for (name, timer) in [
        ("first_event_timeout", &mut role.first_event_timeout),
        ("idle_timeout", &mut role.idle_timeout),
        ("tool_timeout", &mut role.tool_timeout),
    ] {
        fit_below_timeout(section, name, timer, whole);
    }
    let mut grace = Some(role.result_grace);
    fit_below_timeout(section, "result_grace", &mut grace, whole);
    role.result_grace = grace.unwrap_or(role.result_grace);
    fit_idle_below_tool(section, role);
}

/// Checks the idle limit against the hard one: a call that may last ten minutes cannot be idle for fifteen. A timer
/// that is off contradicts nothing: the hard limit is there.
fn fit_below_timeout(section: &Section<'_>, name: &str, timer: &mut Option<Duration>, whole: Option<Duration>) {
    let (Some(limit), Some(whole)) = (*timer, whole) else {
        return;
    };
    if limit <= whole {
        return;
    }
    match section.field(name) {
        None => *timer = Some(whole),
        Some(field) => too_long(field, "timeout", whole),
    }
}

/// Checks the idle limit against that of a tool: while a tool runs a call may be silent for longer, not shorter; `off`
/// is longer than anything.
fn fit_idle_below_tool(section: &Section<'_>, role: &mut RoleConfig) {
    let Some(tool) = role.tool_timeout else { return };
    if role.idle_timeout.is_some_and(|idle| idle <= tool) {
        return;
    }
    match (section.field("idle_timeout"), section.field("tool_timeout")) {
        (Some(field), Some(_)) => too_long(field, "tool_timeout", tool),
        (Some(_), None) => role.tool_timeout = role.idle_timeout,
        (None, _) => role.idle_timeout = Some(tool),
    }
}

fn too_long(field: &Field<'_>, other: &str, limit: Duration) {
    field.refuse::<()>(format!(
        "expected at most `{other}` (`{}`), found {}",
        duration_text(limit),
        field.node.describe()
    ));
}
