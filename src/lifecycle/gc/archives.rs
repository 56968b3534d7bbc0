//! The archives of ended generations: those that were merged whole, and those in which nothing was done (reports without tasks leave
//! such), each beyond the bound of `keep`; and those that a person names.

use super::report::{Kept, Looked};
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::git::{Git, Oid, RefMove};
use crate::issues::filed;
use crate::issues::issue::{Issues, Status};
use crate::issues::store::Store;
use crate::model::generation::{ARCHIVE, Phase};
use crate::project::archive::{BASE, ISSUES, TIP};
use crate::project::{GenerationSummary, Project};

/// The archive's ref of the commit on the base branch that contains the generation.
const MERGED: &str = "merged";

/// An archive that is to go.
#[derive(Debug)]
pub(super) struct Archive {
    /// What its refs begin with.
    prefix: String,
    /// Its refs with their targets, in the order in which they go.
    refs: Vec<(String, Oid)>,
}

impl Archive {
    fn of(git: &Git, prefix: &str) -> Result<Self> {
        let mut refs = git.references(prefix)?;
        // What shows that everything was merged goes after everything, and what makes the archive one goes last.
        refs.sort_by_key(|(name, _)| match &name[prefix.len()..] {
            TIP => 1,
            ISSUES => 2,
            MERGED => 3,
            BASE => 4,
            _ => 0,
        });
        let prefix = prefix.to_owned();
        Ok(Self { prefix, refs })
    }

    fn target(&self, mark: &str) -> Option<Oid> {
        let is_it = |(name, _): &&(String, Oid)| name[self.prefix.len()..] == *mark;
        self.refs.iter().find(is_it).map(|(_, target)| *target)
    }

    /// Returns whether it has no commit, no task and no group: nothing of it would be missed, but for what it cost.
    fn is_empty(&self, git: &Git) -> bool {
        // The tip goes first, and a removal may have died after that.
        let has_no_commit = self.target(TIP).is_none_or(|tip| self.target(BASE) == Some(tip));
        let are_marks = self
            .refs
            .iter()
            .all(|(name, _)| [TIP, BASE, ISSUES].contains(&&name[self.prefix.len()..]));
        // What cannot be read is not known to be without tasks.
        let is_unused = |issues: &Issues| issues.is_empty() && issues.build().groups.is_empty();
        has_no_commit && are_marks && self.issues(git).is_ok_and(|issues| is_unused(&issues))
    }

    /// Returns whether it is what a removal left that was killed before its last step: where the generation began, which
    /// is a commit of the base branch.
    fn is_rest(&self, project: &Project, prefix: &str) -> Result<bool> {
        let [(name, target)] = &self.refs[..] else {
            return Ok(false);
        };
        let base = project.git.branch_tip(&project.config.base_branch)?;
        match base.filter(|_| &name[prefix.len()..] == BASE) {
            Some(base) => project.git.is_ancestor(*target, base),
            None => Ok(false),
        }
    }

    /// Returns why what was filed in it cannot be known, and would be filed again once it is gone.
    fn unread(&self, git: &Git) -> Option<String> {
        self.target(ISSUES)?;
        let error = self.issues(git).err()?;
        Some(format!(
            "its tasks cannot be read, so what was filed would be forgotten: {}",
            error.in_a_line()
        ))
    }

    fn issues(&self, git: &Git) -> Result<Issues> {
        Store::archived(git, &self.prefix).and_then(|store| store.read())
    }

    /// Deletes its refs, each only if it is still what was looked at; before that, what was filed in it is kept. Returns whether all
    /// are gone.
    pub(super) fn remove(&self, project: &Project) -> Result<bool> {
        let git = &project.git;
        if self.target(ISSUES).is_some() {
            filed::keep(git, &self.issues(git)?, project.clock().now())?;
        }
        for (name, target) in &self.refs {
            match git.move_reference(name, Some(*target), None, "cordwainer: gc")? {
                RefMove::Moved => {}
                RefMove::Stale { .. } => return Ok(false),
            }
            crash_point!("gc.ref");
        }
        Ok(true)
    }
}

/// Lists the archives that can go.
pub(super) fn look(project: &Project, named: &[String]) -> Result<Looked<Archive>> {
    let mut looked = Looked::default();
    let ended = project.list()?.ended;
    refuse_unknown(project, &ended, named)?;
    let (mut merged, mut empty): (u32, u32) = (0, 0);
    let most = project.config.keep.archives;
    for one in &ended {
        let Some(prefix) = &one.archive else { continue };
        let what = format!("archive {}", shown(prefix));
        let archive = Archive::of(&project.git, prefix)?;
        let why = if archive.is_rest(project, prefix)? {
            "its removal was interrupted".to_owned()
        } else if named.iter().any(|name| is_named(project, name, prefix)) {
            "you named it".to_owned()
        } else if archive.is_empty(&project.git) {
            empty = empty.saturating_add(1);
            if most.is_none_or(|most| empty <= most) {
                continue;
            }
            "`keep.archives`: nothing was done in it, and there are enough newer ones".to_owned()
        } else {
            match unmerged(project, one, prefix)? {
                Some(why) => {
                    looked.kept.push(Kept::new(what, why));
                    continue;
                }
                None => merged = merged.saturating_add(1),
            }
            if most.is_none_or(|most| merged <= most) {
                continue;
            }
            "`keep.archives`: it is merged, and there are enough newer ones".to_owned()
        };
        match archive.unread(&project.git) {
            Some(why) => looked.kept.push(Kept::new(what, why)),
            None => looked.free(what, why, None, archive),
        }
    }
    Ok(looked)
}

/// Returns an archive as a person names it: `NAME/NUMBER`.
fn shown(prefix: &str) -> &str {
    prefix.trim_start_matches(ARCHIVE).trim_end_matches('/')
}

fn is_named(project: &Project, name: &str, prefix: &str) -> bool {
    let archive = shown(prefix);
    let generation = archive.rsplit_once('/').map_or(archive, |(generation, _)| generation);
    let full = format!("{}{name}", project.config.gen_prefix);
    [name, &full].iter().any(|name| *name == archive || *name == generation)
}

fn refuse_unknown(project: &Project, ended: &[GenerationSummary], named: &[String]) -> Result<()> {
    let archives: Vec<&str> = ended.iter().filter_map(|one| one.archive.as_deref()).collect();
    let is_there = |name: &&String| archives.iter().any(|prefix| is_named(project, name, prefix));
    let Some(unknown) = named.iter().find(|name| !is_there(name)) else {
        return Ok(());
    };
    let message = format!("there is no archive of `{}`", one_line(unknown, 100));
    Err(Error::new(ErrorKind::Usage, message).hint("`cordwainer list` lists the generations that have ended"))
}

/// Returns why an archive holds work that was never merged; `None` where the base branch has all of it.
fn unmerged(project: &Project, one: &GenerationSummary, prefix: &str) -> Result<Option<String>> {
    let git = &project.git;
    if one.phase != Phase::Merged {
        return Ok(Some("it was not merged, so its work is only here".to_owned()));
    }
    let base_branch = &project.config.base_branch;
    let (Some(merged), Some(base)) = (
        git.reference(&format!("{prefix}{MERGED}"))?,
        git.branch_tip(base_branch)?,
    ) else {
        return Ok(Some(format!("there is no `{base_branch}` to compare it with")));
    };
    if !git.is_ancestor(merged, base)? {
        return Ok(Some(format!("`{base_branch}` does not contain it")));
    }
    if let Some(tip) = git.reference(&format!("{prefix}{TIP}"))?
        && !git.is_ancestor(tip, merged)?
    {
        return Ok(Some(format!("`{base_branch}` does not contain its last commits")));
    }
    unmerged_task(git, prefix, merged)
}

/// Returns which task has a result that was never merged.
fn unmerged_task(git: &Git, prefix: &str, merged: Oid) -> Result<Option<String>> {
    let tasks = format!("{prefix}tasks/");
    let mut results = Vec::new();
    for (name, target) in git.references(&tasks)? {
        if !git.is_ancestor(target, merged)? {
            results.push(name[tasks.len()..].to_owned());
        }
    }
    if results.is_empty() {
        return Ok(None);
    }
    // What cannot be read is not known to be merged.
    let Ok(issues) = Store::archived(git, prefix).and_then(|store| store.read()) else {
        return Ok(Some("its tasks cannot be read".to_owned()));
    };
    for id in results {
        if !was_merged(git, &issues, &id, merged)? {
            let id = one_line(&id, 60);
            return Ok(Some(format!("the result of task {id} was never merged")));
        }
    }
    Ok(None)
}

/// Returns whether a task is closed with a commit that the merge contains: what the task's ref holds is in that commit.
fn was_merged(git: &Git, issues: &Issues, id: &str, merged: Oid) -> Result<bool> {
    let task = issues.iter().find(|issue| issue.id.to_string() == id);
    let commit = task
        .filter(|task| task.status == Status::Closed)
        .and_then(|task| task.commit.as_ref());
    // A commit that is not there any more is not merged.
    match commit.and_then(|commit| git.resolve(&commit.to_string()).ok()) {
        Some(commit) => git.is_ancestor(commit, merged),
        None => Ok(false),
    }
}
