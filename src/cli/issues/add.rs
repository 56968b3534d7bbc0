//! `issues add`.

use clap::Args;

use crate::base::error::Result;
use crate::cli::Context;
use crate::cli::issues::input;
use crate::cli::issues::name::name;
use crate::issues::issue::{NewIssue, TaskPlan};
use crate::issues::store::Store;
use crate::model::IssueId;

/// The issue to file.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct AddArguments {
    /// Title, on one line
    pub title: String,
    /// Description of the work, in Markdown; `-` reads it from stdin
    #[arg(long, short)]
    pub description: Option<String>,
    /// Priority, from 0 (first) to 4 (last)
    #[arg(long, short, default_value_t = 2)]
    pub priority: u8,
    /// Type of the issue
    #[arg(long = "type", value_name = "TYPE", default_value = "task")]
    pub issue_type: String,
    /// Label; may be repeated
    #[arg(long, value_delimiter = ',')]
    pub label: Vec<String>,
    /// Issue that must be closed first; may be repeated
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub depends_on: Vec<IssueId>,
}

/// Files an issue and prints it.
pub(super) fn add(context: &Context, store: &Store, arguments: &AddArguments) -> Result<()> {
    let description = arguments
        .description
        .as_deref()
        .map(input::argument_or_stdin)
        .transpose()?;
    let input = NewIssue {
        title: arguments.title.clone(),
        description: description.unwrap_or_default(),
        priority: arguments.priority,
        issue_type: arguments.issue_type.clone(),
        labels: arguments.label.clone(),
        dependencies: arguments.depends_on.clone(),
        plan: TaskPlan::default(),
    };
    let now = context.environment.clock.now();
    let issue = store.update(&format!("add {}", input.title), now, |issues| {
        let id = issues.add(input.clone(), now)?;
        issues.get(&id).cloned()
    })?;
    if context.output.json {
        return context.output.print_json(&issue);
    }
    context.output.print(&name(&issue))
}
