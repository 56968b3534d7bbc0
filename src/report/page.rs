//! Pages and documents about runs, made from templates: for a file that is kept or sent, and for a browser. Whatever a template
//! puts in passes the redactor, is made harmless, and is escaped, by the one formatter here; no template marks a value as safe.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value};
use serde::Serialize;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::redact::Redactor;
use crate::base::text::harmless;
use crate::record::findings::escaped_markdown;

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

/// The name of the escaping for Markdown.
const MARKDOWN: &str = "markdown";

/// The templates, compiled once.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(escape_of);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .expect("the delimiters are the default ones"),
    );
    for (name, text) in TEMPLATES {
        let added = environment.add_template(name, text);
        added.expect("the templates are well-formed, which a test renders");
    }
    environment
});

/// Returns how values are escaped in a template: only the style, which puts in none, is left as it is.
fn escape_of(name: &str) -> AutoEscape {
    match name.rsplit_once('.') {
        Some((_, "css")) => AutoEscape::None,
        Some((_, "md")) => AutoEscape::Custom(MARKDOWN.into()),
        _ => AutoEscape::Html,
    }
}

/// Renders pages.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    environment: Environment<'static>,
}

impl Pages {
    /// Builds it; everything that is put in passes the redactor.
    pub(crate) fn new(redactor: Redactor) -> Self {
        let mut environment = ENVIRONMENT.clone();
        environment.set_formatter(move |out, state, value| put_in(out, state, value, &redactor));
        Self { environment }
    }

    /// Adds templates, which may include those that are there.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unexpected`] where one is not well-formed.
    #[cfg(feature = "serve")]
    pub(crate) fn with(mut self, templates: &[(&'static str, &'static str)]) -> Result<Self> {
        for (name, text) in templates {
            self.environment.add_template(name, text).map_err(|error| {
                let message = format!("the template `{name}` is not well-formed");
                Error::new(ErrorKind::Unexpected, message).because(error.to_string())
            })?;
        }
        Ok(self)
    }

    /// Renders the template of a name; `values` is what it sees.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unexpected`] where the template and the values do not fit.
    pub(crate) fn render(&self, name: &str, values: &impl Serialize) -> Result<String> {
        let template = self.environment.get_template(name);
        let rendered = template.and_then(|template| template.render(Serde(values)));
        rendered.map_err(|error| {
            let place = error.line().map_or_else(String::new, |line| format!(", line {line}"));
            let message = format!("cannot render the template `{name}`{place}");
            Error::new(ErrorKind::Unexpected, message).because(error.to_string())
        })
    }
}

/// Writes a value: what a template or a macro has made as it is, and any other text redacted, harmless and escaped.
fn put_in(out: &mut Output, state: &mut State, value: &Value, redactor: &Redactor) -> Result<(), minijinja::Error> {
    let write = |out: &mut Output, text: &str| out.write_str(text).map_err(minijinja::Error::from);
    if value.is_safe() {
        return write(out, value.as_str().unwrap_or_default());
    }
    let Some(text) = value.as_str() else {
        return write(out, &escaped_html(&value.to_string()));
    };
    let text = harmless(&redactor.text(text));
    match state.auto_escape() {
        AutoEscape::Custom(name) if name.as_ref() == MARKDOWN => write(out, &escaped_markdown(&text)),
        _ => write(out, &escaped_html(&text)),
    }
}

/// What a key in a text begins and ends with.
const DASHES: &str = "-----";

/// Escapes what would be markup in HTML, in texts and in attributes. Dashes as around a key are written as their numbers: whoever
/// redacts a whole page, as all output is, must not find a key that begins in one text and ends in another, with the page between
/// them.
fn escaped_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe.replace(DASHES, &"&#45;".repeat(DASHES.len()))
}

#[cfg(test)]
mod tests;
