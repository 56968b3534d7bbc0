//! `cordwainer issues add`.

use clap::Args;

use crate::base::error::Result;
use crate::cli::Context;
use crate::cli::issues::input;
use crate::cli::issues::name::name;
use crate::cli::issues::values;
use crate::issues::issue::{NewIssue, TaskPlan};
use crate::issues::store::Store;
use crate::model::TypedId;

/// The task to file.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct AddArguments {
    /// Title, on one line
    pub title: String,
    /// Description of the work, in Markdown; `-` reads it from stdin
    #[arg(long, short)]
    pub description: Option<String>,
    /// Priority, from 0 (first) to 4 (last)
    #[arg(long, short, default_value_t = 2, value_parser = values::priority())]
    pub priority: u8,
    /// Type of the task
    #[arg(long = "type", value_name = "TYPE", default_value = "task", value_parser = values::issue_type())]
    pub issue_type: String,
    /// Label; may be repeated
    #[arg(long, value_delimiter = ',')]
    pub label: Vec<String>,
    /// Task that must be closed first; may be repeated
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub depends_on: Vec<TypedId>,
    /// Group that it belongs to, in a generation that works through groups
    #[arg(long, value_name = "KEY")]
    pub group: Option<String>,
    /// Command that proves the task: it fails before the work and passes on its result
    #[arg(long, value_name = "COMMAND")]
    pub proof: Option<String>,
}

/// Files a task and prints it.
pub(super) fn add(context: &Context, store: &Store, arguments: &AddArguments) -> Result<()> {
    let description = arguments
        .description
        .as_deref()
        .map(input::argument_or_stdin)
        .transpose()?;
    let input = NewIssue {
        description: description.unwrap_or_default(),
        priority: arguments.priority,
        issue_type: arguments.issue_type.clone(),
        labels: arguments.label.clone(),
        group: arguments.group.clone(),
        plan: TaskPlan {
            proof: arguments.proof.clone(),
            ..TaskPlan::default()
        },
        ..NewIssue::titled(arguments.title.clone())
    };
    let clock = &context.environment.clock;
    let (now, ids) = (clock.now(), store.new_ids(clock)?);
    let issue = store.update(&format!("add {}", input.title), now, |issues| {
        if let Some(group) = &arguments.group {
            issues.group_with_room(group)?;
        }
        let dependencies = arguments.depends_on.iter().map(|typed| issues.find(typed));
        let input = NewIssue {
            dependencies: dependencies.collect::<Result<_>>()?,
            ..input.clone()
        };
        let id = issues.add(input, &ids, now)?;
        issues.get(&id).cloned()
    })?;
    if context.output.json {
        return context.output.print_json(&issue);
    }
    context.output.print(&name(&issue))
}
