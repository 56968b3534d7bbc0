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

/// Tries all templates of a person that the mode in force uses; returns how many there are.
///
/// # Errors
///
/// Those of [`templates`]. One that is missing is an error, too: what needs it may come only after calls are paid for.
pub(crate) fn try_all(config: &Config, root: &Path) -> Result<usize> {
    let mut count = 0;
    for (name, key, path) in config.templates() {
        try_one(root, (name, &key, path))?;
        count += 1;
    }
    Ok(count)
}

/// Returns what is wrong with the templates of a person that the mode in force uses.
pub(crate) fn refused(config: &Config, root: &Path) -> Vec<Error> {
    let tried = config
        .templates()
        .map(|(name, key, path)| try_one(root, (name, &key, path)));
    tried.filter_map(Result::err).collect()
}

fn try_one(root: &Path, (name, key, path): (PromptName, &str, &str)) -> Result<()> {
    let tried = read(root, path).and_then(|own| check(name, own.borrow()));
    tried.map_err(|error| at_key(&error, key))
}

/// Adds the key that names a template to what is wrong with it.
fn at_key(error: &Error, key: &str) -> Error {
    let message = format!("`{key}`: {}", error.in_a_line());
    let named = Error::new(ErrorKind::Configuration, message);
    match error.hint_text() {
        Some(hint) => named.hint(hint.to_owned()),
        None => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_is_missing_is_told_by_its_key_and_file() {
        let root = tempfile::tempdir().unwrap();
        let config = Config::parse("prompts: {red_gate: p/red.md, ends_soon: p/soon.md}", "c.yaml").unwrap();
        std::fs::create_dir(root.path().join("p")).unwrap();
        std::fs::write(root.path().join("p/soon.md"), "Hurry: {{ how }}.\n").unwrap();
        let error = try_all(&config, root.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let told = error.to_string();
        assert!(
            told.starts_with("`prompts.red_gate`: cannot read the template `"),
            "{told}"
        );
        assert!(told.contains("/p/red.md`"), "{told}");
        std::fs::write(
            root.path().join("p/red.md"),
            "{{ gate }}: {{ output | fenced(\"it\") }}\n",
        )
        .unwrap();
        assert_eq!(try_all(&config, root.path()).unwrap(), 2);
    }
}
