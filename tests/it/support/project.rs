//! A temporary repository with a generation in it, driven through the real program.

mod records;
pub(crate) mod tidiness;
pub(crate) mod waiting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cordwainer::engine::EngineKind;

use crate::support::cargo::checkout;
use crate::support::engines::{self, TestEngine};
use crate::support::repository::TestRepository;
use crate::support::scripts::scripted;
use crate::support::{tools_image, xtask};

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

    /// A generation in a repository that is there, whose checkout will be committed.
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
        Self::configured(engine, repository)
    }

    /// An example of this repository as a person copies it, in the image that its own configuration describes. The
    /// scripted agent takes the client's place there, and these lines come beside the example's own. No generation is
    /// started. Where there is no Claude image to build upon, this reports that the calling test is skipped.
    pub(crate) fn example(engine: TestEngine, name: &str, more: &str) -> Option<Self> {
        let repository = TestRepository::empty();
        let root = checkout().join("examples").join(name);
        let files = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
        for file in files.filter(|entry| entry.file_type().is_file()) {
            let path = file.path().strip_prefix(&root).unwrap();
            repository.write(path, std::fs::read(file.path()).unwrap());
        }
        let own = std::fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
        let limits = engines::limits_that_hold(&engine.socket());
        let engine_is = format!("container:\n  socket: {}\n{limits}", engine.socket().display());
        repository.write("configuration.yaml", format!("{own}\n{engine_is}"));
        repository.commit("begin");
        let image = tools_image::of_the_configuration(engine, &repository, name)?;
        let lines = own.lines().filter(|line| !line.starts_with("image: "));
        let own: String = lines.flat_map(|line| [line, "\n"]).collect();
        repository.write(
            "configuration.yaml",
            format!("image: {image}\n{own}\n{engine_is}{more}"),
        );
        repository.commit("configure");
        Some(Self::configured(engine, repository))
    }

    /// A repository that has its configuration committed; no generation is started.
    pub(crate) fn configured(engine: TestEngine, repository: TestRepository) -> Self {
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

    /// Has the next runs use another image.
    pub(crate) fn use_image(&mut self, image: &str, more: &str) {
        let text = configuration(self.engine, &self.engine.socket(), more).replacen(engines::IMAGE, image, 1);
        self.repository.write("configuration.yaml", text);
        self.before = self.repository.snapshot_of_everything();
    }

    /// Has the next runs use another engine.
    pub(crate) fn move_to(&self, engine: TestEngine) {
        self.repository
            .write("configuration.yaml", configuration(engine, &engine.socket(), ""));
    }

    /// The program with these arguments, in the repository, with an environment of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_cordwainer")), arguments)
    }

    /// The program of this repository's own tasks with these arguments, as `cargo xtask` starts it.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of(xtask::program(), arguments);
        command.env("CARGO_PKG_NAME", "xtask");
        command
    }

    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.repository.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.repository.outside().join("home"))
            .env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy-of-the-host")
            .env("ANTHROPIC_API_KEY", "sk-ant-api03-dummy-of-the-host")
            .env("TZ", "UTC")
            .env("CORDWAINER_COUNTED_IDS", "1")
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

    /// Files a task with such a description that waits for others.
    pub(crate) fn add_after(&self, title: &str, script: &str, after: &[&str]) {
        let description = scripted(script);
        let mut arguments = vec!["issues", "add", title, "--description", &description];
        for id in after {
            arguments.extend(["--depends-on", id]);
        }
        self.run(&arguments).expect(0);
    }
}

/// Returns a configuration that uses this engine, with these lines beside the necessary ones.
pub(crate) fn configuration(engine: TestEngine, socket: &Path, more: &str) -> String {
    let kind = match engine.kind() {
        EngineKind::Podman => "podman",
        EngineKind::Docker => "docker",
    };
    // Lines for a section that is here already come indented and first.
    let (container, rest) = match more.split_once("---\n") {
        Some((container, rest)) => (container, rest),
        None => ("", more),
    };
    // Lines may name another image.
    let image = if rest.starts_with("image:") {
        String::new()
    } else {
        format!("image: {}\n", engines::IMAGE)
    };
    format!(
        "{image}estimated_lines_min: 1\nestimated_lines_max: 50\ncontainer:\n  engine: {kind}\n  socket: {}\n{}{container}{rest}",
        socket.display(),
        engines::limits_that_hold(socket),
    )
}
