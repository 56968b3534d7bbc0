//! Work of several tasks, stacked on the generation's tip in memory.

use std::sync::Arc;
use std::time::Instant;

use super::Stitch;
use super::stages::Checked;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::{DiffStat, Oid};
use crate::issues::attempt::Outcome;
use crate::issues::issue::Issue;
use crate::issues::round::Calls;
use crate::model::IssueId;
use crate::project::obeyed;
use crate::run::attempt_verdict::{AttemptVerdict, of_touched};
use crate::run::commit_message::{self, landing_message};
use crate::run::context::RunContext;
use crate::run::land::{Contribution, Landing, OnTip, land, merge_onto};
use crate::run::landing_queue::Waiting;

/// Work that passed by itself.
pub(super) struct Entrant {
    pub(super) issue: Issue,
    pub(super) attempt: u32,
    /// Which candidate of the attempt it is of; 0 is one without others.
    pub(super) candidate: u32,
    /// The commit that it began from.
    pub(super) base: Oid,
    /// The tree that it left, which the gates have seen.
    pub(super) tree: Oid,
    pub(super) calls: Calls,
    pub(super) changed: Option<DiffStat>,
    pub(super) begun: Instant,
    /// What the gates said of it.
    pub(super) checked: Checked,
}

/// Work that waits to land.
pub(super) type Waits = Arc<Waiting<Entrant, AttemptVerdict>>;

/// Work on a tip, each on what is before it.
pub(super) struct Stack {
    /// The commit of the generation that all of it is on.
    pub(super) tip: Oid,
    tip_tree: Oid,
    /// What is stacked, and the tree that has it and all before it.
    links: Vec<(Waits, Oid)>,
}

/// What became of work that was to be stacked.
pub(super) struct Stacking {
    pub(super) stack: Stack,
    /// What does not go with the others: it is decided once they have landed, or have not.
    pub(super) later: Vec<Waits>,
}

impl Stitch {
    /// Stacks work on the tip. What does not fit on that is told so.
    pub(super) fn stack(&self, group: Vec<Waits>) -> Result<Stacking> {
        let context = self.context();
        let git = &context.project.git;
        let tip = context.tip()?;
        let tip_tree = git.tree_of(tip)?;
        let mut stack = Stack {
            tip,
            tip_tree,
            links: Vec::new(),
        };
        let mut later = Vec::new();
        for one in group {
            let entrant = &one.entry;
            let onto = stack.tree();
            let made = Contribution {
                generation: &context.generation,
                task: &entrant.issue.id,
                base: entrant.base,
                tree: entrant.tree,
            };
            let tree = match merge_onto(&context.project, made, onto)? {
                OnTip::Tree(tree) => tree,
                OnTip::Conflict(_) if !stack.is_empty() => {
                    later.push(one);
                    continue;
                }
                OnTip::Conflict(conflict) => {
                    let reason = format!("conflicts with newer work in {}", conflict.places());
                    one.tell(AttemptVerdict::of(Outcome::Conflict, one_line(&reason, 500)));
                    continue;
                }
            };
            if tip != entrant.base || !stack.is_empty() {
                // What only became protected by what others did meanwhile was free when this attempt was judged.
                let touched = obeyed::touched(git, &self.protected, onto, tree)?;
                if !touched.is_empty() {
                    if stack.is_empty() {
                        one.tell(of_touched(&touched));
                    } else {
                        later.push(one);
                    }
                    continue;
                }
            }
            stack.links.push((one, tree));
        }
        Ok(Stacking { stack, later })
    }
}

impl Stack {
    /// Returns the tree with all of it.
    pub(super) fn tree(&self) -> Oid {
        self.links.last().map_or(self.tip_tree, |(_, tree)| *tree)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    pub(super) fn entrants(&self) -> impl Iterator<Item = &Entrant> {
        self.links.iter().map(|(one, _)| &one.entry)
    }

    pub(super) fn tasks(&self) -> Vec<IssueId> {
        self.entrants().map(|entrant| entrant.issue.id.clone()).collect()
    }

    /// Returns the tasks by name, in a line.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.tasks().iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    /// Returns the work again.
    pub(super) fn into_group(self) -> Vec<Waits> {
        self.links.into_iter().map(|(one, _)| one).collect()
    }

    /// Takes off, and returns, what is on work whose tree the gates have seen: that lands without them.
    pub(super) fn rest_after_free(&mut self) -> Vec<Waits> {
        let is_free = self.links.first().is_some_and(|(one, tree)| one.entry.tree == *tree);
        let rest = if is_free { self.links.split_off(1) } else { Vec::new() };
        rest.into_iter().map(|(one, _)| one).collect()
    }

    /// Returns what the gates said of its tree, where it is the work of one alone that they have seen so.
    pub(super) fn seen(&self) -> Option<&Checked> {
        match self.links.as_slice() {
            [(one, tree)] if one.entry.tree == *tree => Some(&one.entry.checked),
            _ => None,
        }
    }

    /// Puts it on the generation branch, one commit each; `None` where the branch is not at its tip any more.
    pub(super) fn land(&self, context: &RunContext, checked: &Checked) -> Result<Option<Vec<Oid>>> {
        let style = context.project.config.commits.style;
        let landing: Vec<_> = self
            .links
            .iter()
            .map(|(one, tree)| {
                let Entrant {
                    issue,
                    attempt,
                    candidate,
                    calls,
                    ..
                } = &one.entry;
                let name = context.attempt(&issue.id, *attempt).of_candidate(*candidate);
                let known = commit_message::Landing {
                    gates: checked.results.clone(),
                    changed: one.entry.changed,
                    took: one.entry.begun.elapsed(),
                };
                Landing {
                    task: &issue.id,
                    tree: *tree,
                    message: landing_message(&name, issue, calls, &known, style),
                }
            })
            .collect();
        land(&context.project, &context.generation, self.tip, &landing)
    }

    /// Tells each of its tasks the commit that it landed with.
    pub(super) fn tell_landed(&self, commits: &[Oid], checked: &Checked) {
        for ((one, _), commit) in self.links.iter().zip(commits) {
            let reason = one_line(&checked.remarks.join("; "), 500);
            one.tell(AttemptVerdict {
                commit: Some(*commit),
                ..AttemptVerdict::of(Outcome::Merged, reason)
            });
        }
    }
}
