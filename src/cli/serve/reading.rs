//! What the API returns: the documents that commands print with `--json`.

use serde::Serialize;

use super::answer::{Answer, ContentKind};
use super::asked::{Asked, parsed};
use super::transcript;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::cli::issues::{diff, list};
use crate::issues::issue::Status;
use crate::lifecycle::registered;
use crate::model::AttemptId;
use crate::model::generation::GenerationName;
use crate::record::overview::RunOutcome;

/// How many runs are listed unless the query says it.
const RUNS: u64 = 20;

fn json<T: Serialize>(asked: &Asked<'_>, value: &T) -> Result<Answer> {
    Answer::json(&asked.site.context.output, value)
}

/// Returns that the server answers.
#[expect(clippy::unnecessary_wraps, reason = "all that is asked may fail")]
pub(super) fn health(_: &Asked<'_>) -> Result<Answer> {
    Ok(Answer::new(ContentKind::Json, "{\"status\":\"ok\"}\n"))
}

/// A repository, as programs read it.
#[derive(Serialize)]
struct Served {
    id: String,
    name: String,
    path: std::path::PathBuf,
}

/// Lists the repositories.
pub(super) fn repositories(asked: &Asked<'_>) -> Result<Answer> {
    let (all, _) = asked.site.scope.all(&asked.site.context)?;
    let served = all.into_iter().map(|one| Served {
        name: one.name(),
        id: one.id,
        path: one.path,
    });
    json(asked, &served.collect::<Vec<_>>())
}

/// Lists the last runs of the repositories of the register that are served.
pub(super) fn registered_runs(asked: &Asked<'_>) -> Result<Answer> {
    let (served, _) = asked.site.scope.all(&asked.site.context)?;
    let mut runs = registered(&asked.site.context.environment)?.runs;
    runs.retain(|run| served.iter().any(|one| one.path == run.repository));
    json(asked, &runs)
}

/// Returns the state of a generation.
pub(super) fn status(asked: &Asked<'_>) -> Result<Answer> {
    json(asked, &asked.look()?.status()?)
}

/// Lists the generations.
pub(super) fn generations(asked: &Asked<'_>) -> Result<Answer> {
    json(asked, &asked.look()?.list()?)
}

/// Lists the runs.
pub(super) fn runs(asked: &Asked<'_>) -> Result<Answer> {
    let generator = asked.look()?;
    let limit = asked.number("limit")?.unwrap_or(RUNS);
    let prefix = generator.config().gen_prefix.clone();
    let is_of = |name: Option<&GenerationName>| {
        asked.query("of").is_none_or(|wanted| {
            let name = name.map(GenerationName::as_str);
            name.is_some_and(|name| name == wanted || name.strip_prefix(&prefix) == Some(wanted))
        })
    };
    let mut rows = asked.site.folds.runs(&generator)?;
    rows.retain(|row| row.outcome != RunOutcome::NotBegun && is_of(row.generation.as_ref()));
    if limit > 0 {
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    json(asked, &rows)
}

/// Returns everything about a run.
pub(super) fn run(asked: &Asked<'_>) -> Result<Answer> {
    let generator = asked.look()?;
    let run = asked.run(&generator)?;
    json(asked, &asked.site.folds.overview(&generator, &run)?)
}

/// Lists tasks.
pub(super) fn tasks(asked: &Asked<'_>) -> Result<Answer> {
    let statuses = asked.all("status").map(status_of).collect::<Result<Vec<_>>>()?;
    let labels: Vec<String> = asked.all("label").map(str::to_owned).collect();
    let issues = asked.tasks()?.read()?;
    json(
        asked,
        &list::found(&issues, (&statuses, &labels, asked.query("group")))?,
    )
}

/// Returns the status of a word that people know.
pub(super) fn status_of(word: &str) -> Result<Status> {
    match word {
        "open" => Ok(Status::Open),
        "in_progress" => Ok(Status::InProgress),
        "held" | "blocked" => Ok(Status::Blocked),
        "closed" => Ok(Status::Closed),
        other => {
            let message = format!("`{}` is not a status", one_line(other, 60));
            Err(Error::new(ErrorKind::Usage, message).hint("`open`, `in_progress`, `held` and `closed` are"))
        }
    }
}

/// Returns everything about a task.
pub(super) fn task(asked: &Asked<'_>) -> Result<Answer> {
    let issues = asked.tasks()?.read()?;
    json(asked, issues.get(&asked.task(&issues)?)?)
}

/// Returns what an attempt changed.
pub(super) fn diff(asked: &Asked<'_>) -> Result<Answer> {
    let store = asked.tasks()?;
    let issues = store.read()?;
    let attempt = attempt_of(asked)?;
    let issue = issues.get(&asked.task(&issues)?)?;
    json(
        asked,
        &diff::Document::of(store.git(), issue, attempt, asked.says("stat")?)?,
    )
}

/// Returns the attempt of the query.
pub(super) fn attempt_of(asked: &Asked<'_>) -> Result<Option<AttemptId>> {
    asked.query("attempt").map(parsed).transpose()
}

/// Returns a part of what an agent said and did.
pub(super) fn transcript(asked: &Asked<'_>) -> Result<Answer> {
    let records = asked.query("records").unwrap_or_default();
    let after = asked.number("after")?.unwrap_or_default();
    json(asked, &transcript::part(&asked.look()?, records, after)?)
}

/// Returns what calls used.
pub(super) fn usage(asked: &Asked<'_>) -> Result<Answer> {
    json(asked, &asked.look()?.usage()?)
}

/// Returns what tasks took.
pub(super) fn task_figures(asked: &Asked<'_>) -> Result<Answer> {
    json(asked, &asked.look()?.task_figures()?)
}

/// Returns how models did.
pub(super) fn model_figures(asked: &Asked<'_>) -> Result<Answer> {
    json(asked, &asked.look()?.model_figures(false)?)
}
