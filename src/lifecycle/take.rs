//! `cordwainer issues take`: a person goes on with a task on a branch of their own, and hands it back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::text::{one_line, title_in_message};
use crate::git::{CommitInfo, Git, Oid, RefMove};
use crate::issues::attempt::Attempt;
use crate::issues::issue::{Issue, Status, Taken};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::lifecycle::left_work::LeftWork;
use crate::lifecycle::merge_gates::{Merge, MergeGates, Words};
use crate::model::generation::GenerationName;
use crate::model::{AttemptId, CommitId, IssueId, trailer};
use crate::project::obeyed::{NewToRun, new_to_run};
use crate::run::land::{Contribution, OnTip, commit_on, keep_snapshot, land_own, merge_onto, quoted};
use crate::run::reverted::Reverted;

/// How many of a person's commits the message names.
const COMMITS_NAMED: usize = 20;
/// How many files are named that are not committed.
const PATHS_NAMED: usize = 10;

/// Which work a person takes, and where to.
#[derive(Clone, Debug, Default)]
pub struct TakeOptions {
    /// The attempt whose work it is; else the last one that left any.
    pub attempt: Option<AttemptId>,
    /// The name of the branch; else the task's id.
    pub branch: Option<String>,
    /// The folder of the worktree; else one beside the repository, with its name and the task's id.
    pub path: Option<PathBuf>,
}

/// What a person has taken.
#[derive(Clone, Debug, Serialize)]
pub struct TakeSummary {
    /// The task as it now is.
    pub issue: Issue,
    /// The branch.
    pub branch: String,
    /// The worktree.
    pub path: String,
    /// The commit that the branch is at.
    pub commit: CommitId,
    /// How many commits of the generation came after the one that the work began from.
    pub behind: usize,
    /// The files of the work that tools obey or run by themselves.
    pub new_to_run: Vec<NewToRun>,
}

/// How a person hands a task back.
#[derive(Clone, Debug, Default)]
pub struct HandBackOptions {
    /// Merges without running the gates on the merge.
    pub no_gates: bool,
    /// Ends the gates; what comes after them is short, and goes on.
    pub interruption: Interruption,
}

/// What came of a task that a person handed back.
#[derive(Clone, Debug, Serialize)]
pub struct HandBackSummary {
    /// The task as it now is.
    #[serde(flatten)]
    pub issue: Issue,
    /// Whether the gates were run on the merge.
    pub gates: MergeGates,
}

impl Generator {
    /// Holds a task, and leaves what an attempt at it has made on a branch and in a worktree of the person's own. Nothing is run in
    /// that. A task that nobody has attempted begins at the generation's tip. Can be called again after any crash.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the task is closed or in progress, branch or folder are there, or the work holds
    /// what would harm a checkout.
    pub fn take(&self, id: &IssueId, options: &TakeOptions) -> Result<TakeSummary> {
        let generation = self.project.open_generation(None)?;
        let store = Store::open(&self.project.git, &generation)?;
        let issue = store.read()?.get(id)?.clone();
        let git = &self.project.git;
        let (base, commit) = self.work_of((&generation, &issue), options.attempt)?;
        let taken = if let Some(taken) = issue.taken.clone() {
            // Taken before, or by a call that died.
            refuse_elsewhere(id, &taken, options)?;
            taken
        } else {
            let taken = self.place_for(&issue, options)?;
            let now = self.project.clock().now();
            let by = store.user()?;
            store.update(&format!("take {id}"), now, |issues| issues.take(id, &by, &taken, now))?;
            crash_point!("take.held");
            taken
        };
        let branch = format!("refs/heads/{}", taken.branch);
        let at = match git.reference(&branch)? {
            Some(at) => at,
            None => {
                // Somebody was quicker: then it is that one's.
                match git.move_reference(&branch, None, Some(commit), &format!("cordwainer: take {id}"))? {
                    RefMove::Moved => {
                        crash_point!("take.branch");
                        commit
                    }
                    RefMove::Stale { actual } => actual.unwrap_or(commit),
                }
            }
        };
        git.make_worktree(Path::new(&taken.path), &taken.branch, at)?;
        Ok(TakeSummary {
            issue: store.read()?.get(id)?.clone(),
            branch: taken.branch,
            path: taken.path,
            commit: CommitId::from(at),
            behind: git.first_parents(self.project.tip(&generation)?, Some(base))?.len(),
            new_to_run: new_to_run(git, &self.project.protected()?, base, at)?,
        })
    }

    /// Returns the commit that an attempt's work began from, and one with that work on it alone.
    fn work_of(
        &self,
        (generation, issue): (&GenerationName, &Issue),
        attempt: Option<AttemptId>,
    ) -> Result<(Oid, Oid)> {
        let git = &self.project.git;
        let Some(left) = self.left_work(issue, attempt)? else {
            let tip = self.project.tip(generation)?;
            return Ok((tip, tip));
        };
        let LeftWork {
            attempt,
            commit: kept,
            base,
        } = left;
        if let Some(hazard) = git.hazards_brought(base, kept.tree)?.first() {
            let message = format!("{} cannot be taken: {}", issue.id, hazard.text);
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint(format!("`cordwainer issues diff {}` shows what it changes", issue.id)));
        }
        let title = title_in_message(&issue.title, 200);
        let message = format!("{title}\n\nWhat attempt {attempt} at {} left.\n", issue.id);
        Ok((base, commit_on(&self.project, base, kept.tree, &message)?))
    }

    /// Chooses branch and folder for a task that a person may take.
    fn place_for(&self, issue: &Issue, options: &TakeOptions) -> Result<Taken> {
        let id = &issue.id;
        let refuse = |why: String| Error::new(ErrorKind::Precondition, format!("{id} cannot be taken: {why}"));
        match issue.status {
            Status::Open | Status::Blocked => {}
            Status::InProgress => {
                let error = refuse("a run works on it".to_owned());
                return Err(error.hint("wait until the run gives it back, or end it by `cordwainer runs stop`"));
            }
            Status::Closed => {
                let error = refuse("it is closed".to_owned());
                return Err(error.hint(format!("`cordwainer issues reopen {id}` opens it again")));
            }
        }
        let git = &self.project.git;
        let branch = options.branch.clone().unwrap_or_else(|| id.to_string());
        if !Git::can_be_branch(&branch) {
            let message = format!("`{}` cannot be the name of a branch", one_line(&branch, 100));
            return Err(Error::new(ErrorKind::Usage, message));
        }
        if git.branch_tip(&branch)?.is_some() {
            let error = refuse(format!("there is a branch `{branch}`"));
            return Err(error.hint("`--branch` names another one"));
        }
        let path = options.path.clone().unwrap_or_else(|| self.beside(id));
        let path = git.place_of_worktree(&path);
        let path = path.map_err(|error| error.hint("`--path` names another folder"))?;
        let Some(path) = path.to_str().map(str::to_owned) else {
            return Err(refuse(format!("the path `{}` is not UTF-8", path.display())));
        };
        Ok(Taken { branch, path })
    }

    /// Returns the folder beside the repository that is a task's.
    fn beside(&self, id: &IssueId) -> PathBuf {
        let root = self.project.git.workdir();
        let mut name = root.file_name().unwrap_or_default().to_owned();
        name.push(format!("-{id}"));
        root.with_file_name(name)
    }

    /// Merges what a person has committed on the branch of a task that they took, once the gates have passed on the merge, and
    /// closes the task with that commit. What they did is an attempt of theirs. Can be called again after any crash.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where nobody took the task, its worktree has changes that are not committed, its
    /// branch changes nothing, does not fit on newer work, or does not pass a gate; of kind [`ErrorKind::Locked`] while a run is at
    /// work; of kind [`ErrorKind::Engine`] or [`ErrorKind::Configuration`] where gates cannot be run, and of kind
    /// [`ErrorKind::Interrupted`] where they were ended. Nothing has changed then.
    pub async fn hand_back(&self, id: &IssueId, options: &HandBackOptions) -> Result<HandBackSummary> {
        let _lock = self.project.lock("issues take")?;
        let generation = self.project.open_generation(None)?;
        self.project.refuse_checked_out(&generation)?;
        let store = Store::open(&self.project.git, &generation)?;
        let issue = store.read()?.get(id)?.clone();
        let Some(taken) = &issue.taken else {
            if self.is_handed_back(&issue)? {
                let gates = MergeGates::NoMerge;
                return Ok(HandBackSummary { issue, gates });
            }
            let message = format!("{id} cannot be handed back: nobody has taken it");
            return Err(
                Error::new(ErrorKind::Precondition, message).hint(format!("`cordwainer issues take {id}` takes it"))
            );
        };
        let git = &self.project.git;
        let Some(head) = git.branch_tip(&taken.branch)? else {
            let message = format!("{id} cannot be handed back: its branch `{}` is gone", taken.branch);
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint(format!("`cordwainer issues release {id}` lets an agent go on")));
        };
        refuse_uncommitted(id, taken)?;
        let made = self.persons_work((&generation, &issue), taken, head)?;
        let message = self.message_of((&generation, &issue), made.base, head)?;
        let (commit, gates) = if let Some(commit) = self.handed_back(&generation, id, head)? {
            // A call died before it closed the task.
            (commit, MergeGates::NoMerge)
        } else {
            let this = self.in_its_mode()?;
            Box::pin(this.land_taken(made, (&message, &taken.path), options)).await?
        };
        let kept = CommitId::from(keep_snapshot(&self.project, made, &message)?);
        let (now, person) = (self.project.clock().now(), store.user()?);
        let closed = store.update(&format!("hand {id} back"), now, |issues| {
            let by = (person.clone(), format!("handed back by {person}"));
            let number = issues.get(id)?.next_attempt();
            let attempt = Attempt::by_hand((number, self.project.new_run()), by, kept.clone(), now);
            issues.record_attempt(id, attempt, now)?;
            issues.close(id, &format!("done by {person}"), Some(&CommitId::from(commit)), now)?;
            issues.get(id).cloned()
        })?;
        crash_point!("take.closed");
        Ok(HandBackSummary { issue: closed, gates })
    }

    /// Returns whether a closed task was handed back by a person.
    fn is_handed_back(&self, issue: &Issue) -> Result<bool> {
        let git = &self.project.git;
        let Some(commit) = issue.commit.as_ref().filter(|_| issue.status == Status::Closed) else {
            return Ok(false);
        };
        let commit = git.commit_info(git.resolve(commit.as_str())?)?;
        Ok(commit.trailer(trailer::TAKEN_FROM).is_some())
    }

    /// Returns the commit on the generation branch with what a person's commit is, where it has landed and was not taken out.
    fn handed_back(&self, generation: &GenerationName, id: &IssueId, head: Oid) -> Result<Option<Oid>> {
        let git = &self.project.git;
        let base = git.reference(&generation.base_mark())?;
        let commits = git.first_parents(self.project.tip(generation)?, base)?;
        let reverted = Reverted::among(&commits, generation);
        let is_it = |commit: &&CommitInfo| {
            commit.trailer(trailer::TASK).as_deref() == Some(id.to_string().as_str())
                && commit.trailer(trailer::TAKEN_FROM).as_deref() == Some(head.to_string().as_str())
                && reverted.by(&CommitId::from(commit.id)).is_none()
        };
        Ok(commits.iter().find(is_it).map(|commit| commit.id))
    }

    /// Returns what a person's branch changes, where that can land.
    fn persons_work<'a>(
        &self,
        (generation, issue): (&'a GenerationName, &'a Issue),
        taken: &Taken,
        head: Oid,
    ) -> Result<Contribution<'a>> {
        let git = &self.project.git;
        let id = &issue.id;
        let base = git.merge_base(self.project.tip(generation)?, head)?;
        let base = base.ok_or_else(|| refuse(id, &format!("`{}` has no commit of the generation", taken.branch)))?;
        let tree = git.tree_of(head)?;
        if tree == git.tree_of(base)? {
            let error = refuse(id, &format!("`{}` changes nothing", taken.branch));
            return Err(error.hint(format!("`cordwainer issues close {id}` closes it without a commit")));
        }
        if let Some(hazard) = git.hazards_brought(base, tree)?.first() {
            return Err(refuse(id, &hazard.text));
        }
        Ok(Contribution {
            generation,
            task: id,
            base,
            tree,
        })
    }

    /// Keeps a person's work on the task's ref, and puts it on the generation branch where the gates pass on that.
    async fn land_taken(
        &self,
        made: Contribution<'_>,
        (message, path): (&str, &str),
        options: &HandBackOptions,
    ) -> Result<(Oid, MergeGates)> {
        let (git, id, generation) = (&self.project.git, made.task, made.generation);
        loop {
            let tip = self.project.tip(generation)?;
            let tree = match merge_onto(&self.project, made, git.tree_of(tip)?)? {
                OnTip::Tree(tree) => tree,
                OnTip::Conflict(conflict) => {
                    let error = refuse(id, &format!("it conflicts with newer work in {}", conflict.places()));
                    return Err(error.hint(format!("`git rebase {generation}` in `{path}` brings that together")));
                }
            };
            let gates = if options.no_gates {
                MergeGates::Skipped
            } else {
                let merge = Merge {
                    generation,
                    commit: commit_on(&self.project, tip, tree, message)?,
                    onto: tip,
                    branch: generation.as_str(),
                    words: Words {
                        what: format!("{id} cannot be handed back: it"),
                        fix: format!("fix it in `{path}`, and commit that"),
                        without_gates: format!("cordwainer issues take {id} --back --no-gates"),
                    },
                };
                Box::pin(self.see_gates_pass(&merge, &options.interruption)).await?
            };
            keep_snapshot(&self.project, made, message)?;
            crash_point!("take.kept");
            let why = format!("hand {id} back");
            if let Some(commit) = land_own(&self.project, generation, (tip, tree), (message, &why))? {
                crash_point!("take.landed");
                return Ok((commit, gates));
            }
        }
    }

    /// Returns the message of what a person hands back: the task's title, what they say of their commits, and trailers.
    fn message_of(&self, (generation, issue): (&GenerationName, &Issue), base: Oid, head: Oid) -> Result<String> {
        let git = &self.project.git;
        let mut text = format!("{}\n\n", title_in_message(&issue.title, 200));
        let mut commits = git.first_parents(head, Some(base))?;
        commits.reverse();
        for commit in commits.iter().take(COMMITS_NAMED) {
            let _ = writeln!(text, "- {}", title_in_message(commit.subject(), 200));
        }
        let changed = git.diff_stat(base, head)?;
        let _ = writeln!(
            text,
            "\n{}: {generation}\n{}: {}\n{}: +{} -{}\n{}: {head}\n{}: {}",
            trailer::GENERATION,
            trailer::TASK,
            issue.id,
            trailer::LINES,
            changed.insertions,
            changed.deletions,
            trailer::TAKEN_FROM,
            trailer::ACCEPTED,
            one_line(&git.user()?.name, 100),
        );
        Ok(text)
    }
}

fn refuse(id: &IssueId, why: &str) -> Error {
    Error::new(ErrorKind::Precondition, format!("{id} cannot be handed back: {why}"))
}

/// Fails where a task that is taken is asked to be somewhere else than it is.
fn refuse_elsewhere(id: &IssueId, taken: &Taken, options: &TakeOptions) -> Result<()> {
    let is_other_branch = options.branch.as_ref().is_some_and(|branch| *branch != taken.branch);
    let path = options.path.as_deref().map(std::path::absolute).transpose();
    let path = path.with_context(ErrorKind::Usage, || "`--path` cannot be a path".into())?;
    if !is_other_branch && path.is_none_or(|path| path == Path::new(&taken.path)) {
        return Ok(());
    }
    let message = format!(
        "{id} is taken already: its branch is `{}`, its folder `{}`",
        one_line(&taken.branch, 100),
        one_line(&taken.path, 200)
    );
    Err(Error::new(ErrorKind::Precondition, message).hint(format!(
        "go on there, or give it back first: `cordwainer issues release {id}`"
    )))
}

/// Refuses to hand back what is in a worktree and in no commit.
fn refuse_uncommitted(id: &IssueId, taken: &Taken) -> Result<()> {
    let path = Path::new(&taken.path);
    if !path.join(".git").exists() {
        return Ok(());
    }
    let mut dirty = Git::discover(path)?.dirty()?;
    if dirty.is_empty() {
        return Ok(());
    }
    dirty.truncate(PATHS_NAMED);
    let message = format!(
        "{id} cannot be handed back: `{}` has changes that are not committed: {}",
        taken.path,
        quoted(&dirty)
    );
    Err(Error::new(ErrorKind::Precondition, message).hint("commit them there, or take them back"))
}
