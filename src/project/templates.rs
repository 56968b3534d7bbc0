//! Templates of prompts, read from the person's checkout as the configuration is: not from the generation, whose files agents
//! write.

use std::path::Path;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::config::Config;
use crate::model::PromptName;
use crate::prompt::{OwnTemplate, Templates, check};

/// Reads the templates that are in force for these prompts, and tries those of a person.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] where one cannot be read or used, naming the key and the file.
pub(crate) fn templates(config: &Config, root: &Path, names: &[PromptName]) -> Result<Templates> {
    let mut found = Templates::default();
    for name in names {
        if let Some((key, path)) = config.template(*name) {
            let replaced = read(root, path).and_then(|own| found.replace(*name, own));
            replaced.map_err(|error| at_key(&error, &key))?;
        }
    }
    Ok(found)
}

/// Reads the template at a path below the root.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] where it cannot be read.
pub(crate) fn read(root: &Path, path: &str) -> Result<OwnTemplate> {
    let file = root.join(path);
    let text = std::fs::read_to_string(&file);
    let text = text.with_context(ErrorKind::Configuration, || {
        format!("cannot read the template `{}`", file.display())
    })?;
    Ok(OwnTemplate {
        path: path.to_owned(),
        text,
    })
}

/// Tries all templates of a person that are there, each beside its key. One that is not there may be a task's to write.
pub(crate) fn tried(config: &Config, root: &Path) -> Vec<(String, Result<()>)> {
    let there = config.templates().filter(|(_, _, path)| root.join(path).is_file());
    let tried = there.map(|(name, key, path)| {
        let tried = read(root, path).and_then(|own| check(name, own.borrow()));
        (key, tried)
    });
    tried.collect()
}

/// Adds the key that names a template to what is wrong with it.
pub(crate) fn at_key(error: &Error, key: &str) -> Error {
    let message = format!("`{key}`: {}", error.in_a_line());
    let named = Error::new(ErrorKind::Configuration, message);
    match error.hint_text() {
        Some(hint) => named.hint(hint.to_owned()),
        None => named,
    }
}
