//! How everything that is served stands, in a few words for each repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use super::events::event;
use super::pulse::Pulse;
use super::repositories::Repository;
use crate::base::error::Result;
use crate::base::fs::LockHolder;
use crate::git::Git;
use crate::model::RunId;
use crate::record::history::events_of;

/// The refs whose moves are told.
const REFS: &str = "refs/cordwainer/";

/// How a repository stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    /// Its name in addresses.
    repository: String,
    /// The run at work, else the last one.
    run: Option<String>,
    /// Whether it is at work.
    at_work: bool,
    /// How long its events are, in bytes.
    offset: u64,
    /// What changes when one of the refs of tasks and generations moves.
    refs: String,
}

/// How everything stands, by the repositories' names.
pub(super) type All = BTreeMap<String, Standing>;

/// How everything stood at the last look.
#[derive(Debug)]
pub(super) struct Board {
    all: watch::Sender<Arc<All>>,
    /// The repositories that are open, by their git folders.
    open: Mutex<BTreeMap<PathBuf, Git>>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            all: watch::Sender::new(Arc::default()),
            open: Mutex::default(),
        }
    }
}

impl Board {
    /// Returns where the newest standing is received.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<All>> {
        self.all.subscribe()
    }

    /// Returns whether anybody wants to know how all stands.
    pub(super) fn is_watched(&self) -> bool {
        self.all.receiver_count() > 0
    }

    /// Looks how the repositories stand, and has changes of what matters cause a beat.
    pub(super) fn look(&self, served: &[Repository], pulse: &Pulse) {
        self.forget_others(served);
        let standings = served.iter().filter_map(|one| match self.standing(one, pulse) {
            Ok(standing) => Some((one.id.clone(), standing)),
            Err(error) => {
                tracing::warn!("cannot look at `{}`: {}", one.path.display(), error.in_a_line());
                None
            }
        });
        let all: All = standings.collect();
        self.all.send_if_modified(|known| {
            let is_new = **known != all;
            if is_new {
                *known = Arc::new(all);
            }
            is_new
        });
    }

    fn standing(&self, repository: &Repository, pulse: &Pulse) -> Result<Standing> {
        let runs = repository.state_dir.join("runs");
        let holder = repository.place().at_work()?.filter(LockHolder::is_run);
        let at_work = holder.and_then(|holder| RunId::parse(&holder.id));
        let run = at_work.clone().or_else(|| last(&runs));
        let events = run.as_ref().map(|run| events_of(&repository.state_dir, run));
        for path in [Some(&runs), events.as_ref().filter(|_| at_work.is_some())]
            .into_iter()
            .flatten()
        {
            let _ = pulse.add(path);
        }
        let refs = self.git(repository)?.references(REFS)?;
        let folders: BTreeSet<PathBuf> = refs
            .iter()
            .filter_map(|(name, _)| repository.git_folder.join(name).parent().map(Path::to_owned))
            .collect();
        for folder in &folders {
            let _ = pulse.add(folder);
        }
        let mut hash = sha1_smol::Sha1::new();
        for (name, id) in &refs {
            hash.update(format!("{name} {id}\n").as_bytes());
        }
        Ok(Standing {
            repository: repository.id.clone(),
            run: run.map(|run| run.to_string()),
            at_work: at_work.is_some(),
            offset: events
                .and_then(|path| path.metadata().ok())
                .map_or(0, |looks| looks.len()),
            refs: hash.digest().to_string(),
        })
    }

    fn git(&self, repository: &Repository) -> Result<Git> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(git) = open.get(&repository.git_folder) {
            return Ok(git.clone());
        }
        let git = Git::discover(&repository.path)?;
        open.insert(repository.git_folder.clone(), git.clone());
        Ok(git)
    }

    fn forget_others(&self, served: &[Repository]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|folder, _| served.iter().any(|one| one.git_folder == *folder));
    }
}

/// Returns the last run that has records in a folder.
fn last(runs: &Path) -> Option<RunId> {
    let entries = std::fs::read_dir(runs).ok()?.flatten();
    entries
        .filter_map(|entry| RunId::parse(entry.file_name().to_str()?))
        .max()
}

/// What is told.
#[derive(Serialize)]
struct Told<'a> {
    /// Whether these are all repositories: what is not among them is not served any more.
    all: bool,
    repositories: Vec<&'a Standing>,
}

/// Returns the event that tells what has changed; `None` where nothing has.
pub(super) fn told(before: Option<&All>, now: &All) -> Option<String> {
    let is_gone = |before: &All| before.keys().any(|id| !now.contains_key(id));
    let all = before.is_none_or(is_gone);
    let is_new = |standing: &&Standing| before.and_then(|before| before.get(&standing.repository)) != Some(*standing);
    let repositories: Vec<&Standing> = now.values().filter(|standing| all || is_new(standing)).collect();
    if !all && repositories.is_empty() {
        return None;
    }
    let data = serde_json::to_string(&Told { all, repositories }).unwrap_or_default();
    Some(event(None, None, &data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(standings: &[(&str, u64)]) -> All {
        let one = |(id, offset): &(&str, u64)| {
            let standing = Standing {
                repository: (*id).to_owned(),
                run: None,
                at_work: false,
                offset: *offset,
                refs: String::new(),
            };
            ((*id).to_owned(), standing)
        };
        standings.iter().map(one).collect()
    }

    #[test]
    fn first_everything_is_told_and_then_what_has_changed() {
        let ids = |text: Option<String>| {
            let text = text?;
            let data: serde_json::Value = serde_json::from_str(text.strip_prefix("data: ")?.trim_end()).ok()?;
            let all = data["all"].as_bool()?;
            let ids: Vec<String> = data["repositories"]
                .as_array()?
                .iter()
                .map(|one| one["repository"].to_string())
                .collect();
            Some((all, ids.join(" ").replace('"', "")))
        };
        let one = all(&[("a", 1), ("b", 1)]);
        assert_eq!(ids(told(None, &All::new())), Some((true, String::new())));
        assert_eq!(ids(told(None, &one)), Some((true, "a b".to_owned())));
        assert_eq!(told(Some(&one), &one), None);
        assert_eq!(
            ids(told(Some(&one), &all(&[("a", 1), ("b", 2)]))),
            Some((false, "b".to_owned()))
        );
        assert_eq!(ids(told(Some(&one), &all(&[("b", 1)]))), Some((true, "b".to_owned())));
        assert_eq!(
            ids(told(Some(&one), &all(&[("a", 1), ("b", 1), ("c", 0)]))),
            Some((false, "c".to_owned()))
        );
    }
}
