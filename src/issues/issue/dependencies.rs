//! Dependencies between issues, and which can begin.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::graph::way;
use crate::issues::issue::{Dependency, Issue, Issues, Status, transition};
use crate::model::IssueId;

impl Issues {
    /// Lists the issues that can begin: open ones with every dependency closed, of no group that waits, by priority, then age.
    pub fn ready(&self) -> Vec<&Issue> {
        let mut ready: Vec<&Issue> = self.iter().filter(|issue| self.is_ready(issue)).collect();
        // A stable sort keeps the order of age.
        ready.sort_by_key(|issue| issue.priority);
        ready
    }

    /// Returns whether an issue of this collection is open and waits for nothing, nor does its group.
    pub fn is_ready(&self, issue: &Issue) -> bool {
        issue.status == Status::Open && self.unclosed(issue).next().is_none() && self.group_waits_for(issue).is_empty()
    }

    /// Lists the issues that an issue of this collection waits for: its dependencies that are not closed.
    pub fn waits_for(&self, issue: &Issue) -> Vec<IssueId> {
        self.unclosed(issue).cloned().collect()
    }

    /// Lists the issues that name this one as a dependency.
    pub fn dependents(&self, id: &IssueId) -> Result<Vec<IssueId>> {
        self.get(id)?;
        let waits = |issue: &&Issue| issue.dependencies.iter().any(|edge| edge.depends_on_id == *id);
        Ok(self.iter().filter(waits).map(|issue| issue.id.clone()).collect())
    }

    /// Makes an open or held issue wait for another. Refuses the issue itself, an existing dependency, and one that
    /// would close a circle.
    pub fn add_dependency(&mut self, id: &IssueId, on: &IssueId, now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        self.get(on)?;
        if id == on {
            return Err(refused(format!("{id} cannot depend on itself")));
        }
        if !matches!(issue.status, Status::Open | Status::Blocked) {
            return Err(transition::refused(issue, "get a dependency"));
        }
        if issue.dependencies.iter().any(|edge| edge.depends_on_id == *on) {
            return Err(refused(format!("{id} depends on {on} already")));
        }
        if let Some(mut cycle) = self.graph().path(on, id) {
            cycle.insert(0, id);
            return Err(refused(format!(
                "{id} cannot depend on {on}: they would wait for each other: {}",
                way(&cycle)
            )));
        }
        let issue = self.get_mut(id)?;
        issue.dependencies.push(Dependency::blocks(id.clone(), on.clone()));
        issue.updated_at = now;
        Ok(())
    }

    /// Removes a dependency.
    pub fn remove_dependency(&mut self, id: &IssueId, on: &IssueId, now: Timestamp) -> Result<()> {
        self.get(on)?;
        let issue = self.get_mut(id)?;
        let before = issue.dependencies.len();
        issue.dependencies.retain(|edge| edge.depends_on_id != *on);
        if issue.dependencies.len() == before {
            return Err(refused(format!("{id} does not depend on {on}")));
        }
        issue.updated_at = now;
        Ok(())
    }

    /// Lists the problems with the dependencies of an issue that is not filed yet.
    pub(super) fn dependency_problems(&self, dependencies: &[IssueId]) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut problems = Vec::new();
        for on in dependencies {
            if !self.all.contains_key(on) {
                problems.push(format!("dependency `{on}` is unknown"));
            } else if !seen.insert(on) {
                problems.push(format!("dependency `{on}` is given twice"));
            }
        }
        problems
    }

    fn unclosed<'a>(&'a self, issue: &'a Issue) -> impl Iterator<Item = &'a IssueId> {
        let closed = |id: &IssueId| self.all.get(id).is_some_and(|on| on.status == Status::Closed);
        issue
            .dependencies
            .iter()
            .map(|edge| &edge.depends_on_id)
            .filter(move |id| !closed(id))
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Precondition, message)
}
