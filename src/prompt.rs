//! Prompts and seed files, rendered from templates. Text that people or agents wrote is fenced with marks that cannot
//! occur in it, so that none of it can pass for the prompt's own text. Nothing in here reads a file or calls an agent.

use serde_json::Value;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::issues::group::answer as plan_answer;
use crate::issues::proposal::{self, BatchLimits, Proposal};
use crate::issues::review;
use crate::model::PromptName;

mod audit_context;
mod built_in;
mod check;
mod context;
mod fence;
mod groups;
mod known_groups;
mod listed;
mod parts;
mod placeholder;
mod render;
mod room;
mod sample;
mod seed;
mod session;
mod session_context;
mod template;
mod templates;
mod work_context;

use self::render::values;
pub(crate) use audit_context::AuditContext;
pub use built_in::measure_template;
pub(crate) use check::{check, check_stage};
pub use context::{
    Document, EarlierAttempt, FILE_LIST_CAP, Filed, MeasureContext, Omitted, ReadDocument, Remark, StitchContext, Title,
};
pub(crate) use groups::ClosingContext;
pub use groups::PlanContext;
pub use known_groups::{GroupAsked, KnownGroup};
pub use listed::{BuiltInTemplate, Variable, built_in_templates};
pub use parts::{PromptPart, parts};
pub(crate) use room::Room;
pub use seed::{SeedValues, render_seed};
pub(crate) use session::{answered, continuation, earlier_work, ends_soon, fix_round, proves_nothing};
pub use template::Template;
pub(crate) use templates::{OwnTemplate, Templates};
pub(crate) use work_context::{CHANGES_BUDGET, ReviewContext, StageContext, WorkContext};

/// The most bytes of one prompt; a longer one is an error, because a setting that should limit it did not.
pub const PROMPT_LIMIT: usize = 1_000_000;

/// Renders the prompt of a measure, by a person's template or a built-in one.
///
/// A template sees the fields of [`MeasureContext`] under their names, `example` (a valid answer under
/// these limits), and the filters `fenced(label)` and `one_line`; it can extend a built-in one and replace its blocks
/// `opening` and `rules`. An unknown variable is an error of kind [`ErrorKind::Configuration`] that names template and
/// line.
pub fn render_measure(template: Template<'_>, context: &MeasureContext) -> Result<String> {
    let limits = BatchLimits {
        max_issues: context.max_issues,
        lines_min: context.estimated_lines_min,
        lines_max: context.estimated_lines_max,
        most_lines: context.max_estimated_lines,
        needs_proof: context.needs_proof,
    };
    let mut values = values(context)?;
    values["example"] = proposal::example(&limits)?.into();
    within_limit("measure", render::render(template, &values)?)
}

/// Renders the prompt of a part of an audit or a review of files, by a person's template or the built-in one.
///
/// A template sees the fields of [`AuditContext`] under their names, `example`, and the filters `fenced(label)` and `one_line`; it can
/// extend `audit.md.j2` and replace its blocks `opening` and `rules`.
pub(crate) fn render_audit(template: Template<'_>, context: &AuditContext) -> Result<String> {
    let mut values = values(context)?;
    values["example"] = review::findings_example()?.into();
    within_limit("review", render::render(template, &values)?)
}

/// Renders the prompt of a stitch, by the user's template or the built-in one.
///
/// A template sees the fields of [`StitchContext`] under their names, and the filters `fenced(label)`
/// and `one_line`.
pub fn render_stitch(template: Option<Template<'_>>, context: &StitchContext) -> Result<String> {
    within_limit(
        "stitch",
        render::render(or_built_in(template, PromptName::Stitch), &values(context)?)?,
    )
}

/// Renders the prompt of a review.
pub(crate) fn render_review(templates: &Templates, context: &ReviewContext) -> Result<String> {
    let mut values = values(context)?;
    values["example"] = review::example()?.into();
    values["work"] = work(templates, &values)?.into();
    within_limit("review", render::render(templates.get(PromptName::Review), &values)?)
}

/// Renders the prompt of a plan of groups, by a person's template or the built-in one, `plan.md.j2`.
///
/// A template sees the fields of [`PlanContext`] under their names, `example` (a valid answer), and the filters
/// `fenced(label)` and `one_line`; it can extend the built-in one and replace its blocks `opening` and `rules`.
pub fn render_plan(template: Option<Template<'_>>, context: &PlanContext) -> Result<String> {
    let mut values = values(context)?;
    values["example"] = plan_answer::example()?.into();
    within_limit(
        "plan",
        render::render(or_built_in(template, PromptName::Plan), &values)?,
    )
}

/// Renders the prompt of a closing review of a group.
pub(crate) fn render_closing(templates: &Templates, context: &ClosingContext) -> Result<String> {
    let mut values = values(context)?;
    values["example"] = review::example()?.into();
    within_limit("review", render::render(templates.get(PromptName::Closing), &values)?)
}

/// Renders the prompt of a review of proposals, which was asked for with `told`. It is the answer of
/// a number, and `problems` are what was wrong with the one before.
pub(crate) fn render_proposals_review(
    templates: &Templates,
    told: &MeasureContext,
    proposals: &[Proposal],
    (number, problems): (u32, &[String]),
) -> Result<String> {
    let mut values = values(told)?;
    values["number"] = number.into();
    let shown = serde_json::to_string_pretty(proposals).context("cannot write proposals")?;
    values["proposals"] = shown.into();
    values["problems"] = problems.into();
    let lines = u32::midpoint(told.estimated_lines_min, told.estimated_lines_max);
    values["example"] = proposal::review::example(lines, told.needs_proof)?.into();
    within_limit(
        "review",
        render::render(templates.get(PromptName::ProposalsReview), &values)?,
    )
}

/// Renders the prompt of a stage of the project's own: what its template says, the task and its changes, and the rules.
///
/// The template sees the fields of [`StageContext`] under their names, and the filters `fenced(label)` and `one_line`.
pub(crate) fn render_stage(template: Template<'_>, templates: &Templates, context: &StageContext) -> Result<String> {
    let mut values = values(context)?;
    let (instructions, work) = (render::render(template, &values)?, work(templates, &values)?);
    values["instructions"] = instructions.trim().into();
    values["work"] = work.into();
    within_limit("stage", render::render(templates.get(PromptName::Stage), &values)?)
}

/// Renders what the stages after the work are told of it: the task, its changes and its gates.
fn work(templates: &Templates, values: &Value) -> Result<String> {
    render::render(templates.get(PromptName::Work), values)
}

fn or_built_in(template: Option<Template<'_>>, name: PromptName) -> Template<'_> {
    template.unwrap_or(built_in::built_in(name).template)
}

fn within_limit(role: &str, prompt: String) -> Result<String> {
    if prompt.len() <= PROMPT_LIMIT {
        return Ok(prompt);
    }
    let message = format!(
        "the {role} prompt has {} bytes; at most {PROMPT_LIMIT} are allowed",
        prompt.len()
    );
    Err(Error::new(ErrorKind::Configuration, message).hint(
        "narrow `context_files`, lower `context_bytes` of the role, or shorten `user_prompt` or the prompt template",
    ))
}

#[cfg(test)]
mod tests;
