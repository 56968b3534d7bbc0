//! The lasting lines: one for each thing done, the same on a terminal and in a pipe.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::base::text::{one_line, sentence, size};
use crate::issues::attempt::Outcome;
use crate::issues::round::Fixing;
use crate::model::{CommitId, IssueId, Usage};
use crate::record::event::{AuditStep, Event, EventKind};
use crate::report::numbers::{counted, usage};
use crate::report::output::{Detail, Zone};
use crate::report::said::Said;
use crate::report::time::{duration, until};
use crate::report::tone::{Line, Tone, next_steps};
use crate::sandbox::guarantee::GuaranteeReport;

mod audit;
mod candidates;
mod gates;
mod groups;
mod measure;
mod more;
mod parts;
mod requests;

use self::parts::last_lines;
pub(crate) use self::parts::{ITS_OUTPUT, short_id};

/// Turns the events of a run into its lasting lines; what was said before is not repeated.
#[derive(Debug, Default)]
pub(super) struct Lines {
    zone: Zone,
    detail: Detail,
    said: Said,
    /// The gates that were told to be red, or not to pass yet, and have not passed since.
    not_passing: BTreeSet<(String, bool)>,
}

impl Lines {
    pub(super) fn new(zone: Zone) -> Self {
        Self {
            zone,
            ..Self::default()
        }
    }

    /// Says more, or less.
    pub(super) fn in_detail(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    /// Returns the lasting lines of an event; none for one that only changes the live lines.
    pub(super) fn of(&mut self, event: &Event) -> Vec<Line> {
        let mut lines = match &event.kind {
            EventKind::TaskHeld { task, reason } => vec![self.held(task, reason)],
            EventKind::Paused { until, reason } => vec![self.paused(*until, reason, event.at)],
            EventKind::RunEnded { .. } => self.run_ended(&event.kind, event.at),
            kind if self.is_known(kind) => Vec::new(),
            kind => {
                let tone = tone_of(kind);
                let line = |text: String| Line { tone, text };
                let has_more = self.detail == Detail::More;
                let more = || has_more.then(|| more::of(kind)).flatten();
                lasting(kind).or_else(more).map(line).into_iter().collect()
            }
        };
        match &event.kind {
            EventKind::AttemptEnded { outcome, reason, .. } => {
                self.said.note(&format!("{outcome}: {}", one_line(reason, 500)));
                self.said.note(&one_line(reason, 500));
            }
            EventKind::MeasureFailed(failed) => self.said.note(&one_line(&failed.reason, 1000)),
            EventKind::Paused { reason, .. } => self.said.note(&one_line(reason, 300)),
            _ => {}
        }
        if self.detail == Detail::Less && !matters(&event.kind) {
            lines.retain(|line| matches!(line.tone, Some(Tone::Bad | Tone::Held | Tone::Warning)));
        }
        lines
    }

    /// Returns whether an event only repeats of a gate, before another task, what was told of it.
    fn is_known(&mut self, event: &EventKind) -> bool {
        let EventKind::GateTried {
            gate, passed, not_yet, ..
        } = event
        else {
            return false;
        };
        if *passed {
            self.not_passing.retain(|(known, _)| known != gate);
            return false;
        }
        !self.not_passing.insert((gate.clone(), *not_yet))
    }

    fn held(&self, task: &IssueId, reason: &str) -> Line {
        let rest = match self.said.news(&one_line(reason, 500)) {
            Some(news) => format!(" for you: {}", sentence(&news)),
            None => " for you.".to_owned(),
        };
        Line::new(Tone::Held, format!("  {task}: held{rest}"))
    }

    fn paused(&self, at: Timestamp, reason: &str, now: Timestamp) -> Line {
        let until = until(at, now, &self.zone.0);
        let news = self.said.news(&one_line(reason, 300));
        let rest = news.map(|news| format!(": {news}")).unwrap_or_default();
        Line::new(Tone::Warning, sentence(&format!("Paused until {until}{rest}")))
    }

    fn run_ended(&self, event: &EventKind, now: Timestamp) -> Vec<Line> {
        let EventKind::RunEnded {
            reason,
            merged,
            changed,
            blocked,
            open,
            usage: used,
            fixing,
            reviews,
            paused_until,
            next,
        } = event
        else {
            return Vec::new();
        };
        let news = self.said.news(&one_line(reason, 500));
        let why = news.map_or_else(|| " for this reason".to_owned(), |news| format!(": {news}"));
        let why = match paused_until {
            Some(at) => {
                let until = until(*at, now, &self.zone.0);
                why.replacen("calls pause", &format!("calls pause until {until}"), 1)
            }
            None => why,
        };
        let end = sentence(&format!("Run ended{why}"));
        let merged = counted(usize::try_from(*merged).unwrap_or(usize::MAX), "task");
        let changed = changed.map(|size| format!(" ({size})")).unwrap_or_default();
        let fixing = fixing.as_ref().map(said_of_fixing).unwrap_or_default();
        let reviews = reviews.as_ref().map(said_of_reviews).unwrap_or_default();
        let text = format!(
            "{end} {merged} merged{changed}, {blocked} held, {open} open; {}.{fixing}{reviews}",
            usage(used)
        );
        let mut lines = vec![Line::from(text)];
        lines.extend(next_steps(next));
        lines
    }
}

/// Returns whether an event is told whatever its tone: the end, and what a person is asked.
fn matters(event: &EventKind) -> bool {
    matches!(event, EventKind::RunEnded { .. } | EventKind::QuestionAsked(_))
}

/// Returns the sentence about what reviews used, after a space.
fn said_of_reviews(used: &Usage) -> String {
    let count = usize::try_from(used.calls).unwrap_or(usize::MAX);
    format!(" {} used {}.", counted(count, "review"), usage(used))
}

/// Returns the sentence about what fix rounds came to, after a space.
fn said_of_fixing(fixing: &Fixing) -> String {
    let (tasks, rounds) = (counted(fixing.tasks, "task"), counted(fixing.rounds, "fix round"));
    format!(" {tasks} needed {rounds} ({}).", usage(&fixing.usage))
}

/// Returns the tone of an event's line.
fn tone_of(event: &EventKind) -> Option<Tone> {
    match event {
        EventKind::Warned { .. } | EventKind::MeterDiffered { .. } | EventKind::ServiceFailed { .. } => {
            Some(Tone::Warning)
        }
        EventKind::GateTried { .. }
        | EventKind::GateEnded { .. }
        | EventKind::GateFlaked(_)
        | EventKind::MergeJudged(_)
        | EventKind::ReviewEnded { .. }
        | EventKind::StageEnded(_) => gates::tone(event),
        EventKind::PreparationEnded { failed, .. } => Some(if failed.is_some() { Tone::Bad } else { Tone::Good }),
        EventKind::MeasureEnded { .. }
        | EventKind::MeasurePlanned(_)
        | EventKind::GroupsPlanned(_)
        | EventKind::GroupDone(_)
        | EventKind::Audit(AuditStep::Reported { complete: true, .. }) => Some(Tone::Good),
        EventKind::MeasureFailed(_) | EventKind::Audit(AuditStep::PartRead { failed: Some(_), .. }) => Some(Tone::Bad),
        EventKind::AttemptEnded { outcome, .. } => Some(Tone::from(*outcome)),
        _ => None,
    }
}

/// Returns the lasting line of an event that nothing before it changes; `None` for one that only changes the live lines.
fn lasting(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::RunStarted {
            run,
            generation,
            engine,
            image,
            ..
        } => {
            format!("Run {run} on {generation}: {}, image {image}.", without_socket(engine))
        }
        EventKind::Recovered { what } => sentence(&format!("Recovered: {what}")),
        EventKind::Warned { what } => sentence(&format!("Warning: {what}")),
        EventKind::MeasureStarted { .. }
        | EventKind::MeasureRefused { .. }
        | EventKind::ProposalsReviewed(_)
        | EventKind::MeasureEnded { .. }
        | EventKind::MeasurePlanned(_)
        | EventKind::MeasureFailed(_)
        | EventKind::GroupsAsked(_)
        | EventKind::GroupsPlanned(_)
        | EventKind::GroupReviewed(_)
        | EventKind::GroupDone(_) => measure::of_measure(event)?,
        EventKind::Audit(step) => audit::of_audit(step),
        EventKind::TaskClaimed { task, title, attempt } => {
            sentence(&format!("{task}: {}{}", one_line(title, 100), nth_attempt(*attempt)))
        }
        // A round always goes on with its session.
        EventKind::SessionResumed { call, .. } if call.round == 0 => format!("  {call}: continuing its session."),
        EventKind::Adopted(adopted) => format!("  {}: its agent was at work all the while, and goes on.", adopted.call),
        EventKind::AgentSaid { call, text } => format!("  {call}: {}", one_line(text, 200)),
        EventKind::GateEnded { .. }
        | EventKind::GateTried { .. }
        | EventKind::GateFlaked(_)
        | EventKind::MergeJudged(_)
        | EventKind::RoundStarted { .. }
        | EventKind::ReviewEnded { .. }
        | EventKind::StageEnded(_) => gates::line(event)?,
        EventKind::PreparationStarted { .. } | EventKind::PreparationEnded { .. } => of_preparation(event)?,
        EventKind::CandidateEnded(ended) => candidates::line(ended),
        EventKind::QuestionAsked(asked) => requests::question(asked),
        EventKind::AttemptEnded { .. } => attempt_ended(event)?,
        EventKind::PauseLifted { reason } => sentence(&format!("Continuing: {}", one_line(reason, 300))),
        EventKind::RunPaused { .. }
        | EventKind::StopRequested(_)
        | EventKind::Reloaded { .. }
        | EventKind::PersonSaid(_) => requests::line(event)?,
        EventKind::Sealed { .. } | EventKind::Denied { .. } | EventKind::MeterDiffered { .. } => {
            return of_gateway(event);
        }
        EventKind::ServiceReady { .. } | EventKind::ServiceFailed { .. } => of_service(event)?,
        EventKind::TaskHeld { .. }
        | EventKind::Paused { .. }
        | EventKind::RunEnded { .. }
        | EventKind::RunProgress { .. }
        | EventKind::Reached { .. }
        | EventKind::SessionResumed { .. }
        | EventKind::StepStarted { .. }
        | EventKind::GateStarted(_)
        | EventKind::AgentStarted { .. }
        | EventKind::ToolUsed { .. }
        | EventKind::AgentProgress { .. }
        | EventKind::AgentEnded { .. } => return None,
    })
}

/// Returns the description of an engine without its socket: `podman 4.3.1 (rootful)`.
fn without_socket(engine: &str) -> Cow<'_, str> {
    match engine.split_once(", `") {
        Some((before, _)) => Cow::Owned(format!("{before})")),
        None => Cow::Borrowed(engine),
    }
}

/// Returns the line about a service beside a container.
fn of_service(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::ServiceReady {
            call, service, seconds, ..
        } => format!("  {call}: service `{service}` is ready after {seconds} s."),
        EventKind::ServiceFailed {
            call,
            service,
            reason,
            output,
        } => {
            let reason = one_line(reason, 400);
            format!("  {call}: service `{service}` {reason}{}", last_lines(output, "    "))
        }
        _ => return None,
    })
}

/// Returns the lines about dependencies that are prepared.
fn of_preparation(event: &EventKind) -> Option<String> {
    // A task's own lines begin with its id.
    let of = |task: &Option<IssueId>, of_task: &str, alone: &str| match task {
        Some(task) => format!("  {task}: {of_task}"),
        None => alone.to_owned(),
    };
    Some(match event {
        EventKind::PreparationStarted { task, command } => sentence(&format!(
            "{} dependencies: `{}`",
            of(task, "preparing", "Preparing"),
            one_line(command, 120)
        )),
        EventKind::PreparationEnded {
            task,
            failed: Some(how),
            output,
            ..
        } => {
            // Where no task has touched the commit, the error that ends the run has the output.
            let output = if task.is_some() { output.as_slice() } else { &[] };
            let failed = format!(
                "{} could not be prepared: {how}",
                of(task, "dependencies", "Dependencies")
            );
            failed + &last_lines(output, "    ")
        }
        EventKind::PreparationEnded {
            task,
            seconds,
            bytes,
            folders,
            dropped,
            ..
        } => {
            let mut kept: Vec<_> = folders.iter().take(5).map(|path| one_line(path, 60)).collect();
            if folders.len() > kept.len() {
                kept.push(format!("{} more", folders.len() - kept.len()));
            }
            kept.push("caches".to_owned());
            let mut text = format!(
                "{} prepared in {seconds:.1} s: {}, {}.",
                of(task, "dependencies", "Dependencies"),
                kept.join(", "),
                size(*bytes)
            );
            if !dropped.is_empty() {
                text.push_str(&format!(
                    "\n  Not kept, for git would record it or it is a single file:{}",
                    measure::bullets(dropped)
                ));
            }
            text
        }
        _ => return None,
    })
}

/// Returns how an attempt ended.
fn attempt_ended(event: &EventKind) -> Option<String> {
    let EventKind::AttemptEnded {
        task,
        outcome,
        reason,
        commit,
        changed,
        usage: used,
        interfaces,
        seconds,
        ..
    } = event
    else {
        return None;
    };
    let changed = changed.filter(|_| *outcome == Outcome::Merged);
    let changed = changed.map(|stat| format!("{stat}, ")).unwrap_or_default();
    let time = duration(Duration::try_from_secs_f64(*seconds).unwrap_or_default());
    let said = outcome_line(*outcome, reason, commit.as_ref().map(CommitId::as_str));
    // What is in parentheses belongs to the sentence.
    let said = said.trim_end_matches('.');
    let mut text = format!("  {task}: {said} ({changed}{time}, {}).", usage(used));
    if !interfaces.is_empty() {
        text.push_str(&format!("\n  {task}: public interfaces changed:"));
    }
    for line in interfaces {
        text.push_str(&format!("\n    {}", one_line(line, 500)));
    }
    Some(text)
}

/// Returns what a gateway reports of its container.
fn of_gateway(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::Sealed { call, engine, report } => format!("  {call}: {}", weaker(engine, report)?),
        EventKind::Denied { call, what } => sentence(&format!("  {call}: refused: {what}")),
        EventKind::MeterDiffered { call, client, gateway } => format!(
            "Warning: {call}: the client reports {}, and the model's API {}.",
            usage(client),
            usage(gateway)
        ),
        _ => return None,
    })
}

/// Returns what a container lacks; `None` where it lacks nothing.
fn weaker(engine: &str, report: &GuaranteeReport) -> Option<String> {
    if let Some(refusal) = report.refusal(engine) {
        return Some(format!("{refusal}."));
    }
    let relaxed: Vec<&str> = report.relaxed().map(|guarantee| guarantee.item.name()).collect();
    let names = relaxed.join("`, `");
    (!relaxed.is_empty()).then(|| format!("the container lacks `{names}`, which `container.relax` allows."))
}

fn nth_attempt(attempt: u32) -> String {
    if attempt == 1 {
        String::new()
    } else {
        format!(" (attempt {attempt})")
    }
}

fn outcome_line(outcome: Outcome, reason: &str, commit: Option<&str>) -> String {
    match (commit, reason) {
        (Some(commit), _) => format!("{outcome} as {}", short_id(commit)),
        (None, reason) if reason.is_empty() || reason == outcome.to_string() => outcome.to_string(),
        (None, reason) => format!("{outcome}: {}", one_line(reason, 500)),
    }
}
