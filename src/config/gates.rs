//! Reads the gates.

use std::sync::LazyLock;
use std::time::Duration;

use super::field::Field;
use super::keys::GATE;
use super::node::Kind;
use super::section::Section;
use super::values::parse_duration;
use super::{Config, Gate};
use crate::base::text;

/// How long a gate may take that says nothing of it.
static TIMEOUT: LazyLock<Duration> = LazyLock::new(|| {
    let key = GATE.iter().find(|key| key.name == "timeout");
    key.and_then(|key| parse_duration(key.default))
        .expect("the table of keys has a time there, which a test reads")
});

/// Reads `gates`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    top.set("gates", &mut config.gates, read_gates);
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
            timeout: *TIMEOUT,
        });
    }
    let section = Section::open(field, GATE)?;
    let mut timeout = *TIMEOUT;
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
