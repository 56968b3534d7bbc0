//! The page with all repositories, and what their last runs do.

use serde::Serialize;

use super::frame::{Content, Frame, TITLE, rendered};
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::cli::serve::asked::Asked;
use crate::cli::serve::repositories::Repository;
use crate::lifecycle::{RegisteredRun, RegisteredState, registered};
use crate::report::numbers::{counted, dollars};
use crate::report::page::Word;
use crate::report::time::moment;
use crate::report::tone::Tone;

#[derive(Serialize)]
struct View {
    frame: Frame,
    repositories: Vec<Row>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    href: String,
    name: String,
    path: String,
    run: Option<Run>,
}

#[derive(Serialize)]
struct Run {
    href: String,
    name: String,
    generation: String,
    state: Word,
    began: String,
    so_far: String,
}

/// Shows the repositories.
pub(super) fn content(asked: &Asked<'_>) -> Result<Content> {
    let (served, mut problems) = asked.site.scope.all(&asked.site.context)?;
    let registered = registered(&asked.site.context.environment)?;
    for problem in registered.problems {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    let rows = served.iter().map(|one| {
        let run = registered.runs.iter().find(|run| run.repository == one.path);
        row(asked, one, run)
    });
    let rows: Vec<Row> = rows.collect();
    let at_work = registered
        .runs
        .iter()
        .filter(|run| run.state != RegisteredState::Ended && served.iter().any(|one| one.path == run.repository));
    let said = format!(
        "{}, {} at work.",
        repositories(rows.len()),
        counted(at_work.count(), "run")
    );
    let frame = Frame::of_site(asked, "Repositories");
    let view = View {
        frame,
        repositories: rows,
        problems,
    };
    rendered(asked, None, ("live/repositories.html", "Repositories", said), &view)
}

fn repositories(count: usize) -> String {
    if count == 1 {
        "1 repository".to_owned()
    } else {
        format!("{count} repositories")
    }
}

fn row(asked: &Asked<'_>, repository: &Repository, run: Option<&RegisteredRun>) -> Row {
    let href = format!("/repositories/{}", repository.id);
    let zone = &asked.site.context.output.zone.0;
    Row {
        run: run.map(|run| Run {
            href: format!("{href}/runs/{}", run.run),
            name: run.run.to_string(),
            generation: run.generation.to_string(),
            state: state(run.state),
            began: moment(run.began, zone),
            so_far: run.so_far.map_or_else(String::new, |so_far| {
                format!(
                    "task {} of {}, {}",
                    so_far.task,
                    so_far.tasks,
                    dollars(so_far.usage.cost_usd)
                )
            }),
        }),
        name: one_line(&repository.name(), TITLE),
        path: one_line(&repository.path.display().to_string(), TITLE),
        href,
    }
}

fn state(state: RegisteredState) -> Word {
    match state {
        RegisteredState::Working => Word::new(None, "at work"),
        RegisteredState::Pausing => Word::new(Some(Tone::Held), "pausing"),
        RegisteredState::Paused => Word::new(Some(Tone::Held), "paused"),
        RegisteredState::Stopping => Word::new(Some(Tone::Held), "stopping"),
        RegisteredState::Silent => Word::new(Some(Tone::Bad), "does not answer"),
        RegisteredState::Ended => Word::new(None, "not at work"),
    }
}
