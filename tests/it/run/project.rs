//! A temporary repository with a generation in it, driven through the real program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cordwainer::engine::EngineKind;
use cordwainer::event::EventKind;
use cordwainer::git::Oid;
use cordwainer::history;
use serde_json::Value;

use crate::support::engines::{self, TestEngine};
use crate::support::repository::TestRepository;

/// Until a condition must have come true: far longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A repository with a configuration and a generation, and the engine that it uses.
pub(crate) struct Project {
    pub(crate) repository: TestRepository,
    pub(crate) engine: TestEngine,
    /// Everything that is the person's, as it was before the program did anything.
    before: BTreeMap<PathBuf, String>,
}

/// What a command said and how it ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Panics unless the command ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Panics unless the command said this, on either output.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let both = format!("{}\n{}", self.stdout, self.stderr);
        assert!(both.contains(text), "`{text}` is not in:\n{both}");
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Project {
    /// A started generation in a small repository, with these lines in the configuration beside the necessary ones.
    pub(crate) fn new(engine: TestEngine, configuration: &str) -> Self {
        let repository = TestRepository::empty();
        repository.write("README.md", "# A project\n");
        repository.write("docs/specification.md", "There shall be files.\n");
        repository.write("src/old.txt", "old\n");
        Self::on(engine, repository, configuration)
    }

    /// The same in a repository that is there, whose checkout will be committed.
    pub(crate) fn on(engine: TestEngine, repository: TestRepository, configuration: &str) -> Self {
        let project = Self::with_socket(engine, repository, &engine.socket(), configuration);
        project.run(&["generator", "start", "--name", "one"]).expect(0);
        project
    }

    /// A repository whose configuration names this socket; no generation is started.
    pub(crate) fn with_socket(engine: TestEngine, repository: TestRepository, socket: &Path, more: &str) -> Self {
        let text = configuration(engine, socket, more);
        repository.write("configuration.yaml", text);
        repository.commit("configure");
        Self {
            before: repository.snapshot_of_everything(),
            repository,
            engine,
        }
    }

    /// Replaces the configuration, as a person may between two runs.
    pub(crate) fn reconfigure(&mut self, socket: Option<&Path>, more: &str) {
        let socket = socket.map_or_else(|| self.engine.socket(), Path::to_owned);
        self.repository
            .write("configuration.yaml", configuration(self.engine, &socket, more));
        self.before = self.repository.snapshot_of_everything();
    }

    /// Has the next runs use another engine.
    pub(crate) fn move_to(&self, engine: TestEngine) {
        self.repository
            .write("configuration.yaml", configuration(engine, &engine.socket(), ""));
    }

    /// The program with these arguments, in the repository, with an environment of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cordwainer"));
        command
            .args(arguments)
            .current_dir(self.repository.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.repository.outside().join("home"))
            .env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy-of-the-host")
            .env("ANTHROPIC_API_KEY", "sk-ant-api03-dummy-of-the-host")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Starts the program; what it says is kept for `wait_with_output`.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Files a task whose description is a script of the scripted agent.
    pub(crate) fn add(&self, title: &str, script: &str) {
        self.add_after(title, script, &[]);
    }

    /// The same for a task that waits for others.
    pub(crate) fn add_after(&self, title: &str, script: &str, after: &[&str]) {
        let description = scripted(script);
        let mut arguments = vec!["issues", "add", title, "--description", &description];
        for id in after {
            arguments.extend(["--depends-on", id]);
        }
        self.run(&arguments).expect(0);
    }

    /// An issue as `issues show --json` prints it.
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

    /// `generator status --json`.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["generator", "status", "--json"]).expect(0).stdout).unwrap()
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.repository.path().join(".git/cordwainer")
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
        let Ok(runs) = fs::read_dir(self.state().join("runs")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = runs
            .map(|run| run.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let read = |name: &String| history::events(&self.state(), name).unwrap();
        names.iter().flat_map(read).map(|event| event.kind).collect()
    }

    /// Waits until some event is one that `is` looks for.
    #[track_caller]
    pub(crate) fn wait_for_event(&self, is: impl Fn(&EventKind) -> bool) {
        wait_until(|| self.events().iter().any(&is));
    }

    /// Waits until an agent has used a tool in this attempt.
    #[track_caller]
    pub(crate) fn wait_for_agent(&self, task: &str, attempt: u32) {
        self.wait_for_event(|event| {
            let EventKind::ToolUsed { call, .. } = event else {
                return false;
            };
            call.attempt == attempt && call.task.as_ref().is_some_and(|id| id.to_string() == task)
        });
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

    /// The containers of this repository on the engine, running or not, by name.
    pub(crate) fn containers(&self) -> Vec<String> {
        let label = fs::canonicalize(self.repository.path().join(".git")).unwrap();
        let label = label.to_str().unwrap().to_owned() + "/";
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let found = runtime.block_on(async {
            let engine = self.engine.connect().await;
            let with = |label: String| BTreeMap::from([("cordwainer.repo".to_owned(), label)]);
            let mut found = engine.list(&with(label.clone())).await.unwrap();
            found.extend(
                engine
                    .list(&with(label.trim_end_matches('/').to_owned()))
                    .await
                    .unwrap(),
            );
            found
        });
        found.into_iter().map(|container| container.name).collect()
    }

    /// Panics unless everything is tidy: no container, no slot in use, no claim, nothing mounted, the checkout as the
    /// person left it.
    #[track_caller]
    pub(crate) fn expect_tidy(&self) {
        assert_eq!(self.containers(), Vec::<String>::new(), "containers were left");
        let slots = fs::read_dir(self.state().join("slots"));
        let names: Vec<String> = slots
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains(".dirty") && !self.is_suspended(name))
            .collect();
        assert_eq!(names, Vec::<String>::new(), "slots were left");
        assert_eq!(self.status()["tasks"]["in_progress"], 0, "claims were left");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let here = self.repository.outside().join("project");
        let here = here.to_str().unwrap();
        assert!(
            !mounts.lines().any(|line| line.contains(here)),
            "mounts were left:\n{mounts}"
        );
        self.expect_untouched();
    }

    /// Whether a slot's marker says that a session waits in it.
    fn is_suspended(&self, marker: &str) -> bool {
        let text = fs::read_to_string(self.state().join("slots").join(marker)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["session"].is_string()
    }

    /// How many sessions wait to go on.
    pub(crate) fn suspended(&self) -> usize {
        let slots = fs::read_dir(self.state().join("slots")).unwrap();
        let names = slots.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name.contains(".dirty") && self.is_suspended(name))
            .count()
    }

    /// The ledger entries of an issue's attempts, oldest first.
    pub(crate) fn calls(&self, id: &str) -> Vec<Value> {
        let issue = self.issue(id);
        let attempts = issue["attempts"].as_array().unwrap();
        attempts.iter().map(|attempt| attempt["call"].clone()).collect()
    }

    /// Panics unless the checkout is byte for byte as it was.
    #[track_caller]
    pub(crate) fn expect_untouched(&self) {
        assert_eq!(
            self.repository.snapshot_of_everything(),
            self.before,
            "the checkout changed"
        );
    }

    /// The commit that a revision means.
    pub(crate) fn oid(&self, revision: &str) -> Oid {
        self.repository.oid(revision)
    }
}

fn configuration(engine: TestEngine, socket: &Path, more: &str) -> String {
    let kind = match engine.kind() {
        EngineKind::Podman => "podman",
        EngineKind::Docker => "docker",
    };
    // Lines for a section that is here already come indented and first.
    let (container, rest) = match more.split_once("---\n") {
        Some((container, rest)) => (container, rest),
        None => ("", more),
    };
    format!(
        "image: {}\nestimated_lines_min: 1\nestimated_lines_max: 50\ncontainer:\n  engine: {kind}\n  socket: {}\n{}{container}{rest}",
        engines::IMAGE,
        socket.display(),
        engines::limits_that_hold(socket),
    )
}

/// A script as the scripted agent looks for it.
pub(crate) fn scripted(script: &str) -> String {
    format!("~~~script\n{}\n~~~", script.trim_end())
}

/// Waits until a condition holds, and panics when it never does.
#[track_caller]
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "what was waited for never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to a process of this test.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(id, signal).unwrap();
}

/// The steps by which an agent waits until a test lets it go on.
pub(crate) const WAIT: &str = "fifo go\nappend go x\n";

impl Project {
    /// Waits until the agent of the first slot has come to its `WAIT`, does something, and lets it go on.
    #[track_caller]
    pub(crate) fn while_the_agent_waits(&self, deed: impl FnOnce()) {
        let pipe = self.state().join("slots/1/go");
        wait_until(|| pipe.exists());
        deed();
        assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    }
}
