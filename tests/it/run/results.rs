//! Gates that report their tests by name: what passed before the work must pass, and what failed may still fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cordwainer::event::{EventKind, TestCounts, Verdict};
use cordwainer::image::{self, BuildOptions};
use rustix::process::Signal;

use crate::support::engines::{TestEngine, absent, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;
use crate::support::weak_engine::WeakEngine;

engine_tests! {
    podman first: a_red_gate_without_names_stops_the_run_until_a_person_decides;
    docker first: a_server_is_checked_in_the_gates_own_container;
    podman: results_and_the_exit_code_must_agree, files_conditions_and_artifacts_are_seen_to_on_the_host, what_passed_before_the_work_must_pass_and_what_failed_may_fail,
        a_run_that_ends_while_gates_run_on_the_base_charges_nobody, a_merge_may_fail_what_the_base_branch_fails;
}

/// A gate that prints what is in one file, and ends with what is in another.
const BY_NAME: &str = "gates: [{name: tests, command: cat=src/out.tap exit_of=src/code, results: tap}]\n\
                       stitch: {max_attempts: 1}\n";

/// A repository whose tests are `adds`, which passes, `divides`, which passes, and `roots`, which fails.
fn repository() -> TestRepository {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    repository.write("src/out.tap", tap("ok adds", "ok divides", "not ok roots"));
    repository.write("src/code", "1");
    repository.write(".gitignore", "*.xml\n");
    repository
}

fn tap(first: &str, second: &str, third: &str) -> String {
    format!("1..3\n{first}\n{second}\n{third}\n")
}

/// The script of a task that leaves these results.
fn leaves(output: &str, code: u8) -> String {
    format!("write src/out.tap <<END\n{output}END\nwrite src/code {code}")
}

/// The verdicts of gates on a task, with the counts of their tests.
fn verdicts(project: &Project, id: &str) -> Vec<(Verdict, Option<TestCounts>)> {
    let events = project.events().into_iter();
    let of_task = events.filter_map(|event| match event {
        EventKind::GateEnded {
            task,
            verdict,
            counts,
            seconds,
            ..
        } if task.to_string() == id => {
            assert!(seconds.is_some_and(|seconds| seconds > 0.0));
            Some((verdict.unwrap(), counts))
        }
        _ => None,
    });
    of_task.collect()
}

fn counts(passed: u32, failed: u32) -> TestCounts {
    TestCounts {
        passed,
        failed,
        skipped: 0,
    }
}

fn what_passed_before_the_work_must_pass_and_what_failed_may_fail(engine: TestEngine) {
    let project = Project::on(engine, repository(), BY_NAME);
    project.add("something else", "write src/a.txt x");
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran
        .says("Note: gate `tests` is red on ")
        .says("cw-1: gate `tests` is still failing: exited with 1 (2 passed, 1 failed): tests failed before the work, too: `roots`.");
    assert_eq!(
        verdicts(&project, "cw-1"),
        [(Verdict::StillFailing, Some(counts(2, 1)))]
    );
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let cases = [
        // As many fail, and one of them is another.
        (
            tap("ok adds", "not ok divides", "ok roots"),
            1,
            "gate_failed",
            "did not fail before the work: `divides`",
        ),
        (
            tap("ok adds", "ok divides", "not ok roots") + "1..1\nnot ok new\n",
            1,
            "gate_failed",
            "`new`",
        ),
        // One is gone, or skipped.
        (
            "1..2\nok adds\nnot ok roots\n".to_owned(),
            1,
            "gate_failed",
            "passes 1 tests fewer than before the work",
        ),
        (
            tap("ok adds", "ok divides # SKIP", "not ok roots"),
            1,
            "gate_failed",
            "gone or skipped: `divides`",
        ),
        // Renamed, and one more.
        (
            tap("ok adds", "ok quotients", "ok roots"),
            0,
            "merged",
            "gone or skipped: `divides`",
        ),
        // From now on, it must pass.
        (
            tap("ok adds", "ok quotients", "not ok roots"),
            1,
            "gate_failed",
            "`roots`",
        ),
    ];
    for (number, (output, code, outcome, says)) in cases.into_iter().enumerate() {
        let id = format!("cw-{}", number + 2);
        project.add("a change", &leaves(&output, code));
        let expect = if outcome == "merged" { 0 } else { 7 };
        project.run(&["generator", "stitch", &id]).expect(expect).says(says);
        assert_eq!(project.outcomes(&id), [outcome], "{output}");
    }
    project.expect_tidy();
}

/// The base is tried again after the work where its results are not there any more, and then the gate does not end.
fn a_run_that_ends_while_gates_run_on_the_base_charges_nobody(engine: TestEngine) {
    let repository = repository();
    let table = repository.path().join(".git/cordwainer/cache/gates.json");
    let begun = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&begun);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let weak = runtime.block_on(WeakEngine::before(&engine.socket(), move |body| {
        let entrypoint = body["Entrypoint"].to_string();
        if entrypoint.contains("cat=src/out.tap") {
            // 1: the tip, before any work; 2: the work; 3: what it began from.
            match seen.fetch_add(1, Relaxed) + 1 {
                2 => std::fs::remove_file(&table).unwrap(),
                3 => {
                    let hangs = entrypoint.replace("cat=src/out.tap", "sleep=600000");
                    body["Entrypoint"] = serde_json::from_str(&hangs).unwrap();
                }
                _ => {}
            }
        }
    }));
    let more = format!("stop_grace: 1s\n{BY_NAME}");
    let project = Project::with_socket(engine, repository, weak.socket(), &more);
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    project.add("something else", "write src/a.txt x");
    let run = project.spawn(&["generator", "run"]);
    wait_until(|| begun.load(Relaxed) == 3 && !project.containers().is_empty());
    signal(&run, Signal::INT);
    Ran::from(run.wait_with_output().unwrap()).expect(130);
    assert_eq!(project.outcomes("cw-1"), ["cancelled"]);
    assert_eq!(verdicts(&project, "cw-1"), [], "nothing was compared");
    // Of the one attempt that it may have, none is used.
    assert_eq!(project.issue("cw-1")["status"], "open");
    assert_eq!(project.containers(), Vec::<String>::new());
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    assert_eq!(
        verdicts(&project, "cw-1"),
        [(Verdict::StillFailing, Some(counts(2, 1)))]
    );
    project.expect_tidy();
}

fn a_merge_may_fail_what_the_base_branch_fails(engine: TestEngine) {
    let project = Project::on(engine, repository(), BY_NAME);
    project.add("something else", "write src/a.txt x");
    project.run(&["generator", "stitch"]).expect(0);
    project.run(&["generator", "stop"]).expect(0);
    assert_eq!(project.repository.git(&["show", "main:src/a.txt"]), "x");
    // What the tip does not pass by itself is known by name, too.
    let names = project.state().join("cache/gate-tests");
    assert!(std::fs::read_dir(names).unwrap().count() > 0);
}

fn a_red_gate_without_names_stops_the_run_until_a_person_decides(engine: TestEngine) {
    let mut project = Project::on(engine, repository(), "");
    project.add("a change", "write src/a.txt x");
    project.reconfigure(None, "gates: [{name: plain, command: exit=3}]\n");
    let ran = project.run(&["generator", "run"]).expect(9);
    let _ = ran
        .says("the gate `plain` is red (exited with 3), and has no names of failing tests")
        .says("`advisory: true`, so that it is only reported");
    assert_eq!(project.outcomes("cw-1"), Vec::<String>::new());
    project.reconfigure(
        None,
        "gates: [{name: plain, command: exit=3, advisory: true}, exit=0]\n",
    );
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran
        .says("Warning: gate `plain` is red on ")
        .says("cw-1: gate `plain` failed, which is advisory")
        .says("cw-1: gate `exit=0` passed.");
    assert_eq!(
        verdicts(&project, "cw-1"),
        [(Verdict::Failed, None), (Verdict::Passed, None)]
    );
    let reason = project.issue("cw-1")["attempts"][0]["reason"].clone();
    assert_eq!(reason, "advisory: the gate `plain` exited with 3");
    project.expect_tidy();
}

fn results_and_the_exit_code_must_agree(engine: TestEngine) {
    let repository = repository();
    repository.write("src/code", "0");
    repository.write("src/out.tap", tap("ok adds", "ok divides", "ok roots"));
    repository.write("src/good.xml", "<testsuite><testcase name='a'/></testsuite>");
    let _ = repository.git(&["add", "--force", "src/good.xml"]);
    let mut project = Project::on(engine, repository, BY_NAME);
    for (number, (output, code, says)) in [
        (
            tap("ok adds", "ok divides", "not ok roots"),
            0,
            "exited with 0, although tests failed (2 passed, 1 failed)",
        ),
        (
            tap("ok adds", "ok divides", "ok roots"),
            1,
            "exited with 1, although no test failed (3 passed)",
        ),
        ("1..3\nok adds\n".to_owned(), 0, "could not be run"),
        (
            "no results\n".to_owned(),
            0,
            "its results cannot be used: its output has no plan of TAP",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("cw-{}", number + 1);
        project.add("a change", &leaves(&output, code));
        project.run(&["generator", "stitch", &id]).expect(7).says(says);
        assert_eq!(project.outcomes(&id), ["gate_failed"], "{output}");
    }
    assert_eq!(verdicts(&project, "cw-4"), [(Verdict::NotRun, None)]);
    // A file that the gate does not write is not its result, whoever left it.
    project.add(
        "a file",
        "write src/a.txt x\nwrite forged.xml <testsuite><testcase name='a'/></testsuite>",
    );
    for (gate, code, says) in [
        (
            "copy=src/good.xml,results.xml",
            3,
            "it wrote no file that matches `forged.xml`",
        ),
        ("copy=src/good.xml,forged.xml", 0, "gate `junit` passed (1 passed)."),
    ] {
        project.reconfigure(
            None,
            &format!("gates: [{{name: junit, command: '{gate}', results: forged.xml}}]\nstitch: {{max_attempts: 9}}\n"),
        );
        project.run(&["generator", "stitch", "cw-5"]).expect(code).says(says);
    }
    project.expect_tidy();
}

fn files_conditions_and_artifacts_are_seen_to_on_the_host(engine: TestEngine) {
    let gates = "gates:\n  - {name: documents, files: [docs/*.md, src/a.txt, src/out.tap]}\n\
                 \x20 - {name: site, command: exit_of=src/code, when: {paths: [site/**]}, compare: strict}\n\
                 \x20 - {name: kept, command: 'copy=src/out.tap,report.xml', artifacts: ['*.xml', 'src/*']}\n\
                 stitch: {max_attempts: 1}\n";
    let project = Project::on(engine, repository(), gates);
    // A link is not a file of the project's, wherever it leads.
    project.add("a file", "write src/a.txt x\nsymlink src/link out.tap");
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran
        .says("Note: gate `documents` is red on ")
        .says("cw-1: gate `documents` passed (3 passed).")
        .says("cw-1: gate `kept` passed.");
    assert_eq!(verdicts(&project, "cw-1").len(), 2, "the task does not touch the site");
    let records = &project.records("cw-1-1")[0];
    let list = std::fs::read_to_string(records.join("gate-3-artifacts.json")).unwrap();
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    let paths: Vec<&str> = list.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["report.xml", "src/a.txt", "src/code", "src/out.tap"]);
    let copy = std::fs::read_to_string(records.join(list[0]["file"].as_str().unwrap())).unwrap();
    assert!(copy.contains("not ok roots"), "{copy}");
    let cases = [
        ("write site/a.html x", "the gate `site` exited with 1"),
        ("delete src/a.txt", "no file matches `src/a.txt`"),
        ("bigfile src/a.txt 0", "`src/a.txt` is empty"),
    ];
    for (number, (script, says)) in cases.into_iter().enumerate() {
        let id = format!("cw-{}", number + 2);
        project.add("a change", script);
        project.run(&["generator", "stitch", &id]).expect(7).says(says);
        assert_eq!(project.outcomes(&id), ["gate_failed"]);
    }
    project.expect_tidy();
}

/// A server that takes a while, and then answers everything alike.
const SERVER: &str = "sleep 1\nexec socat TCP-LISTEN:3000,fork,reuseaddr,bind=127.0.0.1 SYSTEM:'sh answer.sh'\n";

/// The gates, and what is found of each.
const SERVED: [(&str, &str); 4] = [
    (
        "{name: web, command: sh check.sh, serve: {command: sh server.sh, port: 3000, ready: /health, within: 20s}}",
        "true passes, on generation-one",
    ),
    (
        "{name: bad, command: sh check.sh; exit 3, compare: strict, serve: {command: sh server.sh, port: 3000}}",
        "false red before any work: it exited with 3\n      | served",
    ),
    (
        "{name: none, command: exit 0, serve: {command: no-such-server, port: 3001}}",
        "there is no server to check: it ended with 127 before it could be used",
    ),
    (
        "{name: late, command: exit 0, serve: {command: sleep 60, port: 3001, within: 1s}}",
        "there is no server to check: it could not be used within 1 s",
    ),
];

fn a_server_is_checked_in_the_gates_own_container(engine: TestEngine) {
    let tag = image::tag(&BuildOptions::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runtime
        .block_on(async { engine.connect().await.image_id(&tag).await.unwrap() })
        .is_none()
    {
        return absent("Claude image");
    }
    let repository = repository();
    repository.write("server.sh", SERVER);
    // What closes a connection with a part of the request unread breaks it.
    repository.write(
        "answer.sh",
        "sed '/^\r$/q' >/dev/null\nprintf 'HTTP/1.0 200 OK\\r\\n\\r\\nserved\\n'\n",
    );
    repository.write(
        "check.sh",
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | socat -t 5 - TCP:127.0.0.1:3000 | grep served\n",
    );
    let mut project = Project::on(engine, repository, "");
    let gates = SERVED.map(|(gate, _)| format!("  - {gate}\n")).concat();
    project.use_image(&tag, &format!("gates:\n{gates}"));
    let ran = project.run(&["doctor", "--gates", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let checks = document["engines"][0]["checks"].as_array().unwrap().iter();
    let checks: Vec<_> = checks
        .filter(|check| check["name"].as_str().unwrap().starts_with("gate "))
        .map(|check| format!("{} {}", check["held"], check["found"].as_str().unwrap()))
        .collect();
    assert_eq!(checks.len(), SERVED.len(), "{}", ran.stdout);
    for (check, (_, says)) in checks.iter().zip(SERVED) {
        assert!(check.contains(says), "{check}");
    }
}
