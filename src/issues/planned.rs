//! Tasks that are planned and not filed yet, in the form that `cordwainer issues import` reads.

use serde::{Deserialize, Serialize};

use crate::issues::issue::{BatchIssue, NewIssue, TaskPlan};
use crate::issues::proposal::Proposal;
use crate::model::generation::GenerationName;

/// What a measure planned, in the records of its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// The generation that it is for.
    pub generation: GenerationName,
    /// The tasks, each after those that it waits for.
    pub tasks: Vec<PlannedTask>,
}

/// A task that is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTask {
    /// Its name within the plan.
    pub key: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// 0 (first) to 4 (last).
    pub priority: u8,
    /// Its type.
    pub issue_type: String,
    /// Keys of the plan, or ids of issues that are there.
    pub depends_on: Vec<String>,
    /// The key of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its details.
    pub plan: TaskPlan,
}

impl PlannedTask {
    /// Builds the task that a proposal is about, in this group.
    pub(crate) fn of(proposal: Proposal, issue_type: &str, group: Option<&str>) -> Self {
        Self {
            key: proposal.key,
            title: proposal.title,
            description: proposal.description,
            priority: proposal.priority,
            issue_type: issue_type.to_owned(),
            depends_on: proposal.depends_on,
            group: group.map(str::to_owned),
            plan: TaskPlan {
                required_reading: proposal.required_reading,
                files: proposal.files,
                requirements: proposal.requirements,
                acceptance_criteria: proposal.acceptance_criteria,
                estimated_lines: Some(proposal.estimated_lines),
                proof: proposal.proof,
            },
        }
    }
}

impl From<PlannedTask> for BatchIssue {
    fn from(task: PlannedTask) -> Self {
        let issue = NewIssue {
            description: task.description,
            priority: task.priority,
            issue_type: task.issue_type,
            group: task.group,
            plan: task.plan,
            ..NewIssue::titled(task.title)
        };
        Self::new(task.key, issue, task.depends_on)
    }
}
