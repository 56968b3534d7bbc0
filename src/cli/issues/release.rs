//! `cordwainer issues release`: held tasks that are named, or proposals, all of them or those that a person chooses in an editor.

use std::io::Write as _;
use std::path::Path;

use clap::Args;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::cli::Context;
use crate::cli::editor;
use crate::cli::issues::change::Change;
use crate::issues::issue::Issue;
use crate::lifecycle::Generator;
use crate::model::{AttemptId, IssueId, TypedId};

/// Which held tasks to release.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct ReleaseArguments {
    /// Tasks, by their ids or the first letters of them, such as `cw-k7qd` or `k7`
    #[arg(value_name = "ID", required_unless_present_any = ["proposed", "edit"])]
    ids: Vec<TypedId>,
    /// Merge the result of its last attempt as it is and close it, if it is held for what only a person may let pass
    #[arg(long)]
    accept: bool,
    /// Tell the next attempt this, as a comment; `-` reads it from stdin
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["accept", "proposed", "edit"])]
    with: Option<String>,
    /// Have the next attempt begin with what this one left, such as `2`, or `2.1` for a candidate, instead of from nothing
    #[arg(long, value_name = "ATTEMPT", conflicts_with_all = ["accept", "proposed", "edit"])]
    from: Option<AttemptId>,
    /// Release all tasks that `run --confirm` proposed
    #[arg(long, conflicts_with_all = ["ids", "accept"])]
    proposed: bool,
    /// Choose in your editor which of the proposed tasks to release, keep or delete
    #[arg(long, conflicts_with_all = ["ids", "accept"])]
    edit: bool,
}

/// Releases tasks, or merges the result of one.
pub(super) fn release(context: &Context, arguments: &ReleaseArguments) -> Result<()> {
    let generator = context.open()?;
    if arguments.accept {
        return accept(context, &generator, &arguments.ids);
    }
    let store = generator.store()?;
    let issues = store.read()?;
    let change = Change::new(context, store);
    if !(arguments.proposed || arguments.edit) {
        let ids = issues.find_all(&arguments.ids)?;
        if arguments.from.is_some() && ids.len() > 1 {
            let message = format!("`--from` is about one task, and {} are named", ids.len());
            return Err(Error::new(ErrorKind::Usage, message).hint("release one after the other"));
        }
        return change.release_with(&ids, arguments.with.as_deref(), arguments.from);
    }
    let proposed: Vec<&Issue> = issues.iter().filter(|issue| issue.is_proposed()).collect();
    if proposed.is_empty() {
        return Err(Error::new(ErrorKind::NothingToDo, "no proposal waits to be released")
            .hint("`cordwainer run --confirm` asks for proposals"));
    }
    if arguments.edit {
        let choice = choose(context, &proposed)?;
        return change.release_and_delete(&choice.release, &choice.delete);
    }
    let ids: Vec<IssueId> = proposed.iter().map(|issue| issue.id.clone()).collect();
    change.release(&ids)
}

/// Accepts the held result of one task: each is a merge of its own, so several cannot be all or none.
fn accept(context: &Context, generator: &Generator, ids: &[TypedId]) -> Result<()> {
    match generator.store()?.read()?.find_all(ids)?.as_slice() {
        [id] => super::change::accept(context, generator, id),
        several => {
            let message = format!("`--accept` takes one task, and {} are named", several.len());
            Err(Error::new(ErrorKind::Usage, message).hint("accept one after the other"))
        }
    }
}

/// What a person chose.
#[derive(Debug, Default, PartialEq, Eq)]
struct Choice {
    release: Vec<IssueId>,
    delete: Vec<IssueId>,
}

/// Lets a person edit a list of the proposals. A list that cannot be read is kept, and its place told.
fn choose(context: &Context, proposed: &[&Issue]) -> Result<Choice> {
    let cannot = || "cannot write the list of proposals".to_owned();
    let mut file = tempfile::Builder::new()
        .prefix("cordwainer-proposals-")
        .suffix(".txt")
        .tempfile()
        .with_context(ErrorKind::Unexpected, cannot)?;
    file.write_all(list(proposed).as_bytes())
        .with_context(ErrorKind::Unexpected, cannot)?;
    editor::edit(context.editor.as_deref(), file.path())?;
    let read_back = super::input::file(file.path()).and_then(|text| read(&text, proposed));
    read_back.or_else(|error| {
        if error.kind() == ErrorKind::NothingToDo {
            return Err(error);
        }
        let (_, path) = file.keep().context("cannot keep the list of proposals")?;
        Err(kept(&error, &path))
    })
}

fn kept(error: &Error, path: &Path) -> Error {
    let message = format!("nothing was changed: {error}");
    Error::new(error.kind(), message).hint(format!("your list is kept in {}", path.display()))
}

/// An editor may obey lines near the beginning and the end of a file, and titles are an agent's: as many comments stand
/// around them as vim reads (`modelines`).
const HEADER: &str = "\
# One proposal in each line, after what to do with it:
#   keep     it stays held; so does one whose line you remove
#   release  it is worked on
#   delete   it is deleted
# Priority and estimated lines follow the id. As long as every line says `keep`, nothing changes.

";
const FOOTER: &str = "
#
#
#
#
# Lines that begin with # are not read.
";

fn list(proposed: &[&Issue]) -> String {
    let line = |issue: &&Issue| {
        let lines = issue
            .plan
            .estimated_lines
            .map(|lines| format!(" ~{lines}"))
            .unwrap_or_default();
        let waits: Vec<String> = issue
            .dependencies
            .iter()
            .map(|one| one.depends_on_id.to_string())
            .collect();
        let after = if waits.is_empty() {
            String::new()
        } else {
            format!(" (after {})", waits.join(", "))
        };
        format!(
            "keep {} [P{}{lines}] {}{after}\n",
            issue.id,
            issue.priority,
            one_line(&issue.title, 200)
        )
    };
    let lines: String = proposed.iter().map(line).collect();
    format!("{HEADER}{lines}{FOOTER}")
}

/// Reads an edited list. Proposals that it does not have stay held.
fn read(text: &str, proposed: &[&Issue]) -> Result<Choice> {
    let mut choice = Choice::default();
    for (index, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        let Some(what) = words.next().filter(|word| !word.starts_with('#')) else {
            continue;
        };
        let refuse = |what: String| {
            let message = format!("line {}: {what}", index + 1);
            Err(Error::new(ErrorKind::Usage, message))
        };
        let id = words.next().unwrap_or_default();
        let Some(issue) = proposed.iter().find(|issue| issue.id.to_string() == id) else {
            return refuse(format!("`{}` is not a proposal that waits", one_line(id, 60)));
        };
        let id = issue.id.clone();
        match what {
            "release" | "r" => choice.release.push(id),
            "delete" | "d" => choice.delete.push(id),
            "keep" | "k" => {}
            other => {
                let other = one_line(other, 60);
                return refuse(format!("expected `release`, `keep` or `delete`, found `{other}`"));
            }
        }
    }
    choice.release.sort();
    choice.release.dedup();
    choice.delete.sort();
    choice.delete.dedup();
    match choice.delete.iter().find(|id| choice.release.contains(id)) {
        Some(id) => Err(Error::new(
            ErrorKind::Usage,
            format!("{id} is to be released and deleted"),
        )),
        None if choice == Choice::default() => Err(Error::new(
            ErrorKind::NothingToDo,
            "the list releases nothing and deletes nothing",
        )),
        None => Ok(choice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::issues::tests::sample;
    use crate::issues::issue::{Issues, PROPOSED};

    /// Builds a store in which three tasks are proposals; the first one has a title for an editor.
    fn proposals() -> Issues {
        let mut issues = sample();
        let now = jiff::Timestamp::UNIX_EPOCH;
        for number in [2, 4, 5] {
            issues.hold(&IssueId::new(number), PROPOSED, now).unwrap();
        }
        let edit = crate::issues::issue::IssueEdit {
            title: Some("# vim: set modelineexpr:".to_owned()),
            ..Default::default()
        };
        issues.edit(&IssueId::new(5), &edit, now).unwrap();
        issues
    }

    #[test]
    fn a_list_reads_back_and_stays_away_from_what_editors_obey() {
        let issues = proposals();
        let proposed: Vec<&Issue> = issues.iter().filter(|issue| issue.is_proposed()).collect();
        let text = list(&proposed);
        let all = Choice {
            release: [2, 4, 5].map(IssueId::new).to_vec(),
            delete: Vec::new(),
        };
        let unchanged = read(&text, &proposed).map_err(|error| error.to_string());
        assert_eq!(
            unchanged,
            Err("the list releases nothing and deletes nothing".to_owned())
        );
        assert_eq!(read(&text.replace("\nkeep ", "\nrelease "), &proposed).unwrap(), all);
        let lines: Vec<&str> = text.lines().collect();
        let outer = lines.iter().take(5).chain(lines.iter().rev().take(5));
        assert!(
            outer.clone().all(|line| line.is_empty() || line.starts_with('#')),
            "{text}"
        );
        assert!(outer.clone().all(|line| !line.contains("vim")), "{text}");
    }

    #[test]
    fn a_person_releases_keeps_and_deletes() {
        let issues = proposals();
        let proposed: Vec<&Issue> = issues.iter().filter(|issue| issue.is_proposed()).collect();
        let read = |text: &str| read(text, &proposed).map_err(|error| error.to_string());
        let choice = Choice {
            release: vec![IssueId::new(4)],
            delete: vec![IssueId::new(2)],
        };
        assert_eq!(
            read("# all\n  r cw-4 whatever\n\nd cw-2\nkeep cw-5\nr cw-4\n"),
            Ok(choice)
        );
        for (text, expect) in [
            ("", "the list releases nothing and deletes nothing"),
            ("keep cw-4", "the list releases nothing and deletes nothing"),
            (
                "r cw-4\npick cw-2",
                "line 2: expected `release`, `keep` or `delete`, found `pick`",
            ),
            ("\nrelease cw-1", "line 2: `cw-1` is not a proposal that waits"),
            ("release", "line 1: `` is not a proposal that waits"),
            ("r cw-4\nd cw-4", "cw-4 is to be released and deleted"),
        ] {
            assert_eq!(read(text), Err(expect.to_owned()), "{text}");
        }
    }
}
