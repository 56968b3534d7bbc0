//! Archives: what stays reachable of an ended generation, and to which generation an archive belongs.

use std::collections::BTreeMap;

use crate::base::error::Result;
use crate::git::Oid;
use crate::model::generation::{ARCHIVE, GenerationName};
use crate::project::Project;

/// The archive's ref of the generation branch.
pub(crate) const TIP: &str = "tip";
/// The mark that makes a generation exist, and an archive complete: kept last, deleted last.
pub(crate) const BASE: &str = "base";
/// The issue store: kept first, so that an archive shows its owner, and deleted last but one.
pub(crate) const ISSUES: &str = "issues";

/// The content of an archive, by mark (`tip`, `issues`, `tasks/cw-1`).
type Kept = BTreeMap<String, Oid>;

impl Project {
    /// Returns whether an earlier `stop` or `reset` of this generation archived everything and died before its end.
    pub(crate) fn is_ending(&self, generation: &GenerationName) -> Result<bool> {
        let number = self.archive_number(generation)?;
        let archive = self.archives(generation)?.remove(&number);
        Ok(archive.is_some_and(|kept| kept.contains_key(BASE)))
    }

    /// Returns the number under which this generation is archived: that of a `stop` or `reset` that died, else the
    /// next.
    pub(crate) fn archive_number(&self, generation: &GenerationName) -> Result<u32> {
        Ok(match self.archives(generation)?.pop_last() {
            None => 1,
            Some((last, kept)) if self.is_of_this_life(generation, &kept)? => last,
            Some((last, _)) => last + 1,
        })
    }

    /// Returns the archives of all generations that had this name, by number.
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

    /// Returns whether an archive is of the generation that is open now, and not of an earlier one with its name:
    /// nothing in it would be lost by overwriting it with the present state.
    fn is_of_this_life(&self, generation: &GenerationName, kept: &Kept) -> Result<bool> {
        let own = self.own_marks(generation)?;
        let has_issues = own.iter().any(|(mark, _)| mark == ISSUES);
        for (mark, target) in own {
            let fits = match kept.get(&mark) {
                // Two stores never share a commit, so a store's history shows to which generation an archive belongs.
                Some(kept) if has_issues => self.git.is_ancestor(*kept, target)?,
                // The store is deleted only after everything was kept.
                Some(kept) => *kept == target,
                None => has_issues && mark != ISSUES,
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the refs that belong to this generation and no other, with their targets; the branch is not among them.
    pub(crate) fn own_refs(&self, generation: &GenerationName) -> Result<Vec<(String, Oid)>> {
        self.git.references(&generation.namespace())
    }

    /// Returns what to keep of a generation, in the order in which it is kept.
    pub(crate) fn own_marks(&self, generation: &GenerationName) -> Result<Vec<(String, Oid)>> {
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
}
