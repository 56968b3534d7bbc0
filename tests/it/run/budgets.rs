//! Budgets of a call, a task, a cycle, a run and a generation: spent, nothing more is called for, and more of them goes on.

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: a_session_goes_on_when_there_is_more_to_spend, a_spent_task_does_not_hold_up_the_others, a_run_has_a_budget_and_a_model_of_its_own;
    docker: a_cycle_has_a_budget_of_its_own, a_call_may_use_so_many_tokens_and_no_more;
}

/// A configuration in which no API is asked, so that the client's figures are all there is.
pub(super) fn by_the_client(more: &str) -> String {
    format!("agent: {{credentials: none}}\n{more}")
}

/// Two answers, each with its work.
const TWO_ANSWERS: &str = "tokens 100 10 0.3\nwrite src/a.txt one\ntokens 100 10 0.3\nwrite src/b.txt two";

fn a_session_goes_on_when_there_is_more_to_spend(engine: TestEngine) {
    let mut project = Project::new(
        engine,
        &by_the_client("stitch: {max_attempts: 1}\nbudget: {usd: 0.4}\n"),
    );
    project.add("costs more than there is", TWO_ANSWERS);
    project
        .run(&["generator", "run"])
        .expect(8)
        .says("the generation's budget is spent");
    assert_eq!(project.outcomes("cw-1"), ["budget_spent"]);
    assert_eq!(project.issue("cw-1")["status"], "open");
    assert_eq!(project.suspended(), 1);
    // With nothing left, nothing is called for, and nothing is recorded.
    project.run(&["generator", "resume"]).expect(8);
    project.run(&["generator", "stitch", "cw-1"]).expect(8);
    assert_eq!(project.outcomes("cw-1").len(), 1);
    assert_eq!(project.status()["usage"]["calls"], 1);

    project.reconfigure(None, &by_the_client("budget: {usd: 5}\n"));
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["budget_spent", "merged"]);
    let calls = project.calls("cw-1");
    assert_eq!(calls[0]["session_id"], calls[1]["session_id"]);
    assert_eq!(project.content("src/b.txt"), "two");
    project.expect_tidy();
}

fn a_spent_task_does_not_hold_up_the_others(engine: TestEngine) {
    let mut project = Project::new(engine, &by_the_client("budget: {task_usd: 0.5}\n"));
    let answer = "tokens 100 10 0.15\n";
    project.add(
        "is dear and fails",
        &format!("{answer}{answer}write src/a.txt x\non 1 fail not yet"),
    );
    project.add("is another", &format!("{answer}write src/b.txt x"));
    project
        .run(&["generator", "run"])
        .expect(8)
        .says("cw-1's budget is spent");
    // The second attempt gets what the first left, and is stopped before it passes that.
    assert_eq!(project.outcomes("cw-1"), ["agent_failed", "budget_spent"]);
    let calls = project.calls("cw-1");
    let paid: f64 = calls
        .iter()
        .map(|call| call["usage"]["cost_usd"].as_f64().unwrap())
        .sum();
    assert!(paid <= 0.5, "{paid}: {calls:#?}");
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    assert_eq!(project.issue("cw-1")["status"], "open");

    project.reconfigure(None, &by_the_client("budget: {task_usd: 2}\n"));
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["agent_failed", "budget_spent", "merged"]);
    project.expect_tidy();
}

fn a_cycle_has_a_budget_of_its_own(engine: TestEngine) {
    let mut project = Project::new(engine, &by_the_client("budget: {cycle_usd: 0.5}\n"));
    for name in ["a", "b"] {
        project.add(name, &format!("tokens 100 10 0.4\nwrite src/{name}.txt x"));
    }
    project
        .run(&["generator", "run"])
        .expect(8)
        .says("the cycle's budget is spent (0.40 of 0.50 USD");
    assert_eq!(project.status()["tasks"]["closed"], 1);
    let budgets = project.status()["budgets"].clone();
    assert_eq!(budgets[0]["scope"], "cycle", "{budgets}");

    project.reconfigure(None, &by_the_client("budget: {cycle_usd: 5}\n"));
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.status()["tasks"]["closed"], 2);
    project.expect_tidy();
}

fn a_call_may_use_so_many_tokens_and_no_more(engine: TestEngine) {
    let project = Project::new(engine, &by_the_client("stitch: {budget_tokens: 2500}\n"));
    let answers = "tokens 1000 10 0.001\n".repeat(5);
    project.add("says too much", &format!("{answers}hang"));
    project.run(&["generator", "stitch"]).expect(8);
    assert_eq!(project.outcomes("cw-1"), ["budget_spent"]);
    // Its own verdict: the same call again would end the same way.
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    project.expect_tidy();
}

fn a_run_has_a_budget_and_a_model_of_its_own(engine: TestEngine) {
    let project = Project::new(engine, &by_the_client("stitch: {max_attempts: 1, model: opus}\n"));
    project.add("costs more than this run may", TWO_ANSWERS);
    let few = [
        "generator",
        "run",
        "--tasks-only",
        "--budget-usd",
        "0.4",
        "--model",
        "scripted-other",
    ];
    let ran = project.run(&few).expect(8);
    let _ = ran.says("the run's budget is spent");
    assert_eq!(project.outcomes("cw-1"), ["budget_spent"]);
    // What that run used is not this one's: its session goes on.
    project
        .run(&["generator", "run", "--tasks-only", "--budget-usd", "0.4"])
        .expect(0);
    assert_eq!(project.outcomes("cw-1"), ["budget_spent", "merged"]);
    let calls = project.calls("cw-1");
    assert_eq!(calls[0]["session_id"], calls[1]["session_id"]);
    assert_eq!(
        (&calls[0]["model"], &calls[1]["model"]),
        (&"scripted-other".into(), &"opus".into())
    );
    project.expect_tidy();
}
