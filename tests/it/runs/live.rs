//! Real runs, looked at while they work and afterwards, from other processes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};

use cordwainer::event::EventKind;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::parallel::{add_waiting, let_all_go_on, wait_for_agents};
use crate::support::command::begun_by;
use crate::support::emulators::Screens;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::scripts::{WAIT, proposal, user_prompt};

engine_tests! {
    docker first: a_run_is_looked_at_from_other_processes_until_it_ends;
    podman: a_run_that_is_killed_is_followed_to_its_death_and_the_next_one_is_another, ten_followers_and_one_that_goes_away,
        a_task_that_has_not_begun_is_waited_for, a_terminal_shows_what_the_runs_own_shows,
        the_lines_of_a_run_are_the_same_in_another_terminal, ended_generations_are_listed_shown_and_compared;
}

/// A gate that fails while a file is there.
const GATED: &str = "gates: [{name: test, command: 'absent=src/bad.txt'}]\n";

fn json_of(ran: Ran) -> Value {
    serde_json::from_str(&ran.expect(0).stdout).unwrap()
}

/// Starts a follower; what it says is read later.
fn follower(project: &Project, arguments: &[&str]) -> Child {
    project.spawn(arguments)
}

/// Reads the first line, and nothing after it.
#[expect(clippy::unbuffered_bytes, reason = "what follows the line is for somebody else")]
fn first_line(source: &mut impl Read) -> String {
    let bytes = source.bytes().map(Result::unwrap).take_while(|byte| *byte != b'\n');
    String::from_utf8(bytes.collect()).unwrap()
}

/// Whether a follower reads the events of a run by now.
fn has_opened_events(follower: &Child) -> bool {
    let files = fs::read_dir(format!("/proc/{}/fd", follower.id()))
        .into_iter()
        .flatten()
        .flatten();
    let mut paths = files.filter_map(|file| fs::read_link(file.path()).ok());
    paths.any(|path| path.ends_with("events.jsonl"))
}

/// What a run said that has come to its end.
fn ended(run: Child) -> Ran {
    run.wait_with_output().unwrap().into()
}

#[track_caller]
fn exited(child: Child, code: i32) -> String {
    let output = child.wait_with_output().unwrap();
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(code), "{}\n{}", ran.stdout, ran.stderr);
    ran.stdout + &ran.stderr
}

fn a_run_is_looked_at_from_other_processes_until_it_ends(engine: TestEngine) {
    let project = Project::new(engine, GATED);
    let script = format!(
        "say I begin with a draft.\ntool-output all is read\ntokens 500 20 0.25\n{WAIT}write src/bad.txt x\ndone\ndelete src/bad.txt\nwrite src/a.txt x"
    );
    project.add("Write a file", &script);
    let run = project.spawn(&["run", "--tasks-only"]);
    project.wait_for_event(|event| matches!(event, EventKind::ToolUsed { .. }));
    let followers = [
        follower(&project, &["runs", "logs", "-f"]),
        follower(&project, &["watch"]),
        follower(&project, &["status", "--watch", "--json"]),
    ];
    let pipe = project.state().join("slots/1/go");
    wait_until(|| pipe.exists());
    let status = project.status();
    let at_work = &status["at_work"][0];
    assert_eq!(
        (&at_work["task"], &at_work["stage"]),
        (&json!("cw-1"), &json!("agent")),
        "{status:#}"
    );
    assert!(status["run_usage"]["input"].as_u64().unwrap() >= 500, "{status:#}");
    project
        .run(&["status"])
        .expect(0)
        .says("cw-1: agent, ")
        .says("(Write a file)");
    let listed = json_of(project.run(&["runs", "list", "--json"]));
    assert_eq!(
        (&listed[0]["outcome"], &listed[0]["mode"]),
        (&json!("at_work"), &json!("generate"))
    );
    project
        .run(&["runs", "show"])
        .expect(0)
        .says("outcome     at work")
        .says("At work:\n  cw-1: agent");
    // Without following, a log ends where the run is.
    let log = project.run(&["runs", "logs", "cw-1"]).expect(0);
    log.says("cw-1: I begin with a draft.").says("| all is read");
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    let own = ended(run).expect(0);
    let [log, watched, events] = followers.map(|child| exited(child, 0));
    for told in [
        "cw-1: I begin with a draft.",
        "    | all is read",
        "gate `test` failed",
        "fix round 1",
        "cw-1: merged as ",
        "Run ended: ",
    ] {
        assert!(log.contains(told), "`{told}` is not in:\n{log}");
    }
    assert_eq!(watched, own.stdout, "the same lines as the run's own");
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"]["type"], "run_ended");
    assert_eq!(
        events.lines().count(),
        project.events().len(),
        "none is lost, none comes twice"
    );
    let shown = json_of(project.run(&["runs", "show", "--json"]));
    assert_eq!(
        (&shown["run"]["outcome"], &shown["run"]["tasks"]["merged"]),
        (&json!("ended"), &json!(1)),
        "{shown:#}"
    );
    assert_eq!(shown["gates"]["test"], json!({"passed": 1, "failed": 1}), "{shown:#}");
    assert_eq!(
        (&shown["tasks"][0]["rounds"], &shown["at_work"]),
        (&json!(1), &json!([]))
    );
    let cost = project.cost("stitch");
    assert!(
        (shown["run"]["usage"]["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-9,
        "{shown:#}"
    );
    project.expect_tidy();
}

fn a_run_that_is_killed_is_followed_to_its_death_and_the_next_one_is_another(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("Write a file", "say I am here.\non 1 hang\nwrite src/a.txt x");
    let mut run = project.spawn(&["run", "--tasks-only"]);
    wait_until(|| {
        project
            .run(&["runs", "logs", "--level", "agent"])
            .stdout
            .contains("I am here.")
    });
    let log = follower(&project, &["runs", "logs", "-f"]);
    let watch = follower(&project, &["watch"]);
    let mut interrupted = follower(&project, &["runs", "logs", "--follow", "--json"]);
    for one in [&log, &watch] {
        wait_until(|| has_opened_events(one));
    }
    // It has shown what there is before it is interrupted.
    let mut first = String::new();
    let mut shown = BufReader::new(interrupted.stdout.take().unwrap());
    shown.read_line(&mut first).unwrap();
    signal(&interrupted, Signal::INT);
    assert_eq!(exited(interrupted, 130), "", "and says nothing of it");
    drop(shown);
    run.kill().unwrap();
    let _ = run.wait().unwrap();
    for said in [exited(log, 0), exited(watch, 0)] {
        assert!(
            said.contains("recorded no end: it was killed, or failed. `cordwainer resume` continues."),
            "{said}"
        );
    }
    let listed = json_of(project.run(&["runs", "list", "--json"]));
    assert_eq!(listed[0]["outcome"], "died", "{listed:#}");
    let shown = project.run(&["runs", "show"]).expect(0);
    shown
        .says("died: it recorded no end")
        .says("At work when it died:\n  cw-1: agent");
    let dead = listed[0]["run"].as_str().unwrap().to_owned();
    project.run(&["runs", "stop"]).expect(4);
    let resumed = project.spawn(&["resume", "--tasks-only"]);
    wait_until(|| json_of(project.run(&["runs", "list", "--json"]))[0]["outcome"] == "at_work");
    let next = json_of(project.run(&["runs", "list", "--json"]));
    assert_ne!(next[0]["run"].as_str().unwrap(), dead);
    let log = follower(&project, &["runs", "logs", "-f"]);
    project.run(&["runs", "stop", "--now"]).expect(0);
    ended(resumed).expect(130);
    assert!(
        exited(log, 0).contains("Run ended: stopped"),
        "a run that is stopped is followed to its end"
    );
}

/// Starts a follower that may have so many KiB of memory; what it says is read later.
fn narrow_follower(project: &Project, arguments: &[&str], kilobytes: u32) -> Child {
    let command = project.command(arguments);
    let limited = format!("ulimit -d {kilobytes} && exec \"$0\" \"$@\"");
    let mut narrow = begun_by("sh", &["-c", &limited], &command);
    narrow.stdout(Stdio::piped()).stderr(Stdio::piped());
    narrow.spawn().unwrap()
}

/// Closes the terminal of a follower. What that hears first is the signal, or that nobody reads any more.
#[track_caller]
fn expect_gone(terminal: PseudoTerminal) {
    let code = terminal.closed();
    assert!(
        [None, Some(0), Some(130)].contains(&code),
        "a terminal that is gone ends it: {code:?}"
    );
}

/// Ten at once, in 64 MiB each, of an agent whose lines have 10 MB; meanwhile a pager is quit, and terminals are closed.
fn ten_followers_and_one_that_goes_away(engine: TestEngine) {
    let project = Project::new(engine, "");
    let steps = "tool-output here\nsleep 20\n".repeat(30);
    let script = format!("{WAIT}flood 10485760 3\n{steps}flood 10485760 3\nwrite src/a.txt x");
    project.add("Talks much", &script);
    let run = project.spawn(&["run", "--tasks-only"]);
    let pipe = project.state().join("slots/1/go");
    wait_until(|| pipe.exists());
    let logs = ["runs", "logs", "-f"];
    let followers: Vec<Child> = (0..10).map(|_| narrow_follower(&project, &logs, 64 << 10)).collect();
    let terminals = [&logs[..], &["watch"]].map(|words| PseudoTerminal::start(&project.command(words)));
    for terminal in terminals {
        wait_until(|| terminal.shown().contains("Talks much"));
        expect_gone(terminal);
    }
    // One whose reader leaves while nothing happens, as a pager that is quit.
    let mut left = follower(&project, &["runs", "logs", "-f"]);
    let mut first = [0; 10];
    let mut stdout = left.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    assert_eq!(exited(left, 0), "", "it ends at once, and quietly");
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    ended(run).expect(0);
    let all: Vec<String> = followers.into_iter().map(|child| exited(child, 0)).collect();
    for text in &all {
        assert_eq!(text.matches("    | here").count(), 30, "{text}");
        assert!(text.contains("Run ended: ") && text.len() < 100_000, "{text}");
    }
    project.expect_tidy();
}

fn a_task_that_has_not_begun_is_waited_for(engine: TestEngine) {
    let project = Project::new(engine, "");
    add_waiting(&project, 3);
    let run = project.spawn(&["run", "--tasks-only", "--max-tasks", "2"]);
    let slots = wait_for_agents(&project, 1);
    let listed = json_of(project.run(&["runs", "list", "--json"]));
    let name = listed[0]["run"].as_str().unwrap();
    let mut second = follower(&project, &["runs", "logs", name, "cw-2", "-f"]);
    let mut third = follower(&project, &["runs", "logs", "-f", "cw-3"]);
    for (child, task) in [(&mut second, "cw-2"), (&mut third, "cw-3")] {
        let said = first_line(child.stderr.as_mut().unwrap());
        assert_eq!(said, format!("{task} has not begun yet: it is shown once it does."));
    }
    // There is nothing of it to show yet, and of one that never was there is nothing to wait for.
    let none = |task: &str| format!("run {name} has attempted no task `{task}`");
    project
        .run(&["runs", "logs", name, "cw-2"])
        .expect(2)
        .says(&none("cw-2"));
    project
        .run(&["runs", "logs", name, "cw-9", "-f"])
        .expect(2)
        .says(&none("cw-9"));
    let_all_go_on(&project, &slots);
    let slots = wait_for_agents(&project, 1);
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    let second = exited(second, 0);
    assert!(
        second.contains("cw-2: merged as ") && !second.contains("cw-1"),
        "{second}"
    );
    assert_eq!(exited(third, 0), "cw-3 has not begun in this run, which has ended.\n");
    project
        .run(&["runs", "logs", name, "cw-3", "-f"])
        .expect(2)
        .says(&none("cw-3"));
    project.expect_tidy();
}

fn a_terminal_shows_what_the_runs_own_shows(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("Write a file", &format!("{WAIT}write src/a.txt x"));
    let run = project.spawn(&["run", "--tasks-only"]);
    let pipe = project.state().join("slots/1/go");
    wait_until(|| pipe.exists());
    let mut watched = PseudoTerminal::start(&project.command(&["watch"]));
    watched.shows("task 1 of 1, $");
    let mut left = PseudoTerminal::start(&project.command(&["watch"]));
    left.shows("task 1 of 1, $");
    left.interrupt();
    let (code, shown) = left.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert!(!shown.contains("Interrupted"), "{shown}");
    let closed = PseudoTerminal::start(&project.command(&["runs", "logs", "-f"]));
    wait_until(|| closed.shown().contains("Write a file"));
    expect_gone(closed);
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    let (code, shown) = watched.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.contains("cw-1: merged as ") && shown.contains("Run ended: "),
        "{shown}"
    );
    ended(run).expect(0);
}

/// As somebody types it who has the commands as tasks of a repository.
fn the_lines_of_a_run_are_the_same_in_another_terminal(engine: TestEngine) {
    let project = Project::new(engine, GATED);
    let script = format!("{WAIT}write src/bad.txt x\ndone\ndelete src/bad.txt\nwrite src/a.txt x");
    project.add("Write a file", &script);
    let mut own = PseudoTerminal::start(&project.xtask(&["generator", "run", "--tasks-only"]));
    own.shows("Bash mkfifo go");
    let mut others = [&["generator", "watch"][..], &["generator", "status", "--watch"]]
        .map(|words| PseudoTerminal::start(&project.xtask(words)));
    for other in &mut others {
        other.shows("Bash mkfifo go");
    }
    // The pipe is made after that was told.
    wait_until(|| project.pipes().len() == 1);
    project.let_pipes_go();
    let terminals: Vec<PseudoTerminal> = std::iter::once(own).chain(others).collect();
    let screens = terminals.into_iter().map(|terminal| {
        let (code, screens) = terminal.ended_with_screens();
        assert_eq!(code, Some(0), "{screens:?}");
        screens
    });
    let screens: Vec<Screens> = screens.collect();
    let own = &screens[0].wrapping;
    assert!(own.iter().any(|row| row.starts_with("  ✓ cw-1: merged as ")), "{own:?}");
    for other in &screens[1..] {
        assert_eq!(*other, screens[0]);
    }
}

fn ended_generations_are_listed_shown_and_compared(engine: TestEngine) {
    let first = proposal("first", "The first", &[], "tokens 100 10 0.5\nwrite src/a.txt one");
    let script = format!("tokens 100 10 0.25\npropose {}", json!({"proposals": [first]}));
    let project = Project::new(engine, &user_prompt(&script));
    project.run(&["run", "--cycles", "1"]).expect(0);
    project.run(&["stop"]).expect(0);
    project.run(&["start", "--name", "two"]).expect(0);
    project.run(&["measure"]).expect(0);
    let rows = json_of(project.run(&["runs", "list", "--json"]));
    let row = |index: usize| {
        (
            rows[index]["generation"].clone(),
            rows[index]["outcome"].clone(),
            rows[index]["reason"].clone(),
        )
    };
    assert_eq!(
        row(0),
        (json!("generation-two"), json!("ended"), json!("one measure: 1 filed"))
    );
    assert_eq!(row(1).0, "generation-one");
    project
        .run(&["runs", "show", "one"])
        .expect(0)
        .says("generation  generation-one")
        .says("measure");
    let compared = json_of(project.run(&["runs", "compare", "one", "two", "--json"]));
    let figures = |one: &Value| {
        (
            one["kind"].clone(),
            one["runs"].clone(),
            one["tasks"]["merged"].clone(),
            one["measures"].clone(),
        )
    };
    assert_eq!(
        figures(&compared[0]),
        (json!("generation"), json!(1), json!(1), json!(1)),
        "{compared:#}"
    );
    assert_eq!(
        figures(&compared[1]),
        (json!("generation"), json!(1), json!(0), json!(1)),
        "{compared:#}"
    );
    assert!(
        (0.75..0.76).contains(&compared[0]["usage"]["cost_usd"].as_f64().unwrap()),
        "{compared:#}"
    );
    assert_eq!(compared[0]["changed"]["insertions"], 1, "{compared:#}");
    // Without the records, the refs have the rest.
    fs::remove_dir_all(project.state().join("runs")).unwrap();
    let compared = json_of(project.run(&["runs", "compare", "one", "two", "--json"]));
    assert_eq!(
        figures(&compared[0]),
        (json!("generation"), json!(0), json!(1), json!(1)),
        "{compared:#}"
    );
    assert_eq!(
        (&compared[0]["seconds"], &compared[0]["gates"]),
        (&Value::Null, &Value::Null)
    );
    let text = project.run(&["runs", "compare", "one", "two"]).expect(0).stdout;
    let gates = text.lines().filter(|line| line.starts_with("gates "));
    let gates: Vec<Vec<&str>> = gates.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        gates,
        [["gates", "passed", "-", "-"], ["gates", "failed", "-", "-"]],
        "{text}"
    );
    project
        .run(&["runs", "show", "one"])
        .expect(9)
        .says("no run of the generation `one` is recorded");
}
