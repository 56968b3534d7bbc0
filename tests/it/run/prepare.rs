//! `commands.prepare`: made once, seen by every task and gate, written by none. The image's `sh` is the probe, see its
//! source.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cordwainer::event::EventKind;

use crate::run::terminal::press_twice;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::repository::TestRepository;

engine_tests! {
    both: the_second_task_finds_what_the_first_did_and_nothing_that_it_wrote;
    podman first: a_session_that_goes_on_finds_what_it_wrote;
    podman: a_death_at_any_moment_leaves_no_half_a_layer, an_interrupted_preparation_leaves_nothing_and_the_next_run_goes_on,
        an_interrupted_preparation_for_a_task_keeps_its_work, a_link_in_the_place_of_a_mount_point_leads_nowhere, what_is_no_longer_ignored_is_held,
        a_task_that_changes_the_inputs_prepares_for_itself, what_was_damaged_is_made_anew;
    docker: what_cannot_be_prepared_ends_the_run_before_a_call, a_commit_without_inputs_needs_nothing;
}

/// What is prepared: a folder of the worktree, something in the caches, and a file that git would record.
pub(super) const COMMAND: &str =
    "make-folder=target/deps write-file=target/deps/a write-file=/cache/fetched write-file=src/by-prepare.txt";
/// A gate that passes where everything is as it was prepared.
const GATE: &str =
    "cat=target/deps/a cat=/cache/fetched absent=target/planted absent=/cache/planted absent=src/by-prepare.txt";

/// Returns the configuration with what is prepared, and these gates.
fn configuration(command: &str, gates: &str) -> String {
    format!(
        "commands: {{prepare: {{command: {command}, inputs: [\"*.lock\"]}}}}\ngates: [{gates}]\nstitch: {{max_attempts: 1}}\n"
    )
}

/// A project with a lock file, whose build goes to an ignored folder.
fn project(engine: TestEngine, configuration: &str) -> Project {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    repository.write("src/old.txt", "old\n");
    repository.write("deps.lock", "one\n");
    // The probe can end with what is in a file.
    repository.write("broken-command", "0\n");
    repository.write("broken-gate", "0\n");
    repository.write("seconds", "0\n");
    repository.write("sub/old.txt", "old\n");
    repository.write(".gitignore", "target/\n");
    Project::on(engine, repository, configuration)
}

/// For whom something was prepared, each time that it was; none for a commit that had landed.
fn prepared(project: &Project) -> Vec<Option<String>> {
    let events = project.events().into_iter();
    let begun = events.filter_map(|event| match event {
        EventKind::PreparationStarted { task, .. } => Some(task.map(|task| task.to_string())),
        _ => None,
    });
    begun.collect()
}

/// The shared layers.
fn layers(project: &Project) -> Vec<PathBuf> {
    let names = fs::read_dir(project.state().join("layers")).into_iter().flatten();
    let paths = names.map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.ends_with("private")).collect()
}

/// The output of the first gate on an attempt.
fn said_by_gate(project: &Project, call: &str) -> String {
    let folder = project.records(call).pop().unwrap();
    fs::read_to_string(folder.join("gate-1.txt")).unwrap()
}

/// What the agent of an attempt was told of an attack.
fn told(project: &Project, call: &str) -> String {
    let folder = project.records(call).pop().unwrap();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap());
    texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
}

/// The first agent finds what was prepared, and writes into every part of it: neither a gate that judges it, nor the next
/// agent, sees any of that.
fn the_second_task_finds_what_the_first_did_and_nothing_that_it_wrote(engine: TestEngine) {
    let project = project(engine, &configuration(COMMAND, GATE));
    let poison = "attack read target/deps/a\nattack read /cache/fetched\nwrite target/deps/a poisoned\nwrite target/planted x\n\
                  write /cache/fetched poisoned\nwrite /cache/planted x\ndelete target/deps\nwrite target/deps/a poisoned\n\
                  write src/a.txt one";
    project.add("poisons", poison);
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let ran = ran.says("Preparing dependencies: `make-folder=target/deps");
    let _ = ran.says("  ! src/by-prepare.txt");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let first = told(&project, "cw-1-1");
    for path in ["target/deps/a", "/cache/fetched"] {
        assert!(first.contains(&format!(r"read {path}\ndone: 21 bytes")), "{first}");
    }
    assert_eq!(
        said_by_gate(&project, "cw-1-1"),
        "written by the probe\nwritten by the probe\n"
    );
    project.expect_tidy();

    let script = "attack read target/planted\nattack read /cache/planted\nattack read target/deps/a\nattack read /cache/fetched\n\
                  write src/b.txt two";
    project.add("looks", script);
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    let second = told(&project, "cw-2-1");
    for path in ["target/deps/a", "/cache/fetched"] {
        assert!(second.contains(&format!(r"read {path}\ndone: 21 bytes")), "{second}");
    }
    for path in ["target/planted", "/cache/planted"] {
        assert!(second.contains(&format!(r"read {path}\nrefused: ")), "{second}");
    }
    assert_eq!(prepared(&project), [None]);
    let files = project.files("generation-one");
    assert!(
        !files
            .keys()
            .any(|path| path.starts_with("target") || path == "src/by-prepare.txt"),
        "{files:?}"
    );
    let [layer] = layers(&project).try_into().unwrap();
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        entries.collect::<Vec<_>>()
    };
    assert_eq!(names(&layer.join("worktree/target/deps")), ["a"]);
    assert_eq!(names(&layer.join("worktree/target")), ["deps"]);
    assert_eq!(names(&layer.join("cache")), ["fetched"]);
    for text in ["worktree/target/deps/a", "cache/fetched"] {
        assert_eq!(fs::read_to_string(layer.join(text)).unwrap(), "written by the probe\n");
    }
    project.expect_tidy();
    // What the agents wrote went with their slots.
    assert_eq!(fs::read_dir(project.state().join("tops")).unwrap().count(), 0);
}

/// A task that fails has prepared for the inputs to which a later one changes them, too: nobody else gets that.
fn a_task_that_changes_the_inputs_prepares_for_itself(engine: TestEngine) {
    let command = "make-folder=target/deps write-file=target/deps/a exit_of=broken-command";
    let gate = "cat=deps.lock cat=target/deps/a exit_of=broken-gate";
    let project = project(engine, &configuration(command, gate));
    project.add("fails", "write deps.lock two\nwrite broken-gate 7");
    project.add("lands", "write deps.lock two\nwrite src/a.txt x");
    project.add("goes on", "write src/b.txt x");
    project.add("cannot be prepared", "write deps.lock three\nwrite broken-command 7");
    let ran = project.run(&["generator", "run", "--tasks-only"]).expect(7);
    let _ = ran
        .says("  cw-4: dependencies could not be prepared: exited with 7")
        .says("`commands.prepare` exited with 7");
    for (id, outcome) in [
        ("cw-1", "gate_failed"),
        ("cw-2", "merged"),
        ("cw-3", "merged"),
        ("cw-4", "gate_failed"),
    ] {
        assert_eq!(project.outcomes(id), [outcome], "{id}");
    }
    // What the second task prepared is everybody's from the moment when its tree has landed.
    let of = |id: &str| Some(id.to_owned());
    assert_eq!(prepared(&project), [None, of("cw-1"), of("cw-2"), of("cw-4")]);
    assert_eq!(layers(&project).len(), 2);
    let left = |id: &str| fs::read_dir(project.state().join("layers/private").join(id)).map_or(0, Iterator::count);
    assert_eq!(["cw-1", "cw-2", "cw-4"].map(left), [1, 0, 0]);
    // With the task goes what it prepared.
    project.run(&["issues", "close", "cw-1", "cw-4"]).expect(0);
    project.add("last", "write src/c.txt x");
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    assert_eq!(left("cw-1"), 0);
    project.expect_tidy();
}

fn what_cannot_be_prepared_ends_the_run_before_a_call(engine: TestEngine) {
    let mut project = project(engine, "");
    project.add("a change", "write src/a.txt x");
    for (command, timeout, how) in [
        ("out=no_such_host\\n exit=3", "5m", "exited with 3"),
        ("make install", "5m", "exited with 127"),
        ("sleep=600000", "1s", "ran past its time limit"),
    ] {
        let text = format!("commands: {{prepare: {{command: {command}, inputs: [deps.lock], timeout: {timeout}}}}}\n");
        project.reconfigure(None, &text);
        for verb in ["run", "stitch", "measure"] {
            let ran = project.run(&["generator", verb]).expect(9);
            let ran = ran.says(&format!("before any work: `commands.prepare` {how}"));
            let _ = ran.says("hint:");
        }
        project.expect_tidy();
        assert_eq!(layers(&project), Vec::<PathBuf>::new());
    }
    let events = project.events();
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, EventKind::AgentStarted { .. }))
    );
    assert_eq!(project.outcomes("cw-1"), Vec::<String>::new());
    project.reconfigure(None, &configuration("out=no_such_host\\n exit=3", "exit=0"));
    let ran = project.run(&["doctor", "--gates"]);
    assert_ne!(ran.code, Some(0));
    let _ = ran.says("exited with 3").says("no_such_host");
}

/// Ctrl-C while dependencies are prepared, before any call.
fn an_interrupted_preparation_leaves_nothing_and_the_next_run_goes_on(engine: TestEngine) {
    let command = "make-folder=target/deps write-file=target/deps/a sleep=3600";
    let text = format!("stop_grace: 1h\n{}", configuration(command, GATE));
    let mut project = project(engine, &text);
    project.add("a change", "write src/a.txt x");
    for verb in ["run", "stitch", "measure"] {
        let mut terminal = project.at_terminal(&["generator", verb]);
        wait_until(|| project.containers().iter().any(|name| name.contains("-gate-")));
        press_twice(&mut terminal);
        let (code, shown) = terminal.ended();
        assert_eq!(code, Some(130), "{verb}: {shown}");
        assert!(shown.contains("Preparing dependencies"), "{verb}: {shown}");
        assert_eq!(layers(&project), Vec::<PathBuf>::new(), "{verb}");
        project.expect_tidy();
    }
    assert_eq!(project.outcomes("cw-1"), Vec::<String>::new());
    project.reconfigure(None, &configuration(COMMAND, GATE));
    project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
}

/// The work is done by then, and waits for the next run.
fn an_interrupted_preparation_for_a_task_keeps_its_work(engine: TestEngine) {
    let command = "make-folder=target/deps write-file=target/deps/a sleep_of=seconds";
    let text = format!("stop_grace: 1h\n{}", configuration(command, "cat=target/deps/a"));
    let mut project = project(engine, &text);
    project.add(
        "changes the inputs",
        "write deps.lock two\nwrite seconds 3600\nwrite src/a.txt x",
    );
    let mut terminal = project.at_terminal(&["generator", "run", "--tasks-only"]);
    wait_until(|| prepared(&project).last() == Some(&Some("cw-1".to_owned())));
    wait_until(|| project.containers().iter().any(|name| name.contains("-gate-")));
    press_twice(&mut terminal);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(130), "{shown}");
    assert_eq!(project.outcomes("cw-1"), ["cancelled"]);
    // The base's layer alone is there.
    assert_eq!(layers(&project).len(), 1);
    let private = project.state().join("layers/private/cw-1");
    assert_eq!(fs::read_dir(private).map_or(0, Iterator::count), 0);
    project.expect_tidy();
    project.reconfigure(None, &configuration(COMMAND, "cat=target/deps/a"));
    let ran = project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    ran.says("cw-1: its agent had done its work");
    assert!(project.calls("cw-1")[1].is_null());
    assert_eq!(project.content("src/a.txt"), "x");
    project.expect_tidy();
}

fn a_commit_without_inputs_needs_nothing(engine: TestEngine) {
    let text = "commands: {prepare: {command: exit=3, inputs: [\"*.toml\"]}}\ngates: [exit=0]\n";
    let project = project(engine, text);
    project.add("a change", "write src/a.txt x");
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(prepared(&project), []);
    project.expect_tidy();
}

/// A session that met a limit goes on in its slot, above the same layer.
fn a_session_that_goes_on_finds_what_it_wrote(engine: TestEngine) {
    let bounds = "limits: {wait: never}\nkeep: {layer_age: 1h}\n";
    let project = project(engine, &format!("{bounds}{}", configuration(COMMAND, GATE)));
    let script = "write target/mine by-me\nwrite /cache/mine by-me\ndelete target/deps\nlimit 1900000000\n\
                  attack read target/mine\nattack read /cache/mine\nattack read target/deps/a\nwrite src/a.txt x";
    project.add("meets a limit", script);
    project.run(&["generator", "stitch"]).expect(8);
    assert_eq!(project.suspended(), 1);
    let kept = unused_for_long(&project);
    assert!(kept.contains("Keeps what was prepared by `make-folder="), "{kept}");
    assert_eq!(layers(&project).len(), 1);
    project.run(&["generator", "resume", "--now", "--tasks-only"]).expect(0);
    let told = told(&project, "cw-1-2");
    for (path, what) in [
        ("target/mine", "done: 6 bytes"),
        ("/cache/mine", "done: 6 bytes"),
        // It deleted that.
        ("target/deps/a", "refused: "),
    ] {
        assert!(told.contains(&format!(r"read {path}\n{what}")), "{path}: {told}");
    }
    assert_eq!(project.outcomes("cw-1").last().map(String::as_str), Some("merged"));
    assert_eq!(prepared(&project), [None]);
    project.expect_tidy();
    let freed = unused_for_long(&project);
    assert!(freed.contains("Freed what was prepared by `make-folder="), "{freed}");
    assert_eq!(layers(&project), Vec::<PathBuf>::new());
}

/// Returns what `gc` prints after nobody has used what was prepared for two hours, with a volume whose container is gone.
fn unused_for_long(project: &Project) -> String {
    for layer in layers(project) {
        let used = fs::File::create(layer.join("used")).unwrap();
        used.set_modified(SystemTime::now() - Duration::from_secs(2 * 60 * 60))
            .unwrap();
    }
    let id = project.repository.handle().repository_id().unwrap().unwrap();
    let client = |arguments: &[&str]| {
        let called = project.engine.client().args(arguments).output().unwrap();
        assert!(called.status.success(), "{called:?}");
        String::from_utf8(called.stdout).unwrap().trim().to_owned()
    };
    let volume = |id: &str| client(&["volume", "create", "--label", &format!("cordwainer.repository={id}")]);
    let (own, other) = (volume(&id), volume("another"));
    let said = project.run(&["generator", "gc"]).expect(0).stdout;
    assert!(
        said.contains(&format!("Freed volume `{own}`: its container is gone.")),
        "{said}"
    );
    assert!(!said.contains(&other), "{said}");
    client(&["volume", "rm", &other]);
    said
}

/// An agent whose session goes on may have put a link where something is to be mounted again.
fn a_link_in_the_place_of_a_mount_point_leads_nowhere(engine: TestEngine) {
    let command = "make-folder=sub/target write-file=sub/target/a";
    let text = format!(
        "limits: {{wait: never}}\n{}",
        configuration(command, "cat=sub/target/a")
    );
    let project = project(engine, &text);
    let script = "attack read sub/target/a\nrename sub moved\nsymlink sub /srv\nlimit 1900000000\nattack read /srv/target/a\n\
                  delete sub\nrename moved sub\nattack read sub/target/a\nwrite src/a.txt x";
    project.add("puts a link there", script);
    project.run(&["generator", "stitch"]).expect(8);
    project.run(&["generator", "resume", "--now", "--tasks-only"]).expect(0);
    let before = told(&project, "cw-1-1");
    assert!(before.contains(r"read sub/target/a\ndone: 21 bytes"), "{before}");
    let after = told(&project, "cw-1-2");
    for path in ["/srv/target/a", "sub/target/a"] {
        assert!(after.contains(&format!(r"read {path}\nrefused: ")), "{after}");
    }
    assert_eq!(project.outcomes("cw-1").last().map(String::as_str), Some("merged"));
    assert_eq!(said_by_gate(&project, "cw-1-2"), "written by the probe\n");
    project.expect_tidy();
}

/// What an agent wrote where something was mounted is not in its worktree: that is told, and not taken for nothing.
fn what_is_no_longer_ignored_is_held(engine: TestEngine) {
    let project = project(engine, &configuration(COMMAND, GATE));
    project.add("wants it recorded", "write .gitignore other\nwrite target/mine x");
    let ran = project.run(&["generator", "stitch"]).expect(7);
    let _ = ran.says("`target` may not be committed: it is no longer ignored");
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    project.expect_tidy();
}

fn what_was_damaged_is_made_anew(engine: TestEngine) {
    let project = project(engine, &configuration(COMMAND, GATE));
    project.add("first", "write src/a.txt x");
    project.run(&["generator", "stitch"]).expect(0);
    for (index, damage) in ["worktree/target/deps/a", "cache/fetched", "record.json"]
        .into_iter()
        .enumerate()
    {
        let [layer] = layers(&project).try_into().unwrap();
        fs::write(layer.join(damage), "other").unwrap();
        project.add(
            &format!("another, number {index}"),
            &format!("write src/b.txt number {index}"),
        );
        let ran = project.run(&["generator", "stitch"]).expect(0);
        let _ = ran.says("prepared dependencies are not used, and made anew");
        assert_eq!(prepared(&project).len(), index + 2, "{damage}");
        let id = format!("cw-{}", index + 2);
        assert_eq!(
            said_by_gate(&project, &format!("{id}-1")),
            "written by the probe\nwritten by the probe\n"
        );
    }
    project.expect_tidy();
}

fn a_death_at_any_moment_leaves_no_half_a_layer(engine: TestEngine) {
    for point in [
        "layer.begun",
        "layer.prepared",
        "layer.built",
        "layer.kept",
        "layer.laid_under",
    ] {
        let project = project(engine, &configuration(COMMAND, GATE));
        project.add("a change", "write src/a.txt x");
        let mut command = project.command(&["generator", "run", "--tasks-only"]);
        let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{point} was never reached");
        project.run(&["generator", "resume", "--tasks-only"]).expect(0);
        assert_eq!(project.outcomes("cw-1"), ["merged"], "{point}");
        let [layer] = layers(&project).try_into().unwrap();
        assert!(layer.join("record.json").is_file(), "{point}");
        let times = if ["layer.kept", "layer.laid_under"].contains(&point) {
            1
        } else {
            2
        };
        assert_eq!(prepared(&project).len(), times, "{point}");
        project.expect_tidy();
    }
}
