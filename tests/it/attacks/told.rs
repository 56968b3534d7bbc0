//! What attacks came to, as the agent tells it; in the container of a task, and in containers as engines make them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::engines::{self, TestEngine};
use crate::support::project::Project;
use crate::support::scripts::scripted;

/// Attacks with what they came to: `done: …` or `refused: …`.
pub(crate) struct Told(BTreeMap<String, String>);

impl Told {
    /// Reads a stream of the scripted agent.
    pub(crate) fn of(stream: &str) -> Self {
        let events = stream
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let results = events.filter_map(|event| {
            let told = event["message"]["content"][0]["content"].as_str()?.to_owned();
            let (tried, came) = told.split_once('\n')?;
            Some((tried.to_owned(), came.to_owned()))
        });
        Self(results.collect())
    }

    /// What an agent told in the last run of this task's first attempt.
    pub(crate) fn by_task(project: &Project, id: &str) -> Self {
        let folder = project.records(&format!("{id}-1")).pop();
        let folder = folder.unwrap_or_else(|| panic!("{id} was never tried"));
        Self::of(&fs::read_to_string(folder.join("transcript.jsonl")).unwrap())
    }

    /// What an attack came to; panics where it was not tried.
    #[track_caller]
    pub(crate) fn came(&self, attack: &str) -> &str {
        let came = self.0.get(attack);
        came.unwrap_or_else(|| panic!("`{attack}` was not tried; this was: {:#?}", self.0))
    }

    /// Whether an attack succeeded; panics where it was not tried.
    #[track_caller]
    pub(crate) fn done(&self, attack: &str) -> bool {
        self.came(attack).starts_with("done:")
    }
}

/// Options of `run`: podman asks for a million of either, and not every machine lets it.
pub(crate) fn limits() -> [String; 2] {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let files = files.map_or(MANY_FILES, |most| most.min(MANY_FILES));
    [
        format!("--ulimit=nofile={files}:{files}"),
        "--ulimit=nproc=4096:4096".to_owned(),
    ]
}

/// More than a sealed container has.
const MANY_FILES: u64 = 100_000;

/// The script of these attacks.
pub(crate) fn script<'a>(attacks: impl IntoIterator<Item = &'a str>) -> String {
    let steps = attacks.into_iter().map(|attack| format!("attack {attack}\n"));
    steps.collect::<Vec<_>>().concat()
}

/// Runs the scripted agent by this command line, with a script as its prompt.
pub(crate) fn give(command: &mut Command, script: &str) -> Output {
    let streams = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    let mut prompt = child.stdin.take().unwrap();
    prompt.write_all(scripted(script).as_bytes()).unwrap();
    drop(prompt);
    child.wait_with_output().unwrap()
}

/// The scripted agent in a container that is made with these options of `run` and no others, as a person would.
pub(crate) fn plain_container(engine: TestEngine, options: &[&str], script: &str) -> Told {
    let mut command = engine.client();
    command
        .args(["run", "--rm", "--interactive", "--workdir", "/workspace"])
        .args(limits())
        .args(options)
        .args([
            engines::IMAGE,
            "/claude",
            "-p",
            "--verbose",
            "--output-format",
            "stream-json",
        ]);
    let output = give(&mut command, script);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the control does not run: {stderr}");
    Told::of(&String::from_utf8_lossy(&output.stdout))
}
