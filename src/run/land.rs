//! What a task commits: one commit an attempt on its task ref, and one on the generation branch.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{CommitInfo, NewCommit, Oid, RefMove, SnapshotLimits};
use crate::model::generation::{ARCHIVE, GenerationName};
use crate::model::{CommitId, IssueId, trailer};
use crate::project::Project;
use crate::run::commit_message::AttemptName;
use crate::run::reverted::Reverted;

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
/// attempt before, or another candidate, so that every attempt stays reachable. What the ref holds already is not committed
/// again.
pub(crate) fn keep_snapshot(project: &Project, made: Contribution<'_>, message: &str) -> Result<Oid> {
    let Contribution { base, tree, .. } = made;
    let git = &project.git;
    let reference = made.generation.task(made.task);
    loop {
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
            RefMove::Moved => return Ok(id),
            // Another candidate of the attempt was kept meanwhile.
            RefMove::Stale { .. } => {}
        }
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

/// What came of merging work onto a tip, in memory.
pub(crate) enum OnTip {
    /// This tree.
    Tree(Oid),
    /// It does not fit on newer work.
    Conflict(Conflict),
}

/// Where work does not fit on newer work.
pub(crate) struct Conflict {
    /// The paths.
    pub(crate) paths: Vec<PathBuf>,
    /// The newer work, with the work where that fits.
    pub(crate) tree: Oid,
}

impl Conflict {
    /// Returns the paths in words.
    pub(crate) fn places(&self) -> String {
        quoted(&self.paths)
    }
}

/// Returns paths in words.
pub(crate) fn quoted(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    paths.join(", ")
}

/// Merges what an attempt made onto a tree, in memory: no branch moves.
///
/// # Errors
///
/// Where trees cannot be read, or the merge cannot be made for another reason than a conflict.
pub(crate) fn merge_onto(project: &Project, made: Contribution<'_>, onto: Oid) -> Result<OnTip> {
    let git = &project.git;
    let ancestor = git.commit_info(made.base)?.tree;
    let (tree, paths) = git.merge_in_part(ancestor, onto, made.tree)?;
    Ok(if paths.is_empty() {
        OnTip::Tree(tree)
    } else {
        OnTip::Conflict(Conflict { paths, tree })
    })
}

/// Commits a tree on a tip, for whoever looks at it before it lands; no ref holds it.
///
/// # Errors
///
/// Where the commit cannot be written.
pub(crate) fn commit_on(project: &Project, tip: Oid, tree: Oid, message: &str) -> Result<Oid> {
    project.git.commit(&of_agents(project, tree, vec![tip], message))
}

/// A tree that is about to land, and the message of its commit.
pub(crate) struct Landing<'a> {
    pub(crate) task: &'a IssueId,
    pub(crate) tree: Oid,
    pub(crate) message: String,
}

/// Puts trees on the generation branch: a commit each, one on the other, from its tip on, all by one compare-and-swap. Returns
/// the commits; `None` where the branch is not at `tip` any more.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`] where the branch is checked out somewhere, and where a commit cannot be written.
pub(crate) fn land(
    project: &Project,
    generation: &GenerationName,
    tip: Oid,
    landing: &[Landing<'_>],
) -> Result<Option<Vec<Oid>>> {
    let git = &project.git;
    if let Some(place) = git.checked_out_at(generation.as_str())?.first() {
        let message = format!(
            "the generation branch was checked out at `{}` meanwhile",
            place.display()
        );
        return Err(Error::new(ErrorKind::Precondition, message).hint("check out another branch there, then resume"));
    }
    let mut commits = Vec::new();
    for one in landing {
        let parent = commits.last().copied().unwrap_or(tip);
        commits.push(commit_on(project, parent, one.tree, &one.message)?);
    }
    let Some(last) = commits.last().copied() else {
        return Ok(Some(commits));
    };
    let tasks: Vec<_> = landing.iter().map(|one| one.task.to_string()).collect();
    let why = format!("cordwainer: {}", tasks.join(", "));
    match git.move_reference(&generation.branch(), Some(tip), Some(last), &why)? {
        RefMove::Moved => Ok(Some(commits)),
        RefMove::Stale { .. } => Ok(None),
    }
}

/// Puts a tree on the generation branch as a commit in the person's own name. Returns the commit; `None` where the branch is not
/// at `tip` any more.
///
/// # Errors
///
/// Where the commit cannot be written, or the ref not be moved.
pub(crate) fn land_own(
    project: &Project,
    generation: &GenerationName,
    (tip, tree): (Oid, Oid),
    (message, why): (&str, &str),
) -> Result<Option<Oid>> {
    let new = project.git.commit(&NewCommit {
        tree,
        parents: vec![tip],
        message: message.to_owned(),
        author: None,
        committer: None,
        time: project.clock().now(),
    })?;
    let why = format!("cordwainer: {why}");
    let moved = project
        .git
        .move_reference(&generation.branch(), Some(tip), Some(new), &why)?;
    Ok((moved == RefMove::Moved).then_some(new))
}

/// Returns the commit on the generation branch that came of this very attempt, by its trailers; `None` where a person took it
/// out again.
pub(crate) fn merged_commit(project: &Project, attempt: &AttemptName<'_>) -> Result<Option<Oid>> {
    let git = &project.git;
    let Some(tip) = git.reference(&attempt.generation.branch())? else {
        return Ok(None);
    };
    let base = git.reference(&attempt.generation.base_mark())?;
    let commits = git.first_parents(tip, base)?;
    let reverted = Reverted::among(&commits, attempt.generation);
    let stands = |commit: &&CommitInfo| reverted.by(&CommitId::from(commit.id)).is_none();
    let made = commits.iter().filter(stands).find(|commit| attempt.made(commit));
    Ok(made.map(|commit| commit.id))
}

/// Returns the last commit on the task's ref that keeps what this candidate of the attempt left, if there is one; 0 is that of
/// an attempt without any. Commits of other attempts are before those of this one.
pub(crate) fn kept_commit(project: &Project, attempt: &AttemptName<'_>) -> Result<Option<Oid>> {
    let git = &project.git;
    let mut next = git.reference(&attempt.generation.task(attempt.task))?;
    while let Some(id) = next {
        let commit = git.commit_info(id)?;
        if !attempt.made(&commit) {
            return Ok(None);
        }
        if candidate_of(&commit) == attempt.candidate {
            return Ok(Some(commit.id));
        }
        next = commit.parents.get(1).copied();
    }
    Ok(None)
}

/// Returns which candidate of its attempt a commit is of; 0 is one without others.
pub(crate) fn candidate_of(commit: &CommitInfo) -> u32 {
    let said = commit.trailer(trailer::CANDIDATE);
    said.and_then(|number| number.parse().ok()).unwrap_or_default()
}
