//! What a generation comes to, as two are compared that came to it by different ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::project::Project;

/// What two generations have in common, whatever order they were made in and whatever died meanwhile. How many measures were
/// made is not part of it: `cycles` says how many a run makes, and the one that goes on makes its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The files of the tip, without the configuration, which says in which way it was made.
    files: BTreeMap<String, String>,
    /// By id.
    tasks: BTreeMap<String, Task>,
    /// The names of the refs.
    refs: BTreeSet<String>,
    /// Sessions that wait.
    suspended: usize,
    /// Pauses that are written down.
    pauses: usize,
}

/// What became of a task.
#[derive(Debug, PartialEq, Eq)]
struct Task {
    status: String,
    /// How often it was merged.
    merges: usize,
    /// The outcomes of the attempts that count: not of those that a death or a limit ended.
    outcomes: Vec<String>,
    /// Whether it waits for a person.
    is_held: bool,
}

impl End {
    /// Reads it, and sees that what the agents reported is in the ledger, each call once.
    #[track_caller]
    pub(super) fn of(project: &Project, tasks: u32) -> Self {
        expect_paid_once(project);
        let ids = (1..=tasks).map(|number| format!("cw-{number}"));
        let listed = project.run(&["issues", "list", "--json"]).expect(0).stdout;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed.as_array().map(Vec::len), Some(tasks as usize), "{listed:#}");
        let references = project.repository.git(&["for-each-ref", "--format=%(refname)"]);
        let mut files = project.files("generation-one");
        files.remove("configuration.yaml");
        Self {
            files,
            tasks: ids.map(|id| (id.clone(), Task::of(project, &id))).collect(),
            refs: references.lines().map(str::to_owned).collect(),
            suspended: project.suspended(),
            pauses: pauses(project),
        }
    }

    /// Whether all tasks are closed with one commit each, and nothing waits.
    pub(super) fn is_done(&self) -> bool {
        let is_done = |task: &Task| task.status == "closed" && task.merges == 1 && task.outcomes == ["merged"];
        self.tasks.values().all(is_done) && self.suspended == 0 && self.pauses == 0
    }
}

impl Task {
    fn of(project: &Project, id: &str) -> Self {
        let issue = project.issue(id);
        let attempts = issue["attempts"].as_array().unwrap().iter();
        let mut outcomes: Vec<String> = attempts
            .map(|attempt| attempt["outcome"].as_str().unwrap().to_owned())
            .collect();
        // What does not count may have come to nothing because of a death, or not at all.
        outcomes.retain(|outcome| !["cancelled", "limited", "infrastructure_failed"].contains(&outcome.as_str()));
        assert_eq!(paid_by_trailers(project, id), paid_by_store(&issue), "{id}: {issue:#}");
        Self {
            status: issue["status"].as_str().unwrap().to_owned(),
            merges: project.merges_of(id),
            outcomes,
            is_held: issue["hold"].is_string(),
        }
    }
}

fn pauses(project: &Project) -> usize {
    let text = fs::read_to_string(project.state().join("pause.json")).unwrap_or_else(|_| "[]".to_owned());
    serde_json::from_str::<Vec<Value>>(&text).unwrap().len()
}

/// Tokens and money in the trailers of a task's commit.
fn paid_by_trailers(project: &Project, id: &str) -> (u64, String) {
    let format = "--format=%(trailers:key=Cordwainer-Tokens,valueonly)%(trailers:key=Cordwainer-Cost,valueonly)";
    let task = format!("--grep=Cordwainer-Task: {id}$");
    let log = project.repository.git(&["log", &task, format, "generation-one"]);
    let (tokens, cost) = log.trim().split_once('\n').unwrap();
    (tokens.parse().unwrap(), cost.to_owned())
}

/// Tokens and money of a task, added up over all calls that the store has of it.
fn paid_by_store(issue: &Value) -> (u64, String) {
    let attempts = issue["attempts"].as_array().unwrap();
    let (mut tokens, mut cost) = (0, 0.0);
    for attempt in attempts {
        let later = ["rounds", "stages"]
            .into_iter()
            .flat_map(|kind| attempt[kind].as_array().into_iter().flatten());
        let calls = later.map(|one| &one["call"]).chain([&attempt["call"]]);
        for usage in calls.map(|call| &call["usage"]) {
            let count = |name: &str| usage[name].as_u64().unwrap_or(0);
            tokens += ["input", "cache_write", "cache_read", "output"]
                .map(count)
                .iter()
                .sum::<u64>();
            cost += usage["cost_usd"].as_f64().unwrap_or(0.0);
        }
    }
    (tokens, format!("{cost:.4} USD"))
}

/// Compares the ledger with what the agents reported: each session's last result has what all of its calls cost. A call
/// without a result was cut off, and cost at most what its whole script does.
#[track_caller]
fn expect_paid_once(project: &Project) {
    let mut sessions: BTreeMap<String, f64> = BTreeMap::new();
    let mut cut_off = 0.0;
    for entry in walkdir::WalkDir::new(project.state().join("runs")) {
        let entry = entry.unwrap();
        if entry.file_name() != "transcript.jsonl" {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        match lines.rfind(|line| line["type"] == "result") {
            Some(result) => {
                let session = result["session_id"].as_str().unwrap().to_owned();
                let cost = result["total_cost_usd"].as_f64().unwrap();
                let known = sessions.entry(session).or_default();
                *known = known.max(cost);
            }
            None => cut_off += 1.0,
        }
    }
    let reported: f64 = sessions.values().sum();
    let paid = project.status()["usage"]["cost_usd"].as_f64().unwrap();
    assert!(
        paid > reported - 0.001 && paid < reported + cut_off + 0.001,
        "{paid} is in the ledger; {reported} was reported, and {cut_off} calls were cut off"
    );
}
