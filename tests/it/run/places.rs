//! Copies, clones and moved repositories at work on one engine: none touches what is another's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use cordwainer::engine::FoundContainer;
use cordwainer::git::Git;
use rustix::process::Signal;

use crate::support::engines::{self, TestEngine, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};
use crate::support::scripts::{WAIT, scripted};

engine_tests! {
    podman: a_copy_leaves_the_run_of_its_original_alone, a_moved_repository_ends_what_ran_in_its_old_place,
        containers_of_earlier_versions_are_known_by_their_path;
    docker: an_original_leaves_the_run_of_its_copy_alone, two_clones_work_at_once,
        two_worktrees_cannot_run_at_once_whatever_their_configurations_say;
}

/// A slow task, whose second attempt does not wait.
const SLOW: &str = "write src/slow.txt x\non 1 fifo go\non 1 append go x\n";

/// A copy of a project, or the project itself after a move: another folder in which the same program is called.
struct Elsewhere<'project> {
    project: &'project Project,
    folder: PathBuf,
}

impl<'project> Elsewhere<'project> {
    /// Copies the project as a person does. While a run goes on there, a file that is written aside and moved into its
    /// place may be gone, or be another one, when `cp` comes to it: `cp` says so, and copies all others.
    fn copy(project: &'project Project) -> Self {
        let folder = project.repository.outside().join("copied");
        let copied = Command::new("cp")
            .arg("-a")
            .args([&project.repository.path(), &folder])
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let said = String::from_utf8(copied.stderr).unwrap();
        let was_moved = |line: &str| {
            line.ends_with("No such file or directory") || line.ends_with("as it was replaced while being copied")
        };
        assert!(
            copied.status.success() || (!said.is_empty() && said.lines().all(was_moved)),
            "{said}"
        );
        Self { project, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.command(arguments);
        command.current_dir(&self.folder);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Ends the generation that came along, and begins another with one task.
    fn begin_anew(&self, script: &str) {
        self.run(&["generator", "reset"]).expect(0);
        self.begin(script);
    }

    /// Begins a generation with one task.
    fn begin(&self, script: &str) {
        self.run(&["generator", "start", "--name", "two"]).expect(0);
        self.run(&["issues", "add", "another", "--description", &scripted(script)])
            .expect(0);
    }

    /// How many worktrees git's list has.
    fn worktrees(&self) -> usize {
        let listed = self.project.repository.git_in(&self.folder, &["worktree", "list"]);
        listed.lines().count()
    }
}

/// The id of the repository in a folder.
fn id_of(folder: &Path) -> String {
    Git::discover(folder).unwrap().repository_id().unwrap().unwrap()
}

/// The containers that have a label of ours with this value.
fn labelled(engine: TestEngine, name: &str, value: &str) -> Vec<FoundContainer> {
    let labels = BTreeMap::from([(format!("cordwainer.{name}"), value.to_owned())]);
    on_engine(engine, async |engine| engine.list(&labels).await.unwrap())
}

/// Does something with the engine.
fn on_engine<T>(engine: TestEngine, deed: impl AsyncFnOnce(cordwainer::engine::Engine) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { deed(engine.connect().await).await })
}

/// Starts a run and kills it while its agent is at work; the container outlives it.
fn die_at_work(project: &Project) {
    let mut run = project.spawn(&["generator", "run"]);
    wait_until(|| project.state().join("slots/1/go").exists());
    signal(&run, Signal::KILL);
    run.wait().unwrap();
    // Nobody goes on with it.
    project.forget_adoptions();
    assert_eq!(
        labelled(project.engine, "repository", &id_of(&project.repository.path())).len(),
        1
    );
}

/// Panics unless a run comes to a good end.
#[track_caller]
fn expect_done(run: Child) {
    Ran::from(run.wait_with_output().unwrap()).expect(0);
}

fn a_copy_leaves_the_run_of_its_original_alone(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("slow", SLOW);
    let run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(|| {
        let id = id_of(&project.repository.path());
        let at_work = labelled(engine, "repository", &id);
        assert_eq!(at_work.len(), 1);
        assert_eq!(at_work[0].labels["cordwainer.generation"], "generation-one");
        assert_eq!(at_work[0].labels["cordwainer.task"], "cw-1");
        let copy = Elsewhere::copy(&project);
        // Its claim and its slot came along: their work is kept there, too, and neither is the original's.
        let reset = copy.run(&["generator", "reset"]).expect(0);
        reset.says("kept what attempt 1 at cw-1 had left");
        copy.begin("write src/b.txt x");
        copy.run(&["generator", "run"]).expect(0);
        copy.run(&["generator", "stop"]).expect(0);
        assert_eq!(copy.worktrees(), 1);
        assert_ne!(id_of(&copy.folder), id);
        assert_eq!(labelled(engine, "repository", &id), at_work);
    });
    expect_done(run);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let trailer = "--format=%(trailers:key=Cordwainer-Repository,valueonly)";
    let said = project.repository.git(&["log", "-1", trailer, "generation-one"]);
    assert_eq!(said.trim(), id_of(&project.repository.path()));
    project.expect_tidy();
}

fn an_original_leaves_the_run_of_its_copy_alone(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("slow", SLOW);
    die_at_work(&project);
    let copy = Elsewhere::copy(&project);
    copy.begin_anew(&format!("write src/b.txt x\n{WAIT}"));
    let run = copy.command(&["generator", "run"]).spawn().unwrap();
    let pipe = copy.folder.join(".git/cordwainer/slots/1/go");
    wait_until(|| pipe.exists());
    let of_copy = labelled(engine, "repository", &id_of(&copy.folder));
    assert_eq!(of_copy.len(), 1);
    let resumed = project.run(&["generator", "resume"]).expect(0);
    resumed.says("removed the container");
    assert_eq!(labelled(engine, "repository", &id_of(&copy.folder)), of_copy);
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    expect_done(run);
    project.expect_tidy();
}

fn a_moved_repository_ends_what_ran_in_its_old_place(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("slow", SLOW);
    die_at_work(&project);
    let id = id_of(&project.repository.path());
    let folder = project.repository.outside().join("moved");
    fs::rename(project.repository.path(), &folder).unwrap();
    let moved = Elsewhere {
        project: &project,
        folder,
    };
    let resumed = moved.run(&["generator", "resume"]).expect(0);
    let resumed = resumed.says("removed the container");
    let resumed = resumed.says("kept what attempt 1 at cw-1 had left");
    resumed.says("removed a worktree of cordwainer from git's list");
    assert_eq!(labelled(engine, "repository", &id), []);
    assert_eq!(id_of(&moved.folder), id);
    assert_eq!(moved.worktrees(), 2);
    moved.run(&["generator", "stop"]).expect(0);
    assert_eq!(moved.worktrees(), 1);
}

fn containers_of_earlier_versions_are_known_by_their_path(engine: TestEngine) {
    let project = Project::new(engine, "");
    let path = fs::canonicalize(project.repository.path().join(".git")).unwrap();
    let mut earlier = engines::probe("earlier-versions", &["sleep=600"]);
    let label = path.to_str().unwrap().to_owned();
    earlier.labels.insert("cordwainer.repo".to_owned(), label);
    let mut anothers = earlier.clone();
    // One that was here before, and is elsewhere now.
    anothers
        .labels
        .insert("cordwainer.repository".to_owned(), "0f".to_owned());
    for spec in [&earlier, &anothers] {
        on_engine(engine, async |engine| drop(engine.start(spec, b"").await.unwrap()));
    }
    let found = labelled(engine, "repo", path.to_str().unwrap());
    assert_eq!(found.len(), 2);
    project.add("a change", "write src/a.txt x");
    let ran = project.run(&["generator", "run"]).expect(0);
    ran.says("removed the container");
    let left = labelled(engine, "repo", path.to_str().unwrap());
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].labels["cordwainer.repository"], "0f");
    let swept = on_engine(engine, async |engine| engine.sweep(&anothers.labels).await.unwrap());
    assert_eq!(swept.len(), 1);
}

fn two_clones_work_at_once(engine: TestEngine) {
    let project = Project::new(engine, "");
    let repository = &project.repository;
    repository.git(&["clone", "--quiet", ".", "../clone"]);
    let clone = Elsewhere {
        project: &project,
        folder: repository.outside().join("clone"),
    };
    repository.git_in(&clone.folder, &["config", "user.name", "Tess Ter"]);
    repository.git_in(&clone.folder, &["config", "user.email", "tess@example.org"]);
    clone.run(&["generator", "start", "--name", "one"]).expect(0);
    for number in 1..=2 {
        let script = format!("write src/{number}.txt x");
        project.add("a change", &script);
        let arguments = ["issues", "add", "a change", "--description", &scripted(&script)];
        clone.run(&arguments).expect(0);
    }
    let run = clone.command(&["generator", "run"]).spawn().unwrap();
    project.run(&["generator", "run"]).expect(0);
    expect_done(run);
    assert_eq!(
        repository.git_in(&clone.folder, &["rev-list", "--count", "main..generation-one"]),
        "2"
    );
    assert_eq!(repository.git(&["rev-list", "--count", "main..generation-one"]), "2");
    project.expect_tidy();
}

fn two_worktrees_cannot_run_at_once_whatever_their_configurations_say(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("slow", SLOW);
    let repository = &project.repository;
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../tree"]);
    let tree = Elsewhere {
        project: &project,
        folder: repository.outside().join("tree"),
    };
    let configuration = fs::read_to_string(tree.folder.join("configuration.yaml")).unwrap();
    fs::write(
        tree.folder.join("configuration.yaml"),
        format!("{configuration}state_dir: .state\n"),
    )
    .unwrap();
    let run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(|| {
        for command in ["run", "reset", "stop"] {
            tree.run(&["generator", command])
                .expect(6)
                .says("is at work on this repository");
        }
        let ran = tree.run(&["generator", "status"]).expect(0);
        ran.says(&format!("(process {}, since ", run.id()));
    });
    expect_done(run);
    tree.run(&["generator", "run"])
        .expect(9)
        .says("the state of this repository is in");
    assert!(!repository.path().join(".state").exists());
    repository.git(&["worktree", "remove", "--force", "../tree"]);
    project.expect_tidy();
}
