//! The command line as a program: called in a test's repository, with nothing of the tester's environment.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use super::repository::TestRepository;

/// A call of the program, to be run with [`Cordwainer::run`].
pub(crate) struct Cordwainer {
    command: Command,
    hidden: Vec<(String, &'static str)>,
}

/// What a call wrote, and how it ended.
#[must_use = "what came of the call is what is tested"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    /// The exit code; 128 and the signal when it was killed.
    pub(crate) code: i32,
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
}

/// Has a program begin a command: that stands behind the program's own arguments, and its folder and environment, as they were set,
/// are those of the program.
pub(crate) fn begun_by(program: &str, arguments: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(program);
    outer
        .args(arguments)
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

/// The program with these arguments, in the checkout of a repository. The temporary folder is written as `[T]`.
pub(crate) fn cordwainer<S: AsRef<OsStr>>(repository: &TestRepository, arguments: &[S]) -> Cordwainer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordwainer"));
    command
        .args(arguments)
        .current_dir(repository.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", repository.outside().join("home"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("CORDWAINER_COUNTED_IDS", "1")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let folder = repository.outside().canonicalize().unwrap();
    Cordwainer {
        command,
        hidden: vec![(folder.display().to_string(), "[T]")],
    }
}

impl Cordwainer {
    /// The call, for whoever runs it in another way.
    pub(crate) fn command(&self) -> &Command {
        &self.command
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Takes a variable out of its environment.
    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Calls it in another folder.
    pub(crate) fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.command.current_dir(folder.into());
        self
    }

    /// Gives it a stdin that is not empty.
    pub(crate) fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin.into());
        self
    }

    /// Gives it another stdout.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout.into());
        self
    }

    /// Starts it, for a test that does something meanwhile.
    pub(crate) fn spawn(mut self) -> Child {
        self.command.spawn().unwrap()
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Called {
        let output = self.command.output().unwrap();
        called(&output, &self.hidden)
    }
}

fn called(output: &Output, hidden: &[(String, &'static str)]) -> Called {
    let text = |bytes: &[u8]| {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        for (path, shown) in hidden {
            text = text.replace(path, shown);
        }
        text
    };
    let status = output.status;
    Called {
        code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

impl Called {
    /// Asserts that all went well, and returns what was written to stdout.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    /// Asserts the exit code and the whole of stderr, and that stdout is empty.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, stderr: &str) {
        let expected = Self {
            code,
            stdout: String::new(),
            stderr: stderr.to_owned(),
        };
        assert_eq!(self, expected, "{}", self.stderr);
    }

    /// The JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        let stdout = self.done();
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error} in {stdout}"))
    }
}
