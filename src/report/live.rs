//! The live lines of a terminal: one for the run as a whole, and one below it for each call under way.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;

use crate::base::text::one_line;
use crate::model::{Role, Usage};
use crate::record::event::{CallName, Event, EventKind};
use crate::report::numbers::{counted, dollars, tokens};
use crate::report::terminal::Screen;
use crate::report::time::duration;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// The lines, redrawn as events come in.
pub(super) struct LiveLines {
    screen: Screen,
    run: Option<RunLine>,
    /// The line of a pause, which counts down where it is known how long it lasts.
    pause: Option<ProgressBar>,
    calls: HashMap<CallName, LiveLine>,
}

/// The line of a run: how many tasks, how much money and time, what is left.
struct RunLine {
    bar: ProgressBar,
    totals: Totals,
}

/// What a run came to so far.
#[derive(Clone, Debug, Default, PartialEq)]
struct Totals {
    task: usize,
    tasks: usize,
    usage: Usage,
    left_usd: Option<f64>,
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
            run: None,
            pause: None,
            calls: HashMap::new(),
        }
    }

    /// Redraws what an event changes.
    pub(super) fn update(&mut self, event: &Event) {
        if !matches!(event.kind, EventKind::Paused { .. }) {
            self.end_pause();
        }
        match &event.kind {
            EventKind::RunStarted { .. } => self.get_ready(),
            EventKind::RunProgress {
                task,
                tasks,
                usage,
                left_usd,
            } => self.show_totals(Totals {
                task: *task,
                tasks: *tasks,
                usage: *usage,
                left_usd: *left_usd,
            }),
            EventKind::Paused { until, .. } => self.begin_pause(*until, event.at),
            EventKind::RunPaused { at_work: 0 } => self.pause = Some(ticking(&self.screen, "{spinner} paused, {time}")),
            // The calls of the attempt before it have ended.
            EventKind::RoundStarted { task, .. } => self.finish(|call| call.task.as_ref() == Some(task)),
            EventKind::StepStarted { call, step } => {
                // The call that it comes after has ended.
                self.finish(|other| call.task.is_some() && other.task == call.task && other.role != call.role);
                self.line(call).set_state(step.name());
            }
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
            EventKind::AgentEnded { call, entry, .. } => {
                self.line(call).set_state("ended");
                self.add_to_totals(&entry.usage);
            }
            EventKind::AttemptEnded { task, .. } => self.finish(|call| call.task.as_ref() == Some(task)),
            EventKind::MeasureRefused { .. }
            | EventKind::MeasureEnded { .. }
            | EventKind::MeasurePlanned(_)
            | EventKind::MeasureFailed(_)
            | EventKind::Audit(_)
            | EventKind::GroupsPlanned(_)
            | EventKind::GroupReviewed(_) => {
                self.finish(|call| call.task.is_none());
            }
            EventKind::RunEnded { .. } => self.end(),
            _ => {}
        }
    }

    /// Shows that the run looks for what an earlier one left; cleaning that up may take some seconds.
    fn get_ready(&mut self) {
        self.run = Some(RunLine {
            bar: ticking(&self.screen, "{spinner} looking for what an earlier run left, {time}"),
            totals: Totals::default(),
        });
    }

    fn show_totals(&mut self, totals: Totals) {
        let screen = &self.screen;
        let run = self.run.get_or_insert_with(|| RunLine {
            bar: ticking(screen, "{spinner}"),
            totals: Totals::default(),
        });
        run.totals = totals;
        run.show();
    }

    /// Adds what a call used; what is left of a budget follows with the next step, which knows all of it.
    fn add_to_totals(&mut self, usage: &Usage) {
        if let Some(run) = &mut self.run {
            run.totals.usage += *usage;
            run.totals.left_usd = run.totals.left_usd.map(|left| (left - usage.cost_usd).max(0.0));
            run.show();
        }
    }

    fn begin_pause(&mut self, until: Timestamp, now: Timestamp) {
        self.end_pause();
        let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        let bar = ticking(&self.screen, "{spinner}");
        bar.set_style(style("{spinner} paused, {left} left").with_key(
            "left",
            move |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                let left = wait.saturating_sub(state.elapsed());
                // What cannot be written is not shown; the next tick tries again.
                let _ = write!(text, "{}", duration(Duration::from_secs(left.as_secs().max(1))));
            },
        ));
        self.pause = Some(bar);
    }

    fn end_pause(&mut self) {
        if let Some(bar) = self.pause.take() {
            bar.finish_and_clear();
        }
    }

    fn line(&mut self, call: &CallName) -> &mut LiveLine {
        self.calls.entry(call.clone()).or_insert_with(|| {
            let bar = ticking(&self.screen, "  {prefix} {time} {wide_msg}");
            bar.set_prefix(match (call.role, call.round) {
                (role @ (Role::Review | Role::Stage(_)), number) => format!("{call}, {role} {number}"),
                (_, 0) => call.to_string(),
                (_, round) => format!("{call}, fix round {round}"),
            });
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

    fn end(&mut self) {
        self.finish(|_| true);
        if let Some(run) = self.run.take() {
            run.bar.finish_and_clear();
        }
    }
}

/// A live line for something that is waited for, until this is dropped.
pub(crate) struct Waiting(ProgressBar);

impl Waiting {
    /// Shows what is waited for, and how long.
    pub(crate) fn begin(screen: &Screen, what: &str) -> Self {
        let bar = ticking(screen, "{spinner} {msg}, {time}");
        bar.set_message(what.to_owned());
        Self(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Adds a line that is redrawn as time passes.
fn ticking(screen: &Screen, template: &str) -> ProgressBar {
    let bar = screen.add(ProgressBar::new_spinner());
    bar.set_style(style(template));
    bar.enable_steady_tick(TICK);
    bar
}

/// Returns the style of a template, in which `time` is how long the line is there.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the template is a constant that parses");
    style.with_key("time", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // What cannot be written is not shown; the next tick tries again.
        let _ = write!(text, "{}", whole(state.elapsed()));
    })
}

/// Formats a duration without tenths, which would only flicker.
fn whole(time: Duration) -> String {
    match time.as_secs() {
        0 => "0 s".to_owned(),
        seconds => duration(Duration::from_secs(seconds)),
    }
}

impl RunLine {
    fn show(&self) {
        let totals = self.totals.clone();
        self.bar.set_style(style("{spinner} {totals}").with_key(
            "totals",
            move |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                // What cannot be written is not shown; the next tick tries again.
                let _ = write!(text, "{}", totals.words(state.elapsed()));
            },
        ));
    }
}

impl Totals {
    /// Returns them in one line: `task 3 of 7, $1.20, 12 min 4 s, $3.80 left`.
    fn words(&self, elapsed: Duration) -> String {
        let tasks = match (self.task, self.tasks) {
            (0, 0) => "no task yet".to_owned(),
            (0, tasks) => counted(tasks, "task"),
            (task, tasks) => format!("task {task} of {tasks}"),
        };
        let left = self.left_usd.map(|left| format!(", {} left", dollars(left)));
        format!(
            "{tasks}, {}, {}{}",
            dollars(self.usage.cost_usd),
            whole(elapsed),
            left.unwrap_or_default()
        )
    }
}

impl LiveLine {
    fn set_state(&mut self, state: &str) {
        self.change(|line| state.clone_into(&mut line.state));
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        change(self);
        self.bar.set_message(self.words());
    }

    fn words(&self) -> String {
        let mut text = self.state.clone();
        if self.turns > 0 {
            text.push_str(&format!(", {}", counted(self.turns as usize, "turn")));
        }
        if self.tokens > 0 {
            text.push_str(&format!(", {} tokens", tokens(self.tokens)));
        }
        if !self.last_tool.is_empty() {
            text.push_str(&format!(", {}", self.last_tool));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(task: usize, tasks: usize, cost_usd: f64, left_usd: Option<f64>) -> Totals {
        Totals {
            task,
            tasks,
            usage: Usage {
                cost_usd,
                ..Usage::default()
            },
            left_usd,
        }
    }

    #[test]
    fn a_run_is_summed_up_in_one_line() {
        let elapsed = Duration::from_millis(724_400);
        for (totals, expect) in [
            (
                totals(3, 7, 1.2, Some(3.8)),
                "task 3 of 7, $1.20, 12 min 4 s, $3.80 left",
            ),
            (totals(1, 1, 0.0, None), "task 1 of 1, $0.00, 12 min 4 s"),
            (totals(0, 2, 0.0, None), "2 tasks, $0.00, 12 min 4 s"),
            (totals(0, 0, 0.0, None), "no task yet, $0.00, 12 min 4 s"),
        ] {
            assert_eq!(totals.words(elapsed), expect);
        }
        assert_eq!(totals(1, 1, 0.0, None).words(Duration::ZERO), "task 1 of 1, $0.00, 0 s");
    }

    fn event(kind: EventKind) -> Event {
        Event {
            at: Timestamp::UNIX_EPOCH,
            kind,
        }
    }

    #[test]
    fn no_line_outlives_its_call_or_pause() {
        let mut live = LiveLines::new(Screen::default());
        let call = |attempt| CallName {
            role: Role::Measure,
            task: None,
            attempt,
            round: 0,
            candidate: 0,
        };
        let progress = |attempt| EventKind::AgentProgress {
            call: call(attempt),
            turns: 1,
            usage: Usage::default(),
        };
        live.update(&event(progress(1)));
        assert_eq!(live.calls[&call(1)].words(), ", 1 turn");
        // Measure asks once more: the next call has a line of its own.
        live.update(&event(EventKind::MeasureRefused {
            filed: Vec::new(),
            problems: Vec::new(),
        }));
        live.update(&event(progress(2)));
        assert_eq!(live.calls.len(), 1);
        live.update(&event(EventKind::Paused {
            until: Timestamp::UNIX_EPOCH,
            reason: String::new(),
        }));
        assert!(live.pause.is_some());
        live.update(&event(EventKind::PauseLifted { reason: String::new() }));
        assert!(live.pause.is_none());
        live.update(&event(EventKind::RunProgress {
            task: 1,
            tasks: 1,
            usage: Usage::default(),
            left_usd: Some(1.0),
        }));
        live.add_to_totals(&Usage {
            cost_usd: 0.25,
            ..Usage::default()
        });
        let run = live.run.as_ref().unwrap();
        assert_eq!(
            run.totals,
            Totals {
                usage: run.totals.usage,
                ..totals(1, 1, 0.0, Some(0.75))
            }
        );
        live.end();
        assert!(live.run.is_none() && live.calls.is_empty());
    }
}
