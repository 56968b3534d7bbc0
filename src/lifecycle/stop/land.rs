//! Landing: the base branch, and the person's checkout of it, move to a prepared merge, or back.

use super::merge::Landing;
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{Oid, RefMove};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;

impl Generator {
    /// Moves the base branch, and the person's checkout of it, to a prepared merge.
    pub(super) fn land(&self, generation: &GenerationName, landing: &Landing) -> Result<()> {
        let Some(tip) = landing.tip else { return Ok(()) };
        self.project
            .git
            .wait_for_reference(&format!("refs/heads/{}", landing.base_branch))?;
        let marks = [generation.finished_mark(), generation.merged_mark()];
        let before = [
            self.project.git.reference(&marks[0])?,
            self.project.git.reference(&marks[1])?,
        ];
        self.set(&marks[0], Some(tip))?;
        crash_point!("stop.finished");
        let Some(merge) = landing.merge else {
            return self.mark_landed(&marks[1], before[1], landing.base);
        };
        self.set(&marks[1], Some(merge))?;
        crash_point!("stop.prepared");
        // The files come first, while HEAD still names what they were: a person's changes can be distinguished.
        if landing.checkout {
            let moved = self.advance_files(&landing.base_branch, landing.base, merge);
            if let Err(error) = moved {
                // For this kind of error nothing was moved; after any other the `stop` may have died half-way, and the
                // mark records where to.
                if error.kind() == ErrorKind::Precondition {
                    self.set(&marks[0], before[0])?;
                    self.set(&marks[1], before[1])?;
                }
                return Err(error);
            }
            crash_point!("stop.checkout");
        }
        self.move_base(generation, landing, merge)
    }

    /// Marks the position of the base branch that needed no merge any more, unless an earlier `stop` set its own mark.
    fn mark_landed(&self, mark: &str, earlier: Option<Oid>, base: Oid) -> Result<()> {
        match earlier {
            Some(earlier) if self.project.git.is_ancestor(earlier, base)? => Ok(()),
            _ => self.set(mark, Some(base)),
        }
    }

    fn move_base(&self, generation: &GenerationName, landing: &Landing, merge: Oid) -> Result<()> {
        let branch = format!("refs/heads/{}", landing.base_branch);
        let why = format!("cordwainer: merge {generation}");
        match self
            .project
            .git
            .move_reference(&branch, Some(landing.base), Some(merge), &why)?
        {
            RefMove::Moved => Ok(()),
            RefMove::Stale { .. } => Err(self.base_moved(landing, merge)),
        }
    }

    /// Restores the files, since the base branch moved between the check and the merge; returns the error about that.
    fn base_moved(&self, landing: &Landing, merge: Oid) -> Error {
        let message = format!("the base branch `{}` moved meanwhile", landing.base_branch);
        let error = Error::new(ErrorKind::Precondition, message).hint("run `cordwainer stop` again");
        if !landing.checkout {
            return error;
        }
        match self.retreat_files(&landing.base_branch, landing.base, merge) {
            Ok(None) => error,
            Ok(Some(left)) => Error::new(ErrorKind::Precondition, left).because(error),
            Err(cause) => error.because(cause),
        }
    }

    /// Undoes a `stop` that died before its merge was on the base branch: `reset` merges nothing. Returns a message
    /// about what it did not restore.
    pub(in crate::lifecycle) fn undo_landing(&self, generation: &GenerationName) -> Result<Option<String>> {
        let mark = generation.merged_mark();
        let Some(merge) = self.project.git.reference(&mark)? else {
            return Ok(None);
        };
        let base_branch = Store::open(&self.project.git, generation)?
            .read()?
            .meta()
            .base_branch
            .clone();
        let base = self.project.git.branch_tip(&base_branch)?;
        let mut left = None;
        if let Some(base) = base {
            if self.project.git.is_ancestor(merge, base)? {
                return Ok(None);
            }
            let began_here = self.project.git.commit_info(merge)?.parents.first() == Some(&base);
            if began_here && self.is_base_checked_out(&base_branch)? {
                left = self.retreat_files(&base_branch, base, merge)?;
            }
        }
        self.delete(&mark, merge)?;
        Ok(left)
    }

    /// Points one of our marks at `target`, or removes it.
    pub(super) fn set(&self, name: &str, target: Option<Oid>) -> Result<()> {
        let before = self.project.git.reference(name)?;
        if before == target {
            return Ok(());
        }
        match self
            .project
            .git
            .move_reference(name, before, target, "cordwainer: stop")?
        {
            RefMove::Moved => Ok(()),
            RefMove::Stale { .. } => Err(Error::new(ErrorKind::Precondition, format!("`{name}` moved meanwhile"))),
        }
    }
}
