//! What the API returns is what commands print with `--json`, and errors are theirs.

use hyper::Method;
use serde_json::{Value, json};

use super::{api, command_of, served, with_tasks};
use crate::runs::records::{WHOLE, claimed, started, whole, write};
use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;
use crate::support::serve::serving;

fn printed(repository: &TestRepository, arguments: &[&str]) -> Value {
    cordwainer(repository, &[arguments, &["--json"]].concat()).run().json()
}

#[test]
fn documents_are_those_of_the_commands() {
    let repository = with_tasks();
    whole(&repository);
    write(
        &repository,
        "20261130-130000000-1",
        &[started("20261130-130000000-1", "generation-one"), claimed("cw-1")],
        b"{\"at\":\"2026",
    );
    let served = served(&repository, &[]);
    let api = api(&served);
    for (end, arguments) in [
        ("/status", &["status"][..]),
        ("/status?generation=one", &["status", "--generation", "one"]),
        ("/generations", &["list"]),
        ("/runs", &["runs", "list"]),
        ("/runs?limit=1", &["runs", "list", "--limit", "1"]),
        ("/runs?of=one", &["runs", "list", "--of", "one"]),
        ("/runs?of=other", &["runs", "list", "--of", "other"]),
        (&*format!("/runs/{WHOLE}"), &["runs", "show", WHOLE]),
        ("/runs/20261130-13", &["runs", "show", "20261130-13"]),
        ("/runs/one", &["runs", "show", "one"]),
        ("/tasks", &["issues", "list"]),
        ("/tasks?status=held", &["issues", "list", "--status", "held"]),
        (
            "/tasks?status=open&status=held&label=ui",
            &["issues", "list", "--status", "open,held", "--label", "ui"],
        ),
        ("/tasks/cw-1", &["issues", "show", "cw-1"]),
        ("/tasks/1", &["issues", "show", "1"]),
        ("/usage", &["stats", "usage"]),
        ("/stats/tasks", &["stats", "tasks"]),
        ("/stats/models", &["stats", "models"]),
    ] {
        assert_eq!(
            served.json(&format!("{api}{end}")),
            printed(&repository, arguments),
            "{end}"
        );
    }
    assert_eq!(served.json("/api/v1/runs"), json!([]));
}

#[test]
fn errors_are_those_of_the_commands_with_a_status_for_each_kind() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let api = api(&served);
    for (end, arguments, status) in [
        ("/tasks/cw-9", &["issues", "show", "cw-9"][..], 400),
        ("/tasks/cw-1/diff", &["issues", "diff", "cw-1"], 409),
        ("/tasks?group=none", &["issues", "list", "--group", "none"], 400),
        ("/runs/none", &["runs", "show", "none"], 409),
        ("/status?generation=none", &["status", "--generation", "none"], 409),
    ] {
        let problem = served.get(&format!("{api}{end}")).ask().expect(status).json();
        let called = cordwainer(&repository, arguments).run();
        assert_eq!(problem["exit_code"], called.code, "{end}");
        let told = format!("error: {}", problem["error"].as_str().unwrap());
        assert!(called.stderr.starts_with(&told), "{told}\n{}", called.stderr);
    }
    for (path, status) in [
        (format!("{api}/tasks?status=gone"), 400),
        (format!("{api}/tasks?color=red"), 400),
        (format!("{api}/runs?limit=many"), 400),
        (format!("{api}/tasks/cw-1/diff?attempt=x"), 400),
        (format!("{api}/tasks/cw-1?generation=a&generation=b"), 400),
        (format!("{api}/tasks/..%2f..%2fetc"), 400),
        ("/api/v1/repositories/000000000000/status".to_owned(), 404),
    ] {
        served.get(&path).ask().expect(status);
    }
    // What was asked of a run that is not there.
    let nothing = served
        .post(&format!("{api}/runs/one/pause"), &json!({}))
        .ask()
        .expect(404)
        .json();
    assert_eq!(
        (&nothing["kind"], &nothing["exit_code"]),
        (&json!("nothing_to_do"), &json!(4))
    );
    let stop = served
        .post(&format!("{api}/runs/one/stop"), &json!({"now": true}))
        .ask()
        .expect(404)
        .json();
    assert_eq!(stop["error"], "no run is at work on this repository");
}

#[test]
fn tasks_are_changed_as_the_commands_change_them() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let api = api(&served);
    let act = |end: &str, body: Value| served.post(&format!("{api}/tasks/{end}"), &body).ask();
    let shown = || printed(&repository, &["issues", "show", "cw-1"]);
    let released = act("cw-1/release", json!({"with": "Centimetres."})).expect(200).json();
    assert_eq!(
        (&released["status"], released == shown()),
        (&json!("open"), true),
        "{released:#}"
    );
    assert_eq!(released["comments"][0]["text"], "Centimetres.");
    act("cw-1/release", json!({})).expect(409);
    let held = act("cw-1/hold", json!({"reason": "later <b>"})).expect(200).json();
    assert_eq!((&held["hold"], held == shown()), (&json!("later <b>"), true));
    let commented = act("cw-1/comment", json!({"text": "In \u{202e}two\nlines."}))
        .expect(200)
        .json();
    assert_eq!(commented["comments"][1]["text"], "In \u{202e}two\nlines.");
    act("cw-1/comment", json!({"text": " "})).expect(400);
    act("cw-1/answer", json!({"texts": ["x"]})).expect(409);
    act("cw-1/accept", json!({})).expect(409);
    act("cw-1/revert", json!({"reason": "x"})).expect(409);
    act("cw-1/say", json!({"text": "x"})).expect(404);
    let closed = act("cw-1/close", json!({"reason": "done by hand"})).expect(200).json();
    assert_eq!(
        (&closed["close_reason"], closed == shown()),
        (&json!("done by hand"), true)
    );
    assert_eq!(act("cw-2/close", json!({})).expect(200).json()["status"], "closed");
}

#[test]
fn elsewhere_all_repositories_of_the_register_are_served() {
    let [one, two] = [with_tasks(), with_tasks()];
    let user = tempfile::tempdir().unwrap();
    let register = user.path().join("cordwainer/repositories");
    std::fs::create_dir_all(&register).unwrap();
    let entry = |repository: &TestRepository, name: &str| {
        let path = repository.path().canonicalize().unwrap();
        let text = json!({
            "version": 1, "repository": path, "git_folder": path.join(".git"), "state_dir": path.join(".git/cordwainer"),
            "generation": "generation-one", "prefix": "generation-", "run": WHOLE, "pid": 1, "mode": "generate",
            "began": "2026-11-30T12:00:00Z",
        });
        std::fs::write(register.join(name), text.to_string()).unwrap();
    };
    entry(&one, "1.json");
    entry(&two, "2.json");
    std::fs::write(register.join("3.json"), "{").unwrap();
    let mut command = command_of(&one);
    command.current_dir(user.path());
    let served = serving(command, user.path(), &["serve"]);
    let all = served.json("/api/v1/repositories");
    let ids: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2, "{all:#}");
    for id in &ids {
        assert_eq!(
            served
                .json(&format!("/api/v1/repositories/{id}/tasks"))
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
    let runs = served.json("/api/v1/runs");
    let mut ps = command_of(&one);
    let ps = ps
        .args(["ps", "--all", "--json"])
        .env("XDG_STATE_HOME", user.path())
        .output()
        .unwrap();
    assert_eq!(runs, serde_json::from_slice::<Value>(&ps.stdout).unwrap());
    let html = served.json("/")["html"].to_string();
    assert!(
        html.contains("cannot read the entry"),
        "what cannot be read is told: {html}"
    );
    // Within one of them, that one alone.
    let own = self::served(&one, &[]);
    assert_eq!(own.json("/api/v1/repositories").as_array().unwrap().len(), 1);
    let second = ids
        .iter()
        .find(|id| !own.json("/api/v1/repositories").to_string().contains(**id))
        .unwrap();
    own.get(&format!("/api/v1/repositories/{second}/tasks"))
        .ask()
        .expect(404);
    own.asking(Method::GET, "/api/v1/runs").ask().expect(401);
}

#[test]
fn a_transcript_is_read_a_part_at_a_time_and_nothing_else_is() {
    let repository = with_tasks();
    let folder = whole(&repository);
    let served = served(&repository, &[]);
    let api = api(&served);
    let read = |query: &str| served.get(&format!("{api}/transcript?{query}")).ask();
    let records = format!("runs/{WHOLE}/cw-k7qd-1");
    let part = read(&format!("records={records}")).expect(200).json();
    assert_eq!(part["next"], json!(null));
    let lines: Vec<&str> = part["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(&lines[..2], ["  I run the tests.", "> Bash cargo test"]);
    assert!(
        lines[2..]
            .iter()
            .all(|line| line.starts_with("| ") && !line.contains(['\u{1b}', '\u{202e}'])),
        "{lines:?}"
    );
    // A long one comes in parts, and all of it.
    let said = |number: usize| {
        let block = json!({"type": "text", "text": format!("{number} {}", "x".repeat(1000))});
        json!({"type": "assistant", "message": {"content": [block]}}).to_string() + "\n"
    };
    let text: String = (0..500).map(said).collect();
    std::fs::write(folder.join("cw-k7qd-1/transcript.jsonl"), text).unwrap();
    let (mut after, mut count, mut parts) = (json!(0), 0, 0);
    while !after.is_null() {
        let part = read(&format!("records={records}&after={after}")).expect(200).json();
        for line in part["lines"].as_array().unwrap() {
            assert!(line.as_str().unwrap().starts_with(&format!("  {count} ")), "{line}");
            count += 1;
        }
        after = part["next"].clone();
        parts += 1;
    }
    assert_eq!(count, 500);
    assert!(parts > 3, "{parts}");
    for wrong in [
        "",
        "runs",
        &format!("runs/{WHOLE}"),
        &format!("runs/{WHOLE}/.."),
        &format!("runs/{WHOLE}/../{WHOLE}"),
        "../../../../etc/passwd",
        "/etc/passwd",
    ] {
        read(&format!("records={wrong}")).expect(400);
    }
    for missing in [format!("runs/{WHOLE}/cw-none-1"), "runs/x/y".to_owned()] {
        read(&format!("records={missing}")).expect(404);
    }
}
