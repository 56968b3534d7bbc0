//! The pages: which there are, the shell that each of them is for a browser without the token, and their contents.

use axum::http::StatusCode;
use serde::Serialize;

use super::answer::{Answer, ContentKind};
use super::asked::Asked;
use super::fields::Parameter;
use crate::base::error::Result;
use crate::report::page::STYLE;

mod frame;
mod graph;
mod held;
mod repositories;
mod run;
mod runs;
mod task;
mod task_parts;
mod tasks;
mod usage;

use self::frame::Content;

/// A page.
pub(super) struct Page {
    /// Its path, with the names of its parts in braces.
    pub(super) path: &'static str,
    pub(super) query: &'static [Parameter],
    content: fn(&Asked<'_>) -> Result<Content>,
}

const GENERATION: Parameter = Parameter::once("generation", "Generation, ended or not; without it, the current one");

/// All pages.
pub(super) static PAGES: [Page; 7] = [
    Page::new("/", &[], repositories::content),
    Page::new("/repositories/{repository}", &[], runs::content),
    Page::new("/repositories/{repository}/runs/{run}", &[], run::content),
    Page::new(
        "/repositories/{repository}/tasks",
        &[
            GENERATION,
            Parameter::repeated("status", "Only tasks with this status"),
            Parameter::once("label", "Only tasks with this label"),
            Parameter::once("group", "Only tasks of this group"),
            Parameter::once("words", "Only tasks with these words in title, id or description"),
        ],
        tasks::content,
    ),
    Page::new(
        "/repositories/{repository}/tasks/{task}",
        &[
            GENERATION,
            Parameter::once("attempt", "Attempt whose changes are shown"),
        ],
        task::content,
    ),
    Page::new("/repositories/{repository}/held", &[GENERATION], held::content),
    Page::new("/repositories/{repository}/usage", &[GENERATION], usage::content),
];

/// The templates of the pages, by name.
pub(super) const TEMPLATES: [(&str, &str); 8] = [
    ("live/frame.html", include_str!("pages/frame.html")),
    ("live/repositories.html", include_str!("pages/repositories.html")),
    ("live/runs.html", include_str!("pages/runs.html")),
    ("live/run.html", include_str!("pages/run.html")),
    ("live/tasks.html", include_str!("pages/tasks.html")),
    ("live/task.html", include_str!("pages/task.html")),
    ("live/held.html", include_str!("pages/held.html")),
    ("live/usage.html", include_str!("pages/usage.html")),
];

/// A file of the site, which has no data and needs no token.
pub(super) struct Asset {
    pub(super) path: &'static str,
    pub(super) kind: ContentKind,
    pub(super) content: &'static str,
}

/// The files of the site.
pub(super) static ASSETS: [Asset; 3] = [
    Asset {
        path: "/page.css",
        kind: ContentKind::Css,
        content: STYLE,
    },
    Asset {
        path: "/script.js",
        kind: ContentKind::Script,
        content: include_str!("pages/script.js"),
    },
    Asset {
        path: "/icon.svg",
        kind: ContentKind::Icon,
        content: include_str!("pages/icon.svg"),
    },
];

impl Page {
    const fn new(path: &'static str, query: &'static [Parameter], content: fn(&Asked<'_>) -> Result<Content>) -> Self {
        Self { path, query, content }
    }
}

/// What the script gets of a page, beside its `html`.
#[derive(Serialize)]
struct Sent<'a> {
    title: &'a str,
    /// The repository that it is about; `None` where it is about all.
    repository: Option<&'a str>,
    /// What has become of it, in a sentence for who does not see it.
    said: &'a str,
}

/// Returns the page for who has not shown the token: it has no data, and its script asks for the content.
pub(super) fn shell(status: StatusCode) -> Answer {
    Answer {
        status,
        ..Answer::new(ContentKind::Html, include_str!("pages/shell.html"))
    }
}

/// Returns the content of a page.
///
/// # Errors
///
/// Those of whatever it shows.
pub(super) fn content(asked: &Asked<'_>, page: &Page) -> Result<Answer> {
    let content = (page.content)(asked)?;
    let sent = Sent {
        title: &content.title,
        repository: content.repository.as_deref(),
        said: &content.said,
    };
    Answer::page(&asked.site.context.output, &sent, &content.html)
}
