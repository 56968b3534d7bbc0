//! The live lines of a terminal: one for each call under way.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::base::text::one_line;
use crate::record::event::{CallName, Event, EventKind};
use crate::report::numbers::tokens;
use crate::report::terminal::Screen;

/// One line for each call, redrawn as its events come in.
pub(super) struct LiveLines {
    screen: Screen,
    calls: HashMap<CallName, LiveLine>,
}

struct LiveLine {
    bar: ProgressBar,
    state: String,
    turns: u32,
    tokens: u64,
    last_tool: String,
}

impl LiveLines {
    pub(super) fn new(screen: Screen) -> Self {
        Self {
            screen,
            calls: HashMap::new(),
        }
    }

    /// Redraws what an event changes.
    pub(super) fn update(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepStarted { call, step } => self.line(call).set_state(step.name()),
            EventKind::AgentStarted { call, model, .. } => {
                let model = model.as_deref().unwrap_or("agent");
                self.line(call).set_state(&one_line(model, 30));
            }
            EventKind::ToolUsed { call, tool, summary } => {
                let text = one_line(&format!("{tool} {summary}"), 60);
                self.line(call).change(|line| line.last_tool = text);
            }
            EventKind::AgentProgress { call, turns, usage } => self.line(call).change(|line| {
                line.turns = *turns;
                line.tokens = usage.tokens();
            }),
            EventKind::AgentEnded { call, .. } => self.line(call).set_state("ended"),
            EventKind::AttemptEnded { task, .. } => self.finish(|call| call.task.as_ref() == Some(task)),
            EventKind::MeasureEnded { .. } | EventKind::MeasureFailed { .. } => self.finish(|call| call.task.is_none()),
            EventKind::RunEnded { .. } => self.finish(|_| true),
            _ => {}
        }
    }

    fn line(&mut self, call: &CallName) -> &mut LiveLine {
        self.calls.entry(call.clone()).or_insert_with(|| {
            let bar = self.screen.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}");
            bar.set_style(style.expect("the template is a constant that parses"));
            bar.set_prefix(call.to_string());
            bar.enable_steady_tick(Duration::from_millis(120));
            LiveLine {
                bar,
                state: String::new(),
                turns: 0,
                tokens: 0,
                last_tool: String::new(),
            }
        })
    }

    fn finish(&mut self, which: impl Fn(&CallName) -> bool) {
        self.calls.retain(|call, line| {
            let done = which(call);
            if done {
                line.bar.finish_and_clear();
            }
            !done
        });
    }
}

impl LiveLine {
    fn set_state(&mut self, state: &str) {
        self.change(|line| state.clone_into(&mut line.state));
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        change(self);
        let turns = if self.turns == 0 {
            String::new()
        } else {
            format!(", {} turns", self.turns)
        };
        let used = if self.tokens == 0 {
            String::new()
        } else {
            format!(", {} tokens", tokens(self.tokens))
        };
        let tool = if self.last_tool.is_empty() {
            String::new()
        } else {
            format!(", {}", self.last_tool)
        };
        self.bar.set_message(format!("{}{turns}{used}{tool}", self.state));
    }
}
