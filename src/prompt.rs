//! Prompts and seed files, rendered from templates. Text that people or agents wrote is fenced with marks that cannot
//! occur in it, so that none of it can pass for the prompt's own text. Nothing in here reads a file or calls an agent.

use serde::Serialize;
use serde_json::Value;

use crate::base::error::{Error, ErrorKind, Result};
use crate::issues::proposal::{self, BatchLimits};

mod context;
mod fence;
mod render;
mod seed;
mod template;

pub use context::{
    DOCUMENT_BUDGET, Document, EarlierAttempt, FILE_LIST_CAP, Filed, MeasureContext, Omitted, ReadDocument, Remark,
    StitchContext, Title,
};
pub use seed::{SeedValues, render_seed};
pub use template::Template;

/// The most bytes of one prompt; a longer one is an error, because a setting that should limit it did not.
pub const PROMPT_LIMIT: usize = 1_000_000;

const MEASURE: &str = include_str!("prompt/measure.md.j2");
const STITCH: &str = include_str!("prompt/stitch.md.j2");

/// Renders the prompt of a measure, by the user's template or the built-in one.
///
/// A template sees the fields of [`MeasureContext`] under their names, `example` (a valid answer under
/// these limits), and the filters `fenced(label)` and `one_line`. An unknown variable is an error of
/// kind [`ErrorKind::Configuration`] that names template and line.
pub fn render_measure(template: Option<Template<'_>>, context: &MeasureContext) -> Result<String> {
    let limits = BatchLimits {
        max_issues: context.max_issues,
        lines_min: context.estimated_lines_min,
        lines_max: context.estimated_lines_max,
        most_lines: context.max_estimated_lines,
    };
    let mut values = values(context)?;
    values["example"] = proposal::example(&limits)?.into();
    let built_in = Template {
        name: "measure.md.j2",
        text: MEASURE,
    };
    within_limit("measure", render::render(template.unwrap_or(built_in), &values)?)
}

/// Renders the prompt of a stitch, by the user's template or the built-in one.
///
/// A template sees the fields of [`StitchContext`] under their names, and the filters `fenced(label)`
/// and `one_line`.
pub fn render_stitch(template: Option<Template<'_>>, context: &StitchContext) -> Result<String> {
    let built_in = Template {
        name: "stitch.md.j2",
        text: STITCH,
    };
    within_limit(
        "stitch",
        render::render(template.unwrap_or(built_in), &values(context)?)?,
    )
}

/// Returns the prompt of a call that continues a session: the client still has the conversation so far. `remarks` are
/// comments that people have added since.
pub fn continuation(attempt: u32, remarks: &[String]) -> String {
    let mut prompt = format!(
        "Attempt {attempt}\n\n\
         You were interrupted from outside, not because of anything that you did. The folder is as you left it. Continue \
         where you stopped, and finish what you were asked to do.\n"
    );
    let mark = fence::mark(&Value::from(remarks));
    for remark in remarks {
        let fenced = fence::fenced(&mark, remark, "said meanwhile");
        prompt.push_str(&format!("\n{fenced}\n"));
    }
    prompt
}

fn values(context: &impl Serialize) -> Result<Value> {
    serde_json::to_value(context)
        .map_err(|error| Error::new(ErrorKind::Unexpected, "cannot prepare the values of a prompt").because(error))
}

fn within_limit(role: &str, prompt: String) -> Result<String> {
    if prompt.len() <= PROMPT_LIMIT {
        return Ok(prompt);
    }
    let message = format!(
        "the {role} prompt has {} bytes; at most {PROMPT_LIMIT} are allowed",
        prompt.len()
    );
    Err(Error::new(ErrorKind::Configuration, message)
        .hint("narrow `context_files`, or shorten `user_prompt` or the prompt template"))
}

#[cfg(test)]
mod tests;
