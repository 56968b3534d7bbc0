//! `cordwainer issues edit` without options: a person changes a task in an editor.

use std::io::{IsTerminal as _, Write as _};

use tempfile::NamedTempFile;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::cli::Context;
use crate::cli::editor;
use crate::cli::issues::change::Change;
use crate::cli::issues::form::{Problem, Words, with_problems, without_problems};
use crate::cli::issues::input;
use crate::issues::issue::{Issue, IssueEdit};
use crate::issues::store::Store;
use crate::model::TypedId;

/// Lets a person edit one task. A text that cannot be read is opened again, with what is wrong on top; where the person
/// leaves that as it is, or no terminal is there, the text is kept, and its place told.
pub(super) fn in_editor(context: &Context, store: Store, ids: &[TypedId]) -> Result<()> {
    let issues = store.read()?;
    let ids = issues.find_all(ids)?;
    let [id] = ids.as_slice() else {
        let message = format!("an editor opens one task, and {} are named", ids.len());
        return Err(Error::new(ErrorKind::Usage, message).hint(
            "name one, or say by options what to change in all of them; `cordwainer issues edit --help` lists these",
        ));
    };
    let words = Words::of(issues.get(id)?);
    let (file, edit) = edited(context, &words)?;
    if edit.is_empty() {
        let message = format!("{id} stays as it is: nothing was changed");
        return Err(Error::new(ErrorKind::NothingToDo, message));
    }
    let is_as_shown = |issue: &Issue| match Words::of(issue).differences(&words).as_slice() {
        [] => Ok(()),
        parts => {
            let message = format!("{id} was changed by somebody else meanwhile: its {}", parts.join(", "));
            Err(Error::new(ErrorKind::Precondition, message))
        }
    };
    let changed = Change::new(context, store).edit_one(id, &edit, &is_as_shown);
    changed.or_else(|error| keep(file, &error))
}

/// Has a person edit a text until it can be read; returns the file that still has it, and what it changes.
fn edited(context: &Context, words: &Words) -> Result<(NamedTempFile, IssueEdit)> {
    let mut text = words.text();
    let file = write(&text)?;
    loop {
        let closed = editor::edit(context.editor.as_deref(), file.path());
        let edited = match (closed, input::file(file.path())) {
            (Err(error), Ok(edited)) if edited == text => return Err(error),
            (Err(error), _) | (Ok(()), Err(error)) => return keep(file, &error),
            (Ok(()), Ok(edited)) => edited,
        };
        match words.read(without_problems(&edited)) {
            Ok(edit) => return Ok((file, edit)),
            Err(problems) if edited == text || !std::io::stdin().is_terminal() => {
                return keep(file, &refused(&problems, &edited));
            }
            Err(problems) => text = with_problems(without_problems(&edited), &problems),
        }
        std::fs::write(file.path(), &text).context("cannot write the task into a file")?;
    }
}

/// Writes a text into a file of its own.
fn write(text: &str) -> Result<NamedTempFile> {
    let cannot = || "cannot write the task into a file".to_owned();
    let mut file = tempfile::Builder::new()
        .prefix("cordwainer-task-")
        .suffix(".md")
        .tempfile()
        .with_context(ErrorKind::Unexpected, cannot)?;
    file.write_all(text.as_bytes())
        .with_context(ErrorKind::Unexpected, cannot)?;
    Ok(file)
}

/// Returns the error about an edited text, with the lines that the file has.
fn refused(problems: &[Problem], edited: &str) -> Error {
    let above = edited.lines().count() - without_problems(edited).lines().count();
    let lines = problems
        .iter()
        .map(|problem| format!("line {}: {}", problem.line + above, problem.what));
    Error::new(ErrorKind::Usage, lines.collect::<Vec<_>>().join("; "))
}

/// Keeps a text that a person has written, and reports why it changed nothing.
fn keep<T>(file: NamedTempFile, error: &Error) -> Result<T> {
    let (_, path) = file.keep().context("cannot keep the edited text")?;
    let message = format!("nothing was changed: {error}");
    Err(Error::new(error.kind(), message).hint(format!("your text is kept in {}", path.display())))
}
