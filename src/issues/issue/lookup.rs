//! Finding issues: by their id, or by what a person types for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::issues::issue::{Issue, Issues};
use crate::model::{IssueId, TypedId, id_list};

/// How many ids an error names.
const NAMED: usize = 10;

impl Issues {
    /// Finds an issue; an unknown id is a usage error that names the existing ids.
    pub fn get(&self, id: &IssueId) -> Result<&Issue> {
        let found = self.all.get(id).map(AsRef::as_ref);
        found.ok_or_else(|| self.unknown(id))
    }

    /// Finds the issue that a person typed the id of, or the beginning of it.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`], where there is no such issue, or where several ids begin like this.
    pub fn find(&self, typed: &TypedId) -> Result<IssueId> {
        if let Some(id) = self.all.keys().find(|id| typed.is(id)) {
            return Ok(id.clone());
        }
        let found: Vec<&Issue> = self.iter().filter(|issue| typed.begins(&issue.id)).collect();
        match found.as_slice() {
            [] => Err(self.unknown(typed)),
            [only] => Ok(only.id.clone()),
            several => {
                let named = several.iter().take(NAMED);
                let mut lines: Vec<String> = named
                    .map(|issue| format!("{} {}", issue.id, one_line(&issue.title, 100)))
                    .collect();
                if let Some(more @ 1..) = several.len().checked_sub(NAMED) {
                    lines.push(format!("and {more} more"));
                }
                let message = format!("`{typed}` is the beginning of {} ids", several.len());
                Err(Error::new(ErrorKind::Usage, message)
                    .because(lines.join("\n"))
                    .hint("type one more letter of the id"))
            }
        }
    }

    /// Finds all issues that a person typed the ids of, each once, in the order in which they were typed.
    ///
    /// # Errors
    ///
    /// As [`Issues::find`].
    pub fn find_all(&self, typed: &[TypedId]) -> Result<Vec<IssueId>> {
        let mut seen = BTreeSet::new();
        let found = typed.iter().map(|typed| self.find(typed)).collect::<Result<Vec<_>>>()?;
        Ok(found.into_iter().filter(|id| seen.insert(id.clone())).collect())
    }

    /// Finds an issue to change it.
    pub(super) fn get_mut(&mut self, id: &IssueId) -> Result<&mut Issue> {
        if !self.all.contains_key(id) {
            return Err(self.unknown(id));
        }
        Ok(Arc::make_mut(self.all.get_mut(id).expect("just found")))
    }

    /// Returns the error about an unknown id.
    fn unknown(&self, id: &impl std::fmt::Display) -> Error {
        let ids: Vec<IssueId> = self.iter().map(|issue| issue.id.clone()).collect();
        let hint = match ids.as_slice() {
            [] => "no task was filed yet".to_owned(),
            [only] => format!("the only task is {only}"),
            few if few.len() <= NAMED => format!("the tasks are {}", id_list(few)),
            many => format!("`cordwainer issues list` lists the {} tasks", many.len()),
        };
        Error::new(ErrorKind::Usage, format!("unknown task `{id}`")).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::tests::issues_with;

    #[test]
    fn a_unique_beginning_is_enough_and_an_ambiguous_one_names_the_candidates() {
        let issues = issues_with(&["cw-3", "cw-12", "cw-k7qd", "cw-k7ab", "cw-mmmm"]);
        let find = |typed: &str| issues.find(&typed.parse().unwrap()).map(|id| id.to_string());
        for (typed, expect) in [
            ("12", "cw-12"),
            ("cw-3", "cw-3"),
            ("m", "cw-mmmm"),
            ("cw-k7q", "cw-k7qd"),
            ("K7AB", "cw-k7ab"),
        ] {
            assert_eq!(find(typed).unwrap(), expect, "{typed}");
        }
        let several = find("k7").unwrap_err();
        assert_eq!(several.kind(), ErrorKind::Usage);
        assert_eq!(
            several.in_a_line(),
            "`cw-k7` is the beginning of 2 ids: cw-k7ab T cw-k7qd T"
        );
        let missing = find("1").unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Usage);
        assert_eq!(
            missing.hint_text(),
            Some("the tasks are cw-3, cw-12, cw-k7ab, cw-k7qd, cw-mmmm")
        );
        let typed = ["m", "cw-mmmm", "12"].map(|typed| typed.parse().unwrap());
        assert_eq!(id_list(&issues.find_all(&typed).unwrap()), "cw-mmmm, cw-12");
        assert_eq!(issues.meta().created_at, Timestamp::UNIX_EPOCH);
    }
}
