//! `stats tasks` and `stats models` over stores that were written by hand, with figures worked out by hand.

use cordwainer::agent::Role;
use cordwainer::attempt::{Candidate, Outcome};
use cordwainer::generation::GenerationName;
use cordwainer::issue::{NewIds, NewIssue, TaskPlan};
use cordwainer::store::Store;
use serde_json::{Value, json};

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;
use crate::usage::{at, attempt, call, project};

fn stats(repository: &TestRepository, arguments: &[&str]) -> Called {
    cordwainer(repository, &[&["stats"], arguments].concat()).run()
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let words = |line: &str| {
        line.split("  ")
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    text.lines().map(words).collect()
}

#[test]
fn a_task_has_one_row_with_all_of_its_attempts() {
    let repository = project("");
    let report = stats(&repository, &["tasks", "--json"]).json();
    assert_eq!(report["generation"], "generation-a");
    let [first, second] = report["tasks"].as_array().unwrap().as_slice() else {
        panic!("{report:#}")
    };
    // One that was limited, one that died, one that was merged: 0.125 + 0.0625 + 0.5, and 20 + 30 + 50 seconds.
    assert_eq!(
        first,
        &json!({
            "id": "cw-1", "title": "Parse the header", "status": "closed", "outcome": "merged", "attempts": 3, "rounds": 0,
            "score": null, "changed": null, "seconds": 100.0,
            "used": {
                "usage": {"input": 30, "cache_write": 6000, "cache_read": 90_000, "output": 1200, "cost_usd": 0.6875, "calls": 3},
                "estimated": 1, "turns": 9, "duration_ms": 195_000, "api_ms": 180_000, "wait_ms": 1500,
            },
        })
    );
    assert_eq!(
        [&second["id"], &second["status"], &second["outcome"], &second["seconds"]],
        [&json!("cw-2"), &json!("open"), &json!("no_change"), &json!(45.0)]
    );
    // One task is left, of no size that was said; one was done here, which is not enough to estimate from.
    let left = &report["left"];
    assert_eq!(left["sizes"][0]["size"], "medium", "{left:#}");
    assert_eq!(left["sizes"][0]["each"]["from"], "table");
    let money = ["low", "median", "high"].map(|part| left["total"][part]["cost_usd"].as_f64().unwrap());
    assert_eq!(money.map(|money| format!("{money:.2}")), ["0.40", "0.80", "1.60"]);

    let shown = stats(&repository, &["tasks"]);
    assert_eq!(
        shown.stderr,
        "1 of 4 calls were killed before reporting usage; their output tokens and cost are estimates.\n"
    );
    let shown = rows(&shown.done());
    let table = [
        &[
            "generation-a",
            "state",
            "attempts",
            "rounds",
            "score",
            "lines",
            "tokens",
            "money",
            "time",
            "title",
        ][..],
        &[
            "cw-1",
            "closed, merged",
            "3",
            "0",
            "-",
            "-",
            "97.2k",
            "$0.69",
            "1 min 40 s",
            "Parse the header",
        ],
        &[
            "cw-2",
            "open, no change",
            "1",
            "0",
            "-",
            "-",
            "32.4k",
            "$0.0312",
            "45 s",
            "Render the page",
        ],
        &["total", "4", "0", "+0 -0", "129.6k", "$0.72", "2 min 25 s", "2 tasks"],
        &[],
        &["Left, with 1 task to do:"],
    ];
    assert_eq!(shown[..6], table, "{shown:#?}");
    assert!(
        shown
            .iter()
            .any(|row| row.contains(&"$0.80 ($0.40 to $1.60)".to_owned())),
        "{shown:#?}"
    );
}

#[test]
fn tasks_as_csv_hold_no_formula() {
    let repository = project("");
    let store = Store::open(&repository.handle(), &GenerationName::new("generation-a").unwrap()).unwrap();
    let filled = store.update("more", at(70), |issues| {
        for title in ["=HYPERLINK(\"http://x\",\"y\")", "-1, b", "@a"] {
            issues.add(NewIssue::titled(title), &NewIds::counted(), at(70))?;
        }
        Ok(())
    });
    filled.unwrap();
    let csv = stats(&repository, &["tasks", "--csv"]).done();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "id,title,status,outcome,attempts,rounds,score,files,insertions,deletions,calls,turns,tokens,cost_usd,estimated_calls,agent_seconds,seconds,generation",
            "cw-1,Parse the header,closed,merged,3,0,,,,,3,9,97230,0.6875,1,195,100,generation-a",
            "cw-2,Render the page,open,no change,1,0,,,,,1,3,32410,0.03125,0,65,45,generation-a",
            "cw-3,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",open,,0,0,,,,,0,0,0,0,0,0,0,generation-a",
            "cw-4,\"'-1, b\",open,,0,0,,,,,0,0,0,0,0,0,0,generation-a",
            "cw-5,'@a,open,,0,0,,,,,0,0,0,0,0,0,0,generation-a",
        ]
    );
}

#[test]
fn what_is_left_is_like_what_was_done_here() {
    let repository = project("");
    let store = Store::open(&repository.handle(), &GenerationName::new("generation-a").unwrap()).unwrap();
    let sized = |lines| NewIssue {
        plan: TaskPlan {
            estimated_lines: Some(lines),
            ..TaskPlan::default()
        },
        ..NewIssue::titled("Small")
    };
    let filled = store.update("more", at(70), |issues| {
        // Four small tasks that took 1, 2, 3 and 4 dollars; two more are open, one of them held.
        for dollars in [1.0, 2.0, 3.0, 4.0] {
            let id = issues.add(sized(50), &NewIds::counted(), at(70))?;
            let done = call(Role::Stitch, None, 2, 80, dollars);
            issues.record_attempt(&id, attempt(1, Outcome::Merged, done), at(80))?;
            issues.close(&id, "merged", None, at(80))?;
        }
        let held = issues.add(sized(60), &NewIds::counted(), at(90))?;
        issues.hold(&held, "why", at(90))?;
        issues.add(sized(70), &NewIds::counted(), at(90))?;
        Ok(())
    });
    filled.unwrap();
    let left = stats(&repository, &["tasks", "--json"]).json()["left"].clone();
    assert_eq!(left["tasks"], 3, "{left:#}");
    let small = &left["sizes"][0];
    assert_eq!(
        (&small["size"], &small["tasks"], &small["each"]["from"]),
        (&json!("small"), &json!(2), &json!({"history": 4}))
    );
    // A quarter of 1, 2, 3, 4 is below 1.75, a half below 2.5, and a quarter above 3.25.
    let money = ["low", "median", "high"].map(|part| small["each"]["takes"][part]["cost_usd"].clone());
    assert_eq!(json!(money), json!([1.75, 2.5, 3.25]));
}

#[test]
fn models_are_compared_by_role_in_one_generation_or_all() {
    let repository = project("");
    let report = stats(&repository, &["models", "--json"]).json();
    assert_eq!(report["generations"], json!(["generation-a"]));
    let shape = |report: &Value| -> Vec<Value> {
        let all = report["models"].as_array().unwrap().iter();
        all.map(|one| {
            json!([
                one["model"],
                one["role"],
                one["attempts"],
                one["interrupted"],
                one["merged"],
                one["merged_rate"],
                one["used"]["usage"]["calls"],
                one["used"]["usage"]["cost_usd"]
            ])
        })
        .collect()
    };
    let expect = [
        json!(["claude-\u{1b}[2Jy", "stitch", 1, 0, 0, 0.0, 1, 0.03125]),
        json!(["claude-x", "measure", 0, 0, 0, null, 2, 0.5]),
        // One of two was limited, which says nothing of it.
        json!(["claude-x", "stitch", 2, 1, 1, 1.0, 2, 0.625]),
        json!(["unknown", "stitch", 1, 0, 0, 0.0, 1, 0.0625]),
    ];
    assert_eq!(shape(&report), expect);
    let shown = rows(&stats(&repository, &["models"]).done());
    assert_eq!(
        shown[0],
        [
            "model", "role", "attempts", "merged", "rate", "score", "calls", "tokens", "money", "time"
        ]
    );
    assert_eq!(shown[1][0], "claude-\\u{1b}[2Jy");
    assert_eq!(
        shown[3],
        [
            "claude-x",
            "stitch",
            "2",
            "1",
            "100 %",
            "-",
            "2",
            "64.8k",
            "$0.62",
            "2 min 10 s"
        ]
    );
    let csv = stats(&repository, &["models", "--csv"]).done();
    let tricky = csv.lines().nth(1).unwrap();
    assert!(tricky.starts_with("claude-\\u{1b}[2Jy,stitch,1,0,0,0,,"), "{csv}");
    assert_eq!(
        csv.lines().nth(3),
        Some("claude-x,stitch,2,1,1,1,,2,6,64820,0.625,0,130"),
        "{csv}"
    );

    // It ends, another begins, and all of them are there with `--all`.
    cordwainer(&repository, &["reset"]).run().done();
    cordwainer(&repository, &["start", "--name", "b"]).run().done();
    assert_eq!(
        shape(&stats(&repository, &["models", "--json"]).json()),
        Vec::<Value>::new()
    );
    assert_eq!(
        stats(&repository, &["models"]).done(),
        "generation-b made no calls yet.\n"
    );
    let all = stats(&repository, &["models", "--all", "--json"]).json();
    assert_eq!(all["generations"], json!(["generation-b", "generation-a"]));
    assert_eq!(shape(&all), expect);
    let ended = stats(&repository, &["tasks", "--generation", "a", "--json"]).json();
    assert_eq!(
        (&ended["tasks"][0]["attempts"], &ended["left"]),
        (&json!(3), &Value::Null)
    );
}

#[test]
fn candidates_count_each_for_its_own_model() {
    let repository = project("");
    let store = Store::open(&repository.handle(), &GenerationName::new("generation-a").unwrap()).unwrap();
    let filled = store.update("more", at(70), |issues| {
        let id = issues.add(NewIssue::titled("Race"), &NewIds::counted(), at(70))?;
        let other = cordwainer::ledger::Entry {
            model: Some("claude-z".to_owned()),
            candidate: 2,
            ..call(Role::Stitch, Some(3), 2, 85, 7.0)
        };
        let mut both = attempt(1, Outcome::Merged, call(Role::Stitch, Some(3), 2, 80, 2.0));
        let candidate = json!({"number": 1, "chosen": true, "outcome": "merged", "score": 9});
        let loser = json!({"number": 2, "outcome": "not_chosen", "score": 5, "call": other});
        let read = |value: Value| serde_json::from_value::<Candidate>(value).unwrap();
        both.candidates = vec![read(candidate), read(loser)];
        issues.record_attempt(&id, both, at(90))
    });
    filled.unwrap();
    let report = stats(&repository, &["models", "--json"]).json();
    let of = |model: &str| {
        let mut all = report["models"].as_array().unwrap().iter();
        let one = all
            .find(|one| one["model"] == model && one["role"] == "stitch")
            .unwrap();
        json!([one["attempts"], one["merged"], one["used"]["usage"]["cost_usd"]])
    };
    assert_eq!(of("claude-x"), json!([3, 2, 2.625]));
    assert_eq!(of("claude-z"), json!([1, 0, 7.0]));
    let tasks = stats(&repository, &["tasks", "--json"]).json();
    assert_eq!(tasks["tasks"][2]["used"]["usage"]["cost_usd"], 9.0);
}

#[test]
fn nothing_was_done_yet() {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "");
    repository.commit("a project");
    for command in ["tasks", "models"] {
        stats(&repository, &[command]).refused(
            9,
            "error: no generation is open in this repository\n\nhint: `cordwainer start` creates one\n",
        );
    }
    assert_eq!(
        stats(&repository, &["models", "--all"]).done(),
        "No call was made yet.\n"
    );
    cordwainer(&repository, &["start", "--name", "a"]).run().done();
    assert_eq!(
        stats(&repository, &["tasks"]).done(),
        "generation-a has no tasks yet.\n\nNo task is left.\n"
    );
    let report = stats(&repository, &["tasks", "--json"]).json();
    assert_eq!((&report["tasks"], &report["left"]["tasks"]), (&json!([]), &json!(0)));
    assert_eq!(stats(&repository, &["tasks", "--csv"]).done().lines().count(), 1);
    // A task with nothing but a title.
    cordwainer(&repository, &["issues", "add", "Later"]).run().done();
    let shown = rows(&stats(&repository, &["tasks"]).done());
    assert_eq!(shown[1], ["cw-1", "open", "0", "0", "-", "-", "-", "-", "-", "Later"]);
    stats(&repository, &["tasks", "--csv", "--json"]).refused(
        2,
        "error: `--csv` and `--json` are two formats of one output\n\nhint: leave one of them out\n",
    );
}
