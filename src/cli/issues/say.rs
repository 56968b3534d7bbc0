//! `cordwainer issues say`: what a person says to an agent at work.

use super::input;
use crate::base::error::Result;
use crate::cli::Context;
use crate::model::TypedId;

/// Says a text to the session that does the work of a task, and tells how it reaches it.
pub(super) fn say(context: &Context, id: &TypedId, text: &str) -> Result<()> {
    let text = input::argument_or_stdin(text)?;
    let generator = context.open()?;
    let task = generator.store()?.read()?.find(id)?;
    let run = generator.say(&task, &text)?;
    if context.output.json {
        return context.output.print_json(&run);
    }
    context.output.print(&format!(
        "Said to the session of {task}: its agent reads it with the next result of a tool, or when it has finished."
    ))
}
