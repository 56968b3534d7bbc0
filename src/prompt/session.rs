//! The prompts of a session that goes on: the client still has the conversation so far.

use super::render;
use super::session_context::{
    answered_values, continuation_values, earlier_work_values, empty_proof_values, ends_soon_values, failed_values,
    fix_round_values, red_gate_values,
};
use super::templates::Templates;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::issues::round::{CheckKind, FailedCheck};
use crate::model::PromptName;

/// Returns the prompt of a call that continues a session. `remarks` are comments that people have added since; `red` is the
/// check that was to be made to pass when it was interrupted, if one was.
pub(crate) fn continuation(
    templates: &Templates,
    attempt: u32,
    remarks: &[String],
    red: Option<&FailedCheck>,
) -> Result<String> {
    let failed = red.map(|red| failed(templates, red, true)).transpose()?;
    let values = continuation_values(attempt, failed.as_deref(), remarks);
    render::render(templates.get(PromptName::Continuation), &values)
}

/// Returns the prompt of a call that continues a session which ended with a question: `said` is what people have said since,
/// the answer among it; nobody has where it is empty.
pub(crate) fn answered(templates: &Templates, attempt: u32, said: &[String]) -> Result<String> {
    render::render(templates.get(PromptName::Answered), &answered_values(attempt, said))
}

/// Returns the prompt of a fix round: the session goes on, and is told which check does not pass on what it left.
pub(crate) fn fix_round(templates: &Templates, attempt: u32, red: &FailedCheck) -> Result<String> {
    let values = fix_round_values(attempt, &failed(templates, red, false)?);
    render::render(templates.get(PromptName::FixRound), &values)
}

/// Returns what a prompt goes on with where the command that is to prove a task passes before any work.
pub(crate) fn proves_nothing(templates: &Templates, proof: &str) -> Result<String> {
    let said = render::render(templates.get(PromptName::EmptyProof), &empty_proof_values(proof))?;
    Ok(format!("\n{said}"))
}

/// Returns what a prompt goes on with where the work of an earlier attempt is in the slot: in which paths it conflicts with newer
/// work, and what both sides changed there, where it does.
pub(crate) fn earlier_work(templates: &Templates, attempt: &str, conflict: Option<(&str, &str)>) -> Result<String> {
    let values = earlier_work_values(attempt, conflict);
    let said = render::render(templates.get(PromptName::EarlierWork), &values)?;
    Ok(format!("\n{said}"))
}

/// Returns what an agent is told whose call has used such a share of its turns or its budget, in percent.
pub(crate) fn ends_soon(templates: &Templates, share: u8, how: &str) -> Result<String> {
    let said = render::render(templates.get(PromptName::EndsSoon), &ends_soon_values(share, how))?;
    Ok(said.trim().to_owned())
}

/// Says what did not pass, and what to do about it.
fn failed(templates: &Templates, red: &FailedCheck, interrupted: bool) -> Result<String> {
    let how = one_line(&red.how, 300);
    let (name, values) = match red.by {
        CheckKind::Gate => {
            let gate = one_line(&red.gate, 200);
            let values = red_gate_values((&gate, &how), &red.output, (interrupted, red.onto.is_some()));
            (PromptName::RedGate, values)
        }
        CheckKind::Review => (PromptName::RefusedWork, failed_values(&how, &red.output)),
        CheckKind::Merge => (PromptName::Conflict, failed_values(&how, &red.output)),
    };
    let said = render::render(templates.get(name), &values)?;
    Ok(format!("{}\n", said.trim_end()))
}
