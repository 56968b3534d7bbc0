//! Commands that change tasks: each is one update of the store for all tasks that it names, and prints them as they
//! now are.

use clap::Args;
use jiff::Timestamp;

use crate::base::error::{Error, ErrorKind, Result};
use crate::cli::Context;
use crate::cli::issues::document::filed_with;
use crate::cli::issues::ids::{Ids, print_json};
use crate::cli::issues::input;
use crate::cli::issues::name::name;
use crate::cli::issues::tasks::{Tasks, none_of};
use crate::cli::issues::values;
use crate::issues::issue::{Issue, IssueEdit, Issues, Status};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::{AttemptId, CommitId, IssueId, TypedId, id_list};

/// Which parts of which tasks to change.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct EditArguments {
    #[command(flatten)]
    ids: Ids,
    /// New title, on one line
    #[arg(long, short)]
    title: Option<String>,
    /// New description of the work, in Markdown; `-` reads it from stdin
    #[arg(long, short)]
    description: Option<String>,
    /// New priority, from 0 (first) to 4 (last)
    #[arg(long, short, value_parser = values::priority())]
    priority: Option<u8>,
    /// New type
    #[arg(long = "type", value_name = "TYPE", value_parser = values::issue_type())]
    issue_type: Option<String>,
    /// Label to add; may be repeated
    #[arg(long, value_delimiter = ',')]
    label: Vec<String>,
    /// Label to remove; may be repeated
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    remove_label: Vec<String>,
    /// New command that proves the task; an empty one removes it
    #[arg(long, value_name = "COMMAND")]
    proof: Option<String>,
    /// Group that it belongs to from now on, in a generation that works through groups; an empty one is none
    #[arg(long, value_name = "KEY")]
    group: Option<String>,
}

impl EditArguments {
    /// Returns the tasks to open in an editor, where no change is named.
    pub(super) fn to_open(&self) -> Option<&[TypedId]> {
        let without = Self {
            ids: self.ids.clone(),
            ..Self::default()
        };
        (*self == without).then_some(&self.ids.ids[..])
    }
}

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
    tasks: Tasks,
}

impl<'a> Change<'a> {
    pub(super) fn new(context: &'a Context, store: Store) -> Self {
        let tasks = Tasks::new(store, context.environment.clock.now());
        Self { context, tasks }
    }

    pub(super) fn edit(&self, arguments: &EditArguments) -> Result<()> {
        let description = arguments.description.as_deref().map(input::argument_or_stdin);
        let edit = IssueEdit {
            title: arguments.title.clone(),
            description: description.transpose()?,
            priority: arguments.priority,
            issue_type: arguments.issue_type.clone(),
            add_labels: arguments.label.clone(),
            remove_labels: arguments.remove_label.clone(),
            proof: arguments.proof.clone(),
            group: arguments.group.clone(),
        };
        self.tell_edited(&self.tasks.each(&arguments.ids.ids, "edit", |issues, id| {
            issues.edit(id, &edit, self.tasks.now)
        })?)
    }

    /// Changes one task, unless `is_fine` refuses it as it now is.
    pub(super) fn edit_one(
        &self,
        id: &IssueId,
        edit: &IssueEdit,
        is_fine: &dyn Fn(&Issue) -> Result<()>,
    ) -> Result<()> {
        self.tell_edited(&self.tasks.each_of(std::slice::from_ref(id), "edit", |issues, id| {
            is_fine(issues.get(id)?)?;
            issues.edit(id, edit, self.tasks.now)
        })?)
    }

    fn tell_edited(&self, changed: &[Issue]) -> Result<()> {
        self.tell("Changed", changed)?;
        for issue in changed.iter().filter(|issue| issue.status == Status::InProgress) {
            self.context.output.say(&format!(
                "Note: {} is in progress; this attempt goes on with what it was given.",
                issue.id
            ));
        }
        Ok(())
    }

    pub(super) fn close(&self, ids: &[TypedId], reason: Option<&str>) -> Result<()> {
        self.tell("Closed", &self.tasks.close(ids, reason)?)
    }

    pub(super) fn reopen(&self, ids: &[TypedId]) -> Result<()> {
        let reopened = self
            .tasks
            .each(ids, "reopen", |issues, id| issues.reopen(id, self.tasks.now))?;
        self.tell("Reopened", &reopened)
    }

    pub(super) fn hold(&self, ids: &[TypedId], reason: &str) -> Result<()> {
        self.tell("Now held:", &self.tasks.hold(ids, reason)?)
    }

    pub(super) fn release(&self, ids: &[IssueId]) -> Result<()> {
        let released = self
            .tasks
            .each_of(ids, "release", |issues, id| issues.release(id, self.tasks.now))?;
        self.tell("Released", &released)
    }

    /// Releases tasks with a word of the person's to their next attempts, and an attempt to go on from.
    pub(super) fn release_with(&self, ids: &[IssueId], text: Option<&str>, from: Option<AttemptId>) -> Result<()> {
        let text = text.map(input::argument_or_stdin).transpose()?;
        let released = self.tasks.release_with(ids, text.as_deref(), from)?;
        let begins = from.map_or_else(String::new, |from| format!(" to go on from attempt {from}:"));
        self.tell(&format!("Released{begins}"), &released)
    }

    /// Releases and deletes tasks in one update.
    pub(super) fn release_and_delete(&self, release: &[IssueId], delete: &[IssueId]) -> Result<()> {
        let why = match (release, delete) {
            (release, []) => format!("release {}", id_list(release)),
            ([], delete) => format!("delete {}", id_list(delete)),
            (release, delete) => format!("release {}, delete {}", id_list(release), id_list(delete)),
        };
        let change = |issues: &mut Issues| {
            let deleted = issues.delete(delete)?;
            let mut one = |id: &IssueId| {
                issues.release(id, self.tasks.now)?;
                issues.get(id).cloned()
            };
            let released = release.iter().map(&mut one).collect::<Result<Vec<_>>>()?;
            Ok((released, deleted))
        };
        let (released, deleted) = self.tasks.store.update(&why, self.tasks.now, change)?;
        if self.context.output.json {
            let both = serde_json::json!({ "released": released, "deleted": deleted });
            return self.context.output.print_json(&both);
        }
        self.tell("Released", &released)?;
        self.tell("Deleted", &deleted)
    }

    pub(super) fn delete(&self, ids: &[TypedId]) -> Result<()> {
        let ids = self.tasks.store.read()?.find_all(ids)?;
        let why = format!("delete {}", id_list(&ids));
        let deleted = self
            .tasks
            .store
            .update(&why, self.tasks.now, |issues| issues.delete(&ids));
        let deleted = deleted.map_err(|error| none_of(&ids, error))?;
        self.tell("Deleted", &deleted)
    }

    /// Deletes the tasks that were imported from a document together with one.
    pub(super) fn undo_import(&self, id: &TypedId) -> Result<()> {
        let issues = self.tasks.store.read()?;
        let ids = filed_with(&issues, &issues.find(id)?)?;
        let why = format!("undo the import of {}", id_list(&ids));
        let deleted = self
            .tasks
            .store
            .update(&why, self.tasks.now, |issues| issues.delete(&ids));
        let deleted = deleted.map_err(|error| none_of(&ids, error))?;
        self.tell("Deleted", &deleted)
    }

    pub(super) fn comment(&self, ids: &[TypedId], text: &str) -> Result<()> {
        let commented = self.tasks.comment(ids, &input::argument_or_stdin(text)?)?;
        self.tell("Commented on", &commented)
    }

    pub(super) fn answer(&self, id: &TypedId, texts: &[String]) -> Result<()> {
        if texts.iter().filter(|text| *text == "-").count() > 1 {
            return Err(Error::new(ErrorKind::Usage, "only one answer can be read from stdin"));
        }
        let texts = texts.iter().map(|text| input::argument_or_stdin(text));
        let texts = texts.collect::<Result<Vec<_>>>()?;
        self.tell("Answered, and open again:", &self.tasks.answer(id, &texts)?)
    }

    pub(super) fn add_dependency(&self, id: &TypedId, on: &TypedId) -> Result<()> {
        self.dependency([id, on], ["waits for", "now depends on"], Issues::add_dependency)
    }

    pub(super) fn remove_dependency(&self, id: &TypedId, on: &TypedId) -> Result<()> {
        let words = ["no longer waits for", "no longer depends on"];
        self.dependency([id, on], words, Issues::remove_dependency)
    }

    /// Changes a dependency; `words` stand between both ids in the store's history, and in what is printed.
    fn dependency(
        &self,
        [id, on]: [&TypedId; 2],
        [why, done]: [&str; 2],
        change: fn(&mut Issues, &IssueId, &IssueId, Timestamp) -> Result<()>,
    ) -> Result<()> {
        let issues = self.tasks.store.read()?;
        let (id, on) = (issues.find(id)?, issues.find(on)?);
        let issue = self
            .tasks
            .store
            .update(&format!("{id} {why} {on}"), self.tasks.now, |issues| {
                change(issues, &id, &on, self.tasks.now)?;
                issues.get(&id).cloned()
            })?;
        if self.context.output.json {
            return self.context.output.print_json(&issue);
        }
        self.context.output.say(&format!("{id} {done} {on}."));
        Ok(())
    }

    /// Prints what was done, a line for each task; in JSON one object, or an array where several tasks were named.
    fn tell(&self, done: &str, issues: &[Issue]) -> Result<()> {
        let output = &self.context.output;
        if output.json {
            return print_json(output, issues);
        }
        for issue in issues {
            output.say(&format!("{done} {}.", name(issue)));
        }
        Ok(())
    }
}
