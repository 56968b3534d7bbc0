//! What came of a project: its tasks, its records, and the commits of its generation.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cordwainer::event::{Event, EventKind};
use cordwainer::git::Oid;
use cordwainer::history;
use cordwainer::issue::RunId;
use serde_json::Value;

use super::Project;

impl Project {
    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.repository.path().join(".git/cordwainer")
    }

    /// An issue as `cordwainer issues show --json` prints it.
    pub(crate) fn issue(&self, id: &str) -> Value {
        serde_json::from_str(&self.run(&["issues", "show", id, "--json"]).expect(0).stdout).unwrap()
    }

    /// The outcomes of an issue's attempts, oldest first.
    pub(crate) fn outcomes(&self, id: &str) -> Vec<String> {
        let issue = self.issue(id);
        let attempts = issue["attempts"].as_array().unwrap();
        attempts
            .iter()
            .map(|attempt| attempt["outcome"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The ledger entries of an issue's attempts, oldest first.
    pub(crate) fn calls(&self, id: &str) -> Vec<Value> {
        let issue = self.issue(id);
        let attempts = issue["attempts"].as_array().unwrap();
        attempts.iter().map(|attempt| attempt["call"].clone()).collect()
    }

    /// `cordwainer status --json`.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["generator", "status", "--json"]).expect(0).stdout).unwrap()
    }

    /// What the calls of a role cost, in US dollars.
    pub(crate) fn cost(&self, role: &str) -> f64 {
        let usage: Value = serde_json::from_str(&self.run(&["stats", "usage", "--json"]).expect(0).stdout).unwrap();
        usage["roles"][role]["usage"]["cost_usd"].as_f64().unwrap_or_default()
    }

    /// How many sessions wait to go on.
    pub(crate) fn suspended(&self) -> usize {
        let slots = fs::read_dir(self.state().join("slots")).unwrap();
        let names = slots.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name.contains(".dirty") && self.is_suspended(name))
            .count()
    }

    /// Whether a slot's marker says that a session waits in it.
    pub(super) fn is_suspended(&self, marker: &str) -> bool {
        let text = fs::read_to_string(self.state().join("slots").join(marker)).unwrap();
        // A slot in which gates are tried has words of its own.
        serde_json::from_str::<Value>(&text).is_ok_and(|owner| owner["session"].is_string())
    }

    /// The folder with an attempt's records, newest run last.
    pub(crate) fn records(&self, call: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(self.state().join("runs"))
            .unwrap()
            .map(|run| run.unwrap().path().join(call))
            .filter(|folder| folder.is_dir())
            .collect();
        found.sort();
        found
    }

    /// All events of all runs, oldest first.
    pub(crate) fn events(&self) -> Vec<EventKind> {
        self.timed_events().into_iter().map(|event| event.kind).collect()
    }

    /// All events of all runs with their times, oldest first.
    pub(crate) fn timed_events(&self) -> Vec<Event> {
        let Ok(runs) = fs::read_dir(self.state().join("runs")) else {
            return Vec::new();
        };
        let mut names: Vec<RunId> = runs
            .map(|run| RunId::parse(run.unwrap().file_name().to_str().unwrap()).unwrap())
            .collect();
        names.sort();
        let read = |name: &RunId| history::events(&self.state(), name).unwrap();
        names.iter().flat_map(read).collect()
    }

    /// The commit that a revision means.
    pub(crate) fn oid(&self, revision: &str) -> Oid {
        self.repository.oid(revision)
    }

    /// The paths and contents of the generation's tip, or of another commit.
    pub(crate) fn files(&self, revision: &str) -> BTreeMap<String, String> {
        let listed = self.repository.git(&["ls-tree", "-r", revision]);
        let parse = |line: &str| {
            let (head, path) = line.split_once('\t').unwrap();
            (path.to_owned(), head.to_owned())
        };
        listed.lines().map(parse).collect()
    }

    /// The content of a file of the generation's tip.
    pub(crate) fn content(&self, path: &str) -> String {
        self.repository.git(&["show", &format!("generation-one:{path}")])
    }

    /// How often a task was merged, by the trailers of the generation branch.
    pub(crate) fn merges_of(&self, id: &str) -> usize {
        let format = "--format=%(trailers:key=Cordwainer-Task,valueonly)";
        let log = self.repository.git(&["log", format, "generation-one"]);
        log.lines().filter(|line| line.trim() == id).count()
    }
}
