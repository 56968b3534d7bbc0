//! The name of a new generation, which nothing else may have.

use std::path::Path;

use crate::base::error::{Error, ErrorKind, Result};
use crate::issues::request::Request;
use crate::lifecycle::{Generator, StartOptions};
use crate::model::ModeKind;
use crate::model::generation::{GenerationName, Phase};

const CHOOSE: &str = "choose another name with `--name`";

impl Generator {
    /// Returns the name that the options ask for, behind the configured prefix.
    pub(in crate::lifecycle) fn new_name(&self, options: &StartOptions) -> Result<GenerationName> {
        let name = match &options.name {
            Some(name) if name.contains('/') => {
                let message = format!("`{}` cannot name a generation: it contains a `/`", name.escape_debug());
                return Err(Error::new(ErrorKind::Usage, message).hint("`gen_prefix` may contain one"));
            }
            Some(name) if name.is_empty() => {
                return Err(Error::new(ErrorKind::Usage, "the name of a generation cannot be empty")
                    .hint("leave `--name` out to name it after its mode and request, or the current time"));
            }
            Some(name) => name.clone(),
            None => self.name_of_work(options),
        };
        GenerationName::new(format!("{}{name}", self.project.config.gen_prefix))
    }

    /// Names a generation after its mode and what it is asked for, or after the current time.
    fn name_of_work(&self, options: &StartOptions) -> String {
        let time = || self.project.clock().now().strftime("%Y-%m-%d-%H%M%S").to_string();
        let slug = options.request.as_ref().and_then(Request::slug);
        let asked = slug.or_else(|| document_slug(options)).unwrap_or_else(time);
        let mode = &self.project.config.mode.name;
        if mode == ModeKind::Generate.name() {
            return asked;
        }
        // Whoever begins a request with the word of its mode does not mean it twice.
        let asked = asked.strip_prefix(&format!("{mode}-")).unwrap_or(&asked);
        format!("{mode}-{asked}")
    }

    /// Refuses a name that an open generation or a branch has, or one that git or some disks cannot distinguish from
    /// it.
    pub(super) fn refuse_taken(&self, generation: &GenerationName) -> Result<()> {
        if self.project.git.reference(&generation.base_mark())?.is_some() {
            let message = format!("the generation `{generation}` is open already");
            let onwards = match self.project.phase(generation)? {
                Phase::Open => "continue this one with `cordwainer run`",
                Phase::Finished | Phase::Merged | Phase::Archived => "end this one with `cordwainer stop`",
            };
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint(format!("choose another name with `--name`, or {onwards}")));
        }
        if self.project.git.reference(&generation.branch())?.is_some() {
            let message = format!("a branch `{generation}` exists, and is not a generation");
            return Err(Error::new(ErrorKind::Precondition, message).hint(CHOOSE));
        }
        let open = self.project.generations()?;
        let branches = self.project.git.references("refs/heads/")?;
        let branches = branches.iter().filter_map(|(name, _)| name.strip_prefix("refs/heads/"));
        for other in open.iter().map(GenerationName::as_str).chain(branches) {
            if let Some(why) = collision(generation.as_str(), other) {
                let message = format!("`{generation}` cannot be created beside `{other}`: {why}");
                return Err(Error::new(ErrorKind::Precondition, message).hint(CHOOSE));
            }
        }
        Ok(())
    }
}

/// Returns why two names cannot be branches of one repository on every disk.
fn collision(new: &str, other: &str) -> Option<&'static str> {
    let (new, other) = (new.to_lowercase(), other.to_lowercase());
    let below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    if new == other {
        Some("they differ only by case")
    } else if below(&new, &other) || below(&other, &new) {
        Some("for git, one would be a folder in the other")
    } else {
        None
    }
}

/// Returns the words of the first document's name that can be part of a branch's name; `None` where there are none.
fn document_slug(options: &StartOptions) -> Option<String> {
    let first = Path::new(options.documents.first()?);
    let name = first.file_stem()?.to_str()?;
    Request::new(name, Vec::new()).ok()?.slug()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(new: &str, other: &str, collides: bool) {
        assert_eq!(collision(new, other).is_some(), collides, "{new} beside {other}");
        assert_eq!(collision(other, new).is_some(), collides, "{other} beside {new}");
    }

    #[test]
    fn names_that_some_disk_takes_for_one_another_collide() {
        check("generation-a", "generation-A", true);
        check("generation-é", "generation-É", true);
        check("gen/a", "gen", true);
        check("Gen/a", "gen", true);
    }

    #[test]
    fn names_that_only_begin_alike_do_not_collide() {
        check("generation-a", "generation-a-b", false);
        check("generation-a", "generation-ab", false);
        check("gen/a", "gen/b", false);
    }
}
