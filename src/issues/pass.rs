//! How far an audit or a review has come, as the store has it.

use std::collections::BTreeSet;

use crate::issues::issue::Issues;
use crate::issues::scope::PartRead;
use crate::model::finding::Finding;
use crate::model::{CommitId, Usage};

/// The last time that the files of a generation were read, or the one that is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pass {
    /// The commit that is read; `None` where no part is read yet.
    pub(crate) commit: Option<CommitId>,
    /// Its parts, in their order.
    pub(crate) parts: Vec<PartRead>,
    /// Whether all files are read, and what was to become of the findings is done.
    pub(crate) complete: bool,
    /// What its calls used.
    pub(crate) usage: Usage,
}

impl Pass {
    /// Reads it from the measures of a generation.
    pub(crate) fn of(issues: &Issues) -> Self {
        let mut pass = Self::default();
        for measure in &issues.meta().measures {
            if pass.complete && (measure.part.is_some() || !measure.calls.is_empty()) {
                pass = Self::default();
            }
            pass.usage += measure.calls.iter().map(|call| call.usage).sum::<Usage>();
            if let Some(part) = &measure.part {
                if pass.commit.as_ref() != Some(&part.commit) {
                    pass.parts.clear();
                    pass.commit = Some(part.commit.clone());
                }
                pass.parts.push(part.clone());
            }
            pass.complete |= measure.filed.is_some();
        }
        pass
    }

    /// Returns what is left of it for reading this commit: all where that was read, and nothing where it was another one.
    pub(crate) fn at(self, commit: &CommitId) -> Self {
        if self.commit.as_ref().is_none_or(|read| read == commit) {
            self
        } else {
            Self::default()
        }
    }

    /// Returns the files that were read.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        let read = self.parts.iter().filter(|part| part.failed.is_none());
        read.flat_map(|part| &part.files).map(String::as_str).collect()
    }

    /// Returns why the last part came to nothing, where all did.
    pub(crate) fn came_to_nothing(&self) -> Option<&str> {
        let has_failed = |part: &PartRead| part.failed.is_some();
        self.parts
            .last()
            .filter(|_| self.parts.iter().all(has_failed))?
            .failed
            .as_deref()
    }

    /// Returns all that was found, as agents stated it.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.parts.iter().flat_map(|part| &part.findings)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::{Measure, StoreMeta};
    use crate::model::generation::GenerationName;

    const OLD: &str = "0123456789012345678901234567890123456789";
    const NEW: &str = "9876543210987654321098765432109876543210";

    /// A part that was read; `None` stands for the note that all is.
    type Noted = Option<PartRead>;

    fn read(commit: &str, file: &str, failed: Option<&str>) -> PartRead {
        PartRead {
            commit: commit.parse().unwrap(),
            files: vec![file.to_owned()],
            findings: Vec::new(),
            failed: failed.map(str::to_owned),
        }
    }

    /// The pass of a store in which these were noted.
    fn pass(parts: &[Noted]) -> Pass {
        let at = Timestamp::UNIX_EPOCH;
        let measure = |part: &Noted| Measure {
            run: "run-1".parse().unwrap(),
            at,
            filed: part.is_none().then(Vec::new),
            calls: Vec::new(),
            part: part.clone(),
            of: None,
        };
        Pass::of(&Issues::new(StoreMeta {
            measures: parts.iter().map(measure).collect(),
            ..StoreMeta::new(GenerationName::new("generation-a").unwrap(), "main".to_owned(), at)
        }))
    }

    #[test]
    fn what_was_read_counts_until_another_commit_is_read_or_all_anew() {
        let (old, new) = (OLD.parse().unwrap(), NEW.parse().unwrap());
        let half = pass(&[Some(read(OLD, "a", None)), Some(read(OLD, "b", Some("no answer")))]);
        assert_eq!(half.files().into_iter().collect::<Vec<_>>(), ["a"]);
        assert!(!half.complete && half.came_to_nothing().is_none());
        assert_eq!(half.clone().at(&old), half);
        assert_eq!(half.at(&new), Pass::default());
        let whole = pass(&[Some(read(OLD, "a", None)), None]);
        assert!(whole.complete && whole.files().contains("a"));
        let anew = pass(&[Some(read(OLD, "a", None)), None, Some(read(OLD, "b", None))]);
        assert!(!anew.complete && !anew.files().contains("a"));
        let moved = pass(&[Some(read(OLD, "a", None)), Some(read(NEW, "b", None))]);
        assert_eq!((moved.parts.len(), moved.commit), (1, Some(new)));
        let nothing = pass(&[Some(read(OLD, "a", Some("no"))), Some(read(OLD, "b", Some("none")))]);
        assert_eq!(nothing.came_to_nothing(), Some("none"));
    }
}
