//! `runs logs`.

use std::os::fd::AsFd as _;
use std::str::FromStr as _;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, civil};

use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::base::text::one_line;
use crate::cli::Context;
use crate::cli::signal::{self, OnSignal};
use crate::lifecycle::{Generator, Next, RunEvents, Talk};
use crate::model::{IssueId, RunId, TypedId};
use crate::record::event::{CallName, Event};
use crate::record::event_lines::EventLine;
use crate::record::overview::RunOutcome;
use crate::report::logs::{Level, LogLine, LogLines};
use crate::report::output::Page;
use crate::report::runs::no_end;
use crate::report::terminal::width;

/// The arguments of `runs logs`.
#[derive(Clone, Debug, Args)]
pub(super) struct LogsArgs {
    /// Name of the run or the first letters of it, or a generation, for its last run [default: the run that is at work, else
    /// the last one]
    #[arg(value_name = "RUN|NAME")]
    run: Option<String>,
    /// Only what is about this task, by its id or the first letters of it; it may stand alone
    #[arg(value_name = "TASK")]
    task: Option<String>,
    /// Go on with what is new, until the run has ended
    #[arg(short, long)]
    follow: bool,
    /// Only what happened since then: `10m` ago, `14:30` today, `2026-11-30 14:30`, or a moment of RFC 3339
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only what is as weighty as this, or weightier [default: agent; in JSON all]
    #[arg(long, value_enum)]
    level: Option<Level>,
}

/// What is shown of a run.
struct Wanted {
    run: RunId,
    task: Option<IssueId>,
    /// Whether the run has recorded nothing of the task yet.
    is_awaited: bool,
    since: Option<Timestamp>,
    level: Level,
}

impl Wanted {
    fn of(args: &LogsArgs, generator: &Generator, context: &Context) -> Result<Self> {
        // Before anything is looked for: what is typed wrong is told as that.
        let (now, zone) = (context.environment.clock.now(), &context.output.zone.0);
        let since = args.since.as_deref().map(|text| moment(text, now, zone)).transpose()?;
        let (run, task) = match (args.run.as_deref(), args.task.as_deref()) {
            (Some(run), Some(task)) => {
                let run = generator.find_run(Some(run))?;
                let task = find_task(generator, &run, task, args.follow)?;
                (run, Some(task))
            }
            (Some(one), None) => run_or_task(generator, one, args.follow)?,
            (None, _) => (generator.find_run(None)?, None),
        };
        let most = if context.output.json { Level::All } else { Level::Agent };
        let (task, is_awaited) = task.unzip();
        Ok(Self {
            task,
            is_awaited: is_awaited.unwrap_or_default(),
            run,
            since,
            level: args.level.unwrap_or(most),
        })
    }

    fn has_call(&self, call: &CallName) -> bool {
        self.task.is_none() || self.task == call.task
    }

    fn has(&mut self, event: &Event) -> bool {
        let is_recent = self.since.is_none_or(|since| event.at >= since);
        let has = is_recent && self.task.as_ref().is_none_or(|task| event.kind.is_about(task));
        self.is_awaited &= !has;
        has
    }
}

/// A task of a run, and whether that may still begin it.
type Found = (IssueId, bool);

/// Returns the run, or the task of the last run, that one word names.
fn run_or_task(generator: &Generator, word: &str, follow: bool) -> Result<(RunId, Option<Found>)> {
    let unknown = match generator.find_run(Some(word)) {
        Ok(run) => return Ok((run, None)),
        Err(error) => error,
    };
    let run = generator.find_run(None)?;
    match find_task(generator, &run, word, follow) {
        Ok(task) => Ok((run, Some(task))),
        Err(_) => Err(unknown),
    }
}

/// Finds a task of a run; where that is followed, also one that it may still begin.
fn find_task(generator: &Generator, run: &RunId, typed: &str, follow: bool) -> Result<Found> {
    let wanted = typed
        .parse::<TypedId>()
        .map_err(|error| Error::new(ErrorKind::Usage, error))?;
    let overview = generator.overview(run)?;
    let ids: Vec<&IssueId> = overview.tasks.iter().map(|row| &row.task).collect();
    if let Some(id) = ids.iter().find(|id| wanted.is(id)) {
        return Ok(((*id).clone(), false));
    }
    let mut begin = ids.into_iter().filter(|id| wanted.begins(id));
    match (begin.next(), begin.next()) {
        (Some(id), None) => Ok((id.clone(), false)),
        (None, _) => {
            if follow && let Some(id) = generator.task_to_come(&overview.run, &wanted)? {
                return Ok((id, true));
            }
            let message = format!("run {run} has attempted no task `{}`", one_line(typed, 60));
            Err(Error::new(ErrorKind::Usage, message)
                .hint(format!("`cordwainer runs show {run}` shows what it has attempted")))
        }
        (Some(_), Some(_)) => {
            let message = format!("`{}` is the beginning of several ids", one_line(typed, 60));
            Err(Error::new(ErrorKind::Usage, message).hint("type one more letter of the id"))
        }
    }
}

/// Reads when a person means.
fn moment(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    let in_zone = |at: civil::DateTime| at.to_zoned(zone.clone()).map(|at| at.timestamp()).ok();
    let ago = || {
        let span = Span::from_str(text).ok()?.abs();
        Some(now.to_zoned(zone.clone()).checked_sub(span).ok()?.timestamp())
    };
    let today = || {
        // Of a number alone it is not known what it counts.
        let time = text.contains(':').then(|| text.parse::<civil::Time>().ok())??;
        in_zone(now.to_zoned(zone.clone()).date().to_datetime(time))
    };
    let found = text
        .parse::<Timestamp>()
        .ok()
        .or_else(ago)
        .or_else(|| in_zone(text.parse::<civil::DateTime>().ok()?))
        .or_else(today);
    found.ok_or_else(|| {
        let message = format!("`--since {}` is not a moment", one_line(text, 60));
        Error::new(ErrorKind::Usage, message)
            .hint("write `10m`, `2h` or `1d`, `14:30`, `2026-11-30 14:30`, or `2026-11-30T14:30:00Z`")
    })
}

pub(super) fn execute(args: &LogsArgs, generator: &Generator, context: &Context) -> Result<u8> {
    signal::listen(OnSignal::Leave, context)?;
    let wanted = Wanted::of(args, generator, context)?;
    let mut log = Log {
        page: context.output.page(),
        lines: LogLines::new(&context.output.zone, width(), wanted.level),
        events: generator.run_events(&wanted.run),
        talk: (!context.output.json && wanted.level >= Level::Agent).then(|| generator.talk_of(&wanted.run)),
        wanted,
        context,
    };
    let stdout = std::io::stdout();
    log.say_whether_awaited("has not begun yet: it is shown once it does.");
    loop {
        log.show_what_is_there()?;
        if context.output.is_reader_gone() || !args.follow {
            return Ok(exit::DONE);
        }
        match log.events.wait(Some(stdout.as_fd()), log.talk.is_some())? {
            Next::More => {}
            Next::ReaderGone => return Ok(exit::DONE),
            Next::Ended => break,
        }
    }
    log.tell_end(generator)?;
    log.say_whether_awaited("has not begun in this run, which has ended.");
    Ok(exit::DONE)
}

/// A log that is being shown.
struct Log<'a> {
    page: Page<'a>,
    lines: LogLines,
    events: RunEvents,
    /// The words of agents, where they are shown.
    talk: Option<Talk>,
    wanted: Wanted,
    context: &'a Context,
}

impl Log<'_> {
    /// Shows everything up to the present.
    fn show_what_is_there(&mut self) -> Result<()> {
        let level = self.wanted.level;
        let has_all = level == Level::All;
        while let Some(line) = self.events.next_wanted(|kind| is_shown(kind, level))? {
            match line {
                EventLine::Event(event, json) if self.context.output.json => {
                    let is_wanted = self.wanted.has(&event);
                    if is_wanted && (has_all || !self.lines.of_event(&event, false, true).is_empty()) {
                        self.page.add_json(json)?;
                    }
                }
                EventLine::Event(event, _) => {
                    let is_told = match &mut self.talk {
                        Some(talk) => {
                            let (page, lines, wanted) = (&mut self.page, &mut self.lines, &self.wanted);
                            let is_recent = wanted.since.is_none_or(|since| event.at >= since);
                            talk.up_to(&event, &mut |(call, saying)| {
                                if is_recent && wanted.has_call(call) {
                                    add(page, &lines.of_saying(event.at, call, &saying))?;
                                }
                                Ok(())
                            })?
                        }
                        None => false,
                    };
                    let lines = self.lines.of_event(&event, is_told, self.wanted.has(&event));
                    add(&mut self.page, &lines)?;
                }
                EventLine::Unreadable(unread) => {
                    let words = unread.in_words();
                    if self.context.output.json {
                        self.context.output.say(&format!("Warning: {words}."));
                    } else {
                        add(
                            &mut self.page,
                            self.lines.note(&format!("Warning: {words}.")).as_slice(),
                        )?;
                    }
                }
            }
            if self.context.output.is_reader_gone() {
                return Ok(());
            }
        }
        self.show_talk()?;
        self.page.write()
    }

    /// Shows what agents say of which there is no event yet.
    fn show_talk(&mut self) -> Result<()> {
        let Some(talk) = &mut self.talk else { return Ok(()) };
        let (page, lines, wanted) = (&mut self.page, &mut self.lines, &self.wanted);
        talk.up_to_now(&mut |at, (call, saying)| {
            if wanted.has_call(call) && wanted.since.is_none_or(|since| at >= since) {
                add(page, &lines.of_saying(at, call, &saying))?;
            }
            Ok(())
        })
    }

    /// Says what is so of a task as long as the run has recorded nothing of it.
    fn say_whether_awaited(&self, what: &str) {
        if let Some(task) = self.wanted.task.as_ref().filter(|_| self.wanted.is_awaited) {
            self.context.output.say(&format!("{task} {what}"));
        }
    }

    /// Tells of a run that it recorded no end, where that is so.
    fn tell_end(&self, generator: &Generator) -> Result<()> {
        if !self.events.has_end() && generator.overview(&self.wanted.run)?.run.outcome == RunOutcome::Died {
            self.context.output.say(&no_end(&self.wanted.run));
        }
        Ok(())
    }
}

/// Returns whether lines of a level show events of a type. Most events are of these few.
fn is_shown(kind: &[u8], level: Level) -> bool {
    match kind {
        b"agent_progress" => level == Level::All,
        b"tool_used" | b"agent_said" => level >= Level::Agent,
        _ => true,
    }
}

fn add(page: &mut Page<'_>, lines: &[LogLine]) -> Result<()> {
    lines.iter().try_for_each(|line| page.add_line(&line.time, &line.line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (text, expect) in [
            ("10m", Some("2026-11-30T11:50:00Z")),
            ("2h", Some("2026-11-30T10:00:00Z")),
            ("1h 30m", Some("2026-11-30T10:30:00Z")),
            ("1d", Some("2026-11-29T12:00:00Z")),
            ("10", None),
            ("12:30", Some("2026-11-30T11:30:00Z")),
            ("2026-11-29 14:30", Some("2026-11-29T13:30:00Z")),
            ("2026-11-29", Some("2026-11-28T23:00:00Z")),
            ("2026-11-29T14:30:00Z", Some("2026-11-29T14:30:00Z")),
            ("yesterday", None),
            ("", None),
        ] {
            let found = moment(text, now, &zone);
            assert_eq!(found.ok(), expect.map(|text| text.parse().unwrap()), "{text}");
        }
    }
}
