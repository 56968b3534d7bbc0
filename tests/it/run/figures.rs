//! The figures of a real generation: `stats tasks`, `stats models` and `stats lines`, while it is open and when it has ended.

use serde_json::{Value, json};

use crate::run::reviews::{add, answers};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: figures_are_those_of_the_generation_also_when_it_has_ended_and_its_records_are_gone;
}

fn stats(project: &Project, arguments: &[&str]) -> Value {
    let arguments = [&["stats"], arguments, &["--json"]].concat();
    serde_json::from_str(&project.run(&arguments).expect(0).stdout).unwrap()
}

/// What the calls of a row cost, in dollars and cents.
fn money(row: &Value) -> String {
    format!("{:.2}", row["used"]["usage"]["cost_usd"].as_f64().unwrap())
}

fn figures_are_those_of_the_generation_also_when_it_has_ended_and_its_records_are_gone(engine: TestEngine) {
    let project = Project::new(
        engine,
        "stages: [stitch, review]\nstitch: {max_attempts: 1, fix_rounds: 1}\ngates: [{command: cat=src/a.rs, compare: strict}]\n",
    );
    // The first one is merged after a fix round; the second one fails, and what it took counts all the same.
    let passes = format!("tokens 50 5 0.12\n{}", answers(9, true, &[]));
    add(
        &project,
        "tokens 100 10 0.25\nwrite src/b.rs fn b() {}\ndone\ntokens 200 20 0.5\nwrite src/a.rs fn a() {}",
        &passes,
    );
    add(
        &project,
        "tokens 300 30 1\ndelete src/a.rs\ndone\ntokens 400 40 2\nwrite src/c.rs fn c() {}",
        &passes,
    );
    project.run(&["generator", "run", "--tasks-only"]).expect(7);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(project.outcomes("cw-2"), ["gate_failed"]);

    let tasks = stats(&project, &["tasks"]);
    let [first, second] = tasks["tasks"].as_array().unwrap().as_slice() else {
        panic!("{tasks:#}")
    };
    let shape = |task: &Value| {
        json!([
            task["id"],
            task["status"],
            task["outcome"],
            task["attempts"],
            task["rounds"],
            task["score"],
            task["changed"]["insertions"],
            money(task),
            task["used"]["usage"]["calls"]
        ])
    };
    assert_eq!(
        shape(first),
        json!(["cw-1", "closed", "merged", 1, 1, 9, 2, "0.87", 3]),
        "{first:#}"
    );
    assert_eq!(
        shape(second),
        json!(["cw-2", "blocked", "gate_failed", 1, 1, null, null, "3.00", 2]),
        "{second:#}"
    );
    assert!(first["seconds"].as_f64().unwrap() > 0.0);
    // What is left is the task that is held; too little was done here to estimate from that.
    assert_eq!(tasks["left"]["tasks"], 1, "{tasks:#}");
    assert_eq!(tasks["left"]["sizes"][0]["each"]["from"], "table");
    let total = &tasks["left"]["total"];
    let spread = ["low", "median", "high"].map(|part| total[part]["cost_usd"].as_f64().unwrap());
    assert!(spread[0] < spread[1] && spread[1] < spread[2], "{spread:?}");

    let models = stats(&project, &["models"]);
    let all = models["models"].as_array().unwrap();
    let roles: Vec<Value> = all
        .iter()
        .map(|one| {
            json!([
                one["role"],
                one["attempts"],
                one["merged"],
                one["merged_rate"],
                one["score"],
                money(one)
            ])
        })
        .collect();
    assert_eq!(
        roles,
        [
            json!(["stitch", 2, 1, 0.5, 9.0, "3.75"]),
            json!(["review", 1, 1, 1.0, 9.0, "0.12"])
        ],
        "{models:#}"
    );
    // The same sums as everywhere else.
    let usage = stats(&project, &["usage"]);
    let sum: f64 = all
        .iter()
        .map(|one| one["used"]["usage"]["cost_usd"].as_f64().unwrap())
        .sum();
    assert!((sum - usage["total"]["usage"]["cost_usd"].as_f64().unwrap()).abs() < 1e-9);

    let lines = stats(&project, &["lines", "--at", "generation-one"]);
    let rust = lines["languages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["language"] == "Rust");
    assert_eq!(
        (&rust.unwrap()["lines"]["files"], &rust.unwrap()["lines"]["code"]),
        (&json!(2), &json!(2)),
        "{lines:#}"
    );
    assert_eq!(lines["revision"], project.repository.oid("generation-one").to_string());

    // It ends, and everything but refs is deleted.
    project.run(&["generator", "stop"]).expect(0);
    std::fs::remove_dir_all(project.state()).unwrap();
    let ended = stats(&project, &["tasks", "--generation", "one"]);
    assert_eq!((&ended["tasks"], &ended["left"]), (&tasks["tasks"], &Value::Null));
    assert_eq!(stats(&project, &["models", "--generation", "one"]), models);
    assert_eq!(stats(&project, &["models", "--all"])["models"], models["models"]);
    assert_eq!(stats(&project, &["lines", "--at", "one"]), lines);
    assert_eq!(stats(&project, &["lines", "--generation", "one"]), lines);
}
