//! A whole generation, from start to stop.

use cordwainer::event::Event;
use serde_json::json;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::scripts::{proposal, scripted, user_prompt};

engine_tests! {
    both: five_tasks_from_measure_to_stop;
    docker: events_are_lines_of_json, a_run_works_on_drawn_and_counted_ids_alike;
}

/// Five tasks: `b` waits for `a` and fails at first, `c` waits for both, `d` changes nothing, `e` waits for `d`. They
/// are filed after what they wait for: `a` as cw-1, then `d`, `b`, `e` and `c`.
fn five_tasks() -> String {
    let proposals = [
        proposal("a", "Lay the table", &[], "write src/a.txt from a"),
        proposal(
            "b",
            "Set the plates",
            &["a"],
            "on 1 fail a plate broke\nappend src/a.txt and b",
        ),
        proposal(
            "c",
            "Serve",
            &["a", "b"],
            "append src/a.txt and c\nwrite src/c.txt from c",
        ),
        proposal("d", "Wait", &[], "say Nothing to do."),
        proposal("e", "Clear the table", &["d"], "delete src/a.txt"),
    ];
    user_prompt(&format!(
        "tokens 100 10 0.25\npropose {}",
        json!({ "proposals": proposals })
    ))
}

fn five_tasks_from_measure_to_stop(engine: TestEngine) {
    let project = Project::new(engine, &five_tasks());
    let main = project.oid("main");
    let ran = project.run(&["generator", "run", "--cycles", "3"]).expect(7);
    let ran = ran.says("5 tasks filed").says("cw-3: agent failed: a plate broke");
    ran.says("cw-2: no change: the agent changed nothing (")
        .says("cw-2: held for you.\n")
        .says("3 tasks merged (")
        .says("), 1 held, 1 open")
        .says("Next: `cordwainer issues show cw-2` shows where it is stuck.")
        .says("Next: `cordwainer stop` merges the generation into `main`.");
    project.expect_tidy();
    assert_eq!(project.oid("main"), main);

    let outcomes: Vec<_> = (1..=5)
        .map(|number| project.outcomes(&format!("cw-{number}")))
        .collect();
    let none: [&str; 0] = [];
    assert_eq!(outcomes[0], ["merged"]);
    assert_eq!(outcomes[1], ["no_change"]);
    assert_eq!(outcomes[2], ["agent_failed", "merged"]);
    assert_eq!(outcomes[3], none);
    assert_eq!(outcomes[4], ["merged"]);
    let status = project.status();
    assert_eq!(
        status["tasks"],
        json!({"open": 1, "ready": 0, "in_progress": 0, "blocked": 1, "closed": 3})
    );
    // Every call is paid for once: two measures and five attempts.
    assert_eq!(status["cycles"], 2);
    assert_eq!(status["usage"]["calls"], 7);
    assert!(status["usage"]["cost_usd"].as_f64().unwrap() >= 0.5);

    // A person looks at what is held, and lets the rest go on.
    project
        .run(&["issues", "close", "cw-2", "--reason", "right: nothing to do"])
        .expect(0);
    project.run(&["generator", "run"]).expect(0).says("cw-4: merged");
    assert_eq!(project.content("src/c.txt"), "from c");
    project.expect_tidy();
    project.run(&["generator", "stop"]).expect(0);
    let files = project.files("main");
    assert!(files.contains_key("src/c.txt") && !files.contains_key("src/a.txt"));
    assert!(project.repository.path().join("src/c.txt").is_file());
    assert_eq!(project.repository.git(&["status", "--porcelain"]), "");
}

fn events_are_lines_of_json(engine: TestEngine) {
    let project = Project::new(engine, &five_tasks());
    let ran = project.run(&["--json", "generator", "run"]);
    // The flag may also stand behind the command.
    let ran = if ran.code == Some(2) {
        project.run(&["generator", "run", "--json"])
    } else {
        ran
    };
    let ran = ran.expect(7);
    let printed: Vec<Event> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let recorded = project.events();
    assert_eq!(
        printed.into_iter().map(|event| event.kind).collect::<Vec<_>>(),
        recorded
    );
    assert!(recorded.len() > 20);
}

/// Files a task under a drawn id, as for people, and returns the id.
fn add_drawn(project: &Project, title: &str, script: &str, after: &str) -> String {
    let description = scripted(script);
    let arguments = [
        "issues",
        "add",
        title,
        "--description",
        &description,
        "--depends-on",
        after,
    ];
    let mut command = project.command(&arguments);
    command.env_remove("CORDWAINER_COUNTED_IDS");
    let ran = Ran::from(command.output().unwrap()).expect(0);
    ran.stdout.split(' ').next().unwrap().to_owned()
}

fn a_run_works_on_drawn_and_counted_ids_alike(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("counted", "write src/a.txt x");
    let first = add_drawn(&project, "first", "write src/b.txt x", "cw-1");
    let second = add_drawn(&project, "second", "on 1 fail a plate broke\nwrite src/c.txt x", &first);
    project.run(&["generator", "stitch", "1"]).expect(0);
    project.run(&["generator", "stitch", &first[3..]]).expect(0);
    project
        .run(&["generator", "run"])
        .expect(0)
        .says(&format!("{second}: merged"));
    assert_eq!(project.outcomes(&first), ["merged"]);
    assert_eq!(project.outcomes(&second), ["agent_failed", "merged"]);
    for id in ["cw-1", &first, &second] {
        assert_eq!(project.merges_of(id), 1, "{id}");
        project.oid(&format!("refs/cordwainer/generation-one/tasks/{id}"));
    }
    assert_eq!(project.records(&format!("{second}-2")).len(), 1);
    let listed = project.run(&["issues", "list", "--json"]).expect(0).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["cw-1", &first, &second]);
    project.expect_tidy();
}
