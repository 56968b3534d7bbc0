//! `runs stop`: the run that is at work here, one of another repository, or all of them.

use std::path::Path;

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::cli::Context;
use crate::lifecycle::{Generator, Registered, RegisteredRun, RunEnd, RunStanding, registered};
use crate::report;
use crate::report::live::Waiting;

/// The arguments of `runs stop`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StopArgs {
    /// Name of the run or of its generation, here or in another repository of yours [default: the run that is at work on
    /// this repository]
    #[arg(value_name = "RUN|NAME")]
    name: Option<String>,
    /// Stop every run of yours, in all repositories
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Suspend what is in progress at once
    #[arg(long)]
    now: bool,
}

impl StopArgs {
    /// Returns whether another repository's run may be meant, for which this one need not be there.
    pub(crate) fn is_for_any(&self) -> bool {
        self.all || self.name.is_some()
    }
}

/// Stops the run of this repository.
pub(super) async fn here(args: &StopArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let mut waiting = None;
    let told = |run: &RunStanding| {
        say_stopping(run, args.now, context);
        waiting = wait(context);
    };
    let done = generator.stop_run(args.name.as_deref(), args.now, told).await?;
    drop(waiting);
    show(&done, context)
}

/// Stops the run that is named, wherever it is, or all of them.
pub(crate) async fn any(args: &StopArgs, context: &Context) -> Result<u8> {
    let Some(name) = &args.name else {
        return all(args.now, context).await;
    };
    let generator = Generator::open_to_request(&context.directory, context.environment.clone());
    // A name that this repository knows is never another one's.
    if let Ok(generator) = &generator
        && generator.knows_run(name)?
    {
        return here(args, generator, context).await;
    }
    let found = look(context)?;
    match (found.find(name), &generator) {
        (Ok(run), _) => {
            let mut waiting = None;
            let told = |standing: &RunStanding| {
                say_stopping(standing, args.now, context);
                waiting = wait(context);
            };
            let done = run.stop(args.now, told).await?;
            drop(waiting);
            show(&done, context)
        }
        (Err(error), Ok(generator)) if error.kind() == ErrorKind::NothingToDo => {
            match here(args, generator, context).await {
                Err(here) if here.kind() == ErrorKind::NothingToDo => Err(error),
                // Which says what names there are.
                other => other,
            }
        }
        (Err(error), _) => Err(error),
    }
}

/// Reads the register, and tells what of it cannot be read.
pub(crate) fn look(context: &Context) -> Result<Registered> {
    let found = registered(&context.environment)?;
    for problem in &found.problems {
        context.output.say(&format!("Warning: {problem}."));
    }
    Ok(found)
}

/// What came of the stop of one of all runs, as JSON.
#[derive(Serialize)]
struct Stopped<'a> {
    repository: &'a Path,
    run: &'a str,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'a crate::record::event::Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Stops all runs of the user, side by side, and waits until they have ended.
async fn all(now: bool, context: &Context) -> Result<u8> {
    let found = look(context)?;
    let runs: Vec<RegisteredRun> = found.at_work().cloned().collect();
    if runs.is_empty() {
        let message = "no run is at work in any repository of yours";
        return Err(Error::new(ErrorKind::NothingToDo, message).hint("`cordwainer run` begins one"));
    }
    let mut stopping = JoinSet::new();
    for (index, run) in runs.iter().cloned().enumerate() {
        let context = context.clone();
        stopping.spawn(async move {
            let told = |standing: &RunStanding| say_stopping(standing, now, &context);
            (index, run.stop(now, told).await)
        });
    }
    let waiting = wait(context);
    let mut ended: Vec<(usize, Result<RunEnd>)> = Vec::new();
    while let Some(joined) = stopping.join_next().await {
        ended.extend(joined.ok());
    }
    drop(waiting);
    ended.sort_by_key(|(index, _)| *index);
    // One that has ended by itself meanwhile is as it should be.
    ended.retain(|(_, done)| !done.as_ref().is_err_and(|error| error.kind() == ErrorKind::NothingToDo));
    let failed = ended.iter().find_map(|(_, done)| done.as_ref().err());
    let code = failed.map_or(exit::DONE, |error| exit::code(error.kind()));
    if context.output.json {
        let stopped = ended.iter().map(|(index, done)| stopped(&runs[*index], done));
        context.output.print_json(&stopped.collect::<Vec<_>>())?;
        return Ok(code);
    }
    for (index, done) in &ended {
        let run = &runs[*index];
        let place = run.place_in_words();
        match done {
            Ok(RunEnd { run, pid, .. }) => context
                .output
                .print(&format!("Run {run} (process {pid}) on {place} has ended."))?,
            Err(error) => {
                let hint = error.hint_text().map(|hint| format!(" ({hint})")).unwrap_or_default();
                context.output.say(&format!(
                    "Warning: the run on {place} could not be stopped: {}{hint}.",
                    error.in_a_line()
                ));
            }
        }
    }
    Ok(code)
}

fn stopped<'a>(run: &'a RegisteredRun, done: &'a Result<RunEnd>) -> Stopped<'a> {
    Stopped {
        repository: &run.repository,
        run: run.run.as_str(),
        pid: run.pid,
        end: done.as_ref().ok().and_then(|done| done.end.as_ref()),
        error: done.as_ref().err().map(Error::in_a_line),
    }
}

/// Names a run in the beginning of a sentence.
pub(super) fn whose(run: &RunStanding) -> String {
    format!("Run {} (process {})", run.id, run.pid)
}

fn say_stopping(run: &RunStanding, now: bool, context: &Context) {
    let how = if now {
        "what is in progress is suspended now"
    } else {
        "nothing new begins, and what is in progress has `stop_grace` to finish"
    };
    context.output.say(&format!("{} is stopping: {how}.", whose(run)));
}

fn wait(context: &Context) -> Option<Waiting> {
    let is_live = context.is_live();
    is_live.then(|| Waiting::begin(&context.output.screen, "waiting until the run has ended"))
}

fn show(done: &RunEnd, context: &Context) -> Result<u8> {
    if context.output.json {
        context.output.print_json(done)?;
        return Ok(exit::DONE);
    }
    let RunEnd { run, pid, end } = done;
    context.output.print(&format!("Run {run} (process {pid}) has ended."))?;
    let lines = end.iter().flat_map(|event| report::lasting(&context.output, event));
    for line in lines {
        context.output.print_line(&line)?;
    }
    Ok(exit::DONE)
}
