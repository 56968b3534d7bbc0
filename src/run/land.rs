//! What a task commits: one commit an attempt on its task ref, and one on the generation branch.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::git::{CommitInfo, Merge, NewCommit, Oid, RefMove, SnapshotLimits};
use crate::issues::attempt::Attempt;
use crate::issues::issue::Issue;
use crate::issues::round::Calls;
use crate::model::generation::{ARCHIVE, GenerationName};
use crate::model::{IssueId, RunId, Usage, trailer};
use crate::project::Project;

/// What a task may leave behind at most. A larger file is better fetched than committed; more files are a mistake.
pub(crate) const SNAPSHOT_LIMITS: SnapshotLimits = SnapshotLimits {
    max_file_bytes: 50 * 1024 * 1024,
    max_files: 20_000,
    max_bytes: 1 << 30,
};

/// How many of the things that a snapshot left out are reported: an agent can make a million sockets.
const TOLD: usize = 20;

/// Returns what a snapshot did not record, a sentence a path, and in the last one how many more there are.
pub(crate) fn left_out(paths: &[(PathBuf, String)]) -> Vec<String> {
    let mut said: Vec<_> = paths
        .iter()
        .take(TOLD)
        .map(|(path, why)| format!("left out `{}`: {why}", path.display()))
        .collect();
    if let Some(more @ 1..) = paths.len().checked_sub(TOLD) {
        said.push(format!("left out {more} more"));
    }
    said
}

/// What an attempt made of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contribution<'a> {
    pub(crate) generation: &'a GenerationName,
    pub(crate) task: &'a IssueId,
    /// The commit that the attempt began from.
    pub(crate) base: Oid,
    /// The tree that it left.
    pub(crate) tree: Oid,
}

/// Commits what an attempt left to its task's ref: first parent the commit it was made from, second the
/// attempt before, so that every attempt stays reachable. What the ref holds already is not committed again.
pub(crate) fn keep_snapshot(project: &Project, made: Contribution<'_>, message: &str) -> Result<Oid> {
    let Contribution { base, tree, .. } = made;
    let git = &project.git;
    let reference = made.generation.task(made.task);
    let before = git.reference(&reference)?;
    if let Some(kept) = before {
        let kept = git.commit_info(kept)?;
        if kept.tree == tree && kept.parents.first() == Some(&base) {
            return Ok(kept.id);
        }
    }
    let mut parents = vec![base];
    parents.extend(before);
    let id = git.commit(&of_agents(project, tree, parents, message))?;
    match git.move_reference(&reference, before, Some(id), "cordwainer: keep an attempt")? {
        RefMove::Moved => Ok(id),
        RefMove::Stale { .. } => Err(Error::new(
            ErrorKind::Unexpected,
            format!("`{reference}` moved although its task is claimed"),
        )),
    }
}

/// Commits what an attempt of a generation that is gone had left, under the archive; returns the ref.
pub(crate) fn keep_orphan(project: &Project, made: Contribution<'_>, attempt: u32) -> Result<String> {
    let Contribution {
        generation,
        task,
        base,
        tree,
    } = made;
    let git = &project.git;
    let commit = git.commit(&NewCommit {
        tree,
        parents: vec![base],
        message: format!("{task}: what attempt {attempt} had left when {generation} was gone\n"),
        author: None,
        committer: None,
        time: project.clock().now(),
    })?;
    let reference = format!("{ARCHIVE}{generation}/orphans/{commit}");
    match git.move_reference(&reference, None, Some(commit), "cordwainer: keep an orphan")? {
        RefMove::Moved | RefMove::Stale { actual: Some(_) } => Ok(reference),
        RefMove::Stale { actual: None } => Err(Error::new(
            ErrorKind::Unexpected,
            format!("cannot create `{reference}`"),
        )),
    }
}

/// One attempt at a task, distinguished from every other one, also in histories that were merged into each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptName<'name> {
    pub(crate) generation: &'name GenerationName,
    pub(crate) task: &'name IssueId,
    /// Counted from 1.
    pub(crate) number: u32,
    /// The run that made it.
    pub(crate) run: &'name RunId,
    /// The id of the repository that the run was of, where it is known.
    pub(crate) repository: Option<&'name str>,
}

impl AttemptName<'_> {
    /// Returns whether a commit came of this attempt, by its trailers.
    fn made(&self, commit: &CommitInfo) -> bool {
        let says = |key, value: &str| commit.trailer(key).as_deref() == Some(value);
        // Commits of earlier versions do not name it.
        let of_another = self
            .repository
            .is_some_and(|own| commit.trailer(trailer::REPOSITORY).is_some_and(|said| said != own));
        says(trailer::GENERATION, self.generation.as_str())
            && says(trailer::TASK, &self.task.to_string())
            && says(trailer::ATTEMPT, &self.number.to_string())
            && says(trailer::RUN, self.run.as_str())
            && !of_another
    }
}

/// Builds the commit of what an agent did, in the names that the configuration has for it. `message` ends with trailers.
fn of_agents(project: &Project, tree: Oid, parents: Vec<Oid>, message: &str) -> NewCommit {
    let names = &project.config.commits;
    let mut message = message.to_owned();
    if let Some(co_author) = &names.co_author {
        let _ = writeln!(message, "{}: {co_author}", trailer::CO_AUTHOR);
    }
    NewCommit {
        tree,
        parents,
        message,
        author: names.author.clone(),
        committer: names.committer.clone(),
        time: project.clock().now(),
    }
}

/// Returns the message of a task's commit: what the task was, and trailers that name where it came from. Tokens and
/// money are those of all attempts up to this one, whose `calls` are these.
pub(crate) fn message(attempt: &AttemptName<'_>, issue: &Issue, calls: &Calls) -> String {
    let mut text = format!("{}\n\n", one_line(&issue.title, 200));
    let model = calls.entries().filter_map(|call| call.model.as_deref()).last();
    let usage = usage_up_to(issue, attempt.number, calls);
    let mut trailers = vec![
        (trailer::GENERATION, attempt.generation.to_string()),
        (trailer::TASK, attempt.task.to_string()),
        (trailer::ATTEMPT, attempt.number.to_string()),
        (trailer::RUN, attempt.run.to_string()),
    ];
    trailers.extend(attempt.repository.map(|id| (trailer::REPOSITORY, id.to_owned())));
    trailers.extend([
        (trailer::MODEL, one_line(model.unwrap_or("unknown"), 100)),
        (trailer::TOKENS, usage.tokens().to_string()),
        (trailer::COST, format!("{:.4} USD", usage.cost_usd)),
    ]);
    if !calls.rounds.is_empty() {
        trailers.push((trailer::ROUNDS, calls.rounds.len().to_string()));
    }
    for (key, value) in trailers {
        let _ = writeln!(text, "{key}: {value}");
    }
    text
}

/// Returns the message of the commit of what a person took as it was.
pub(crate) fn accepted_message(name: &AttemptName<'_>, issue: &Issue, attempt: &Attempt, by: &str) -> String {
    let calls = Calls {
        first: attempt.call.clone(),
        rounds: attempt.rounds.clone(),
    };
    let mut text = message(name, issue, &calls);
    let _ = writeln!(text, "{}: {}", trailer::ACCEPTED, one_line(by, 100));
    text
}

/// What came of putting work on a generation branch. Where nothing can speak against it, `Refusal` is a type without
/// values.
pub(crate) enum Landed<Refusal> {
    /// It is there, as this commit.
    Merged(Oid),
    /// It does not fit on newer work in these paths, in words.
    Conflict(String),
    /// On newer work something speaks against it.
    Refused(Refusal),
}

/// Puts what an attempt made on the generation branch: one commit on its tip, by compare-and-swap. `refuse` returns
/// what speaks against a tree on a tip.
pub(crate) fn land<Refusal>(
    project: &Project,
    made: Contribution<'_>,
    message: &str,
    refuse: &dyn Fn(Oid, Oid) -> Result<Option<Refusal>>,
) -> Result<Landed<Refusal>> {
    let git = &project.git;
    let generation = made.generation;
    let ancestor = git.commit_info(made.base)?.tree;
    loop {
        let tip = project.tip(generation)?;
        if let Some(place) = git.checked_out_at(generation.as_str())?.first() {
            let message = format!(
                "the generation branch was checked out at `{}` meanwhile",
                place.display()
            );
            return Err(
                Error::new(ErrorKind::Precondition, message).hint("check out another branch there, then resume")
            );
        }
        let tree = match git.merge_trees(ancestor, git.commit_info(tip)?.tree, made.tree)? {
            Merge::Clean(tree) => tree,
            Merge::Conflict(paths) => {
                let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
                return Ok(Landed::Conflict(paths.join(", ")));
            }
        };
        if let Some(why) = refuse(tip, tree)? {
            return Ok(Landed::Refused(why));
        }
        let commit = git.commit(&of_agents(project, tree, vec![tip], message))?;
        let why = format!("cordwainer: {}", made.task);
        match git.move_reference(&generation.branch(), Some(tip), Some(commit), &why)? {
            RefMove::Moved => return Ok(Landed::Merged(commit)),
            // Somebody was faster: on the new tip, then.
            RefMove::Stale { .. } => {}
        }
    }
}

/// Returns what the attempts at a task used before this one, and this one's calls, which the store may have already.
fn usage_up_to(issue: &Issue, attempt: u32, calls: &Calls) -> Usage {
    let earlier = issue.attempts.iter().filter(|one| one.number < attempt);
    let present = calls.entries().map(|call| call.usage);
    earlier.map(Attempt::usage).chain(present).sum()
}

/// Returns the commit on the generation branch that came of this very attempt, by its trailers.
pub(crate) fn merged_commit(project: &Project, attempt: &AttemptName<'_>) -> Result<Option<Oid>> {
    let git = &project.git;
    let Some(tip) = git.reference(&attempt.generation.branch())? else {
        return Ok(None);
    };
    let base = git.reference(&attempt.generation.base_mark())?;
    let commits = git.first_parents(tip, base)?;
    Ok(commits
        .into_iter()
        .find(|commit| attempt.made(commit))
        .map(|commit| commit.id))
}

/// Returns the commit on the task's ref that keeps what this attempt left, if it is the last one there.
pub(crate) fn kept_commit(project: &Project, attempt: &AttemptName<'_>) -> Result<Option<Oid>> {
    let git = &project.git;
    let Some(tip) = git.reference(&attempt.generation.task(attempt.task))? else {
        return Ok(None);
    };
    let commit = git.commit_info(tip)?;
    Ok(attempt.made(&commit).then_some(commit.id))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::accounting::ledger::Entry;
    use crate::accounting::ledger::tests::entry;
    use crate::git::Identity;
    use crate::issues::attempt::Outcome;
    use crate::issues::issue::{FORMAT, Issues, NewIds, NewIssue, StoreMeta};
    use crate::model::Role;

    /// Builds a task with attempts of these numbers; the call of each used ten times as many tokens as its number.
    fn task(attempts: &[u32]) -> Issue {
        let mut issues = Issues::new(StoreMeta {
            format: FORMAT,
            generation: GenerationName::new("generation-a").unwrap(),
            base_branch: "main".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            measures: Vec::new(),
        });
        let id = issues
            .add(NewIssue::titled("Parse it"), &NewIds::counted(), Timestamp::UNIX_EPOCH)
            .unwrap();
        let mut issue = issues.get(&id).unwrap().clone();
        issue.attempts = attempts.iter().map(|number| attempt(*number)).collect();
        issue
    }

    fn generation() -> GenerationName {
        GenerationName::new("generation-a".to_owned()).unwrap()
    }

    fn attempt(number: u32) -> Attempt {
        Attempt {
            number,
            run: "run-1".parse().unwrap(),
            outcome: Outcome::Limited,
            reason: String::new(),
            snapshot: None,
            ignored: None,
            records: None,
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: Timestamp::UNIX_EPOCH,
            call: Some(entry(Role::Stitch, 1, 1, u64::from(number) * 10, 0.1)),
            rounds: Vec::new(),
            red: None,
        }
    }

    /// Returns the message of an attempt at a task, made in the repository `0f`.
    fn message_of(issue: &Issue, number: u32, call: Option<&Entry>) -> String {
        let name = AttemptName {
            generation: &generation(),
            task: &issue.id,
            number,
            run: &"run-2".parse().unwrap(),
            repository: Some("0f"),
        };
        let calls = Calls {
            first: call.cloned(),
            rounds: Vec::new(),
        };
        message(&name, issue, &calls)
    }

    /// Checks the end of the message of an attempt at a task that has these attempts already.
    fn check(recorded: &[u32], number: u32, call: Option<&Entry>, expect: [&str; 3]) {
        let text = message_of(&task(recorded), number, call);
        let begin = format!(
            "Parse it\n\nCordwainer-Generation: generation-a\nCordwainer-Task: cw-1\nCordwainer-Attempt: {number}\n\
             Cordwainer-Run: run-2\nCordwainer-Repository: 0f\n"
        );
        assert!(text.starts_with(&begin), "{text}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[lines.len() - 3..], expect);
    }

    #[test]
    fn an_attempt_is_told_from_that_of_another_repository_and_an_earlier_version_says_nothing_of_it() {
        let issue = task(&[]);
        let id = Oid::ZERO_SHA1;
        let who = Identity {
            name: "Tess Ter".to_owned(),
            email: "tess@example.org".to_owned(),
        };
        let commit = |message: String| CommitInfo {
            id,
            tree: id,
            parents: Vec::new(),
            message,
            author: who.clone(),
            committer: who.clone(),
            time: Timestamp::UNIX_EPOCH,
        };
        let said = commit(message_of(&issue, 1, None));
        let unsaid = commit(message_of(&issue, 1, None).replace("Cordwainer-Repository: 0f\n", ""));
        for (repository, made) in [(Some("0f"), true), (Some("1f"), false), (None, true)] {
            let name = AttemptName {
                generation: &generation(),
                task: &issue.id,
                number: 1,
                run: &"run-2".parse().unwrap(),
                repository,
            };
            assert_eq!(name.made(&said), made, "{repository:?}");
            assert!(name.made(&unsaid), "{repository:?}");
        }
    }

    #[test]
    fn a_title_forges_no_trailer() {
        let mut issue = task(&[]);
        issue.title = "x\n\nCordwainer-Task: cw-9\u{1b}[2J\n".to_owned();
        let text = message_of(&issue, 1, None);
        assert!(
            text.starts_with("x Cordwainer-Task: cw-9\\u{1b}[2J\n\nCordwainer-Generation: generation-a\n"),
            "{text}"
        );
        assert_eq!(
            text.lines().filter(|line| line.starts_with("Cordwainer-Task:")).count(),
            1
        );
    }

    #[test]
    fn a_task_that_was_interrupted_is_one_story() {
        let call = entry(Role::Stitch, 1, 1, 5, 0.05);
        let one = [
            "Cordwainer-Model: model-x",
            "Cordwainer-Tokens: 5",
            "Cordwainer-Cost: 0.0500 USD",
        ];
        check(&[], 1, Some(&call), one);
        let all = [
            "Cordwainer-Model: model-x",
            "Cordwainer-Tokens: 35",
            "Cordwainer-Cost: 0.2500 USD",
        ];
        check(&[1, 2], 3, Some(&call), all);
        let never_began = [
            "Cordwainer-Model: unknown",
            "Cordwainer-Tokens: 30",
            "Cordwainer-Cost: 0.2000 USD",
        ];
        check(&[1, 2], 3, None, never_began);
        // A recovery may come when the store has the attempt already.
        check(&[1, 2, 3], 3, Some(&call), all);
    }
}
