//! Which tools are running, and how a tool use is shown.

use std::collections::VecDeque;

use super::json;
use super::line::ToolUse;
use crate::agent::AgentEvent;
use crate::base::text::one_line;

/// The longest summary of a tool's use, in characters.
pub(super) const SUMMARY_WIDTH: usize = 100;
/// The longest name of a tool that is shown, in characters.
const NAME_WIDTH: usize = 40;
/// How much of a name is read, in bytes.
const LOOK: usize = 1024;
/// More tools than ever run at once.
const RUNNING_LIMIT: usize = 256;

/// The tool uses of the main thread that have no result yet.
#[derive(Debug, Default)]
pub(super) struct Tools {
    message: Option<u64>,
    running: VecDeque<u64>,
}

impl Tools {
    /// Processes a line of a message of the main thread. Another message than before means that all results have
    /// arrived.
    pub(super) fn begin(&mut self, message: Option<u64>, begun: &[u64]) {
        if message.is_none() || message != self.message {
            self.running.clear();
            self.message = message;
        }
        self.running.extend(begun);
        let excess = self.running.len().saturating_sub(RUNNING_LIMIT);
        self.running.drain(..excess);
    }

    /// Processes results.
    pub(super) fn end(&mut self, ended: &[u64]) {
        self.running.retain(|id| !ended.contains(id));
    }

    /// Forgets all: the call is over, or it is not known whose results arrived.
    pub(super) fn clear(&mut self) {
        self.running.clear();
    }

    pub(super) fn are_running(&self) -> bool {
        !self.running.is_empty()
    }
}

/// Shows a tool use.
pub(super) fn event(tool: &ToolUse<'_>) -> AgentEvent {
    let name = tool.name.and_then(|name| json::text(name, LOOK)).unwrap_or_default();
    let target = tool.target().unwrap_or_default();
    let target = target.strip_prefix("/workspace/").unwrap_or(&target);
    AgentEvent::ToolUse {
        name: one_line(&name, NAME_WIDTH),
        summary: one_line(target, SUMMARY_WIDTH),
    }
}
