//! Reads the sections `measure`, `stitch`, `budget` and `limits`, and the gates.

use std::time::Duration;

use super::container::subsection;
use super::field::Field;
use super::keys::GATE;
use super::node::Kind;
use super::section::Section;
use super::{Config, Gate, LimitWait, RoleConfig};
use crate::text;

const MOST_DOLLARS: f64 = 1_000_000.0;
const GATE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    if let Some(section) = subsection(top, "measure") {
        read_role(&section, &mut config.measure);
    }
    if let Some(section) = subsection(top, "stitch") {
        read_role(&section, &mut config.stitch);
    }
    if let Some(section) = subsection(top, "budget") {
        section.set_limit("usd", &mut config.budget.usd, |field| field.number_or_off(MOST_DOLLARS));
        section.set_limit("tokens", &mut config.budget.tokens, |field| field.count_or_off(1 << 50));
    }
    if let Some(section) = subsection(top, "limits") {
        let choices = [("forbid", false), ("allow", true)];
        section.set("overage", &mut config.limits.allow_overage, |field| {
            field.choice(&choices)
        });
        section.set("wait", &mut config.limits.wait, read_wait);
    }
    top.set("gates", &mut config.gates, read_gates);
}

fn read_role(section: &Section<'_>, role: &mut RoleConfig) {
    let efforts = ["low", "medium", "high", "xhigh", "max"].map(|effort| (effort, effort));
    section.set_some("model", &mut role.model, |field| field.word("the name of a model"));
    section.set_some("effort", &mut role.effort, |field| {
        field.choice(&efforts).map(str::to_owned)
    });
    section.set_limit("max_turns", &mut role.max_turns, |field| {
        field.small_count_or_off(1_000_000)
    });
    section.set_limit("budget_usd", &mut role.budget_usd, |field| {
        field.number_or_off(MOST_DOLLARS)
    });
    section.set_limit("timeout", &mut role.timeout, Field::duration_or_off);
    section.set_limit("idle_timeout", &mut role.idle_timeout, Field::duration_or_off);
    section.set_some("tools", &mut role.tools, |field| {
        field.list("a list of tools", |item| item.word("the name of a tool"))
    });
    section.set_limit("max_per_cycle", &mut role.max_per_cycle, |field| {
        field.small_count_or_off(1_000_000)
    });
    section.set("max_attempts", &mut role.max_attempts, |field| field.small_count(100));
    section.set("parallel", &mut role.parallel, read_parallel);
    fit_idle_timeout(section, role);
}

fn read_parallel(field: &Field<'_>) -> Option<u32> {
    match field.small_count(1000)? {
        1 => Some(1),
        _ => field.refuse("expected 1: this version makes one call at a time"),
    }
}

/// A call that may last ten minutes cannot be idle for fifteen: a person's own contradiction is a problem, a default gives way.
fn fit_idle_timeout(section: &Section<'_>, role: &mut RoleConfig) {
    let (Some(timeout), Some(idle)) = (role.timeout, role.idle_timeout) else {
        return;
    };
    if idle <= timeout {
        return;
    }
    match section.field("idle_timeout") {
        None => role.idle_timeout = Some(timeout),
        Some(field) => {
            let whole = super::show::duration_text(timeout);
            field.refuse::<()>(format!(
                "expected at most `timeout` (`{whole}`), found {}",
                field.node.describe()
            ));
        }
    }
}

fn read_wait(field: &Field<'_>) -> Option<LimitWait> {
    match field.scalar() {
        Some("never") => Some(LimitWait::Never),
        Some("always") => Some(LimitWait::Always),
        _ => field.duration(", or `never` or `always`").map(LimitWait::UpTo),
    }
}

fn read_gates(field: &Field<'_>) -> Option<Vec<Gate>> {
    let mut gates: Vec<Gate> = Vec::new();
    for item in field.items("a list of commands")? {
        let Some(gate) = read_gate(&item) else { continue };
        if gates.iter().any(|earlier| earlier.name == gate.name) {
            item.refuse::<()>(format!("a second gate is named `{}`", text::one_line(&gate.name, 60)));
        } else {
            gates.push(gate);
        }
    }
    Some(gates)
}

fn read_gate(field: &Field<'_>) -> Option<Gate> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        let command = field.text()?;
        return Some(Gate {
            name: text::one_line(&command, 60),
            command,
            timeout: GATE_TIMEOUT,
        });
    }
    let section = Section::open(field, GATE)?;
    let mut timeout = GATE_TIMEOUT;
    section.set("timeout", &mut timeout, |field| field.duration(""));
    let mut name = None;
    section.set_some("name", &mut name, Field::text);
    let Some(command) = section.field("command") else {
        return field.refuse("expected a `command`");
    };
    let command = command.text()?;
    Some(Gate {
        name: name.unwrap_or_else(|| text::one_line(&command, 60)),
        command,
        timeout,
    })
}
