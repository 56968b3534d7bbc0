//! `issues import` and `issues export`.

use std::path::Path;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text;
use crate::cli::Context;
use crate::cli::issues::input;
use crate::cli::issues::name::name;
use crate::issues::issue::{Issue, read_batch};
use crate::issues::store::Store;

/// The file of an older store, in `beads_dir`.
const OLDER_FILE: &str = "issues.jsonl";

/// Files all issues of a file, of stdin, or of the configured older store; or none, and then reports every problem.
pub(super) fn import(context: &Context, store: &Store, file: Option<&Path>, beads_dir: Option<&Path>) -> Result<()> {
    let text = match (file, beads_dir) {
        (Some(path), _) if path == Path::new("-") => input::stdin()?,
        (Some(path), _) => input::file(&context.directory.join(path))?,
        (None, Some(folder)) => input::file(&folder.join(OLDER_FILE))?,
        (None, None) => {
            return Err(Error::new(ErrorKind::Usage, "there is no file to import from")
                .hint("name a file, or `-` for stdin, or set `beads_dir` in the configuration"));
        }
    };
    let reading = read_batch(&text)?;
    let now = context.environment.clock.now();
    let why = format!("import {} issues", reading.batch.len());
    let imported = store.update(&why, now, |issues| {
        let ids = issues.import(reading.batch.clone(), now)?;
        ids.iter()
            .map(|id| issues.get(id).cloned())
            .collect::<Result<Vec<Issue>>>()
    })?;
    for note in &reading.notes {
        context.output.say(&text::harmless(note));
    }
    if context.output.json {
        return context.output.print_json(&imported);
    }
    for issue in &imported {
        context.output.print(&name(issue))?;
    }
    context.output.say(&format!("Imported {} issues.", imported.len()));
    Ok(())
}

/// Prints all issues as a JSON array, which `import` reads.
pub(super) fn export(context: &Context, store: &Store) -> Result<()> {
    context
        .output
        .print_json(&store.read()?.iter().collect::<Vec<&Issue>>())
}
