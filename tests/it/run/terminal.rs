//! Ctrl-C, once, twice and three times, as a terminal sends it: to every process in the foreground.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cordwainer::event::EventKind;
use rustix::process::Signal;

use crate::support::command::begun_by;
use crate::support::engines::{self, TestEngine, engine_tests, skip};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::repository::TestRepository;
use crate::support::scripts::{WAIT, user_prompt};
use crate::support::sockets::Socket;

engine_tests! {
    podman first: once_nothing_new_begins_and_a_call_has_its_grace;
    podman: after_the_grace_a_session_is_suspended, three_times_ends_it_and_names_what_is_left,
        a_gate_before_any_work_is_ended, a_gate_on_a_result_is_ended, a_dumb_terminal_gets_plain_lines, a_terminal_that_is_gone_is_the_first_word, a_service_of_ours_outlives_the_keys_of_a_terminal, an_ending_that_waits_can_be_interrupted,
        a_group_of_another_namespace_changes_nothing;
    docker: twice_suspends_at_once, a_measure_is_ended, a_service_manager_never_insists, a_run_that_waits_ends_at_once;
}

const ONCE: &str = "Interrupted: nothing new begins";
const TWICE: &str = "Interrupted again: what is in progress is suspended now";
const HANGS: &str = "tokens 500 20 0.25\nwrite src/a.txt begun\non 1 hang\nwrite src/b.txt done";

impl Project {
    /// Starts a command at a terminal.
    pub(super) fn at_terminal(&self, arguments: &[&str]) -> PseudoTerminal {
        PseudoTerminal::start(&self.command(arguments))
    }

    /// Panics unless the task's session waits, and another run goes on with it.
    fn expect_suspended(&self) {
        assert_eq!(self.outcomes("cw-1"), ["cancelled"]);
        assert_eq!(self.suspended(), 1);
        self.expect_tidy();
        self.run(&["generator", "resume"])
            .expect(0)
            .says("continuing its session");
        assert_eq!(self.content("src/b.txt"), "done");
        self.expect_tidy();
    }
}

/// Presses Ctrl-C twice, each time once the words of the press before are on the screen.
#[track_caller]
pub(super) fn press_twice(terminal: &mut PseudoTerminal) {
    for said in [ONCE, TWICE] {
        terminal.interrupt();
        terminal.shows(said);
    }
}

fn once_nothing_new_begins_and_a_call_has_its_grace(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1h\n");
    project.add("is under way", &format!("{WAIT}delete go\nwrite src/a.txt x"));
    project.add("is never begun", "write src/b.txt x");
    let mut terminal = project.at_terminal(&["generator", "run"]);
    project.while_the_agent_waits(|| {
        terminal.interrupt();
        // While the call goes on, not after it.
        terminal.shows("task 1 of 2, $");
        terminal.shows(&format!("{ONCE}, and what is in progress has 1 h"));
    });
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains("Run ended: interrupted."), "{shown}");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(project.outcomes("cw-2"), Vec::<String>::new());
    project.expect_tidy();
}

fn after_the_grace_a_session_is_suspended(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\n");
    project.add("is interrupted", HANGS);
    let mut terminal = project.at_terminal(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    terminal.interrupt();
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains(ONCE) && !shown.contains(TWICE), "{shown}");
    project.expect_suspended();
}

fn twice_suspends_at_once(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1h\n");
    project.add("is interrupted", HANGS);
    let mut terminal = project.at_terminal(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    press_twice(&mut terminal);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    project.expect_suspended();
}

fn a_gate_before_any_work_is_ended(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1h\ngates: [sleep=3600]\n");
    project.add("is never begun", "write src/a.txt x");
    let mut terminal = project.at_terminal(&["generator", "run"]);
    wait_until(|| project.containers().iter().any(|name| name.contains("-gate-")));
    press_twice(&mut terminal);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert_eq!(project.outcomes("cw-1"), Vec::<String>::new());
    project.expect_tidy();
}

/// The work is done and recorded by then, and no verdict says anything of it.
fn a_gate_on_a_result_is_ended(engine: TestEngine) {
    let repository = TestRepository::new();
    repository.write("seconds", "0");
    let _ = repository.commit("gate at once");
    let mut project = Project::on(engine, repository, "stop_grace: 1h\ngates: [sleep_of=seconds]\n");
    project.add("is interrupted", "write seconds 3600\nwrite src/a.txt done");
    let mut terminal = project.at_terminal(&["generator", "run"]);
    project.wait_for_event(|event| matches!(event, EventKind::AgentEnded { .. }));
    wait_until(|| project.containers().iter().any(|name| name.contains("-gate-")));
    press_twice(&mut terminal);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert_eq!(project.outcomes("cw-1"), ["cancelled"]);
    assert_eq!(project.suspended(), 1);
    project.expect_tidy();
    project.reconfigure(None, "");
    let ran = project.run(&["generator", "resume"]).expect(0);
    ran.says("cw-1: its agent had done its work");
    assert_eq!(project.content("src/a.txt"), "done");
    project.expect_tidy();
}

/// One that can do nothing but print gets lines alone: nothing is drawn, moved or coloured.
fn a_dumb_terminal_gets_plain_lines(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("is done", "write src/a.txt x");
    let mut command = project.command(&["generator", "run"]);
    command.env("TERM", "dumb");
    let (code, shown) = PseudoTerminal::start(&command).ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("cw-1"), "{shown}");
    for mark in ['\u{1b}', '✓'] {
        assert!(!shown.contains(mark), "{shown:?}");
    }
}

fn a_measure_is_ended(engine: TestEngine) {
    let project = Project::new(engine, &format!("stop_grace: 1h\n{}", user_prompt("hang")));
    let mut terminal = project.at_terminal(&["generator", "measure"]);
    project.wait_for_event(|event| matches!(event, EventKind::AgentStarted { .. }));
    press_twice(&mut terminal);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    project.expect_tidy();
}

/// Who closes a window, or loses a connection, hears nothing more; what is under way is suspended all the same.
fn a_terminal_that_is_gone_is_the_first_word(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\n");
    project.add("is interrupted", HANGS);
    let terminal = project.at_terminal(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    assert_eq!(terminal.closed(), Some(130));
    project.expect_suspended();
}

/// The agent heeds no signal, so that its container takes a while to end.
fn three_times_ends_it_and_names_what_is_left(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1h\n");
    project.add("is interrupted", &format!("deaf\n{HANGS}"));
    let mut terminal = project.at_terminal(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    press_twice(&mut terminal);
    terminal.interrupt();
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    let containers = project.containers();
    assert_eq!(containers.len(), 1);
    let worktree = fs::canonicalize(project.state().join("slots/1")).unwrap();
    let left = [
        "the claim of cw-1".to_owned(),
        format!("the worktree `{}`", worktree.display()),
        format!("the container `{}`", containers[0]),
    ];
    let list = left.map(|name| format!("\r\n  {name}")).concat();
    assert!(
        shown.contains(&format!("The next `cordwainer run` cleans up what remains:{list}")),
        "{shown}"
    );
    project
        .run(&["generator", "resume"])
        .expect(0)
        .says("removed the container")
        .says("kept what attempt 1 at cw-1 had left");
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    project.expect_tidy();
}

/// It sends SIGTERM and SIGHUP, and a terminal that is closed sends SIGHUP twice: all that is the first word.
/// As `unshare` and some runners of CI begin a program: neither its group nor its session has a number where it is.
fn a_group_of_another_namespace_changes_nothing(engine: TestEngine) {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can make a namespace of processes");
    }
    let project = Project::new(engine, "");
    project.add("is done", "write src/a.txt x");
    let run = project.command(&["generator", "run"]);
    let apart = begun_by("unshare", &["--pid", "--fork", "--mount-proc"], &run);
    let (code, shown) = PseudoTerminal::start(&apart).ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("task 1 of 1"), "the live lines are there: {shown}");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
}

fn a_service_manager_never_insists(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1h\n");
    project.add("is under way", &format!("{WAIT}delete go\nwrite src/a.txt x"));
    let mut terminal = project.at_terminal(&["generator", "run"]);
    project.while_the_agent_waits(|| {
        signal(&terminal.child, Signal::TERM);
        terminal.shows(ONCE);
        for again in [Signal::HUP, Signal::TERM, Signal::HUP] {
            signal(&terminal.child, again);
        }
    });
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert!(!shown.contains(TWICE), "{shown}");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
}

fn a_run_that_waits_ends_at_once(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1h\nlimits: {wait: always}\n");
    project.add("meets a limit", "write src/a.txt x\non 1 limit 4070908800");
    let mut terminal = project.at_terminal(&["generator", "run"]);
    terminal.shows("Paused until");
    terminal.shows("paused, ");
    terminal.interrupt();
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert_eq!(project.outcomes("cw-1"), ["limited"]);
    project.expect_tidy();
}

/// Before the first call there is an engine that does not answer; and an ending asks it, too, for what a dead run left.
fn an_ending_that_waits_can_be_interrupted(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    project.add("is interrupted", HANGS);
    let mut run = project.spawn(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    run.kill().unwrap();
    run.wait().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let silent = {
        let _entered = runtime.enter();
        Socket::silent()
    };
    project.reconfigure(Some(&silent.path()), "stop_grace: 1h\n");
    for command in ["stop", "reset"] {
        let mut terminal = project.at_terminal(&["generator", command]);
        wait_until(|| runs(&terminal, "signals"));
        terminal.interrupt();
        terminal.shows("Interrupted: the command has 1 h to finish");
        terminal.interrupt();
        let (code, shown) = terminal.ended();
        assert_eq!(code, Some(130), "{shown}");
        assert!(
            shown.contains("Interrupted: ended at once; nothing is left to clean up."),
            "{shown}"
        );
    }
    for (command, presses) in [
        (["generator", "run"].as_slice(), 2),
        (&["doctor"], 1),
        (&["image", "check"], 1),
    ] {
        let mut terminal = project.at_terminal(command);
        wait_until(|| runs(&terminal, "signals"));
        terminal.interrupt();
        if presses == 2 {
            terminal.shows(ONCE);
            terminal.interrupt();
        }
        let (code, shown) = terminal.ended();
        assert_eq!(code, Some(130), "{shown}");
    }
    project.reconfigure(None, "");
    project
        .run(&["generator", "stop"])
        .expect(0)
        .says("kept what attempt 1 at cw-1 had left");
    assert_eq!(project.containers(), Vec::<String>::new());
}

/// Whether the command has a thread of this name.
fn runs(terminal: &PseudoTerminal, thread: &str) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", terminal.child.id()));
    let names = tasks
        .into_iter()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.into_iter().any(|name| name.trim_end() == thread)
}

/// With the service gone, nothing could be ended in order: neither container nor session.
fn a_service_of_ours_outlives_the_keys_of_a_terminal(engine: TestEngine) {
    let mut project = Project::new(engine, "stop_grace: 1s\n");
    if ["/run/podman/podman.sock", "/var/run/docker.sock"]
        .map(Path::new)
        .iter()
        .any(|socket| socket.exists())
    {
        engines::skip("this machine has an engine of its own, so none is started");
        return;
    }
    project.add("is interrupted", HANGS);
    let configuration = project.repository.path().join("configuration.yaml");
    let named = fs::read_to_string(&configuration).unwrap();
    let unnamed: Vec<&str> = named
        .lines()
        .filter(|line| !line.trim_start().starts_with("socket:"))
        .collect();
    fs::write(&configuration, unnamed.join("\n") + "\n").unwrap();
    let folder = podman_of(&engine.socket());
    let mut command = project.command(&["generator", "run"]);
    command.env(
        "PATH",
        format!("{}:/usr/local/bin:/usr/bin:/bin", folder.path().display()),
    );
    let mut terminal = PseudoTerminal::start(&command);
    project.wait_for_agent("cw-1", 1);
    assert!(project.state().join("engine").exists(), "a service was started");
    terminal.interrupt();
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains(ONCE), "{shown}");
    project.reconfigure(None, "stop_grace: 1s\n");
    project.expect_suspended();
}

/// A folder with the program `podman`, which uses the storage of the engine at this socket, where the images are.
fn podman_of(socket: &Path) -> tempfile::TempDir {
    let storage = socket.parent().unwrap().display();
    let driver = fs::read_to_string(socket.with_file_name("driver")).unwrap_or_else(|_| "vfs".to_owned());
    let real = ["/usr/local/bin/podman", "/usr/bin/podman"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let real = real.expect("there is a podman, for a service of it was started");
    let script = format!(
        "#!/bin/sh\nexec {real} --root '{storage}/root' --runroot '{storage}/run' --storage-driver {} \"$@\"\n",
        driver.trim_end()
    );
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("podman");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}
