//! Where a storm rages: a repository, a generation in it, and the programs that work on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::provision::{EngineChoice, Started};
use crate::storm::tasks::{GATES, Task};

/// The generation's branch.
const BRANCH: &str = "generation-storm";
/// What the generation may cost: far more than a storm uses, and a loop would use up.
const USD: u32 = 50;
/// What a task may cost, all attempts together.
const TASK_USD: u32 = 1;

/// The repository, and what is beside it.
pub(crate) struct Scene {
    folder: PathBuf,
    checker: PathBuf,
    socket: PathBuf,
}

/// What a scene is made for.
pub(crate) struct Setting<'a> {
    pub(crate) engine: &'a Started,
    pub(crate) choice: EngineChoice,
    pub(crate) image: &'a str,
    /// How many tasks are worked on at once.
    pub(crate) parallel: u32,
}

impl Scene {
    /// Makes the repository in a temporary folder that is kept, remembers what is the person's, and begins a generation.
    pub(crate) fn make(setting: &Setting<'_>, checker: PathBuf) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cordwainer-storm-")
            .tempdir()
            .context("cannot make a folder")?;
        let scene = Self {
            folder: folder.keep(),
            checker,
            socket: setting.engine.socket().to_owned(),
        };
        for folder in ["home", "project/src"] {
            fs::create_dir_all(scene.folder.join(folder)).context("cannot make a folder")?;
        }
        fs::write(scene.checkout().join("README.md"), "# A project\n")?;
        fs::write(scene.checkout().join("src/old.txt"), "old\n")?;
        fs::write(scene.checkout().join("configuration.yaml"), configuration(setting)?)?;
        for arguments in [
            &["init", "--quiet", "--initial-branch", "main"][..],
            &["config", "user.name", "Storm"],
            &["config", "user.email", "storm@example.invalid"],
            &["config", "gc.auto", "0"],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "Begin"],
        ] {
            done(Command::new("git").current_dir(scene.checkout()).args(arguments))?;
        }
        // What is the person's own and in no commit must stay, too.
        fs::write(scene.checkout().join("notes.txt"), "mine\n")?;
        fs::write(scene.checkout().join("src/old.txt"), "changed by hand\n")?;
        done(scene.checker("remember").arg(scene.remembered()))?;
        done(&mut scene.cordwainer(&["generator", "start", "--name", "storm"])?)?;
        Ok(scene)
    }

    /// The temporary folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn checkout(&self) -> PathBuf {
        self.folder.join("project")
    }

    /// The folder with the records of runs.
    pub(crate) fn runs(&self) -> PathBuf {
        self.checkout().join(".git/cordwainer/runs")
    }

    fn remembered(&self) -> PathBuf {
        self.folder.join("remembered.json")
    }

    fn witnessed(&self) -> PathBuf {
        self.folder.join("witnessed.jsonl")
    }

    /// The log of what runs print.
    fn log(&self) -> Result<fs::File> {
        let path = self.folder.join("log");
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .context("cannot open the log")
    }

    /// A command of cordwainer's, with nothing of the caller's environment.
    fn cordwainer(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
        command
            .args(arguments)
            .current_dir(self.checkout())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.join("home"))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        Ok(command)
    }

    fn checker(&self, command: &str) -> Command {
        let mut checker = Command::new(&self.checker);
        checker.arg(command).arg(self.checkout());
        checker
    }

    /// Files tasks.
    pub(crate) fn file(&self, tasks: &[Task], first: usize) -> Result<()> {
        let listed: Vec<Value> = (first..)
            .zip(tasks)
            .map(|(number, task)| task.to_json(number))
            .collect();
        let path = self.folder.join("tasks.json");
        fs::write(&path, serde_json::to_vec(&listed)?).context("cannot write the tasks")?;
        done(self.cordwainer(&["issues", "import"])?.arg(path)).map(drop)
    }

    /// Starts a run that goes on with what is there.
    pub(crate) fn run(&self) -> Result<Child> {
        let log = self.log()?;
        let mut command = self.cordwainer(&["generator", "resume", "--tasks-only", "--now"])?;
        let command = command.stdout(log.try_clone()?).stderr(log);
        command.spawn().context("cannot run cordwainer")
    }

    /// Ends the pause that a run waits for.
    pub(crate) fn end_pause(&self) -> Result<()> {
        let log = self.log()?;
        let mut command = self.cordwainer(&["generator", "resume", "--tasks-only", "--now"])?;
        // The run may be over its pause by now, or at its end: then there is none to end.
        command
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
            .context("cannot run cordwainer")?;
        Ok(())
    }

    /// Notes what is in the slots of a run that is dead.
    pub(crate) fn witness(&self) -> Result<()> {
        done(self.checker("witness").arg(self.witnessed())).map(drop)
    }

    /// `issues list` of all tasks.
    pub(crate) fn issues(&self) -> Result<Vec<Value>> {
        let output = done(&mut self.cordwainer(&["issues", "list", "--json"])?)?;
        serde_json::from_slice(&output.stdout).context("`issues list` prints no list")
    }

    /// Has the checker look at everything; returns what it printed, and whether every invariant holds.
    pub(crate) fn check(&self) -> Result<(String, bool)> {
        let status = self.folder.join("status.json");
        let printed = done(&mut self.cordwainer(&["generator", "status", "--json"])?)?;
        fs::write(&status, printed.stdout).context("cannot write the status")?;
        let mut checker = self.checker("check");
        checker.arg(BRANCH).arg("--remembered").arg(self.remembered());
        checker
            .arg("--witnessed")
            .arg(self.witnessed())
            .arg("--status")
            .arg(status);
        checker.arg("--engine").arg(&self.socket);
        checker.args(["--usd", &USD.to_string(), "--task-usd", &TASK_USD.to_string()]);
        for (gate, _) in GATES {
            checker.args(["--gate", gate]);
        }
        let output = checker.output().context("cannot run the checker")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((text(&output.stdout) + &text(&output.stderr), output.status.success()))
    }
}

/// Runs a command to its end, which must be a good one.
fn done(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    ensure!(output.status.success(), "`{}` failed: {said}", arguments.join(" "));
    Ok(output)
}

fn configuration(setting: &Setting<'_>) -> Result<String> {
    let limits = match setting.engine.unenforced_limits()? {
        Some(_) => "memory: off\n  pids: off",
        None => "memory: 256m",
    };
    let engine = match setting.choice {
        EngineChoice::Podman => "podman",
        EngineChoice::Docker => "docker",
    };
    let gates: Vec<String> = GATES
        .iter()
        .map(|(name, command)| format!("  - {{name: {name}, command: \"{command}\", compare: strict}}\n"))
        .collect();
    let gates = gates.concat();
    let timers = "idle_timeout: 8s, first_event_timeout: 40s, tool_timeout: 40s, timeout: 60s, result_grace: 10s";
    Ok(format!(
        "image: {}\npreserve_sources: true\nestimated_lines_min: 1\nestimated_lines_max: 50\nagent: {{credentials: none}}\n\
         container:\n  engine: {engine}\n  socket: {}\n  {limits}\nstages: [stitch, review]\n\
         stitch: {{parallel: {}, fix_rounds: 1, {timers}}}\nreview: {{{timers}}}\ngates:\n{gates}\
         limits: {{wait: always}}\nbudget: {{usd: {USD}, task_usd: {TASK_USD}}}\n\
         retry: {{initial: 1s, ceiling: 2s, count: 10, breaker: 200}}\n",
        setting.image,
        setting.engine.socket().display(),
        setting.parallel,
    ))
}
