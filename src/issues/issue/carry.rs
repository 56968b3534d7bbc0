//! Tasks that a new generation begins with, because an ended one left them undone.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::base::text::one_line;
use crate::issues::issue::{Comment, Issue, Issues, Status, StoreMeta};
use crate::model::IssueId;

/// The author of comments that no person wrote.
const AUTHOR: &str = "cordwainer";

impl Issues {
    /// Builds the store of a new generation with the tasks of an ended one that are not closed, under their ids. Held
    /// tasks stay held, and those in progress become open. Attempts stay with the generation that paid for them: a
    /// comment says how the last one ended. Dependencies on closed tasks are met, and left out. So are tasks that another
    /// generation has, `elsewhere`, and dependencies on them.
    #[must_use]
    pub fn carried_over(&self, meta: StoreMeta, elsewhere: &BTreeSet<IssueId>, now: Timestamp) -> Self {
        let mut carried = Self::new(meta);
        let undone = self.iter().filter(|issue| issue.status != Status::Closed);
        for issue in undone.filter(|issue| !elsewhere.contains(&issue.id)) {
            let mut issue = self.carried(issue, now);
            issue
                .dependencies
                .retain(|edge| !elsewhere.contains(&edge.depends_on_id));
            carried.all.insert(issue.id.clone(), issue.into());
        }
        carried
    }

    fn carried(&self, issue: &Issue, now: Timestamp) -> Issue {
        let mut carried = issue.clone();
        if carried.status == Status::InProgress {
            carried.status = Status::Open;
        }
        carried.claim = None;
        // The new generation has groups of its own.
        carried.group = None;
        carried.forgiven_attempts = 0;
        carried.attempts.clear();
        carried.begins_from = None;
        carried.updated_at = now;
        let waits_for = self.waits_for(issue);
        carried
            .dependencies
            .retain(|edge| waits_for.contains(&edge.depends_on_id));
        if let Some(last) = issue.attempts.last() {
            let generation = &self.meta().generation;
            let reason = match last.reason.as_str() {
                "" => String::new(),
                reason => format!(": {}", one_line(reason, 500)),
            };
            let count = issue.attempts.len();
            let attempts = if count == 1 { "attempt" } else { "attempts" };
            carried.comments.push(Comment {
                author: AUTHOR.to_owned(),
                text: format!(
                    "{count} {attempts} in {generation}; the last one: {}{reason}",
                    last.outcome
                ),
                created_at: now,
            });
        }
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issues::attempt::{Attempt, Outcome};
    use crate::issues::issue::tests::issues_with;

    #[test]
    fn what_is_not_closed_goes_over_with_what_it_still_waits_for() {
        let now = Timestamp::UNIX_EPOCH;
        let id = |id: &str| id.parse().unwrap();
        let mut old = issues_with(&["cw-1", "cw-2", "cw-3", "cw-4"]);
        old.add_dependency(&id("cw-3"), &id("cw-1"), now).unwrap();
        old.add_dependency(&id("cw-3"), &id("cw-2"), now).unwrap();
        old.close(&id("cw-1"), "merged", Some(&"c0ffee".parse().unwrap()), now)
            .unwrap();
        old.claim(&id("cw-2"), &"20261121-1".parse().unwrap(), now).unwrap();
        let attempt = Attempt {
            reason: "`cargo test` exited with 101".to_owned(),
            ..Attempt::new((1, "20261121-1".parse().unwrap()), Outcome::GateFailed, (now, now))
        };
        old.record_attempt(&id("cw-4"), attempt, now).unwrap();
        old.hold(&id("cw-4"), "it failed", now).unwrap();

        let carried = old.carried_over(old.meta().clone(), &BTreeSet::new(), now);
        let seen: Vec<_> = carried
            .iter()
            .map(|issue| (issue.id.to_string(), issue.status))
            .collect();
        let expect = [
            ("cw-2", Status::Open),
            ("cw-3", Status::Open),
            ("cw-4", Status::Blocked),
        ];
        assert_eq!(seen, expect.map(|(id, status)| (id.to_owned(), status)));
        let three = carried.get(&id("cw-3")).unwrap();
        let waits: Vec<_> = three
            .dependencies
            .iter()
            .map(|edge| edge.depends_on_id.to_string())
            .collect();
        assert_eq!(waits, ["cw-2"]);
        let four = carried.get(&id("cw-4")).unwrap();
        assert_eq!((four.attempts.len(), four.hold.as_deref()), (0, Some("it failed")));
        let said = "1 attempt in generation-a; the last one: gate failed: `cargo test` exited with 101";
        assert_eq!(four.comments[0].text, said);
        assert_eq!(carried.ledger().count(), 0);
        // What was built is a store as any other.
        assert!(Issues::from_stored(carried.meta().clone(), carried.iter().cloned()).is_ok());
    }
}
