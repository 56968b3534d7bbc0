//! What `stop` and `reset` share: saying what goes, keeping what is not merged, removing the rest.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::crash::crash_point;
use crate::error::Result;
use crate::generation::{ARCHIVE, GenerationName};
use crate::generator::Generator;
use crate::git::{Oid, RefMove};
use crate::recover::Recovery;

/// What ending a generation removes and keeps, said before anything is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Refs that go, among them the generation branch.
    pub refs: Vec<String>,
    /// Folders that go from the base branch's tree.
    pub folders: Vec<String>,
    /// Worktrees of the pool that go.
    pub worktrees: Vec<String>,
    /// Where everything that is not merged stays reachable; `None` when nothing needs to.
    pub kept_under: Option<String>,
}

impl Generator {
    /// Puts right what a dead run left of this generation, so that nothing of it is lost below.
    pub(super) async fn recover_before_ending(&self, generation: &GenerationName) -> Result<Vec<String>> {
        let recovery = Recovery::new(self, generation)?;
        if recovery.is_needed()? {
            recovery.run_with_any_engine().await
        } else {
            Ok(Vec::new())
        }
    }

    /// The refs that belong to this generation and no other, with their targets.
    pub(super) fn own_refs(&self, generation: &GenerationName) -> Result<Vec<(String, Oid)>> {
        self.git.references(&generation.namespace())
    }

    /// Says what will go; `folders` are those that go from the base branch's tree.
    pub(super) fn removal(&self, generation: &GenerationName, folders: Vec<String>) -> Result<Removal> {
        let mut refs = vec![generation.branch()];
        refs.extend(self.own_refs(generation)?.into_iter().map(|(name, _)| name));
        let worktrees = self
            .slots()
            .listed()?
            .iter()
            .map(|number| format!("slot {number}"))
            .collect();
        let kept_under = Some(generation.archive(self.archive_number(generation)?));
        Ok(Removal {
            refs,
            folders,
            worktrees,
            kept_under,
        })
    }

    /// The number under which this generation is archived: the one that a died ending began, else the next.
    fn archive_number(&self, generation: &GenerationName) -> Result<u32> {
        let prefix = format!("{ARCHIVE}{generation}/");
        let mut archives: BTreeMap<u32, Vec<(String, Oid)>> = BTreeMap::new();
        for (name, target) in self.git.references(&prefix)? {
            let Some((number, mark)) = name[prefix.len()..].split_once('/') else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            archives.entry(number).or_default().push((mark.to_owned(), target));
        }
        let Some((last, kept)) = archives.pop_last() else {
            return Ok(1);
        };
        Ok(if self.is_kept(generation, &kept)? {
            last
        } else {
            last + 1
        })
    }

    /// Whether everything in an archive is what this generation holds now, or held when its ending began.
    fn is_kept(&self, generation: &GenerationName, kept: &[(String, Oid)]) -> Result<bool> {
        let Some(tip) = self.git.reference(&generation.branch())? else {
            // The branch goes only after everything was archived.
            return Ok(true);
        };
        for (mark, target) in kept {
            let present = match mark.as_str() {
                "tip" => Some(tip),
                _ => self.git.reference(&format!("{}{mark}", generation.namespace()))?,
            };
            if present != Some(*target) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Archives a generation and removes its refs and worktrees. Each step can be done again after a death:
    /// everything is archived before anything is deleted, the branch goes first, the mark that makes the
    /// generation exist goes last.
    pub(super) fn archive_and_remove(&self, generation: &GenerationName) -> Result<String> {
        let number = self.archive_number(generation)?;
        let archive = generation.archive(number);
        if let Some(tip) = self.git.reference(&generation.branch())? {
            for (name, target) in self.own_refs(generation)? {
                self.keep(&format!("{archive}{}", &name[generation.namespace().len()..]), target)?;
            }
            // Last: an archive with a tip is complete.
            self.keep(&format!("{archive}tip"), tip)?;
            crash_point!("end.archived");
            self.delete(&generation.branch(), tip)?;
            crash_point!("end.branch");
        }
        self.slots().remove_all()?;
        crash_point!("end.slots");
        let base_mark = generation.base_mark();
        for (name, target) in self
            .own_refs(generation)?
            .into_iter()
            .filter(|(name, _)| *name != base_mark)
        {
            self.delete(&name, target)?;
            crash_point!("end.ref");
        }
        if let Some(base) = self.git.reference(&base_mark)? {
            self.delete(&base_mark, base)?;
        }
        Ok(archive)
    }

    /// Points an archive ref at `target`, whatever an earlier try left there.
    fn keep(&self, name: &str, target: Oid) -> Result<()> {
        let mut expected = self.git.reference(name)?;
        while expected != Some(target) {
            match self
                .git
                .move_reference(name, expected, Some(target), "cordwainer: archive")?
            {
                RefMove::Moved => return Ok(()),
                RefMove::Stale { actual } => expected = actual,
            }
        }
        Ok(())
    }
}
