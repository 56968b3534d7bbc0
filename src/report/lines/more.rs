//! The lines about what is only said with `-v`: each step, tool and gate, and each change of a call.

use crate::base::text::{one_line, sentence};
use crate::model::Usage;
use crate::record::event::{EventKind, GateStarted};
use crate::report::numbers::{dollars, usage};

/// How much is said of what an agent does with a tool.
const TOOL: usize = 300;

/// Returns the line of an event that has none without `-v`; `None` where there is nothing that a person could do with one.
pub(super) fn of(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::RunProgress {
            task,
            tasks,
            usage: Usage { cost_usd, .. },
            left_usd,
        } => {
            let left = left_usd.map(|left| format!(", {} left", dollars(left)));
            format!(
                "Task {task} of {tasks}, {}{}.",
                dollars(*cost_usd),
                left.unwrap_or_default()
            )
        }
        EventKind::StepStarted { call, step } => format!("  {call}: {}.", step.name()),
        EventKind::AgentStarted {
            call,
            model,
            client_version,
            ..
        } => {
            let model = one_line(model.as_deref().unwrap_or("an unknown model"), 60);
            let version = client_version
                .as_deref()
                .map(|version| format!(", client {}", one_line(version, 30)));
            format!("  {call}: its agent has begun: {model}{}.", version.unwrap_or_default())
        }
        EventKind::SessionResumed { call, .. } => format!("  {call}: continuing its session."),
        EventKind::ToolUsed { call, tool, summary } => {
            format!("  {call}: {}", one_line(&format!("{tool} {summary}"), TOOL))
        }
        EventKind::AgentEnded { call, reason, entry } => sentence(&format!(
            "  {call}: its agent has ended: {} ({})",
            one_line(reason, 300),
            usage(&entry.usage)
        )),
        EventKind::GateStarted(GateStarted { task, gate, .. }) => {
            let gate = one_line(gate, 60);
            match task {
                Some(task) => format!("  {task}: gate `{gate}` has begun."),
                None => format!("Gate `{gate}` has begun."),
            }
        }
        EventKind::Reached { call, host } => format!("  {call}: reached {}.", one_line(host, 200)),
        _ => return None,
    })
}
