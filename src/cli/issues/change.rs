//! Commands that change one issue: each is one update of the store, and prints the issue as it now is.

use jiff::Timestamp;

use crate::base::error::Result;
use crate::cli::Context;
use crate::cli::issues::input;
use crate::cli::issues::name::name;
use crate::issues::issue::Issues;
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::{CommitId, IssueId};

/// Accepts the result that a task was held for.
pub(super) fn accept(context: &Context, generator: &Generator, id: &IssueId) -> Result<()> {
    let issue = generator.accept(id)?;
    if context.output.json {
        return context.output.print_json(&issue);
    }
    let commit = issue.commit.as_ref().map_or("", CommitId::as_str);
    context.output.say(&format!(
        "Accepted {}: it is on the generation branch as {commit}.",
        name(&issue)
    ));
    context.output.say("Note: gates did not run on it.");
    Ok(())
}

/// What every change needs.
pub(super) struct Change<'a> {
    context: &'a Context,
    store: &'a Store,
    now: Timestamp,
}

impl<'a> Change<'a> {
    pub(super) fn new(context: &'a Context, store: &'a Store) -> Self {
        let now = context.environment.clock.now();
        Self { context, store, now }
    }

    pub(super) fn close(&self, id: &IssueId, reason: Option<&str>) -> Result<()> {
        let reason = match reason {
            Some(reason) => reason.to_owned(),
            None => format!("closed by {}", self.store.user()?),
        };
        let close = |issues: &mut Issues| issues.close(id, &reason, None, self.now);
        self.apply(&format!("close {id}"), "Closed", id, close)
    }

    pub(super) fn reopen(&self, id: &IssueId) -> Result<()> {
        self.apply(&format!("reopen {id}"), "Reopened", id, |issues| {
            issues.reopen(id, self.now)
        })
    }

    pub(super) fn hold(&self, id: &IssueId, reason: &str) -> Result<()> {
        self.apply(&format!("hold {id}"), "Now held:", id, |issues| {
            issues.hold(id, reason, self.now)
        })
    }

    pub(super) fn release(&self, id: &IssueId) -> Result<()> {
        self.apply(&format!("release {id}"), "Released", id, |issues| {
            issues.release(id, self.now)
        })
    }

    pub(super) fn comment(&self, id: &IssueId, text: &str) -> Result<()> {
        let (author, text) = (self.store.user()?, input::argument_or_stdin(text)?);
        let comment = |issues: &mut Issues| issues.comment(id, &author, &text, self.now);
        self.apply(&format!("comment on {id}"), "Commented on", id, comment)
    }

    pub(super) fn add_dependency(&self, id: &IssueId, on: &IssueId) -> Result<()> {
        let add = |issues: &mut Issues| issues.add_dependency(id, on, self.now);
        self.apply(
            &format!("{id} waits for {on}"),
            &format!("{on} must now be closed before"),
            id,
            add,
        )
    }

    pub(super) fn remove_dependency(&self, id: &IssueId, on: &IssueId) -> Result<()> {
        let remove = |issues: &mut Issues| issues.remove_dependency(id, on, self.now);
        let done = format!("{on} need no longer be closed before");
        self.apply(&format!("{id} no longer waits for {on}"), &done, id, remove)
    }

    /// Applies a change, then prints the issue or what was done.
    fn apply(
        &self,
        why: &str,
        done: &str,
        id: &IssueId,
        mut change: impl FnMut(&mut Issues) -> Result<()>,
    ) -> Result<()> {
        let issue = self.store.update(why, self.now, |issues| {
            change(issues)?;
            issues.get(id).cloned()
        })?;
        if self.context.output.json {
            return self.context.output.print_json(&issue);
        }
        self.context.output.say(&format!("{done} {}.", name(&issue)));
        Ok(())
    }
}
