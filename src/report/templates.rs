//! Templates, and what they make: a text that is shown as it is. Whatever a template puts in passes the redactor, is made harmless
//! and is escaped by the one formatter here, and nothing but a template that did so makes a [`Rendered`].

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, functions};
use serde::Serialize;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::redact::Redactor;
use crate::base::text::harmless;
use crate::record::findings::escaped_markdown;

/// The name of the escaping for Markdown.
const MARKDOWN: &str = "markdown";

/// Templates, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Templates(Environment<'static>);

/// Renders templates with what one redactor lets pass.
#[derive(Clone, Debug)]
pub(crate) struct Pages(Environment<'static>);

/// What a template has made. Each text in it has passed the redactor by itself, and is escaped: it is shown as it is. Redacting
/// the whole again would take a key that begins in one text and ends in another for one, with the page between them.
#[derive(Clone, Debug)]
pub(crate) struct Rendered(String);

impl Rendered {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Templates {
    /// Compiles templates, by name. How what they put in is escaped depends on the end of the name.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unexpected`] where one is not well-formed.
    pub(crate) fn new(templates: &[(&'static str, &'static str)]) -> Result<Self> {
        // Without the filters that are built in: some of them make texts that the formatter takes for those of a template.
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(escape_of);
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .expect("the delimiters are the default ones"),
        );
        environment.add_filter("length", |of: Vec<Value>| of.len());
        environment.add_filter("lines", |lines: Vec<String>| lines.join("\n"));
        environment.add_function("range", functions::range);
        add(&mut environment, templates)?;
        Ok(Self(environment))
    }

    /// Returns them with a redactor, which everything that they put in passes.
    pub(crate) fn redacted_by(&self, redactor: Redactor) -> Pages {
        let mut environment = self.0.clone();
        environment.set_formatter(move |out, state, value| put_in(out, state, value, &redactor));
        Pages(environment)
    }
}

impl Pages {
    /// Adds templates, which may include those that are there.
    ///
    /// # Errors
    ///
    /// As [`Templates::new`].
    #[cfg(feature = "serve")]
    pub(crate) fn with(mut self, templates: &[(&'static str, &'static str)]) -> Result<Self> {
        add(&mut self.0, templates)?;
        Ok(self)
    }

    /// Renders the template of a name; `values` is what it sees.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unexpected`] where the template and the values do not fit.
    pub(crate) fn render(&self, name: &str, values: &impl Serialize) -> Result<Rendered> {
        let template = self.0.get_template(name);
        let rendered = template.and_then(|template| template.render(Serde(values)));
        rendered.map(Rendered).map_err(|error| {
            let place = error.line().map_or_else(String::new, |line| format!(", line {line}"));
            let message = format!("cannot render the template `{name}`{place}");
            Error::new(ErrorKind::Unexpected, message).because(error.to_string())
        })
    }
}

fn add(environment: &mut Environment<'static>, templates: &[(&'static str, &'static str)]) -> Result<()> {
    for (name, text) in templates {
        environment.add_template(name, text).map_err(|error| {
            let message = format!("the template `{name}` is not well-formed");
            Error::new(ErrorKind::Unexpected, message).because(error.to_string())
        })?;
    }
    Ok(())
}

/// Returns how values are escaped in a template: only the style, which puts in none, is left as it is.
fn escape_of(name: &str) -> AutoEscape {
    match name.rsplit_once('.') {
        Some((_, "css")) => AutoEscape::None,
        Some((_, "md")) => AutoEscape::Custom(MARKDOWN.into()),
        _ => AutoEscape::Html,
    }
}

/// Writes a value: what a macro has made as it is, since its values have passed here, and anything else redacted, harmless and
/// escaped.
fn put_in(out: &mut Output, state: &mut State, value: &Value, redactor: &Redactor) -> Result<(), minijinja::Error> {
    if value.is_safe() {
        return Ok(out.write_str(value.as_str().unwrap_or_default())?);
    }
    let text = value.to_string();
    let text = harmless(&redactor.text(&text));
    let escaped = match state.auto_escape() {
        AutoEscape::Custom(name) if name.as_ref() == MARKDOWN => escaped_markdown(&text),
        _ => escaped_html(&text),
    };
    Ok(out.write_str(&escaped)?)
}

/// Escapes what would be markup in HTML, in texts and in attributes.
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
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "correct horse battery staple";

    fn rendered(name: &'static str, template: &'static str) -> Result<String> {
        let redactor = Redactor::new([&secrecy::SecretString::from(SECRET)]);
        let pages = Templates::new(&[(name, template)])?.redacted_by(redactor);
        let values = json!({"a": format!("<{SECRET}>"), "all": [SECRET, format!("{SECRET}\n")], "of": {"b": SECRET}});
        Ok(pages.render(name, &values)?.as_str().to_owned())
    }

    /// Whatever a template writes, no text gets past the redactor, and none past the escaping.
    #[test]
    fn nothing_that_a_template_can_do_puts_in_a_text_as_it_is() {
        for template in [
            "{{ a }}",
            "<p title=\"{{ a }}\">",
            "{{ all }}",
            "{{ of }}",
            "{{ all | lines }}",
            "{{ a ~ \"<\" ~ a }}",
            "{% autoescape false %}{{ a }}{% endautoescape %}",
            "{% set x = a %}{{ x }}",
            "{% set x %}{{ a }}{% endset %}{{ x }}",
            "{% macro m(x) %}<p>{{ x }}</p>{% endmacro %}{{ m(a) }}",
            "{% for x in all %}{{ x }}{% endfor %}",
            "{% for name, x in of | items %}{{ x }}{% endfor %}",
            "{{ a | safe }}",
            "{{ a | escape }}",
            "{{ a | e }}",
            "{{ a | tojson }}",
            "{{ a | replace(\"x\", \"y\") }}",
            "{{ a | upper }}",
            "{{ debug() }}",
            "{{ dict(x=a) }}",
        ] {
            for name in ["x.html", "x.md"] {
                // A filter that is not there is an error, which is as good.
                let text = rendered(name, template).unwrap_or_default();
                assert!(!text.contains(SECRET), "{template}: {text}");
                assert!(
                    !text.to_lowercase().contains(&SECRET.to_lowercase()),
                    "{template}: {text}"
                );
                assert!(!text.contains("<correct") && !text.contains("<["), "{template}: {text}");
            }
        }
        for (template, expect) in [
            ("{{ a }}", "&lt;[redacted credential]&gt;"),
            (
                "{% macro m(x) %}<p>{{ x }}</p>{% endmacro %}{{ m(of.b) }}",
                "<p>[redacted credential]</p>",
            ),
        ] {
            assert_eq!(rendered("x.html", template).unwrap(), expect);
        }
    }

    /// A key that begins in one text and does not end there takes nothing of the page with it.
    #[test]
    fn what_looks_like_the_ends_of_a_key_takes_no_more_than_its_own_text() {
        let template = "<p>{{ begin }}</p><p>{{ between }}</p><p>{{ end }}</p>";
        let pages = Templates::new(&[("x.html", template)])
            .unwrap()
            .redacted_by(Redactor::default());
        let values =
            json!({"begin": "-----BEGIN PRIVATE KEY-----", "between": "kept", "end": "-----END PRIVATE KEY-----"});
        let page = pages.render("x.html", &values).unwrap();
        assert!(page.as_str().contains("<p>kept</p>"), "{page:?}");
    }
}
