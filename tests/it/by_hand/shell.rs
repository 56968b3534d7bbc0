//! `issues shell`: a sealed container for a person, at their terminal.

use std::collections::BTreeMap;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::support::engines::{TestEngine, absent, engine_tests};
use crate::support::project::Project;
use crate::support::pseudo_terminal::PseudoTerminal;

engine_tests! {
    both: a_person_tries_what_an_attempt_left;
    podman: what_a_person_leaves_is_kept_where_they_say_so, what_a_person_left_is_accepted, a_shell_ends_with_its_terminal, a_shell_needs_a_terminal_and_no_run;
    docker: a_killed_shell_is_swept;
}

/// The steps in which what a person left is kept.
pub(crate) const CRASH_POINTS: &[&str] = &["shell.kept", "shell.noted"];

/// An image with a real shell.
const IMAGE: &str = "localhost/cordwainer-claude:latest";

/// A generation with a task that is held, after an attempt that left a file.
fn held(engine: TestEngine) -> Option<Project> {
    held_for(engine, Outcome::GateFailed)
}

/// A generation with a task that is held, after an attempt that left a file and ended like this.
fn held_for(engine: TestEngine, outcome: Outcome) -> Option<Project> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let has_image = runtime.block_on(async { engine.connect().await.image_id(IMAGE).await.unwrap().is_some() });
    if !has_image {
        absent("Claude image");
        return None;
    }
    let project = Project::new(engine, &format!("image: {IMAGE}\n"));
    project.run(&["issues", "add", "Say more"]).expect(0);
    let git = project.repository.handle();
    let tip = git.reference("refs/heads/generation-one").unwrap().unwrap();
    let snapshot = commit(&git, vec![tip], &[("src/left.txt", Some(b"left\n"))], "an attempt");
    put(&git, "refs/cordwainer/generation-one/tasks/cw-1", snapshot);
    let id: IssueId = "cw-1".parse().unwrap();
    let store = Store::open(&git, &GenerationName::new("generation-one").unwrap()).unwrap();
    let record = |issues: &mut cordwainer::issue::Issues| {
        issues.record_attempt(&id, attempt(1, outcome, Some(snapshot)), at(2))?;
        issues.hold(&id, "a test", at(2))
    };
    store.update("test", at(2), record).unwrap();
    Some(project)
}

/// Opens the shell, and waits for its prompt.
fn open(project: &Project, words: &[&str]) -> PseudoTerminal {
    let mut terminal = PseudoTerminal::start(&project.command(&[&["issues", "shell", "1"], words].concat()));
    terminal.shows("Opening a sealed container on cw-1");
    // Typed before there is a prompt, it waits for that, as at any terminal.
    terminal.types("echo is-$((40+2))-there\n");
    terminal.shows("is-42-there");
    terminal
}

/// The program at a terminal: `setsid` became it.
fn process(terminal: &PseudoTerminal) -> Pid {
    Pid::from_raw(i32::try_from(terminal.child.id()).unwrap())
}

fn containers(project: &Project) -> Vec<BTreeMap<String, String>> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let id = project.repository.handle().repository_id().unwrap().unwrap();
    let labels = BTreeMap::from([("cordwainer.repository".to_owned(), id)]);
    let found = runtime.block_on(async { project.engine.connect().await.list(&labels).await.unwrap() });
    found.into_iter().map(|container| container.labels).collect()
}

fn a_person_tries_what_an_attempt_left(engine: TestEngine) {
    let Some(project) = held(engine) else { return };
    let refs = project.repository.git(&["for-each-ref"]);
    let mut terminal = open(&project, &[]);
    assert_eq!(containers(&project).len(), 1);
    assert_eq!(containers(&project)[0]["cordwainer.role"], "shell");
    let busy = project.run(&["run", "--tasks-only"]);
    assert_eq!(busy.code, Some(6), "{}", busy.stderr);
    terminal.types("cat src/left.txt; tty; stty size; id -u; grep -E 'NoNewPrivs|CapEff' /proc/self/status\n");
    terminal.shows("left\r\n");
    terminal.shows("24 200");
    terminal.shows("NoNewPrivs:\t1");
    terminal.shows("CapEff:\t0000000000000000");
    assert!(terminal.shown().contains("/dev/pts/"), "{}", terminal.shown());
    // Nobody's credential is there, and no network but the gateway.
    terminal.types(
        "env | grep -ci dummy; touch /usr/x; git status --short; cat /proc/net/dev | wc -l; echo end-$((1+1))\n",
    );
    terminal.shows("end-2");
    assert!(
        terminal.shown().contains("Read-only file system"),
        "{}",
        terminal.shown()
    );
    // The size follows the terminal's, and Ctrl-C is a key of the shell's.
    terminal.resize(30, 100);
    terminal.types("until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; echo followed-$((1+2))\n");
    terminal.shows("followed-3");
    terminal.types("echo sleeps-$((1+1)); sleep 1000\n");
    terminal.shows("sleeps-2\r\n");
    terminal.interrupt();
    // A terminal forgets with it what was typed and not read.
    terminal.shows("^C");
    terminal.types("echo after-$((2+2)); echo changed >src/left.txt; printf '\\001\\002\\377\\n'; exit 3\n");
    terminal.shows("after-4");
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Nothing is kept."), "{shown}");
    assert_eq!(containers(&project).len(), 0);
    assert_eq!(
        project.repository.git(&["for-each-ref"]),
        refs,
        "what is changed there is discarded"
    );
    project.expect_tidy();
}

fn what_a_person_leaves_is_kept_where_they_say_so(engine: TestEngine) {
    let Some(project) = held(engine) else { return };
    let mut terminal = open(&project, &["--keep"]);
    terminal.types("echo more >>src/left.txt; exit\n");
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("What you left is attempt 2"), "{shown}");
    let issue = project.issue("cw-1");
    assert_eq!(
        (&issue["status"], &issue["attempts"][1]["outcome"]),
        (&"blocked".into(), &"cancelled".into())
    );
    let diff = project.run(&["issues", "diff", "1", "2"]).expect(0).stdout;
    assert!(diff.contains("\n+left\n+more\n"), "{diff}");
    // It was held for a gate that failed: no word of a person's makes that pass.
    project
        .run(&["issues", "release", "1", "--accept"])
        .expect(9)
        .says("its last attempt ended with `gate failed`");
    let mut terminal = open(&project, &["--keep"]);
    terminal.types("exit\n");
    let (_, shown) = terminal.ended();
    assert!(shown.contains("You changed nothing: nothing is kept."), "{shown}");
    for point in CRASH_POINTS {
        let mut command = project.command(&["issues", "shell", "1", "--keep"]);
        command.env("CORDWAINER_CRASH_AT", point);
        let mut terminal = PseudoTerminal::start(&command);
        terminal.types("echo more >>src/left.txt; exit\n");
        assert_ne!(terminal.child.wait().unwrap().code(), Some(0), "{point}");
        let tip = project
            .repository
            .git(&["show", "refs/cordwainer/generation-one/tasks/cw-1:src/left.txt"]);
        assert!(tip.contains("more"), "{tip}");
    }
    project.expect_tidy();
}

/// What is held for its files is accepted as a person has left it by hand since, and nothing else is.
fn what_a_person_left_is_accepted(engine: TestEngine) {
    let Some(project) = held_for(engine, Outcome::ProtectedPath) else {
        return;
    };
    let mut terminal = open(&project, &["--keep"]);
    terminal.types("echo more >>src/left.txt; exit\n");
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    project
        .run(&["issues", "show", "1"])
        .expect(0)
        .says("issues release cw-1 --accept");
    project.run(&["issues", "release", "1", "--accept"]).expect(0);
    assert_eq!(project.content("src/left.txt"), "left\nmore");
    let issue = project.issue("cw-1");
    assert_eq!(
        (&issue["status"], &issue["attempts"][1]["outcome"]),
        (&"closed".into(), &"cancelled".into())
    );
    assert!(issue["attempts"][1]["person"].is_string(), "{issue:#}");
    let diff = project.run(&["issues", "diff", "1"]).expect(0).stdout;
    assert!(diff.contains("\n+left\n+more\n"), "{diff}");
    project.expect_tidy();
}

/// A terminal that goes away ends the shell and its container; so does a signal, and the terminal is as it was.
fn a_shell_ends_with_its_terminal(engine: TestEngine) {
    let Some(project) = held(engine) else { return };
    open(&project, &[]).closed();
    assert_eq!(containers(&project).len(), 0);
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut terminal = open(&project, &[]);
        terminal.types("printf '\\033[?25l'; echo hidden-$((1+2))\n");
        terminal.shows("hidden-3");
        kill(process(&terminal), signal).unwrap();
        let (code, shown) = terminal.ended();
        assert_ne!(code, Some(0), "{shown}");
        assert_eq!(containers(&project).len(), 0);
    }
    project.expect_tidy();
}

fn a_killed_shell_is_swept(engine: TestEngine) {
    let Some(project) = held(engine) else { return };
    let mut terminal = open(&project, &[]);
    kill(process(&terminal), Signal::SIGKILL).unwrap();
    terminal.child.wait().unwrap();
    assert_eq!(containers(&project).len(), 1, "nobody was there to remove it");
    project.run(&["gc"]).expect(0);
    assert_eq!(containers(&project).len(), 0);
    // The next run frees its slot.
    project.run(&["run", "--tasks-only"]).expect(7);
    project.expect_tidy();
}

fn a_shell_needs_a_terminal_and_no_run(engine: TestEngine) {
    let Some(project) = held(engine) else { return };
    let refused = project.run(&["issues", "shell", "1"]).expect(9);
    let first = refused.stderr.lines().next();
    assert_eq!(
        first,
        Some("error: a shell needs a terminal, and there is none"),
        "nothing is said to be opened: {}",
        refused.stderr
    );
    let unknown = PseudoTerminal::start(&project.command(&["issues", "shell", "1", "7"]));
    let (code, shown) = unknown.ended();
    assert_eq!(code, Some(9), "{shown}");
    assert!(
        shown.contains("there is no attempt 7") && !shown.contains("Opening"),
        "{shown}"
    );
    let mut broken = project.command(&["issues", "shell", "1", "--set", "image=localhost/cordwainer-none:1"]);
    let (code, shown) = PseudoTerminal::start(broken.env("LC_ALL", "C")).ended();
    assert_eq!(code, Some(5), "{shown}");
    project.expect_tidy();
}
