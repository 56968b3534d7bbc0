//! Large repositories: slots are layers over a checkout that they share.

use std::collections::BTreeSet;
use std::fs;

use crate::run::people::move_on;
use crate::run::stages::{add, configured};
use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests, skip};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{proposal, scripted, user_prompt};

engine_tests! {
    both: work_above_a_shared_checkout_goes_on_is_judged_and_lands,
        measure_and_reviews_read_a_shared_checkout_and_leave_nothing_mounted;
    podman first: gates_run_above_the_checkout_that_agents_have;
    podman: newer_work_stages_and_what_was_prepared_come_above_a_shared_checkout;
}

/// Writes so many files that slots share a checkout of them.
pub(super) fn write_many_files(repository: &TestRepository) {
    for number in 0..2_100 {
        let path = format!("many/{}/{}.txt", number % 20, number / 20);
        repository.write(path, format!("{number}\n"));
    }
}

/// A small project among so many files.
fn many_files() -> TestRepository {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    write_many_files(&repository);
    repository
}

/// Returns the names in a folder of the state folder, ordered.
fn names(project: &Project, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(project.state().join(folder)).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn work_above_a_shared_checkout_goes_on_is_judged_and_lands(engine: TestEngine) {
    if !rustix::process::geteuid().is_root() {
        skip("slots share checkouts only with root");
        return;
    }
    let configuration =
        "gates: [{command: cat=src/1.txt, compare: strict}, cat=many/3/3.txt]\ncycles: off\nlimits: {wait: never}\n";
    let project = Project::on(engine, many_files(), configuration);
    let before = project.files("generation-one").len();
    project.add(
        "changes a little",
        "tokens 100 10 0.25\ndelete many/0/1.txt\nappend many/1/1.txt more\nrename many/2/1.txt many/2/new.txt\n\
         limit 1900000000\ntokens 100 10 0.25\nwrite src/1.txt one\nwrite many/0/2.txt other",
    );
    project.run(&["resume", "--now"]).expect(8);
    // It waits in its slot, which has what it changed and nothing else.
    let names = |folder: &str| names(&project, folder);
    assert_eq!(names("uppers/1"), [".git", "many"]);
    assert_eq!(names("uppers/1/many"), ["0", "1", "2"]);
    assert_eq!(names("uppers/1/many/1"), ["1.txt"]);
    assert_eq!(names("slots/1"), [] as [&str; 0]);
    project.run(&["resume", "--now"]).expect(0);
    assert_eq!(project.outcomes("cw-1").last().map(String::as_str), Some("merged"));
    let files = project.files("generation-one");
    for (path, expect) in [
        ("src/1.txt", Some("one")),
        ("many/0/1.txt", None),
        ("many/0/2.txt", Some("other")),
        ("many/1/1.txt", Some("21 more")),
        ("many/2/1.txt", None),
        ("many/2/new.txt", Some("22")),
        ("many/3/3.txt", Some("63")),
    ] {
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let content = files.contains_key(path).then(|| words(project.content(path)));
        assert_eq!(content.as_deref(), expect, "{path}");
    }
    assert_eq!(files.len(), before);
    // The next task, and its gates, are above the checkout that is there: it differs little from the newer tip.
    let checkouts = names("checkouts");
    assert_eq!(checkouts.len(), 2, "{checkouts:?}");
    // Git's index for the next one is there before it begins.
    let tree = project.repository.git(&["rev-parse", "generation-one^{tree}"]);
    let ready = names(&format!("checkouts/{}", checkouts[0]));
    let begins = format!("index-{}.", tree.trim());
    assert!(ready.iter().any(|name| name.starts_with(&begins)), "{ready:?}");
    project.add(
        "changes a little more",
        "tokens 100 10 0.25\nwrite src/2.txt two\nwrite many/0/1.txt again",
    );
    project.run(&["resume", "--now"]).expect(0);
    assert_eq!(project.content("many/0/1.txt"), "again");
    assert_eq!(project.files("generation-one").len(), before + 2);
    assert_eq!(names("checkouts"), checkouts);
    project.expect_tidy();
}

fn newer_work_stages_and_what_was_prepared_come_above_a_shared_checkout(engine: TestEngine) {
    if !rustix::process::geteuid().is_root() {
        skip("slots share checkouts only with root");
        return;
    }
    let repository = TestRepository::empty();
    repository.write("docs.md", "Write documents about {{ title | fenced(\"title\") }}\n");
    repository.write("deps.lock", "one\n");
    repository.write(".gitignore", "target/\n");
    write_many_files(&repository);
    let prepare =
        "commands: {prepare: {command: make-folder=target/deps write-file=target/deps/a, inputs: [\"*.lock\"]}}\n";
    let gate = "gates: [{command: cat=target/deps/a cat=many/3/3.txt cat=src/own.txt, compare: strict}]\n";
    let configuration = format!(
        "{prepare}{gate}cycles: off\nlimits: {{wait: never}}\n{}",
        configured("")
    );
    let project = Project::on(engine, repository, &configuration);
    let work = "tokens 100 10 0.25\nappend target/deps/a more\nwrite target/own x\nwrite src/shared.txt mine\ndelete many/0/1.txt\n\
                limit 1900000000\ntokens 100 10 0.25\nappend target/own y\nwrite src/own.txt mine\nappend many/1/1.txt more\n\
                done\nappend src/shared.txt both\nappend target/own z";
    let docs = "append target/deps/a docs\nappend src/own.txt seen\nwrite src/own.txt mine\nwrite docs/a.md x";
    add(&project, work, &[("docs", docs)]);
    project.run(&["resume", "--now"]).expect(8);
    // Its folder of dependencies is a place to mount upon, and not among what it wrote.
    assert_eq!(names(&project, "uppers/1"), [".git", "many", "src", "target"]);
    assert_eq!(names(&project, "uppers/1/target"), [] as [&str; 0]);
    move_on(&project, "theirs");
    project
        .run(&["resume", "--now"])
        .expect(0)
        .says("conflict round 1 of 2: the work conflicts with newer work in `src/shared.txt`.");
    assert_eq!(project.outcomes("cw-1").last().map(String::as_str), Some("merged"));
    for (path, expect) in [
        ("src/own.txt", "mine"),
        ("src/shared.txt", "theirs both"),
        ("many/1/1.txt", "21 more"),
        ("docs/a.md", "x"),
        ("many/3/3.txt", "63"),
    ] {
        let content = project.content(path);
        assert_eq!(
            content.split_whitespace().collect::<Vec<_>>().join(" "),
            expect,
            "{path}"
        );
    }
    let files = project.files("generation-one");
    assert!(!files.contains_key("many/0/1.txt") && !files.contains_key("target/own"));
    // No worktree of an agent or a gate was a copy: the first one was, when something was prepared in it.
    let copies = names(&project, "slots")
        .into_iter()
        .filter(|name| name.parse::<u32>().is_ok_and(|slot| slot > 1));
    let copies: Vec<_> = copies.map(|slot| names(&project, &format!("slots/{slot}"))).collect();
    assert!(!copies.is_empty() && copies.iter().all(Vec::is_empty), "{copies:?}");
    assert_eq!(names(&project, "checkouts").len(), 2);
    project.expect_tidy();
}

/// Returns what tools answered, in order.
fn tool_results(transcript: &str) -> Vec<String> {
    let lines = transcript
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let results = lines.filter_map(|line| {
        let result = &line["message"]["content"][0];
        (result["type"] == "tool_result").then(|| result["content"].as_str().unwrap().to_owned())
    });
    results.collect()
}

fn measure_and_reviews_read_a_shared_checkout_and_leave_nothing_mounted(engine: TestEngine) {
    if !rustix::process::geteuid().is_root() {
        skip("slots share checkouts only with root");
        return;
    }
    let work = "delete many/0/1.txt\nappend many/1/1.txt more\nwrite src/1.txt one";
    let reads = "attack read many/0/1.txt\nattack read many/1/1.txt\nattack read many/3/3.txt\n\
                 try write many/3/3.txt x\ntry delete many/2/1.txt\ntry write new.txt x\n";
    let mut task = proposal("a", "Change a little", &[], work);
    let approves = json!({"score": 9, "approved": true, "summary": "Read it.", "findings": []});
    let review = format!("{}\n\n~~~review\n{reads}propose {approves}\n~~~", scripted(work));
    task["description"] = json!(review);
    let proposes = json!({ "proposals": [task] });
    let script = format!("{reads}propose {proposes}");
    let project = Project::on(
        engine,
        many_files(),
        &format!("stages: [stitch, review]\n{}", user_prompt(&script)),
    );
    let died = project
        .command(&["generator", "run"])
        .env("CORDWAINER_CRASH_AT", "measure.called")
        .output();
    assert!(!died.unwrap().status.success());
    let views = || {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let state = project.state().canonicalize().unwrap();
        let is_view = |line: &&str| line.contains(&*state.to_string_lossy()) && line.contains(".view overlay ro");
        mounts.lines().filter(is_view).count()
    };
    assert_eq!(views(), 0);
    project.run(&["resume", "--now"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(views(), 0);
    // The measure sees the files of the checkout, the review those of the work above it.
    for (call, there) in [("measure-1-1", true), ("cw-1-1-review-1", false)] {
        let folder = project.records(call).pop().unwrap();
        let results = tool_results(&fs::read_to_string(folder.join("transcript.jsonl")).unwrap());
        let [first, second, third, refused @ ..] = &results[..] else {
            panic!("{call}: {results:?}");
        };
        let expect = if there {
            ["done: 3 bytes", "done: 3 bytes"]
        } else {
            ["refused: No such file", "done: 8 bytes"]
        };
        assert!(
            first.contains(expect[0]) && second.contains(expect[1]),
            "{call}: {results:?}"
        );
        assert!(third.contains("done: 3 bytes"), "{call}: {results:?}");
        let is_refused = |result: &&String| result.starts_with("Read-only file system");
        assert_eq!(refused.iter().filter(is_refused).count(), 3, "{call}: {results:?}");
    }
    // Nobody had the files for itself.
    let folders = names(&project, "slots")
        .into_iter()
        .filter(|name| name.parse::<u32>().is_ok());
    let copies: Vec<_> = folders.map(|slot| names(&project, &format!("slots/{slot}"))).collect();
    assert!(!copies.is_empty() && copies.iter().all(Vec::is_empty), "{copies:?}");
    assert_eq!(names(&project, "checkouts").len(), 2);
    project.expect_tidy();
}

/// The run dies when gates have judged some work, and what they ran in has not been given back yet.
fn gates_run_above_the_checkout_that_agents_have(engine: TestEngine) {
    if !rustix::process::geteuid().is_root() {
        skip("slots share checkouts only with root");
        return;
    }
    let gates = "gates: [cat=many/3/3.txt, cat=README.md]\ngates_parallel: 2\n";
    let project = Project::on(engine, many_files(), gates);
    project.add("comes first", "write src/1.txt one");
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    let checkouts = names(&project, "checkouts");
    project.add("is judged", "write src/2.txt two\ndelete many/0/1.txt");
    let mut command = project.command(&["generator", "resume", "--tasks-only"]);
    let died = command.env("CORDWAINER_CRASH_AT", "gates.noted").output().unwrap();
    assert!(!died.status.success());

    let slots: Vec<String> = names(&project, "slots");
    let numbers = slots.iter().filter_map(|name| name.parse::<u32>().ok());
    let marker = |slot: &u32| {
        let path = project.state().join(format!("slots/{slot}.dirty"));
        fs::read_to_string(path).unwrap_or_default()
    };
    let (of_gates, others): (Vec<u32>, Vec<u32>) = numbers.partition(|slot| marker(slot) == "gates are tried");
    let of_agent = others.iter().find(|slot| marker(slot).contains("cw-2")).unwrap();
    assert_eq!(of_gates.len(), 2, "{slots:?}");
    let below = |slot: u32| fs::read_to_string(project.state().join(format!("uppers/{slot}.checkout"))).unwrap();
    for slot in &of_gates {
        assert_eq!(names(&project, &format!("slots/{slot}")), [] as [&str; 0]);
        assert_eq!(below(*slot), below(*of_agent), "gates and agents share one checkout");
        // What the gates' commit has otherwise is all that is written.
        let upper = project.state().join(format!("uppers/{slot}"));
        let written = walkdir::WalkDir::new(&upper).into_iter().map(Result::unwrap);
        let written = written.filter(|entry| !entry.file_type().is_dir());
        let written: BTreeSet<_> = written
            .map(|entry| entry.path().strip_prefix(&upper).unwrap().display().to_string())
            .filter(|path| !path.starts_with(".git"))
            .collect();
        let expect = ["many/0/1.txt", "src/1.txt", "src/2.txt"].map(String::from);
        assert_eq!(written, BTreeSet::from(expect));
    }
    assert_eq!(names(&project, "checkouts"), checkouts);
    project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-2").last().map(String::as_str), Some("merged"));
    assert_eq!(names(&project, "checkouts"), checkouts);
    project.expect_tidy();
}
