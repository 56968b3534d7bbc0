//! Pages and documents about runs, made from templates: for a file that is kept or sent, and for a browser.

use std::sync::LazyLock;

use crate::base::redact::Redactor;
use crate::report::templates::{Pages, Templates};

mod at_work;
mod axis;
mod chart;
mod findings;
mod report;
mod spending;
mod tasks;
mod timeline;
mod words;

#[cfg(feature = "serve")]
pub(crate) use self::report::Parts;
pub(crate) use self::report::{html, markdown};
#[cfg(feature = "serve")]
pub(crate) use self::spending::Spending;
pub(crate) use self::tasks::Reader;
#[cfg(feature = "serve")]
pub(crate) use self::words::Word;

/// The style of all pages, which a server hands out as a file, and a page that stands alone contains.
pub(crate) const STYLE: &str = include_str!("page/page.css");

/// The templates, by name. How what they put in is escaped depends on the end of the name.
const TEMPLATES: [(&str, &str); 13] = [
    ("base.html", include_str!("page/base.html")),
    ("page.css", STYLE),
    ("marks.html", include_str!("page/marks.html")),
    ("report.html", include_str!("page/report.html")),
    ("report.md", include_str!("page/report.md")),
    ("at_work.html", include_str!("page/at_work.html")),
    ("timeline.html", include_str!("page/timeline.html")),
    ("chart.html", include_str!("page/chart.html")),
    ("spending.html", include_str!("page/spending.html")),
    ("tasks.html", include_str!("page/tasks.html")),
    ("attempts.html", include_str!("page/attempts.html")),
    ("findings.html", include_str!("page/findings.html")),
    ("held.html", include_str!("page/held.html")),
];

/// The templates, compiled once.
static COMPILED: LazyLock<Templates> =
    LazyLock::new(|| Templates::new(&TEMPLATES).expect("the templates are well-formed, which a test renders"));

/// Returns the templates of pages; everything that they put in passes the redactor.
pub(crate) fn pages(redactor: Redactor) -> Pages {
    COMPILED.redacted_by(redactor)
}

#[cfg(test)]
mod tests;
