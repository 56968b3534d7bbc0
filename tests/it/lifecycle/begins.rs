//! What a generation begins without, and what it takes over from an ended one.

use super::{generator, project, start};
use crate::support::command::cordwainer;
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::repository::TestRepository;

const QUESTION: &str = "The generation begins without src: 1 file with 1200 lines. Start it? [y/N]";

/// A repository with a source of 1,200 lines, which `start` clears.
fn large() -> TestRepository {
    let repository = project("source_dirs: [src]\n");
    repository.write("src/lib.rs", "// A line.\n".repeat(1200));
    repository.commit("more");
    repository
}

fn answered(repository: &TestRepository, answer: &str) -> (Option<i32>, String) {
    let call = generator(repository, &["start", "--name", "a"]);
    let mut terminal = PseudoTerminal::start(call.command());
    terminal.shows(QUESTION);
    terminal.types(answer);
    terminal.ended()
}

#[test]
fn at_a_terminal_much_is_cleared_only_after_a_yes() {
    let repository = large();
    let before = repository.snapshot_of_everything();
    for answer in ["\n", "n\n", "what?\n"] {
        let (code, shown) = answered(&repository, answer);
        assert_eq!(code, Some(9), "{shown}");
        assert!(
            shown.contains("nothing was started, since the answer was not yes"),
            "{shown}"
        );
    }
    let refs = |snapshot: &std::collections::BTreeMap<std::path::PathBuf, String>| {
        let of_refs = snapshot
            .iter()
            .filter(|(path, _)| path.to_string_lossy().contains("/refs/"));
        of_refs
            .map(|(path, content)| (path.clone(), content.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(refs(&repository.snapshot_of_everything()), refs(&before));
    let (code, shown) = answered(&repository, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.contains("Cleared on the generation branch: src (1 file with 1200 lines)."),
        "{shown}"
    );
}

#[test]
fn little_or_with_yes_or_without_a_terminal_nothing_is_asked() {
    let repository = large();
    generator(&repository, &["start", "--name", "a"]).run().done();
    let call = generator(&repository, &["start", "--name", "b", "--yes"]);
    let (code, shown) = PseudoTerminal::start(call.command()).ended();
    assert_eq!((code, shown.contains("[y/N]")), (Some(0), false), "{shown}");
    let little = project("source_dirs: [src]\n");
    let call = generator(&little, &["start", "--name", "a"]);
    let (code, shown) = PseudoTerminal::start(call.command()).ended();
    assert_eq!((code, shown.contains("[y/N]")), (Some(0), false), "{shown}");
}

#[test]
fn undone_tasks_of_an_ended_generation_are_carried_over() {
    let repository = project("preserve_sources: true\n");
    let run = |words: &[&str]| cordwainer(&repository, words).run();
    let nothing = "error: there is no earlier generation to carry tasks over from\n";
    run(&["start", "--name", "a", "--carry"]).refused(9, nothing);
    start(&repository, "a");
    for title in ["one", "two", "three"] {
        run(&["issues", "add", title]).done();
    }
    run(&["issues", "dep", "add", "cw-3", "cw-1"]).done();
    run(&["issues", "dep", "add", "cw-3", "cw-2"]).done();
    run(&["issues", "close", "cw-1"]).done();
    run(&["issues", "hold", "cw-2", "--reason", "not decided"]).done();
    let open = "error: cannot carry tasks over: the generation `generation-a` is still open\n\n\
                hint: end it with `cordwainer stop`, or name an ended one: `--carry NAME`\n";
    run(&["start", "--name", "b", "--carry"]).refused(9, open);
    let stopped = run(&["stop", "--no-gates"]).done();
    assert!(
        stopped.contains("`cordwainer start --carry` begins the next generation"),
        "{stopped}"
    );
    let unknown = run(&["start", "--name", "b", "--carry", "nobody"]);
    assert_eq!(unknown.code, 9, "{unknown:?}");
    let started = run(&["start", "--name", "b", "--carry"]).done();
    assert!(started.ends_with("Carried over 2 tasks: cw-2, cw-3.\n"), "{started}");
    let listed = run(&["issues", "list", "--json"]).done();
    let tasks: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let of = |index: usize, key: &str| tasks[index][key].clone();
    assert_eq!(
        (of(0, "id"), of(0, "status"), of(0, "hold")),
        ("cw-2".into(), "blocked".into(), "not decided".into())
    );
    assert_eq!((of(1, "id"), of(1, "status")), ("cw-3".into(), "open".into()));
    assert_eq!(of(1, "dependencies").as_array().unwrap().len(), 1);
    // A later one begins with what is named, whatever was last.
    run(&["reset"]).done();
    let started = run(&["start", "--name", "c", "--carry", "a", "--json"]).done();
    let started: serde_json::Value = serde_json::from_str(&started).unwrap();
    assert_eq!(started["carried"], serde_json::json!(["cw-2", "cw-3"]));
}

#[test]
fn a_task_is_carried_over_into_one_generation() {
    let repository = project("preserve_sources: true\n");
    let run = |words: &[&str]| cordwainer(&repository, words).run();
    start(&repository, "a");
    for title in ["one", "two"] {
        run(&["issues", "add", title]).done();
    }
    run(&["issues", "dep", "add", "cw-2", "cw-1"]).done();
    run(&["stop", "--no-gates"]).done();
    let tasks = run(&["issues", "list"]);
    let hint = "hint: `--generation generation-a` selects the one that ended last";
    assert!(tasks.code == 9 && tasks.stderr.contains(hint), "{}", tasks.stderr);
    run(&["issues", "list", "--generation", "generation-a"]).done();

    run(&["start", "--name", "b", "--carry", "a"]).done();
    let again = run(&["start", "--name", "c", "--carry", "a"]);
    let left_out = "Note: not carried over, because generation-b has taken them over: cw-1, cw-2.";
    assert!(again.code == 0 && again.stderr.contains(left_out), "{again:?}");
    assert!(!again.stdout.contains("Carried over"), "{}", again.stdout);
    // What was done there is not undone here, and what waited for it waits no longer.
    run(&["issues", "--generation", "b", "close", "cw-1"]).done();
    run(&["--generation", "b", "stop", "--no-gates"]).done();
    let started = run(&["start", "--name", "d", "--carry", "a", "--json"]).done();
    let started: serde_json::Value = serde_json::from_str(&started).unwrap();
    assert_eq!(started["carried"], serde_json::json!(["cw-2"]));
    assert_eq!(ids(&run(&["issues", "ready", "--json"]).done()), ["cw-2"]);
}

/// The ids of tasks in JSON.
fn ids(tasks: &str) -> Vec<String> {
    let tasks: Vec<serde_json::Value> = serde_json::from_str(tasks).unwrap();
    tasks
        .iter()
        .map(|task| task["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_configuration_that_is_not_committed_is_told() {
    let repository = project("preserve_sources: true\n");
    let told = |name: &str| {
        let started = cordwainer(&repository, &["start", "--name", name]).run();
        assert_eq!(started.code, 0, "{started:?}");
        let doctor = cordwainer(&repository, &["doctor"]).run().stdout;
        let of = |text: &str| {
            let line = text.lines().find(|line| line.contains("`configuration.yaml`"));
            line.map(str::to_owned)
        };
        let (start, doctor) = (of(&started.stderr), of(&doctor));
        assert_eq!(start.is_some(), doctor.is_some(), "{start:?} {doctor:?}");
        start
    };
    assert_eq!(told("a"), None);
    repository.write("configuration.yaml", "preserve_sources: true\r\n");
    assert_eq!(told("b"), None, "line ends are git's");
    repository.write("configuration.yaml", "max_issues: 7\n");
    let note = "Note: `configuration.yaml` has changes that are not committed: commands use the file as it is in your \
                checkout, and tasks begin from what is committed.";
    assert_eq!(told("c").as_deref(), Some(note));
    // It is what the file in the checkout says that counts.
    let shown = cordwainer(&repository, &["config", "show", "--json"]).run().done();
    assert!(shown.contains("\"max_issues\": 7"), "{shown}");
    repository.git(&["rm", "--quiet", "--cached", "configuration.yaml"]);
    repository.git(&["commit", "--quiet", "--message", "remove it"]);
    assert_eq!(
        told("d"),
        Some(note.replace("has changes that are not committed", "is not committed"))
    );
    repository.write(".gitignore", "/configuration.yaml\n");
    assert_eq!(told("e"), None, "a person's own");
}
