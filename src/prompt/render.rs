//! The template engine, set up once for prompts and seed files.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::Value;

use super::built_in::BUILT_IN;
use super::fence;
use super::template::Template;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{nearest, one_line};

/// Returns the values of a template.
pub(super) fn values(context: &impl Serialize) -> Result<Value> {
    serde_json::to_value(context)
        .map_err(|error| Error::new(ErrorKind::Unexpected, "cannot prepare the values of a prompt").because(error))
}

/// Renders a template; `values` is an object, and its names are all that the template may use.
pub(super) fn render(template: Template<'_>, values: &Value) -> Result<String> {
    let known = names(values);
    render_with(template, values, &known)
}

/// Renders a template where some of the `known` names may have no value: using one of those is an error only when it is
/// reached.
pub(super) fn render_with(template: Template<'_>, values: &Value, known: &BTreeSet<&str>) -> Result<String> {
    let environment = environment(values);
    let compiled = environment
        .template_from_named_str(template.name, template.text)
        .map_err(|error| failure(template.name, &error))?;
    let unknown = compiled
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !known.contains(name.as_str()) && environment.globals().all(|(global, _)| global != name))
        .min();
    if let Some(name) = unknown {
        return Err(unknown_variable(template, &name, known));
    }
    compiled
        .render(minijinja::value::Serde(values))
        .map_err(|error| failure(template.name, &error))
}

/// Returns the variables that a template uses, without those of one that it extends.
pub(super) fn used_variables(template: Template<'_>) -> Result<BTreeSet<String>> {
    let compiled = ENVIRONMENT
        .template_from_named_str(template.name, template.text)
        .map_err(|error| failure(template.name, &error))?;
    let used = compiled.undeclared_variables(false).into_iter();
    Ok(used
        .filter(|name| ENVIRONMENT.globals().all(|(global, _)| global != name))
        .collect())
}

/// Returns the names of an object.
pub(super) fn names(values: &Value) -> BTreeSet<&str> {
    let object = values.as_object();
    object.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// What all templates are rendered in but for the marks of their fences; the built-in ones are compiled once.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(syntax());
    for template in BUILT_IN.map(|one| one.template) {
        let added = environment.add_template(template.name, template.text);
        added.expect("the built-in templates are well-formed, which a test renders");
    }
    environment.add_filter("one_line", |text: String| one_line(&text, 1000));
    environment
});

fn environment(values: &Value) -> Environment<'static> {
    let mark = fence::mark(values);
    let mut environment = ENVIRONMENT.clone();
    environment.add_filter("fenced", move |text: String, label: String| {
        fence::fenced(&mark, &text, &label)
    });
    environment
}

/// Builds the syntax: tags on lines of their own leave no empty lines; everything else stays as it is.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the delimiters are the default ones")
}

fn failure(template: &str, error: &minijinja::Error) -> Error {
    let place = error.line().map_or_else(String::new, |line| format!(", line {line}"));
    let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
    let message = format!(
        "cannot render the template `{template}`{place}: {}{detail}",
        error.kind()
    );
    Error::new(ErrorKind::Configuration, message)
}

fn unknown_variable(template: Template<'_>, name: &str, known: &BTreeSet<&str>) -> Error {
    let line = line_of(template.text, name).map_or_else(String::new, |line| format!(", line {line}"));
    let hint = nearest(name, known.iter().copied()).map_or_else(
        || {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("the variables are {}", names.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!(
        "cannot render the template `{}`{line}: unknown variable `{name}`",
        template.name
    );
    Error::new(ErrorKind::Configuration, message).hint(hint)
}

/// Returns the first line that has the name as a word within a tag.
pub(super) fn line_of(text: &str, name: &str) -> Option<usize> {
    let has_word = |line: &str| has_word(line, name);
    let tagged = |line: &str| line.contains("{{") || line.contains("{%");
    let find = |wanted: &dyn Fn(&str) -> bool| text.lines().position(wanted);
    let index = find(&|line| tagged(line) && has_word(line)).or_else(|| find(&has_word))?;
    Some(index + 1)
}

/// Returns whether a text has a name as a word.
pub(super) fn has_word(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == name)
}
