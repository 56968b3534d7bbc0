//! Random operations on a generation, with deaths of the program among them, against a small model of what they come to.
//!
//! By default one walk of 14 operations on podman; under `cargo xtask test --long` 30 on each engine. The seed is 13.

use std::collections::{BTreeMap, BTreeSet};

use cordwainer::testing::size;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, Ran};

engine_tests! {
    podman first: a_generation_is_what_its_operations_make_of_it;
}

/// Something that a person does, or that a process meets.
#[derive(Clone, Debug)]
enum Operation {
    Start,
    /// A task is filed.
    Add,
    /// One of the tasks is held, released, or closed.
    Hold(usize),
    Release(usize),
    Close(usize),
    /// A run, which dies at a crash point if it comes to that.
    Run(Option<&'static str>),
    Stop(Option<&'static str>),
    Reset(Option<&'static str>),
}

const DEATHS_OF_RUNS: [&str; 8] = [
    "stitch.claimed",
    "slot.restored",
    "stitch.checkout",
    "stitch.called",
    "stitch.kept:2",
    "stitch.merged",
    "slot.released",
    "stitch.concluded",
];
const DEATHS_OF_ENDS: [&str; 6] = [
    "stop.prepared",
    "stop.landed",
    "end.archived",
    "end.branch",
    "end.slots",
    "end.ref",
];

fn operation() -> impl Strategy<Value = Operation> {
    let death = |points: &'static [&'static str]| prop_oneof![2 => Just(None), 2 => prop::sample::select(points).prop_map(Some)];
    let task = 0..4_usize;
    prop_oneof![
        2 => Just(Operation::Start),
        5 => Just(Operation::Add),
        1 => task.clone().prop_map(Operation::Hold),
        1 => task.clone().prop_map(Operation::Release),
        1 => task.prop_map(Operation::Close),
        5 => death(&DEATHS_OF_RUNS).prop_map(Operation::Run),
        1 => death(&DEATHS_OF_ENDS).prop_map(Operation::Stop),
        1 => death(&DEATHS_OF_ENDS).prop_map(Operation::Reset),
    ]
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Open,
    Held,
    /// By a person, without a merge.
    Closed,
    Merged,
    /// A run that would have merged it has died.
    OpenOrMerged,
}

/// What there should be.
#[derive(Debug, Default)]
struct Model {
    /// The tasks of the open generation by id, each with the number of its file.
    open: Option<BTreeMap<String, (u32, Task)>>,
    /// The numbers of the files on the base branch.
    base: BTreeSet<u32>,
    files: u32,
}

impl Model {
    /// The tasks of the open generation that stand so.
    fn tasks(&self, is_wanted: impl Fn(Task) -> bool) -> Vec<String> {
        let tasks = self.open.iter().flatten();
        tasks
            .filter(|(_, (_, task))| is_wanted(*task))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn set(&mut self, id: &str, task: Task) {
        self.open.as_mut().unwrap().get_mut(id).unwrap().1 = task;
    }

    fn merged(&self) -> BTreeSet<u32> {
        let tasks = self.open.iter().flatten();
        tasks
            .filter(|(_, (_, task))| *task == Task::Merged)
            .map(|(_, (file, _))| *file)
            .collect()
    }
}

struct Walk {
    project: Project,
    model: Model,
    /// What was done, for whoever reads of a failure.
    done: Vec<Operation>,
}

impl Walk {
    fn apply(&mut self, operation: &Operation) {
        self.done.push(operation.clone());
        match operation {
            // A second one beside it would be another model.
            Operation::Start if self.model.open.is_some() => {}
            Operation::Start => {
                self.project.run(&["generator", "start"]).expect(0);
                self.model.open = Some(BTreeMap::new());
            }
            Operation::Add => self.add(),
            Operation::Hold(at) => self.change(*at, (Task::Open, Task::Held), &["hold", "--reason", "a word"]),
            Operation::Release(at) => self.change(*at, (Task::Held, Task::Open), &["release"]),
            Operation::Close(at) => self.change(*at, (Task::Open, Task::Closed), &["close", "--reason", "a word"]),
            Operation::Run(death) => self.run(*death),
            Operation::Stop(death) => self.end("stop", *death),
            Operation::Reset(death) => self.end("reset", *death),
        }
        self.compare();
    }

    fn add(&mut self) {
        if self.model.open.is_none() {
            let ran = self.project.run(&["issues", "add", "nowhere"]);
            assert_ne!(ran.code, Some(0), "{:?}: there is no generation", self.done);
            return;
        }
        self.model.files += 1;
        let file = self.model.files;
        let known = self.ids();
        self.project
            .add(&format!("task {file}"), &format!("write src/{file}.txt {file}"));
        let new = self.ids().difference(&known).next().unwrap().clone();
        self.model.open.as_mut().unwrap().insert(new, (file, Task::Open));
    }

    /// Changes one of the tasks that stand as wanted; a task that stands otherwise is not changed.
    fn change(&mut self, at: usize, (wanted, becomes): (Task, Task), verb: &[&str]) {
        let tasks = self.model.tasks(|task| task == wanted);
        let Some(id) = tasks.get(at % tasks.len().max(1)) else {
            return;
        };
        let arguments = [&["issues"], verb, &[id.as_str()]].concat();
        self.project.run(&arguments).expect(0);
        self.model.set(id, becomes);
    }

    fn run(&mut self, death: Option<&str>) {
        let ran = self.called(&["generator", "run", "--tasks-only"], death);
        if self.model.open.is_none() {
            assert_ne!(ran.code, Some(0), "{:?}: there is no generation", self.done);
            return;
        }
        let becomes = match ran.code {
            None => Task::OpenOrMerged,
            code => {
                assert!(
                    matches!(code, Some(0 | 4 | 7)),
                    "{:?}: {code:?}\n{}{}",
                    self.done,
                    ran.stdout,
                    ran.stderr
                );
                Task::Merged
            }
        };
        for id in self.model.tasks(|task| matches!(task, Task::Open | Task::OpenOrMerged)) {
            self.model.set(&id, becomes);
        }
    }

    /// Ends the generation; where that dies, it is done again.
    fn end(&mut self, verb: &str, death: Option<&str>) {
        let mut ran = self.called(&["generator", verb], death);
        if self.model.open.is_none() {
            assert_ne!(ran.code, Some(0), "{:?}: there is no generation", self.done);
            return;
        }
        if ran.code.is_none() {
            // Where it died after its last step, there is nothing left to end.
            ran = self.project.run(&["generator", verb]);
        }
        let is_over = self.project.run(&["generator", "status"]).code != Some(0);
        assert!(
            ran.code == Some(0) || is_over,
            "{:?}: {}{}",
            self.done,
            ran.stdout,
            ran.stderr
        );
        if verb == "stop" {
            let files = self.model.open.iter().flatten().map(|(_, (file, task))| (*file, *task));
            for (file, task) in files.collect::<Vec<_>>() {
                let may_be = task == Task::OpenOrMerged && self.files("main").contains(&file);
                if task == Task::Merged || may_be {
                    self.model.base.insert(file);
                }
            }
        }
        self.model.open = None;
    }

    fn called(&self, arguments: &[&str], death: Option<&str>) -> Ran {
        let mut command = self.project.command(arguments);
        command.env("CORDWAINER_CRASH_AT", death.unwrap_or_default());
        command.output().unwrap().into()
    }

    fn compare(&mut self) {
        assert_eq!(
            self.files("main"),
            self.model.base,
            "the base branch after {:?}",
            self.done
        );
        let Some(tasks) = self.model.open.clone() else { return };
        let branch = self.branch();
        for (id, (_, task)) in &tasks {
            let issue = self.project.issue(id);
            let status = issue["status"].as_str().unwrap().to_owned();
            let merges = self.merges(&branch, id);
            assert!(merges <= 1, "{id} was merged {merges} times: {:?}", self.done);
            let expected: &[&str] = match task {
                Task::Open => &["open"],
                Task::Held => &["blocked"],
                Task::Closed | Task::Merged => &["closed"],
                Task::OpenOrMerged => &["open", "in_progress", "closed"],
            };
            assert!(
                expected.contains(&status.as_str()),
                "{id} is {status}, not {task:?}: {:?}",
                self.done
            );
            if *task != Task::OpenOrMerged {
                assert_eq!(merges == 1, *task == Task::Merged, "{id}: {:?}", self.done);
            }
            if *task == Task::OpenOrMerged && status == "closed" {
                assert_eq!(merges, 1, "{id} is closed: {:?}", self.done);
                self.model.set(id, Task::Merged);
            }
        }
        let there = self.files(&branch);
        let merged = self.model.merged();
        assert!(merged.is_subset(&there), "{merged:?} of {there:?}: {:?}", self.done);
    }

    fn ids(&self) -> BTreeSet<String> {
        let listed = self.project.run(&["issues", "list", "--json"]).expect(0).stdout;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let issues = listed.as_array().unwrap().iter();
        issues.map(|issue| issue["id"].as_str().unwrap().to_owned()).collect()
    }

    fn branch(&self) -> String {
        let status = self.project.status();
        status["generation"].as_str().unwrap().to_owned()
    }

    /// The numbers of the files that tasks have written, on a branch.
    fn files(&self, branch: &str) -> BTreeSet<u32> {
        let paths = self.project.files(branch).into_keys();
        paths
            .filter_map(|path| path.strip_prefix("src/")?.strip_suffix(".txt")?.parse().ok())
            .collect()
    }

    fn merges(&self, branch: &str, id: &str) -> usize {
        let task = format!("--grep=Cordwainer-Task: {id}$");
        let range = format!("main..{branch}");
        self.project
            .repository
            .git(&["log", &task, "--format=%H", &range])
            .lines()
            .count()
    }
}

fn a_generation_is_what_its_operations_make_of_it(engine: TestEngine) {
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[13; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    for _ in 0..size(1, 30) {
        let operations = prop::collection::vec(operation(), 14)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut walk = Walk {
            project: Project::new(engine, ""),
            model: Model {
                open: Some(BTreeMap::new()),
                ..Model::default()
            },
            done: Vec::new(),
        };
        for operation in &operations {
            walk.apply(operation);
        }
        // Whatever died, one more run and one end leave nothing.
        walk.apply(&Operation::Run(None));
        walk.apply(&Operation::Stop(None));
        assert_eq!(walk.project.containers(), Vec::<String>::new(), "{:?}", walk.done);
        let status = walk.project.repository.git(&["status", "--porcelain"]);
        assert_eq!(status, "", "{:?}", walk.done);
    }
}
