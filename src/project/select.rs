//! The selection of a generation: the one named, the one switched to, or the only one.

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{create_private_folder, write_atomically};
use crate::base::regular;
use crate::base::text::nearest;
use crate::git::Oid;
use crate::model::generation::{ARCHIVE, GenerationName, NAMESPACE, Phase};
use crate::project::Project;

const START: &str = "`cordwainer start` creates one";

impl Project {
    /// Returns the generations that have not ended, by name. A ref of ours that cannot be a generation's belongs to
    /// somebody else.
    pub(crate) fn generations(&self) -> Result<Vec<GenerationName>> {
        let refs = self.git.references(NAMESPACE)?;
        let names = refs
            .iter()
            .filter(|(reference, _)| !reference.starts_with(ARCHIVE))
            .filter_map(|(reference, _)| reference.strip_prefix(NAMESPACE)?.strip_suffix("/base"))
            .filter_map(|name| GenerationName::new(name).ok());
        Ok(names.collect())
    }

    /// Returns the selected generation, as [`Self::generation`] does, if it is still open; `hint` is what to do where it is finished.
    pub(crate) fn open_generation(&self, hint: Option<&str>) -> Result<GenerationName> {
        let generation = self.generation()?;
        if self.phase(&generation)? == Phase::Open {
            return Ok(generation);
        }
        let finished = Error::new(
            ErrorKind::Precondition,
            format!("the generation `{generation}` is finished"),
        );
        Err(match hint {
            Some(hint) => finished.hint(hint),
            None => finished,
        })
    }

    /// Returns the selected generation: the one chosen, else the configuration's, else the one switched to, else the
    /// only one. Fails with [`ErrorKind::Precondition`], listing the open ones.
    pub(crate) fn generation(&self) -> Result<GenerationName> {
        let names = self.generations()?;
        if let Some(wanted) = self.chosen.as_ref().or(self.config.generation_branch.as_ref()) {
            return self.find(wanted, &names);
        }
        if let Some(current) = self.current()?
            && let Some(found) = names.iter().find(|name| name.as_str() == current)
        {
            return Ok(found.clone());
        }
        let (message, hint) = match names.as_slice() {
            [only] => return Ok(only.clone()),
            [] => ("no generation is open in this repository".to_owned(), START),
            _ => (
                format!("several generations are open: {}", listed(&names)),
                "`cordwainer switch NAME` selects one, `--generation NAME` selects it for one command",
            ),
        };
        Err(Error::new(ErrorKind::Precondition, message).hint(hint))
    }

    /// Returns whether a generation has this name, with or without the configured prefix.
    pub(crate) fn is_named(&self, generation: &GenerationName, name: &str) -> bool {
        let bare = || generation.as_str().strip_prefix(self.config.gen_prefix.as_str());
        generation.as_str() == name || bare() == Some(name)
    }

    /// Returns which of these generations has this name, with or without the configured prefix; an exact match comes first.
    fn named<'a>(&self, name: &str, all: &'a [GenerationName]) -> Option<&'a GenerationName> {
        let exactly = all.iter().find(|generation| generation.as_str() == name);
        exactly.or_else(|| all.iter().find(|generation| self.is_named(generation, name)))
    }

    /// Returns the open generation of this name, with or without the configured prefix; an exact match comes first.
    pub(crate) fn open_named(&self, name: &str) -> Result<Option<GenerationName>> {
        Ok(self.named(name, &self.generations()?).cloned())
    }

    /// Finds an open generation by its name, with or without the configured prefix; an exact match comes first.
    pub(crate) fn find(&self, wanted: &str, names: &[GenerationName]) -> Result<GenerationName> {
        if let Some(found) = self.named(wanted, names) {
            return Ok(found.clone());
        }
        let shown = wanted.escape_debug();
        if let Some(ended) = self.ended_named(wanted)? {
            let name = ended.generation;
            let message = format!("the generation `{name}` has ended");
            let kept = ended.archive.unwrap_or_default();
            return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                "its commits and tasks are kept under `{kept}`; `cordwainer issues --generation {name} list` shows its tasks, which can no longer change"
            )));
        }
        let error = Error::new(ErrorKind::Precondition, format!("no generation `{shown}` is open"));
        let prefix = self.config.gen_prefix.as_str();
        let full = || names.iter().map(GenerationName::as_str);
        let near = nearest(wanted, full().filter_map(|name| name.strip_prefix(prefix)))
            .map(|short| format!("{prefix}{short}"))
            .or_else(|| nearest(wanted, full()).map(str::to_owned));
        Err(match near {
            _ if names.is_empty() => error.hint(START),
            Some(near) if names.len() == 1 => error.hint(format!("did you mean `{near}`?")),
            Some(near) => error.hint(format!("did you mean `{near}`? the open ones are: {}", listed(names))),
            None => error.hint(format!("the open ones are: {}", listed(names))),
        })
    }

    /// Returns the name of the selected generation if it has ended: the one chosen, else the configuration's, else the
    /// one switched to if none is open.
    pub(crate) fn meant_when_ended(&self) -> Result<Option<String>> {
        if let Some(wanted) = self.chosen.as_ref().or(self.config.generation_branch.as_ref()) {
            return Ok(Some(wanted.clone()));
        }
        if self.generations()?.is_empty() {
            self.current()
        } else {
            Ok(None)
        }
    }

    /// Returns the generation last started or switched to.
    pub(crate) fn current(&self) -> Result<Option<String>> {
        let path = self.state_dir.join("current");
        match regular::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", path.display()))
            }
        }
    }

    /// Makes `generation` the current one from now on.
    pub(crate) fn remember(&self, generation: &GenerationName) -> Result<()> {
        create_private_folder(&self.state_dir)?;
        write_atomically(&self.state_dir.join("current"), generation.as_str().as_bytes())
    }

    /// Returns the last commit of a generation.
    pub(crate) fn tip(&self, generation: &GenerationName) -> Result<Oid> {
        self.git.reference(&generation.branch())?.ok_or_else(|| {
            Error::new(
                ErrorKind::Precondition,
                format!("the generation branch `{generation}` is gone"),
            )
            .hint("somebody removed it: its commits are on the task refs and in the reflog")
        })
    }

    /// Switches to an open generation: it is selected from now on.
    pub(crate) fn switch(&self, wanted: &str) -> Result<GenerationName> {
        let found = self.find(wanted, &self.generations()?)?;
        self.remember(&found)?;
        Ok(found)
    }
}

fn listed(names: &[GenerationName]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
