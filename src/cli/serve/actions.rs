//! What changes something, each by the library's call that the command makes, and answered as that prints it with `--json`.

use serde::Serialize;

use super::answer::Answer;
use super::asked::{Asked, parsed};
use super::site::Site;
use crate::base::error::Result;
use crate::cli::issues::tasks::Tasks;
use crate::issues::issue::Issue;
use crate::lifecycle::{Generator, RevertOptions};
use crate::model::{AttemptId, IssueId, TypedId};

/// Opens the tasks of the current generation, to change the one of the path.
fn tasks(asked: &Asked<'_>) -> Result<(Tasks, TypedId)> {
    let now = asked.site.context.environment.clock.now();
    let tasks = Tasks::new(asked.open()?.store()?, now);
    Ok((tasks, parsed(asked.part("task"))?))
}

/// Opens the repository, and finds the task of the path in the current generation.
fn task(asked: &Asked<'_>) -> Result<(Generator, IssueId)> {
    let generator = asked.open()?;
    let task = asked.task(&generator.store()?.read()?)?;
    Ok((generator, task))
}

fn json<T: Serialize>(asked: &Asked<'_>, value: &T) -> Result<Answer> {
    Answer::json(&asked.site.context.output, value)
}

/// Answers with the one task that was changed.
fn only(asked: &Asked<'_>, changed: &[Issue]) -> Result<Answer> {
    match changed {
        [only] => json(asked, only),
        several => json(asked, &several),
    }
}

/// Keeps a task from being worked on.
pub(super) fn hold(asked: &Asked<'_>) -> Result<Answer> {
    let (tasks, id) = tasks(asked)?;
    only(asked, &tasks.hold(&[id], asked.required("reason")?)?)
}

/// Releases a held task.
pub(super) fn release(asked: &Asked<'_>) -> Result<Answer> {
    let (tasks, id) = tasks(asked)?;
    let id = tasks.store.read()?.find(&id)?;
    let from = asked.text("from").map(parsed::<AttemptId>).transpose()?;
    only(asked, &tasks.release_with(&[id], asked.text("with"), from)?)
}

/// Adds a comment to a task.
pub(super) fn comment(asked: &Asked<'_>) -> Result<Answer> {
    let (tasks, id) = tasks(asked)?;
    only(asked, &tasks.comment(&[id], asked.required("text")?)?)
}

/// Answers what the agent of a task asks.
pub(super) fn answer(asked: &Asked<'_>) -> Result<Answer> {
    let (tasks, id) = tasks(asked)?;
    only(asked, &tasks.answer(&id, &asked.texts("texts"))?)
}

/// Closes a task.
pub(super) fn close(asked: &Asked<'_>) -> Result<Answer> {
    let (tasks, id) = tasks(asked)?;
    only(asked, &tasks.close(&[id], asked.text("reason"))?)
}

/// Merges the result that a task was held for.
pub(super) fn accept(asked: &Asked<'_>) -> Result<Answer> {
    let (generator, id) = task(asked)?;
    json(asked, &generator.accept(&id)?)
}

/// Takes the work of a merged task out again.
pub(super) fn revert(asked: &Asked<'_>) -> Result<Answer> {
    let (generator, id) = task(asked)?;
    let options = RevertOptions {
        reason: asked.text("reason").map(str::to_owned),
        close: asked.is_set("close"),
    };
    json(asked, &generator.revert(&id, &options)?)
}

/// Says something to the agent that works on a task.
pub(super) fn say(asked: &Asked<'_>) -> Result<Answer> {
    let (generator, id) = task(asked)?;
    json(asked, &generator.say(&id, asked.required("text")?)?)
}

/// Pauses the run.
pub(super) fn pause(asked: &Asked<'_>) -> Result<Answer> {
    json(asked, &asked.request()?.pause_run(Some(asked.part("run")))?.0)
}

/// Lets a paused run go on.
pub(super) fn resume(asked: &Asked<'_>) -> Result<Answer> {
    json(asked, &asked.request()?.resume_run(Some(asked.part("run")))?)
}

/// Stops the run, and waits until it has ended. Whoever asked may be gone by then: the run stops all the same.
pub(super) async fn stop(site: &Site, (generator, run): (Generator, String), now: bool) -> Result<Answer> {
    let done = generator.stop_run(Some(&run), now, |_| {}).await?;
    Answer::json(&site.context.output, &done)
}
