//! What all pages have: where one is, where one can go, and the words for figures.

use jiff::Timestamp;
use serde::Serialize;

use crate::base::error::Result;
use crate::base::text::one_line;
use crate::cli::serve::asked::Asked;
use crate::cli::serve::repositories::Repository;
use crate::report::page::Reader;
use crate::report::templates::Rendered;

/// How long names and titles are, in characters.
pub(super) const TITLE: usize = 200;
/// How long other texts of one line are.
pub(super) const TEXT: usize = 1000;

/// The content of a page.
pub(in crate::cli::serve) struct Content {
    pub(in crate::cli::serve) title: String,
    pub(in crate::cli::serve) repository: Option<String>,
    pub(in crate::cli::serve) said: String,
    pub(in crate::cli::serve) html: Rendered,
}

/// Where one is, and where one can go.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Frame {
    /// The heading, which is the title, too.
    pub(super) heading: String,
    links: Vec<Link>,
    /// Whether actions are offered.
    pub(super) can_act: bool,
    /// What stands before the paths of the repository's API.
    pub(super) api: String,
    /// What stands before the paths of the repository's pages.
    pub(super) base: String,
    /// The query of a link to a task, where the page is about a generation that was named.
    of_generation: String,
    /// The generation that was named, as one more word of a query; nothing where none was.
    and_generation: String,
}

#[derive(Clone, Debug, Serialize)]
struct Link {
    href: String,
    text: String,
    is_here: bool,
}

/// The pages of a repository that each of its pages leads to.
const PAGES: [(&str, &str); 4] = [
    ("", "Runs"),
    ("/tasks", "Tasks"),
    ("/held", "Held"),
    ("/usage", "Usage"),
];

impl Frame {
    /// Builds the frame of a page about everything.
    pub(super) fn of_site(asked: &Asked<'_>, heading: &str) -> Self {
        Self {
            heading: heading.to_owned(),
            links: Vec::new(),
            can_act: !asked.site.is_read_only,
            api: String::new(),
            base: String::new(),
            of_generation: String::new(),
            and_generation: String::new(),
        }
    }

    /// Builds the frame of a page about a repository, and the generation that the query names; `here` is the end of its path.
    pub(super) fn of(asked: &Asked<'_>, repository: &Repository, here: (&str, &str)) -> Self {
        Self::in_generation(asked, repository, here, asked.query("generation"))
    }

    /// Builds it for a generation, unless that is the one which links without a name lead to.
    pub(super) fn in_generation(
        asked: &Asked<'_>,
        repository: &Repository,
        (heading, here): (&str, &str),
        generation: Option<&str>,
    ) -> Self {
        let base = format!("/repositories/{}", repository.id);
        let query = generation.map_or_else(String::new, |generation| {
            format!("?{}", query(&[("generation", generation)]))
        });
        let link = |(end, text): &(&str, &str)| Link {
            href: format!("{base}{end}{}", if end.is_empty() { "" } else { &query }),
            text: (*text).to_owned(),
            is_here: *end == here,
        };
        let all = Link {
            href: "/".to_owned(),
            text: one_line(&repository.name(), TITLE),
            is_here: false,
        };
        Self {
            heading: heading.to_owned(),
            links: std::iter::once(all).chain(PAGES.iter().map(link)).collect(),
            can_act: !asked.site.is_read_only && asked.query("generation").is_none(),
            api: format!("/api/v1{base}"),
            base,
            and_generation: query.replacen('?', "&", 1),
            of_generation: query,
        }
    }
}

/// Renders a page.
pub(super) fn rendered(
    asked: &Asked<'_>,
    repository: Option<&Repository>,
    (template, title, said): (&str, &str, String),
    view: &impl Serialize,
) -> Result<Content> {
    let title = match repository {
        Some(repository) => format!("{title} · {}", one_line(&repository.name(), TITLE)),
        None => title.to_owned(),
    };
    Ok(Content {
        title,
        repository: repository.map(|repository| repository.id.clone()),
        said,
        html: asked.site.pages.render(template, view)?,
    })
}

/// Returns who reads the page, and when.
pub(super) fn reader(asked: &Asked<'_>) -> Reader {
    Reader {
        zone: asked.site.context.output.zone.0.clone(),
        now: now(asked),
        at_work: None,
    }
}

/// Returns the present moment.
pub(super) fn now(asked: &Asked<'_>) -> Timestamp {
    asked.site.context.environment.clock.now()
}

/// Returns a query of these words.
pub(super) fn query(words: &[(&str, &str)]) -> String {
    let word = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = words
        .iter()
        .map(|(name, value)| format!("{}={}", word(name), word(value)))
        .collect();
    pairs.join("&")
}
