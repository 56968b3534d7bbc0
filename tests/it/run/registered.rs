//! `ps` and `runs stop` over all repositories: what runs list of themselves, and whether that still holds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::event::EventKind;
use rustix::process::Signal;
use serde_json::Value;

use crate::run::parallel::{add_waiting, ended, let_all_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};

engine_tests! {
    podman: runs_of_two_repositories_are_listed_and_stopped, a_run_that_does_not_answer_is_listed_as_such,
        a_register_that_cannot_be_written_is_a_warning;
    docker: a_name_that_several_have_is_refused, what_the_register_says_is_checked;
}

/// A folder of state for several repositories, that is no repository.
struct User(tempfile::TempDir);

impl User {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A command in a repository, of this user.
    fn command(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut command = project.command(arguments);
        command.env("XDG_STATE_HOME", self.0.path());
        command
    }

    /// Runs a command outside of every repository.
    fn run(&self, project: &Project, arguments: &[&str]) -> Ran {
        let mut command = self.command(project, arguments);
        command.current_dir(self.0.path()).output().unwrap().into()
    }

    fn ps(&self, project: &Project, options: &[&str]) -> Vec<Value> {
        let ran = self.run(project, &[&["ps", "--json"], options].concat()).expect(0);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn entries(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.path().join("cordwainer/repositories")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// A run with one agent that waits.
fn begun(user: &User, project: &Project) -> std::process::Child {
    use std::process::Stdio;
    add_waiting(project, 1);
    let mut command = user.command(project, &["run", "--tasks-only"]);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_agents(project, 1);
    run
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn repository_of(run: &Value) -> PathBuf {
    PathBuf::from(run["repository"].as_str().unwrap())
}

fn runs_of_two_repositories_are_listed_and_stopped(engine: TestEngine) {
    let user = User::new();
    let [first, second] = [(); 2].map(|()| Project::new(engine, "stop_grace: 1s\n"));
    assert!(user.ps(&first, &[]).is_empty());
    user.run(&first, &["ps"])
        .expect(0)
        .says("No run is at work in any repository of yours.");
    user.run(&first, &["runs", "stop", "--all"])
        .expect(4)
        .says("no run is at work in any repository of yours");
    let runs = [begun(&user, &first), begun(&user, &second)];

    let listed = user.ps(&first, &[]);
    assert_eq!(listed.len(), 2, "{listed:#?}");
    // The newest comes first.
    for (run, (project, child)) in listed.iter().rev().zip([&first, &second].into_iter().zip(&runs)) {
        assert_eq!(repository_of(run), project.repository.path().canonicalize().unwrap());
        assert_eq!(run["pid"], child.id());
        assert_eq!(run["generation"], "generation-one");
        assert_eq!((&run["state"], &run["mode"]), (&"working".into(), &"generate".into()));
        assert_eq!(
            (&run["so_far"]["task"], &run["so_far"]["tasks"]),
            (&1.into(), &1.into()),
            "{run:#}"
        );
    }
    let words = user.run(&first, &["ps"]).expect(0);
    words.says("repository").says("working").says("1 of 1").says("$0.00");
    for folder in ["cordwainer", "cordwainer/repositories"] {
        assert_eq!(mode(&user.0.path().join(folder)), 0o700, "{folder}");
    }
    assert_eq!(
        user.entries().iter().map(|path| mode(path)).collect::<Vec<_>>(),
        [0o600; 2]
    );

    // One is paused from its repository, and stopped from outside by its name; then all are.
    let pause = user.command(&second, &["runs", "pause"]).output().unwrap();
    assert!(pause.status.success());
    assert_eq!(user.ps(&first, &[])[0]["state"], "pausing");
    let name = listed[0]["run"].as_str().unwrap();
    user.run(&first, &["runs", "stop", name, "--now"])
        .expect(0)
        .says("is suspended now")
        .says("has ended.");
    let [of_first, of_second] = runs;
    ended(of_second)
        .expect(130)
        .says("stopped, as requested by `cordwainer runs stop`");
    assert_eq!(user.ps(&first, &[]).len(), 1);
    let stopped = user
        .run(&first, &["runs", "stop", "--all", "--now", "--json"])
        .expect(0);
    let stopped: Vec<Value> = serde_json::from_str(&stopped.stdout).unwrap();
    assert_eq!(
        (stopped.len(), &stopped[0]["pid"]),
        (1, &of_first.id().into()),
        "{stopped:#?}"
    );
    ended(of_first).expect(130);

    // They stay listed as ended, until their repositories are gone.
    let all = user.ps(&first, &["--all"]);
    assert_eq!(
        all.iter().map(|run| &run["state"]).collect::<Vec<_>>(),
        ["ended"; 2],
        "{all:#?}"
    );
    first.expect_tidy();
    second.expect_tidy();
    drop(second);
    assert_eq!(user.ps(&first, &["--all"]).len(), 1);
    assert_eq!(user.entries().len(), 1);
}

fn a_run_that_does_not_answer_is_listed_as_such(engine: TestEngine) {
    let user = User::new();
    let project = Project::new(engine, "stop_grace: 1s\n");
    let run = begun(&user, &project);
    signal(&run, Signal::STOP);
    let listed = user.ps(&project, &[]);
    assert_eq!(
        (listed.len(), &listed[0]["state"]),
        (1, &"silent".into()),
        "{listed:#?}"
    );
    let refused = user.run(&project, &["runs", "stop", "--all"]).expect(9);
    refused.says("could not be stopped").says("does not answer");
    signal(&run, Signal::CONT);
    user.run(&project, &["runs", "stop", "--all", "--now"])
        .expect(0)
        .says("has ended.");
    ended(run).expect(130);
    project.expect_tidy();

    // One that was killed has ended, whatever it had listed.
    let mut run = user.command(&project, &["run", "--tasks-only"]).spawn().unwrap();
    wait_until(|| !user.ps(&project, &[]).is_empty());
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(user.ps(&project, &[]).is_empty());
    assert_eq!(user.ps(&project, &["--all"])[0]["state"], "ended");
    project.run(&["resume", "--tasks-only"]).expect(0);
}

/// The entry names a process that holds the lock of another repository, or one that has ended: neither is taken for the run.
fn what_the_register_says_is_checked(engine: TestEngine) {
    let user = User::new();
    let project = Project::new(engine, "stop_grace: 1s\n");
    let run = begun(&user, &project);
    let [entry] = user.entries().try_into().unwrap();
    let whole = fs::read_to_string(&entry).unwrap();
    let mut changed: Value = serde_json::from_str(&whole).unwrap();
    // The process of that number began at another time: the run that is listed has ended, whoever holds the lock.
    let process = changed["process"]
        .as_str()
        .unwrap()
        .rsplit_once('/')
        .unwrap()
        .0
        .to_owned();
    changed["process"] = format!("{process}/1").into();
    fs::write(&entry, changed.to_string()).unwrap();
    assert!(user.ps(&project, &[]).is_empty());
    user.run(&project, &["runs", "stop", "--all"]).expect(4);
    // What is listed is an earlier run: the one at work says what it is.
    changed["run"] = "20200101-000000000-1".into();
    changed["pid"] = 1.into();
    fs::write(&entry, changed.to_string()).unwrap();
    let listed = user.ps(&project, &[]);
    assert_eq!(
        (&listed[0]["pid"], &listed[0]["state"]),
        (&run.id().into(), &"working".into()),
        "{listed:#?}"
    );
    // What cannot be read is told, and hides nothing.
    fs::write(entry.with_file_name("0.json"), "{").unwrap();
    let told = user.run(&project, &["ps"]).expect(0);
    told.says("Warning: cannot read the entry").says("working");
    user.run(&project, &["runs", "stop", "one", "--now"])
        .expect(0)
        .says("has ended.");
    ended(run).expect(130);
    project.expect_tidy();
}

fn a_name_that_several_have_is_refused(engine: TestEngine) {
    let user = User::new();
    let [first, second] = [(); 2].map(|()| Project::new(engine, "stop_grace: 1s\n"));
    let runs = [begun(&user, &first), begun(&user, &second)];
    let refused = user.run(&first, &["runs", "stop", "one"]).expect(2);
    let refused = refused.says("`one` may mean 2 runs").says("hint: name one of them: ");
    for run in user.ps(&first, &[]) {
        assert!(
            refused.stderr.contains(run["run"].as_str().unwrap()),
            "{}",
            refused.stderr
        );
    }
    user.run(&first, &["runs", "stop", "nonsense"])
        .expect(4)
        .says("no run `nonsense` is at work");
    user.run(&first, &["runs", "stop"])
        .expect(9)
        .says("is not in a git repository");
    // In a repository, a name that it knows means its own run.
    let stop = user
        .command(&second, &["runs", "stop", "one", "--now"])
        .output()
        .unwrap();
    Ran::from(stop).expect(0);
    let [of_first, of_second] = runs;
    ended(of_second).expect(130);
    let again = user.command(&second, &["runs", "stop", "one"]).output().unwrap();
    Ran::from(again).expect(4).says("no run is at work on this repository");
    assert_eq!(user.ps(&first, &[]).len(), 1, "the other one goes on");
    let slots = wait_for_agents(&first, 1);
    let_all_go_on(&first, &slots);
    ended(of_first).expect(0);
}

fn a_register_that_cannot_be_written_is_a_warning(engine: TestEngine) {
    let user = User::new();
    fs::write(user.0.path().join("cordwainer"), "a file in its place").unwrap();
    let project = Project::new(engine, "");
    project.add("is done", "write src/a.txt x");
    let run = user.command(&project, &["run", "--tasks-only"]).output().unwrap();
    Ran::from(run)
        .expect(0)
        .says("Warning: this run is not listed by `cordwainer ps`");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let warned = |event: &EventKind| matches!(event, EventKind::Warned { what } if what.contains("is not listed"));
    assert!(project.events().iter().any(warned));
    // A relative folder counts as none.
    project.add("is done, too", "write src/b.txt x");
    let mut run = project.command(&["run", "--tasks-only"]);
    let run = run.env("XDG_STATE_HOME", "relative").output().unwrap();
    Ran::from(run).expect(0);
    assert!(!project.repository.path().join("relative").exists());
    project.expect_tidy();
}
