//! Actions on real runs, and runs that are followed while they work.

use cordwainer::event::EventKind;
use serde_json::{Value, json};

use super::{api, page, served_of};
use crate::run::closing::asks;
use crate::run::parallel::{add_waiting, ended, let_all_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::WAIT;
use crate::support::serve::follow;

engine_tests! {
    podman first: a_run_is_followed_paused_resumed_and_stopped, held_work_is_accepted_and_taken_out_again;
    docker first: an_agent_hears_what_is_said_and_a_question_is_answered;
}

fn a_run_is_followed_paused_resumed_and_stopped(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\nstitch: {parallel: 2}\n");
    add_waiting(&project, 2);
    project.add("a third one", "write src/3.txt x");
    let served = served_of(&project, &[]);
    let api = api(&served);
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_for_agents(&project, 2);
    let name = served.json(&format!("{api}/status"))["run"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_run = format!("{api}/runs/{name}");
    let shown = page(&served, &of_run.replacen("/api/v1", "", 1));
    assert_eq!(shown["said"], "Run at work: 2 tasks attempted, 0 merged, 0 held.");
    let html = shown["html"].as_str().unwrap();
    for part in ["region-actions", "region-at-work", "id=\"pause\"", "(waits 1)"] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    let paused = served
        .post(&format!("{of_run}/pause"), &json!({}))
        .ask()
        .expect(200)
        .json();
    assert_eq!((&paused["id"], &paused["state"]), (&json!(name), &json!("pausing")));
    served
        .post(&format!("{api}/runs/20261130-120000000-9/pause"), &json!({}))
        .ask()
        .expect(409);
    let resumed = served
        .post(&format!("{of_run}/resume"), &json!({}))
        .ask()
        .expect(200)
        .json();
    assert_eq!(resumed["state"], "working");
    served.post(&format!("{of_run}/resume"), &json!({})).ask().expect(404);
    // From the beginning to the end, which comes by a request.
    let (mut events, mut stopped) = (Vec::new(), None);
    std::thread::scope(|scope| {
        let mut stopping = None;
        follow(served.get(&format!("{of_run}/events")), |heard| {
            if heard.event == "end" {
                return Some(());
            }
            events.push(serde_json::from_str::<Value>(&heard.data).unwrap());
            if stopping.is_none() && events.len() > 5 {
                let stop = || served.post(&format!("{of_run}/stop"), &json!({"now": true})).ask();
                stopping = Some(scope.spawn(stop));
            }
            None
        });
        stopped = stopping.map(|stopping| stopping.join().unwrap());
    });
    let stopped = stopped.unwrap().expect(200).json();
    assert_eq!((&stopped["run"], &stopped["pid"]), (&json!(name), &json!(run.id())));
    assert_eq!(stopped["end"]["event"]["type"], "run_ended");
    ended(run).expect(130);
    let recorded = project.timed_events();
    assert_eq!(events.len(), recorded.len());
    for (heard, recorded) in events.iter().zip(recorded) {
        assert_eq!(*heard, serde_json::to_value(recorded).unwrap());
    }
    // What goes on is another run, and the task page shows both.
    project.run(&["resume", "--tasks-only"]).expect(0);
    let diff = served.json(&format!("{api}/tasks/cw-1/diff"));
    let printed = project.run(&["issues", "diff", "cw-1", "--json"]).expect(0);
    assert_eq!(diff, serde_json::from_str::<Value>(&printed.stdout).unwrap());
    let task = page(&served, &format!("{api}/tasks/cw-1").replacen("/api/v1", "", 1));
    let html = task["html"].as_str().unwrap();
    for part in [
        "id=\"attempt-1\"",
        "region-changes",
        "class=\"line added\"",
        "data-more=\"transcript-",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    let records = project.issue("cw-1")["attempts"][0]["records"]
        .as_str()
        .unwrap()
        .to_owned();
    let transcript = served.json(&format!("{api}/transcript?records={records}"));
    assert!(!transcript["lines"].as_array().unwrap().is_empty(), "{transcript:#}");
    let usage = page(&served, &format!("{api}/usage").replacen("/api/v1", "", 1));
    assert!(
        usage["html"]
            .as_str()
            .unwrap()
            .contains("<path class=\"series series-1\""),
        "{usage:#}"
    );
    drop(served);
    project.expect_tidy();
}

fn held_work_is_accepted_and_taken_out_again(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {max_attempts: 1}\nprotected_paths: [docs/**]\n");
    project.add(
        "changes what is protected",
        "write docs/specification.md <script>alert(1)</script>",
    );
    project.run(&["run", "--tasks-only"]).expect(7);
    let served = served_of(&project, &[]);
    let api = api(&served);
    let task = format!("{api}/tasks/cw-1");
    let html = page(&served, &task.replacen("/api/v1", "", 1))["html"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        html.contains("id=\"accept-task\"") && html.contains("+&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{html}"
    );
    let accepted = served
        .post(&format!("{task}/accept"), &json!({}))
        .ask()
        .expect(200)
        .json();
    assert_eq!(
        (&accepted["status"], accepted == project.issue("cw-1")),
        (&json!("closed"), true)
    );
    assert_eq!(project.content("docs/specification.md"), "<script>alert(1)</script>");
    // Asked again, as after an answer that was lost, it is the same task.
    let again = served
        .post(&format!("{task}/accept"), &json!({}))
        .ask()
        .expect(200)
        .json();
    assert_eq!(again["commit"], accepted["commit"]);
    let body = json!({"reason": "it is wrong", "close": false});
    let reverted = served.post(&format!("{task}/revert"), &body).ask().expect(200).json();
    assert_eq!(reverted["issue"]["status"], "open", "{reverted:#}");
    assert_eq!(project.content("docs/specification.md"), "There shall be files.");
    assert_eq!(project.issue("cw-1")["status"], "open");
    // While a run is at work, what takes the lock is refused as the command is.
    project.add("waits", &format!("{WAIT}write src/2.txt x"));
    project.run(&["issues", "hold", "cw-1", "--reason", "x"]).expect(0);
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    let locked = served.post(&format!("{task}/accept"), &json!({})).ask();
    assert!([409, 423].contains(&locked.status), "{}", locked.body);
    let_all_go_on(&project, &slots);
    ended(run);
}

fn an_agent_hears_what_is_said_and_a_question_is_answered(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("asks", &asks("Metres or feet?"));
    let asked = project.run(&["run", "--tasks-only"]);
    assert_eq!(asked.code, Some(7), "{}{}", asked.stdout, asked.stderr);
    let served = served_of(&project, &[]);
    let api = api(&served);
    let held = page(&served, &format!("{api}/held").replacen("/api/v1", "", 1));
    assert_eq!(held["said"], "1 question, 0 other tasks held.");
    assert!(held["html"].as_str().unwrap().contains("Metres or feet?"), "{held:#}");
    let answered = served
        .post(&format!("{api}/tasks/cw-1/answer"), &json!({"texts": ["Metres"]}))
        .ask()
        .expect(200)
        .json();
    assert_eq!(
        (&answered["status"], &answered["question"]),
        (&json!("open"), &json!(null))
    );
    project.run(&["issues", "close", "cw-1"]).expect(0);
    project.add("listens", "hear src/1.txt");
    let run = project.spawn(&["run", "--tasks-only"]);
    project.wait_for_event(|event| matches!(event, EventKind::AgentStarted { call, .. } if call.task.as_ref().is_some_and(|task| task.to_string() == "cw-2")));
    let say = || {
        served
            .post(&format!("{api}/tasks/cw-2/say"), &json!({"text": "From <the> page."}))
            .ask()
    };
    wait_until(|| say().status == 200);
    ended(run).expect(0);
    assert_eq!(
        project.repository.git(&["show", "generation-one:src/1.txt"]),
        "From <the> page."
    );
}
