//! What `stop` and `reset` share: saying what goes, keeping what is not merged, removing the rest.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::git::{Oid, RefMove};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::{ARCHIVE, GenerationName};
use crate::run::recover::Recovery;

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

/// The archive's ref of the generation branch.
const TIP: &str = "tip";
/// The mark that makes a generation exist, and an archive complete: kept last, deleted last.
const BASE: &str = "base";
/// The issue store: kept first, so that an archive shows whose it is, and deleted last but one.
const ISSUES: &str = "issues";

/// What an archive holds, by mark (`tip`, `issues`, `tasks/cw-1`).
type Kept = BTreeMap<String, Oid>;

impl Generator {
    /// Puts right what a dead run left of this generation, so that nothing of it is lost below.
    pub(super) async fn recover_before_ending(&self, generation: &GenerationName) -> Result<Vec<String>> {
        if self.git.reference(&generation.issues())?.is_none() {
            // An ending died right before its last step, or the store is lost. Leftover slots stay as they are.
            return Ok(self.freed_locks().collect());
        }
        let recovery = Recovery::before_ending(self, generation)?;
        if recovery.is_needed()? {
            recovery.run_with_any_engine().await
        } else {
            Ok(self.freed_locks().collect())
        }
    }

    /// The issue store of a generation that is about to end; that of its archive, when an ending died in the middle.
    pub(super) fn ending_store(&self, generation: &GenerationName) -> Result<Store> {
        if self.git.reference(&generation.issues())?.is_none() && self.is_ending(generation)? {
            let archive = generation.archive(self.archive_number(generation)?);
            return Store::archived(&self.git, &archive);
        }
        Store::open(&self.git, generation)
    }

    /// Says what will go; `folders` are those that go from the base branch's tree.
    pub(super) fn removal(&self, generation: &GenerationName, folders: Vec<String>) -> Result<Removal> {
        let branch = generation.branch();
        let mut refs = Vec::from_iter(self.git.reference(&branch)?.map(|_| branch));
        refs.extend(self.own_refs(generation)?.into_iter().map(|(name, _)| name));
        let slots = self.slots().listed()?;
        Ok(Removal {
            refs,
            folders,
            worktrees: slots.iter().map(|number| format!("slot {number}")).collect(),
            kept_under: Some(generation.archive(self.archive_number(generation)?)),
        })
    }

    /// Whether an earlier `stop` or `reset` of this generation archived everything and died before its end.
    pub(super) fn is_ending(&self, generation: &GenerationName) -> Result<bool> {
        let number = self.archive_number(generation)?;
        let archive = self.archives(generation)?.remove(&number);
        Ok(archive.is_some_and(|kept| kept.contains_key(BASE)))
    }

    /// The number under which this generation is archived: the one that a died ending began, else the next.
    pub(super) fn archive_number(&self, generation: &GenerationName) -> Result<u32> {
        Ok(match self.archives(generation)?.pop_last() {
            None => 1,
            Some((last, kept)) if self.is_of_this_life(generation, &kept)? => last,
            Some((last, _)) => last + 1,
        })
    }

    /// The archives of all generations that had this name, by number.
    fn archives(&self, generation: &GenerationName) -> Result<BTreeMap<u32, Kept>> {
        let prefix = format!("{ARCHIVE}{generation}/");
        let mut archives: BTreeMap<u32, Kept> = BTreeMap::new();
        for (name, target) in self.git.references(&prefix)? {
            if let Some((number, mark)) = name[prefix.len()..].split_once('/')
                && let Ok(number) = number.parse()
            {
                archives.entry(number).or_default().insert(mark.to_owned(), target);
            }
        }
        Ok(archives)
    }

    /// Whether an archive is of the generation that is open now, and not of an earlier one of its name: nothing in
    /// it would be lost by writing what there is now over it.
    fn is_of_this_life(&self, generation: &GenerationName, kept: &Kept) -> Result<bool> {
        let own = self.own_marks(generation)?;
        let has_issues = own.iter().any(|(mark, _)| mark == ISSUES);
        for (mark, target) in own {
            let fits = match kept.get(&mark) {
                // Two stores never share a commit, so a store's history tells whose archive it is.
                Some(kept) if has_issues => self.git.is_ancestor(*kept, target)?,
                // The store goes only after everything was kept.
                Some(kept) => *kept == target,
                None => has_issues && mark != ISSUES,
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The refs that belong to this generation and no other, with their targets; the branch is not among them.
    fn own_refs(&self, generation: &GenerationName) -> Result<Vec<(String, Oid)>> {
        self.git.references(&generation.namespace())
    }

    /// What is to be kept of a generation, in the order in which it is kept.
    fn own_marks(&self, generation: &GenerationName) -> Result<Vec<(String, Oid)>> {
        let namespace = generation.namespace();
        let mut marks: Vec<_> = self
            .own_refs(generation)?
            .into_iter()
            .map(|(name, target)| (name[namespace.len()..].to_owned(), target))
            .collect();
        if let Some(tip) = self.git.reference(&generation.branch())? {
            marks.push((TIP.to_owned(), tip));
        }
        marks.sort_by_key(|(mark, _)| match mark.as_str() {
            ISSUES => 0,
            BASE => 2,
            _ => 1,
        });
        Ok(marks)
    }

    /// Archives a generation whose branch is at `tip`, and removes its refs and worktrees. Each step can be done
    /// again after a death: everything is archived before anything is deleted, the branch goes first, the mark
    /// that makes the generation exist goes last.
    pub(super) fn archive_and_remove(&self, generation: &GenerationName, tip: Option<Oid>) -> Result<String> {
        let archive = generation.archive(self.archive_number(generation)?);
        for (mark, target) in self.own_marks(generation)? {
            self.keep(&format!("{archive}{mark}"), target)?;
        }
        crash_point!("end.archived");
        if let Some(tip) = tip {
            self.delete(&generation.branch(), tip)?;
            crash_point!("end.branch");
        }
        // What a dead run of another generation left stays: that one's next run keeps it.
        self.slots().remove_all()?;
        crash_point!("end.slots");
        let mut marks = self.own_marks(generation)?;
        marks.retain(|(mark, _)| ![ISSUES, BASE, TIP].contains(&mark.as_str()));
        for mark in marks.iter().map(|(mark, _)| mark.as_str()).chain([ISSUES]) {
            self.retire(generation, &archive, mark)?;
            crash_point!("end.ref");
        }
        self.retire(generation, &archive, BASE)?;
        Ok(archive)
    }

    /// Deletes one of a generation's refs, kept as it is at the moment of its deletion: somebody may add an issue
    /// until then.
    fn retire(&self, generation: &GenerationName, archive: &str, mark: &str) -> Result<()> {
        let name = format!("{}{mark}", generation.namespace());
        while let Some(target) = self.git.reference(&name)? {
            self.keep(&format!("{archive}{mark}"), target)?;
            match self.git.move_reference(&name, Some(target), None, "cordwainer: end")? {
                RefMove::Moved => return Ok(()),
                RefMove::Stale { .. } => {}
            }
        }
        Ok(())
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
