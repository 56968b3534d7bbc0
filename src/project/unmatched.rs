//! What the configuration names and the repository does not have: most likely a typing error, and never an error by
//! itself, since a task may be to write it.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::text::nearest;
use crate::git::{Head, Oid};
use crate::model::Role;
use crate::project::Project;

/// The names by which the client knows models (`claude --help`); a full name begins with [`FULL_NAME`].
const MODEL_ALIASES: [&str; 6] = ["best", "default", "haiku", "opus", "opusplan", "sonnet"];
/// What the full names of models begin with, in some form: `claude-…`, `anthropic.claude-…`, `us.anthropic.claude-…`.
const FULL_NAME: &str = "claude-";

impl Project {
    /// Returns what the configuration names and `commit` does not have, each in a sentence without its period. Folders
    /// that `base` has, from which a generation began, were cleared on purpose.
    ///
    /// # Errors
    ///
    /// When the commit cannot be read, or a glob is not valid.
    pub(crate) fn unmatched(&self, commit: Oid, base: Option<Oid>) -> Result<Vec<String>> {
        let globs = &self.config.context_files;
        let matchers = globs
            .iter()
            .map(|glob| document_glob(glob))
            .collect::<Result<Vec<_>>>()?;
        let matched = self.git.matching(commit, globs)?;
        let mut found = Vec::new();
        for (glob, matcher) in globs.iter().zip(matchers) {
            if !matched.iter().any(|entry| matcher.is_match(&entry.path)) {
                found.push(format!("`context_files`: no file matches `{glob}`"));
            }
        }
        let folders = [
            ("source_dirs", &self.config.source_dirs),
            ("cleanup_dirs", &self.config.cleanup_dirs),
        ];
        for (key, names) in folders {
            for name in names {
                let has = |commit| self.git.has_path(commit, Path::new(name));
                if name != "." && !has(commit)? && !base.map(has).transpose()?.unwrap_or_default() {
                    found.push(format!("`{key}`: there is no folder `{name}`"));
                }
            }
        }
        let stages = self.config.own_stages();
        found.extend(
            stages
                .filter(|stage| !self.git.workdir().join(&stage.prompt).is_file())
                .map(|stage| format!("the stage `{}`: there is no file `{}`", stage.name, stage.prompt)),
        );
        found.extend(
            self.config
                .called_roles()
                .into_iter()
                .filter_map(|role| self.odd_model(role)),
        );
        Ok(found)
    }

    /// Returns that the configuration in the checkout is not the committed one, in a sentence without its period; `None`
    /// where it is, where git ignores it, and where it is not in the checkout.
    ///
    /// # Errors
    ///
    /// When the file or the commit that is checked out cannot be read.
    pub(crate) fn uncommitted_configuration(&self) -> Result<Option<String>> {
        let root = self.git.workdir();
        let Some(path) = self.config_file.as_ref().and_then(|file| file.strip_prefix(root).ok()) else {
            return Ok(None);
        };
        let text = match std::fs::read_to_string(root.join(path)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.with_context(ErrorKind::Configuration, || format!("cannot read `{}`", path.display()))?,
        };
        let committed = match self.git.head()? {
            Head::Branch { tip, .. } | Head::Detached { tip } => self.git.read_file(tip, path)?,
            Head::Unborn { .. } => None,
        };
        let what = match committed {
            // Which ends lines have depends on git's settings.
            Some(bytes) if String::from_utf8_lossy(&bytes).lines().eq(text.lines()) => return Ok(None),
            Some(_) => "has changes that are not committed",
            None if self.git.ignores(path)? => return Ok(None),
            None => "is not committed",
        };
        Ok(Some(format!(
            "`{}` {what}: commands use the file as it is in your checkout, and tasks begin from what is committed",
            path.display()
        )))
    }

    /// Returns what is odd about the model of a role: the client passes any name on, and the API refuses it.
    fn odd_model(&self, role: Role) -> Option<String> {
        let model = self.config.role(role).model.as_deref()?;
        // A suffix such as `[1m]` asks for more context.
        let name = model.split('[').next().unwrap_or(model);
        if MODEL_ALIASES.contains(&name) || name.contains(FULL_NAME) {
            return None;
        }
        let meant = nearest(name, MODEL_ALIASES).map(|alias| format!(" (did you mean `{alias}`?)"));
        Some(format!(
            "`{}.model`: `{model}` is neither an alias of a model nor a name with `{FULL_NAME}` in it{}",
            role.name(),
            meant.unwrap_or_default()
        ))
    }
}

/// Compiles a glob of `context_files`.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] where it is not valid.
pub(crate) fn document_glob(glob: &str) -> Result<GlobSet> {
    let what = || format!("`context_files`: `{glob}` is not a valid glob");
    let built = GlobBuilder::new(glob)
        .literal_separator(true)
        .build()
        .with_context(ErrorKind::Configuration, what)?;
    GlobSetBuilder::new()
        .add(built)
        .build()
        .with_context(ErrorKind::Configuration, what)
}
