//! `cordwainer config template`: the built-in templates of prompts, listed or printed.

use super::Context;
use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::base::text::{nearest, one_line};
use crate::prompt::{BuiltInTemplate, Variable, built_in_templates};

/// How the names of templates end, which may be left out.
const ENDING: &str = ".md.j2";

/// Prints the template of a name, or its variables, or lists all.
pub(super) fn execute((name, variables): (Option<&str>, bool), context: &Context) -> Result<u8> {
    let all = built_in_templates()?;
    let output = &context.output;
    match name.map(|name| find(&all, name)).transpose()? {
        Some(template) if output.json && variables => output.print_json(&template.variables)?,
        Some(template) if variables => {
            let lines: Vec<String> = template.variables.iter().map(described).collect();
            output.print(&lines.join("\n"))?;
        }
        Some(template) if output.json => output.print_json(template)?,
        Some(template) => output.print_document(template.text.trim_end())?,
        None if output.json => output.print_json(&all)?,
        None => output.print(&all.iter().map(shown).collect::<Vec<_>>().join("\n\n"))?,
    }
    Ok(exit::DONE)
}

fn find<'a>(all: &'a [BuiltInTemplate], name: &str) -> Result<&'a BuiltInTemplate> {
    let bare = |name: &str| name.strip_suffix(ENDING).unwrap_or(name).to_owned();
    let wanted = bare(name);
    all.iter()
        .find(|template| bare(&template.name) == wanted)
        .ok_or_else(|| {
            let message = format!("there is no built-in template `{}`", one_line(name, 60));
            let names: Vec<String> = all.iter().map(|template| bare(&template.name)).collect();
            let hint = nearest(&wanted, names.iter().map(String::as_str)).map_or_else(
                || format!("the templates are {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            Error::new(ErrorKind::Usage, message).hint(hint)
        })
}

/// Returns what a person wants to know of a template.
fn shown(template: &BuiltInTemplate) -> String {
    let mut lines = vec![format!("{}: {}", template.name, template.about)];
    let mut add = |name: &str, value: &str| lines.push(format!("  {name:<11} {value}"));
    add("replaced by", &template.replaced_by.join(", "));
    if let Some(extends) = &template.extends {
        add("extends", extends);
    }
    if !template.blocks.is_empty() {
        add("blocks", &template.blocks.join(", "));
    }
    let named = |wanted: &dyn Fn(&Variable) -> bool| {
        let names = template.variables.iter().filter(|one| wanted(one));
        names.map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    add("needs", &named(&|one| one.needed));
    add("variables", &named(&|_| true));
    lines.join("\n")
}

/// Returns what a variable is, in a line.
fn described(variable: &Variable) -> String {
    let mut notes = Vec::new();
    if variable.needed {
        notes.push("needed");
    }
    if variable.of_others {
        notes.push("of others: `fenced`, or `one_line`");
    }
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join("; "))
    };
    format!("{:<20} {}{notes}", variable.name, variable.about)
}
