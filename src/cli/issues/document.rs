//! `cordwainer issues import FILE.md`: the open items of a person's document become tasks, and can be taken back together.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::cli::Context;
use crate::cli::issues::name::name;
use crate::issues::document::{MOST_BYTES, Reading, decode, origin, read};
use crate::issues::issue::{Issue, Issues};
use crate::issues::store::Store;
use crate::model::IssueId;
use crate::report::numbers::counted;

/// Endings of the names of documents, in lower case.
const ENDINGS: [&str; 3] = ["md", "markdown", "txt"];

/// Returns whether a file is a document by its name.
pub(super) fn is_document(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.to_lowercase().as_str()))
}

/// Reads the text of a document; `-` is stdin.
pub(crate) fn text(context: &Context, file: &Path) -> Result<String> {
    let shown = if file == Path::new("-") {
        "stdin".to_owned()
    } else {
        file.display().to_string()
    };
    let failed = || format!("cannot read `{shown}`");
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(context.directory.join(file)).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.with_context(ErrorKind::Usage, failed)?;
    decode(&shown, &bytes)
}

/// Files the open items of a document in one change of the store.
pub(super) fn import(context: &Context, store: &Store, file: &Path) -> Result<()> {
    let named = named(context, store, file);
    let failed = |error: Error| Error::new(error.kind(), format!("nothing was imported from `{named}`")).because(error);
    let reading = read(&text(context, file)?).map_err(failed)?;
    let batch = reading.batch(&named);
    if batch.is_empty() {
        return Err(nothing(&named, &reading));
    }
    let clock = &context.environment.clock;
    let (now, new_ids) = (clock.now(), store.new_ids(clock)?);
    let why = format!("import {} of {named}", counted(batch.len(), "item"));
    let (imported, known) = store
        .update(&why, now, |issues| {
            let mut batch = batch.clone();
            let known = issues.take_known(&mut batch).len();
            let ids = issues.import(batch, &new_ids, now)?;
            let imported = ids.iter().map(|id| issues.get(id).cloned());
            Ok((imported.collect::<Result<Vec<Issue>>>()?, known))
        })
        .map_err(failed)?;
    tell(context, &imported, known, reading.items.len() - batch.len())
}

fn nothing(named: &str, reading: &Reading) -> Error {
    let why = match reading.items.len() {
        0 => "it has no items".to_owned(),
        count => format!("all of its {} are done", counted(count, "item")),
    };
    let message = format!("nothing was imported from `{named}`: {why}");
    Error::new(ErrorKind::NothingToDo, message).hint(
        "`cordwainer spec inspect` shows how a document is read; items are list items, boxes, ids and rows of tables",
    )
}

/// Returns the name of a document from the repository's root, wherever the command is called.
fn named(context: &Context, store: &Store, file: &Path) -> String {
    let file = context.directory.join(file);
    // One that cannot be found is reported when it is read.
    let whole = file.canonicalize().unwrap_or(file);
    let root = store.git().workdir();
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    whole.strip_prefix(&root).unwrap_or(&whole).display().to_string()
}

fn tell(context: &Context, filed: &[Issue], known: usize, done: usize) -> Result<()> {
    let output = &context.output;
    if output.json {
        output.print_json(&filed)?;
    } else {
        for issue in filed {
            output.print(&name(issue))?;
        }
    }
    let mut said = format!("Imported {}", counted(filed.len(), "task"));
    for (count, what) in [(known, "here already"), (done, "done and left out")] {
        if count > 0 {
            let are = if count == 1 { "is" } else { "are" };
            said.push_str(&format!("; {count} {are} {what}"));
        }
    }
    output.say(&format!("{said}."));
    if let Some(first) = filed.first() {
        output.say(&format!(
            "`cordwainer issues import --undo {}` takes back what was imported.",
            first.id
        ));
    }
    Ok(())
}

/// Returns the tasks that were filed together with one, from the same document.
pub(super) fn filed_with(issues: &Issues, id: &IssueId) -> Result<Vec<IssueId>> {
    let issue = issues.get(id)?;
    let from = |issue: &Issue| issue.external.as_deref().and_then(origin).map(str::to_owned);
    let Some(document) = from(issue) else {
        let message = format!("{id} was not imported from a document");
        return Err(
            Error::new(ErrorKind::Usage, message).hint("`cordwainer issues show` tells where a task comes from")
        );
    };
    let is_of_it = |other: &&Issue| other.created_at == issue.created_at && from(other).as_ref() == Some(&document);
    Ok(issues.iter().filter(is_of_it).map(|issue| issue.id.clone()).collect())
}
