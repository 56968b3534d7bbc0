//! What is read once, for all checks: the generation's commits, its tasks, and the records of its runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::Outcome;
use crate::git::Repository;
use crate::options::Options;
use crate::person::list;
use crate::records::{Run, runs};

/// A commit of the generation branch.
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    trailers: BTreeMap<String, String>,
}

impl Commit {
    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.get(name).map(String::as_str)
    }

    /// The task that landed with it; `None` where it is of no task of this generation.
    pub(crate) fn task(&self, branch: &str) -> Option<&str> {
        let of_this = self.trailer("Cordwainer-Generation") == Some(branch);
        self.trailer("Cordwainer-Task").filter(|_| of_this)
    }
}

/// Everything.
pub(crate) struct Facts {
    pub(crate) repository: Repository,
    /// The generation branch, which is also the generation's name.
    pub(crate) branch: String,
    pub(crate) options: Options,
    /// The commit that the generation began from.
    pub(crate) base: String,
    /// Its commits since, by first parents, oldest first.
    pub(crate) commits: Vec<Commit>,
    /// Its tasks, as the tip of the store has them.
    pub(crate) issues: Vec<Value>,
    /// `meta.json` of the store.
    pub(crate) meta: Value,
    /// The runs that have a record, oldest first.
    pub(crate) runs: Vec<Run>,
}

impl Facts {
    pub(crate) fn read(checkout: &Path, branch: &str, options: Options) -> Outcome<Self> {
        let repository = Repository::open(checkout)?;
        let mark = format!("refs/cordwainer/{branch}/base");
        let base = repository
            .tip(&mark)?
            .ok_or_else(|| format!("there is no ref `{mark}`"))?;
        let store = store(branch);
        let paths = repository.git(&["ls-tree", "-r", "--name-only", &store])?;
        let names: Vec<String> = paths.lines().map(|path| format!("{store}:{path}")).collect();
        let mut meta = Value::Null;
        let mut issues = Vec::new();
        for (path, content) in paths.lines().zip(repository.contents(&names)?) {
            let value = serde_json::from_slice(&content).map_err(|error| format!("`{path}` of the store: {error}"))?;
            if path == "meta.json" {
                meta = value;
            } else {
                issues.push(value);
            }
        }
        Ok(Self {
            commits: commits(&repository, &base, branch)?,
            runs: runs(&repository.state)?,
            branch: branch.to_owned(),
            repository,
            options,
            base,
            issues,
            meta,
        })
    }

    /// Returns the task with an id.
    pub(crate) fn issue(&self, id: &str) -> Option<&Value> {
        self.issues.iter().find(|issue| issue["id"] == id)
    }

    /// Returns each attempt.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = &Value> {
        self.issues.iter().flat_map(|issue| list(&issue["attempts"]))
    }

    /// Returns the whole ledger: the entry of each call, with the folder of its records where the store names it.
    pub(crate) fn ledger(&self) -> Vec<(&Value, Option<&str>)> {
        let later = ["rounds", "stages"];
        let later = later
            .iter()
            .flat_map(|part| self.attempts().flat_map(move |attempt| list(&attempt[*part])));
        let of_calls = self.attempts().chain(later).filter(|made| made["call"].is_object());
        let of_tasks = of_calls.map(|made| (&made["call"], made["records"].as_str()));
        let measures = list(&self.meta["measures"]).iter();
        let of_measures = measures
            .flat_map(|measure| list(&measure["calls"]))
            .map(|entry| (entry, None));
        of_tasks.chain(of_measures).collect()
    }

    /// Returns the commits that landed a task.
    pub(crate) fn landed<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Commit> {
        self.commits
            .iter()
            .filter(move |commit| commit.task(&self.branch) == Some(task))
    }

    /// Returns whether a later commit undoes one, on a person's word.
    pub(crate) fn is_taken_out(&self, commit: &Commit) -> bool {
        let undoes = |later: &&Commit| later.trailer("Cordwainer-Reverts-Commit") == Some(commit.id.as_str());
        self.commits
            .iter()
            .skip_while(|one| one.id != commit.id)
            .skip(1)
            .any(|later| undoes(&later))
    }

    /// Says how much was looked at.
    pub(crate) fn extent(&self) -> String {
        let events: usize = self.runs.iter().map(|run| run.events.len()).sum();
        format!(
            "{} tasks, {} attempts, {} commits, {} calls, {} runs, {events} events",
            self.issues.len(),
            self.attempts().count(),
            self.commits.len(),
            self.ledger().len(),
            self.runs.len()
        )
    }
}

/// The ref of a generation's store.
pub(crate) fn store(branch: &str) -> String {
    format!("refs/cordwainer/{branch}/issues")
}

fn commits(repository: &Repository, base: &str, branch: &str) -> Outcome<Vec<Commit>> {
    let range = format!("{base}..refs/heads/{branch}");
    let format = "--format=%H%n%T%n%P%n%(trailers:only,unfold)%x00";
    let log = repository.git(&["log", "--first-parent", "--reverse", format, &range])?;
    let texts = log.split('\0').map(str::trim_start).filter(|text| !text.is_empty());
    texts.map(commit).collect()
}

fn commit(text: &str) -> Outcome<Commit> {
    let mut lines = text.split('\n');
    let mut next = || lines.next().ok_or_else(|| format!("`git log` printed `{text}`"));
    let (id, tree, parents) = (next()?, next()?, next()?);
    let trailers = lines.filter_map(|line| line.split_once(": "));
    Ok(Commit {
        id: id.to_owned(),
        tree: tree.to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        trailers: trailers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    })
}
