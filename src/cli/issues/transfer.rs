//! `cordwainer issues import` and `cordwainer issues export`.

use std::path::Path;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text;
use crate::cli::Context;
use crate::cli::issues::input;
use crate::cli::issues::name::name;
use crate::issues::issue::{Issue, read_batch};
use crate::issues::store::Store;
use crate::report::numbers::counted;

/// The file of an older store, in `beads_dir`.
const OLDER_FILE: &str = "issues.jsonl";

/// Files all tasks of a file, of stdin, or of the configured older store; or none, and then reports every problem.
pub(super) fn import(context: &Context, store: &Store, file: Option<&Path>, beads_dir: Option<&Path>) -> Result<()> {
    let (source, text) = read(context, file, beads_dir)?;
    let failed = |error: Error| Error::new(error.kind(), format!("nothing was imported from {source}")).because(error);
    let reading = read_batch(&text).map_err(failed)?;
    let clock = &context.environment.clock;
    let (now, new_ids) = (clock.now(), store.new_ids(clock)?);
    let why = format!("import {}", counted(reading.batch.len(), "task"));
    let (imported, known) = store
        .update(&why, now, |issues| {
            let mut batch = reading.batch.clone();
            let known = issues.take_known(&mut batch);
            let ids = issues.import(batch, &new_ids, now)?;
            let imported = ids.iter().map(|id| issues.get(id).cloned());
            Ok((imported.collect::<Result<Vec<Issue>>>()?, known))
        })
        .map_err(failed)?;
    for note in &reading.notes {
        context.output.say(&text::harmless(note));
    }
    let mut done = format!("Imported {}", counted(imported.len(), "task"));
    if !known.is_empty() {
        done.push_str(&format!("; {} here already", are(known.len())));
    }
    if reading.closed > 0 {
        done.push_str(&format!("; {} closed on GitHub", are(reading.closed)));
    }
    if context.output.json {
        context.output.print_json(&imported)?;
    } else {
        for issue in &imported {
            context.output.print(&name(issue))?;
        }
    }
    context.output.say(&format!("{done}."));
    Ok(())
}

fn are(count: usize) -> String {
    if count == 1 {
        "1 is".to_owned()
    } else {
        format!("{count} are")
    }
}

/// Reads what is to be imported; returns its name, too.
fn read(context: &Context, file: Option<&Path>, beads_dir: Option<&Path>) -> Result<(String, String)> {
    let path = match (file, beads_dir) {
        (Some(path), _) if path == Path::new("-") => return Ok(("stdin".to_owned(), input::stdin()?)),
        (Some(path), _) => context.directory.join(path),
        (None, Some(folder)) => folder.join(OLDER_FILE),
        (None, None) => {
            return Err(Error::new(ErrorKind::Usage, "there is no file to import from")
                .hint("name a file, or `-` for stdin, or set `beads_dir` in the configuration"));
        }
    };
    Ok((format!("`{}`", path.display()), input::file(&path)?))
}

/// Prints all tasks as a JSON array, which `import` reads.
pub(super) fn export(context: &Context, store: &Store) -> Result<()> {
    context
        .output
        .print_json(&store.read()?.iter().collect::<Vec<&Issue>>())
}
