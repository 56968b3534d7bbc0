//! `cordwainer issues group`: the groups of a generation by hand.

use clap::{Args, Subcommand};

use super::{input, values};
use crate::base::error::{Error, ErrorKind, Result};
use crate::cli::Context;
use crate::issues::group::{Effort, Group};
use crate::issues::issue::{GroupEdit, GroupPlace, GroupStanding, Issues};
use crate::issues::store::Store;
use crate::report::plan::groups;

/// Looks at and changes the groups of a generation.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(crate) enum GroupCommand {
    /// List the groups in their order, and how each stands
    #[command(after_long_help = "Example:\n  cordwainer issues group list")]
    List,
    /// Show everything about a group
    #[command(after_long_help = "Example:\n  cordwainer issues group show parser")]
    Show {
        /// Group
        key: String,
    },
    /// Add a group behind the others
    #[command(
        after_long_help = "Example:\n  cordwainer issues group add export --scope \"Export as CSV, see docs/export.md\" --depends-on parser"
    )]
    Add {
        /// Word that names it
        key: String,
        /// What belongs to it, in Markdown; `-` reads it from stdin
        #[arg(long)]
        scope: String,
        #[command(flatten)]
        parts: GroupParts,
    },
    /// Change a group whose tasks are not filed yet
    #[command(after_long_help = "Example:\n  cordwainer issues group edit export --depends-on parser,totals")]
    Edit {
        /// Group
        key: String,
        /// What belongs to it, in Markdown; `-` reads it from stdin
        #[arg(long)]
        scope: Option<String>,
        #[command(flatten)]
        parts: GroupParts,
    },
    /// Remove a group whose tasks are not filed yet
    #[command(after_long_help = "Example:\n  cordwainer issues group remove export")]
    Remove {
        /// Group
        key: String,
    },
    /// Move a group to another place in the order, in which groups are taken up where several can be
    #[command(after_long_help = "Example:\n  cordwainer issues group move export --before totals")]
    Move {
        /// Group
        key: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Parts of a group.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct GroupParts {
    /// Name, on one line
    #[arg(long)]
    name: Option<String>,
    /// What its tasks have to know beside the documents, in Markdown; `-` reads it from stdin
    #[arg(long)]
    briefing: Option<String>,
    /// Groups that must be done first, instead of those that are named; an empty one names none
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    depends_on: Option<Vec<String>>,
    /// How many tasks it may have
    #[arg(long, value_name = "N")]
    tasks: Option<u32>,
    /// How hard it is
    #[arg(long, value_parser = values::effort())]
    effort: Option<Effort>,
}

/// Where a group is moved.
#[derive(Clone, Debug, PartialEq, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Place {
    /// Before all others
    #[arg(long)]
    first: bool,
    /// After all others
    #[arg(long)]
    last: bool,
    /// Right before this one
    #[arg(long, value_name = "KEY")]
    before: Option<String>,
    /// Right after this one
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
}

impl GroupCommand {
    /// Returns whether it changes nothing.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Self::List | Self::Show { .. })
    }

    /// Returns whether it makes a group, which has a meaning only in some modes.
    pub(super) fn adds(&self) -> bool {
        matches!(self, Self::Add { .. })
    }
}

impl GroupParts {
    fn edit(&self, scope: Option<&str>) -> Result<GroupEdit> {
        let text = |text: Option<&str>| text.map(input::argument_or_stdin).transpose();
        let named = |on: &Vec<String>| on.iter().filter(|on| !on.is_empty()).cloned().collect();
        Ok(GroupEdit {
            name: self.name.clone(),
            scope: text(scope)?,
            briefing: text(self.briefing.as_deref())?,
            depends_on: self.depends_on.as_ref().map(named),
            estimated_tasks: self.tasks,
            effort: self.effort,
        })
    }
}

impl Place {
    fn place(&self) -> GroupPlace {
        match (&self.before, &self.after) {
            (Some(other), _) => GroupPlace::Before(other.clone()),
            (None, Some(other)) => GroupPlace::After(other.clone()),
            (None, None) if self.first => GroupPlace::First,
            (None, None) => GroupPlace::Last,
        }
    }
}

/// Runs a command on the groups of a store.
pub(super) fn execute(command: &GroupCommand, store: &Store, context: &Context) -> Result<()> {
    match command {
        GroupCommand::List => list(context, &store.read()?),
        GroupCommand::Show { key } => show(context, &standing(&store.read()?, key)?),
        GroupCommand::Add { key, scope, parts } => {
            let edit = parts.edit(Some(scope))?;
            change(context, store, (key, "add"), |issues| add(issues, key, &edit))
        }
        GroupCommand::Edit { key, scope, parts } => {
            let edit = parts.edit(scope.as_deref())?;
            if edit == GroupEdit::default() {
                return Err(Error::new(ErrorKind::Usage, "nothing to change is named")
                    .hint("`cordwainer issues group edit --help` lists what can be changed"));
            }
            change(context, store, (key, "edit"), |issues| issues.edit_group(key, &edit))
        }
        GroupCommand::Remove { key } => {
            let now = context.environment.clock.now();
            store.update(&format!("remove the group {key}"), now, |issues| {
                issues.remove_group(key)
            })?;
            list(context, &store.read()?)
        }
        GroupCommand::Move { key, place } => {
            let now = context.environment.clock.now();
            let place = place.place();
            store.update(&format!("move the group {key}"), now, |issues| {
                issues.move_group(key, &place)
            })?;
            list(context, &store.read()?)
        }
    }
}

/// Adds a group with these parts.
fn add(issues: &mut Issues, key: &str, edit: &GroupEdit) -> Result<()> {
    let group = Group {
        briefing: edit.briefing.clone().unwrap_or_default(),
        depends_on: edit.depends_on.clone().unwrap_or_default(),
        estimated_tasks: edit.estimated_tasks.unwrap_or(1),
        effort: edit.effort.unwrap_or(Effort::Medium),
        ..Group::new(
            key,
            edit.name.clone().unwrap_or_else(|| key.to_owned()),
            edit.scope.clone().unwrap_or_default(),
        )
    };
    issues.add_groups(vec![group])
}

fn change(
    context: &Context,
    store: &Store,
    (key, what): (&str, &str),
    mut change: impl FnMut(&mut Issues) -> Result<()>,
) -> Result<()> {
    let now = context.environment.clock.now();
    let changed = store.update(&format!("{what} the group {key}"), now, |issues| {
        change(issues)?;
        standing(issues, key)
    })?;
    show(context, &changed)
}

fn standing(issues: &Issues, key: &str) -> Result<GroupStanding> {
    issues.group(key)?;
    let mut standings = issues.group_standings();
    standings.retain(|group| group.key == key);
    Ok(standings.remove(0))
}

fn list(context: &Context, issues: &Issues) -> Result<()> {
    let standings = issues.group_standings();
    if context.output.json {
        return context.output.print_json(&standings);
    }
    if standings.is_empty() {
        context.output.say("There are no groups: `cordwainer plan` makes them.");
        return Ok(());
    }
    context.output.print(&groups(&standings))
}

fn show(context: &Context, group: &GroupStanding) -> Result<()> {
    if context.output.json {
        return context.output.print_json(group);
    }
    let mut text = format!("{}\n\n{}", groups(std::slice::from_ref(group)), group.scope.trim_end());
    if !group.briefing.trim().is_empty() {
        text.push_str(&format!("\n\nBriefing:\n{}", group.briefing.trim_end()));
    }
    if let Some(done) = &group.done {
        text.push_str(&format!(
            "\n\nDone at {}, after {} closing reviews.",
            done.tip, group.closing_reviews
        ));
    }
    context.output.print(&crate::base::text::harmless(&text))
}
