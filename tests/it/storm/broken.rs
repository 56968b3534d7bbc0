//! The checker names whatever is broken: a generation that is finished is copied, and each copy is broken by hand in one way.

mod hands;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use self::hands::{Copy, Finished, TASK};
use crate::support::engines::{IMAGE, TestEngine, engine_tests};

engine_tests! {
    podman: each_invariant_is_found_broken_by_whoever_breaks_it;
}

/// What holds what is broken until the checker has looked.
type Held = Option<Beside>;

/// An invariant, what breaks it, and what the checker says of that.
type Break = (&'static str, fn(&Copy) -> Held, &'static str);

const BREAKS: [Break; 32] = [
    ("merged-once", |copy| copy.land_again(), "landed 2 times"),
    (
        "merged-once",
        |copy| copy.edit(|task| task["status"] = "open".into()),
        "landed, and is \"open\"",
    ),
    (
        "merged-once",
        |copy| copy.edit(|task| task["commit"] = Value::Null),
        "and is \"closed\" without a commit",
    ),
    (
        "merged-once",
        |copy| copy.edit(|task| task["attempts"][0]["number"] = 7.into()),
        "is recorded as merged",
    ),
    ("linear", |copy| copy.merge_a_commit(), "instead of"),
    (
        "gated",
        |copy| copy.edit_events("gate_ended", |event| event["passed"] = false.into()),
        "failed on it",
    ),
    (
        "gated",
        |copy| copy.edit_events("gate_ended", |event| event["tree"] = "0".into()),
        "was never run on it",
    ),
    (
        "no-merge-lost",
        |copy| copy.git(&["update-ref", "refs/heads/generation-one", "generation-one~1"]),
        "is not on the branch",
    ),
    (
        "snapshots",
        |copy| copy.git(&["update-ref", "-d", TASK]),
        "does not reach",
    ),
    (
        "slots",
        |copy| copy.write("slots/1.dirty", r#"{"task":"cw-1","attempt":1,"session":null}"#),
        "slot 1 is marked as in use",
    ),
    ("left-work", |copy| copy.witness(), "which no ref has"),
    (
        "attempts",
        |copy| copy.edit(|task| task["attempts"][0]["number"] = 2.into()),
        "are numbered [Some(2)]",
    ),
    (
        "attempts",
        |copy| copy.add_event(&json!({"type": "task_claimed", "task": "cw-1", "attempt": 9})),
        "attempt 9 at \"cw-1\" began",
    ),
    (
        "claims",
        |copy| copy.edit(|task| task["claim"] = json!({"run": "x"})),
        "is \"closed\" for",
    ),
    (
        "ledger",
        |copy| copy.edit(|task| task["attempts"][0]["rounds"] = json!([{"call": task["attempts"][0]["call"]}])),
        "is in the ledger twice",
    ),
    (
        "ledger",
        |copy| copy.edit(|task| task["attempts"][0]["call"] = Value::Null),
        "ended, and is not in the ledger",
    ),
    (
        "ledger",
        |copy| copy.edit_events("agent_ended", |event| event["entry"]["usage"]["output"] = 1.into()),
        "and the ledger has",
    ),
    (
        "usage",
        |copy| copy.edit(|task| task["attempts"][0]["call"]["usage"]["input"] = 1.into()),
        "and the ledger has",
    ),
    (
        "usage",
        |copy| copy.edit(|task| task["attempts"][0]["call"] = Value::Null),
        "no call of the ledger is of it",
    ),
    (
        "budgets",
        |copy| copy.option(&["--usd", "0.0001"]),
        "the generation used $",
    ),
    ("budgets", |copy| copy.option(&["--task-usd", "0.0001"]), "cw-1 used $"),
    (
        "status",
        |copy| copy.edit_status(|status| status["tasks"]["closed"] = 9.into()),
        "it counts 9 tasks as closed",
    ),
    (
        "status",
        |copy| copy.edit_status(|status| status["usage"]["output"] = 1.into()),
        "it reports",
    ),
    (
        "store",
        |copy| copy.edit(|task| task["attempts"][0]["reason"] = "another".into()),
        "recorded attempts at cw-1 changed",
    ),
    (
        "events",
        |copy| copy.edit_events("run_ended", |event| event["type"] = "told".into()),
        "no event tells its end",
    ),
    (
        "events",
        |copy| copy.edit_events("run_started", |event| *event = "x".into()),
        "cannot be read",
    ),
    ("objects", |copy| copy.commit_of_nothing(), "missing tree"),
    ("history", |copy| copy.plant_in_history(), "does not reach"),
    ("locks", |copy| copy.write("../index.lock", ""), "index.lock` is left"),
    ("locks", |copy| Some(hold_a_lock(copy)), "somebody holds"),
    ("litter", make_a_socket, "a socket or a pipe"),
    (
        "litter",
        |copy| copy.write("cache/.cordwainer-unfinished-x", ""),
        "a temporary file",
    ),
];

/// Those that need more of the machine, or are of the repository as it was.
const MORE_BREAKS: [Break; 5] = [
    (
        "litter",
        |copy| copy.write("../cordwainer-locks/x", ""),
        "a file of a process",
    ),
    ("secrets", |copy| copy.write("runs/x", "a secret word"), "has `a secret"),
    (
        "checkout",
        |copy| copy.write("../../README.md", "another"),
        "`README.md` was",
    ),
    (
        "processes",
        |copy| Some(mount_a_slot(copy)),
        "has a part of the repository mounted",
    ),
    ("containers", |copy| Some(make_a_container(copy)), "is left on"),
];

fn each_invariant_is_found_broken_by_whoever_breaks_it(engine: TestEngine) {
    let finished = Finished::make(engine);
    let whole = finished.copy();
    whole.ask_engine();
    let (said, holds) = whole.check();
    assert!(holds, "nothing is broken yet: {said}");
    for (invariant, break_it, says) in BREAKS.iter().chain(&MORE_BREAKS) {
        let copy = finished.copy();
        let held = break_it(&copy);
        let (said, holds) = copy.check();
        drop(held);
        let names = |line: &str| line.starts_with(&format!("{invariant}: ")) && line.contains(says);
        assert!(!holds && said.lines().any(names), "{invariant}, `{says}`:\n{said}");
    }
    let broken: BTreeSet<&str> = BREAKS.iter().chain(&MORE_BREAKS).map(|(name, ..)| *name).collect();
    let listed = hands::listed();
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    assert_eq!(broken, listed, "each invariant has a way to break it");
}

fn hold_a_lock(copy: &Copy) -> Beside {
    let lock = File::create(copy.state().join("slots/1.lock")).unwrap();
    lock.lock().unwrap();
    Beside::File(lock)
}

fn make_a_socket(copy: &Copy) -> Held {
    UnixListener::bind(copy.state().join("x.sock")).unwrap();
    None
}

/// In a mount namespace of its own, as the worktree of a container is.
fn mount_a_slot(copy: &Copy) -> Beside {
    let slot = copy.state().join("slots/1");
    fs::create_dir_all(&slot).unwrap();
    let mut child = Command::new("unshare")
        .args([
            "--mount",
            "--map-root-user",
            "sh",
            "-c",
            "mount --bind \"$0\" \"$0\" && echo mounted && exec cat",
        ])
        .arg(&slot)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 8];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
    Beside::Process(child)
}

fn make_a_container(copy: &Copy) -> Beside {
    copy.ask_engine();
    let name = format!("cordwainer-left-{}", std::process::id());
    let label = format!("cordwainer.repository={}", copy.id());
    let mut client = copy.engine().client();
    let made = client
        .args(["create", "--name", &name, "--label", &label, IMAGE])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Beside::Container(copy.engine(), name)
}

/// What is there until this is dropped.
enum Beside {
    #[expect(dead_code, reason = "it is open as long as this is")]
    File(File),
    Process(Child),
    Container(TestEngine, String),
}

impl Drop for Beside {
    fn drop(&mut self) {
        match self {
            Self::File(_) => {}
            Self::Process(child) => {
                // It reads until its end.
                drop(child.stdin.take());
                child.wait().unwrap();
            }
            Self::Container(engine, name) => {
                engine.client().args(["rm", "--force", name]).output().unwrap();
            }
        }
    }
}
