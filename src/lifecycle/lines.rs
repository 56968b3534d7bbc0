//! The lines of a commit, by language, as its tree has them: no checkout is read.

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::git::{Head, Oid};
use crate::lifecycle::Generator;

#[cfg(feature = "lines")]
mod counting;
mod report;

pub use self::report::{LanguageLines, LineReport, Lines, NotCounted};

impl Generator {
    /// Counts the lines of a commit by language. `at` names the commit: a revision, or a generation, ended or not. Without it, it is
    /// the last one of the generation that is chosen, and where none is, the one that is checked out.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where there is no such commit, and of kind [`ErrorKind::Precondition`] where this program is
    /// compiled without the feature `lines`, or there is no commit at all.
    pub fn lines(&self, at: Option<&str>) -> Result<LineReport> {
        count(self, self.commit_to_count(at)?)
    }

    fn commit_to_count(&self, at: Option<&str>) -> Result<Oid> {
        let git = &self.project.git;
        if let (Some(at), Some(chosen)) = (at, self.project.chosen()) {
            let message = format!(
                "`--at {}` and `--generation {}` name two commits",
                one_line(at, 60),
                one_line(chosen, 60)
            );
            return Err(
                Error::new(ErrorKind::Usage, message).hint("`--at` takes generations, too: leave the other out")
            );
        }
        if let Some(at) = at {
            return match git.resolve(at) {
                // The name of a generation without its prefix, or that of one that has ended.
                Err(error) if error.kind() == ErrorKind::Usage => self.tip_of_any(at)?.ok_or(error),
                found => found,
            };
        }
        if let Some(chosen) = self.project.chosen() {
            let tip = self.tip_of_any(chosen)?;
            return tip.map_or_else(|| self.project.tip(&self.project.generation()?), Ok);
        }
        match git.head()? {
            Head::Branch { tip, .. } | Head::Detached { tip } => Ok(tip),
            Head::Unborn { name } => {
                let message = format!("nothing is committed yet on `{name}`");
                Err(Error::new(ErrorKind::Precondition, message).hint("`--at` names another commit"))
            }
        }
    }

    /// Returns the last commit of a generation of this name, with or without the prefix, open or ended.
    fn tip_of_any(&self, name: &str) -> Result<Option<Oid>> {
        let found = match self.project.open_named(name)? {
            Some(open) => Some(open),
            None => self.project.ended_named(name)?.map(|ended| ended.generation),
        };
        found.map_or(Ok(None), |generation| Ok(self.ends_of(&generation)?.1))
    }
}

#[cfg(feature = "lines")]
fn count(generator: &Generator, commit: Oid) -> Result<LineReport> {
    counting::count(&generator.project.git, commit)
}

#[cfg(not(feature = "lines"))]
fn count(_: &Generator, _: Oid) -> Result<LineReport> {
    let message = "this program counts no lines: it is compiled without the feature `lines` of cordwainer";
    Err(Error::new(ErrorKind::Precondition, message).hint(
        "install the program with `--features lines`; in a program of your own, name the feature beside cordwainer in its `Cargo.toml`",
    ))
}
