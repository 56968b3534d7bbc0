//! Usage limits, refusals and budgets.

use cordwainer::Generator;
use cordwainer::attempt::Outcome;
use cordwainer::clock::Clock;
use cordwainer::event::EventKind;
use cordwainer::generator::{Environment, RunOptions, RunSummary};

use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: what_stops_a_run_leaves_the_task_open, a_near_reset_is_waited_for, a_request_that_is_refused_is_its_tasks_alone,
        several_tasks_that_are_refused_end_the_run, one_whose_calls_fail_lets_the_others_be_done,
        what_ignore_rules_leave_out_is_told;
    docker: an_overloaded_api_is_tried_three_times, a_budget_stops_the_run_and_more_of_it_goes_on;
}

/// Configuration, script, exit code, outcome, and what is said.
const STOPS: [(&str, &str, i32, &str, &str); 9] = [
    (
        "limits: {wait: never}\n",
        "write src/a.txt x\nlimit 1900000000",
        8,
        "limited",
        "calls pause until",
    ),
    (
        "limits: {wait: 30m}\n",
        "limit 1900000000",
        8,
        "limited",
        "calls pause until",
    ),
    ("", "overage\nhang", 8, "limited", "paid overage is being used"),
    (
        "",
        "api-error 401 Invalid API key",
        7,
        "infrastructure_failed",
        "log in again",
    ),
    (
        "",
        "api-error 404 model not found",
        7,
        "infrastructure_failed",
        "model not found",
    ),
    // Only a session that was to go on can be lost: nothing is begun afresh for these words.
    (
        "",
        "api-error 400 No conversation found with session ID: 0",
        7,
        "infrastructure_failed",
        "refused permanently",
    ),
    // Its own money ran out, whatever the generation has of tokens.
    (
        "agent: {credentials: none}\nstitch: {budget_usd: 0.1}\nbudget: {tokens: 1000000}\n",
        "tokens 10 10 0.2\nwrite src/a.txt x",
        7,
        "budget_spent",
        "held for you",
    ),
    (
        "",
        "api-key\nhang",
        7,
        "infrastructure_failed",
        "expects a subscription to pay",
    ),
    (
        "agent: {credentials: none}\nstitch: {budget_usd: 0.1}\n",
        "tokens 10 10 0.2\nwrite src/a.txt x",
        7,
        "budget_spent",
        "held for you",
    ),
];

fn what_stops_a_run_leaves_the_task_open(engine: TestEngine) {
    for (more, script, code, outcome, says) in STOPS {
        let project = Project::new(engine, more);
        project.add("meets a limit", script);
        project.add("never begun", "write src/b.txt x");
        // With a budget of its own the first task alone is held, and the run goes on.
        let own_budget = outcome == "budget_spent";
        project.run(&["generator", "run"]).expect(code).says(says);
        assert_eq!(project.outcomes("cw-1"), [outcome], "{script}");
        assert_eq!(
            project.issue("cw-1")["status"],
            if own_budget { "blocked" } else { "open" },
            "{script}"
        );
        assert_eq!(project.outcomes("cw-2").is_empty(), !own_budget, "{script}");
        project.expect_tidy();
    }
}

fn a_budget_stops_the_run_and_more_of_it_goes_on(engine: TestEngine) {
    // In tokens there is enough for the message that writes, and for one more of its kind.
    for (budget, more) in [("usd: 0.5", "usd: 5"), ("tokens: 3000", "tokens: 100000")] {
        let mut project = Project::new(engine, &by_the_client(&format!("budget: {{{budget}}}\n")));
        project.add("is dear", "write src/a.txt x\ntokens 2000 10 1.0\non 1 hang");
        project
            .run(&["generator", "run"])
            .expect(8)
            .says("the generation's budget is spent");
        assert_eq!(project.outcomes("cw-1"), ["budget_spent"]);
        assert_eq!(project.issue("cw-1")["status"], "open");
        assert!(
            project.issue("cw-1")["attempts"][0]["call"]["usage"]["input"]
                .as_u64()
                .unwrap()
                >= 2000
        );
        // With nothing left, nothing is asked for.
        project.run(&["generator", "run"]).expect(8);
        assert_eq!(project.status()["usage"]["calls"], 1);
        project.reconfigure(None, &by_the_client(&format!("budget: {{{more}}}\n")));
        project.run(&["generator", "stitch"]).expect(0);
        project.expect_tidy();
    }
}

/// Runs through the library, with a clock that jumps instead of waiting.
pub(super) fn run_by_the_clock(project: &Project, start: &str) -> (RunSummary, Vec<EventKind>) {
    let environment = Environment {
        clock: Clock::fixed(start.parse().unwrap()),
        oauth_token: Some("sk-ant-oat01-dummy-of-the-host".to_owned().into()),
        ..Environment::default()
    };
    let generator = Generator::open(&project.repository.path(), environment).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let done = runtime.block_on(generator.run(
        RunOptions::default(),
        sender,
        tokio_util::sync::CancellationToken::new(),
    ));
    let mut events = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        events.push(event.kind);
    }
    (done.unwrap(), events)
}

fn a_near_reset_is_waited_for(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: 1h}\n");
    // 1900000000 is 2030-03-17T17:46:40Z.
    project.add("meets a limit", "write src/a.txt x\non 1 limit 1900000000");
    let (done, events) = run_by_the_clock(&project, "2030-03-17T17:00:00Z");
    assert_eq!((done.merged, done.exit_code), (1, 0), "{done:?}");
    assert_eq!(project.outcomes("cw-1"), ["limited", "merged"]);
    let paused = |event: &EventKind| matches!(event, EventKind::Paused { until, .. } if until.to_string() == "2030-03-17T17:47:40Z");
    assert!(events.iter().any(paused), "{events:?}");
    project.expect_tidy();
}

fn an_overloaded_api_is_tried_three_times(engine: TestEngine) {
    let project = Project::new(engine, "retry: {count: 2}\n");
    let refusals = "api-error 529 Overloaded\n".repeat(4);
    project.add("meets an overloaded API", &format!("write src/a.txt x\n{refusals}"));
    let (done, events) = run_by_the_clock(&project, "2030-03-17T17:00:00Z");
    assert_eq!(done.exit_code, cordwainer::error::exit::ENGINE, "{done:?}");
    assert!(done.reason.contains("Overloaded"), "{done:?}");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed"; 3]);
    assert!(!Outcome::InfrastructureFailed.counts());
    assert_eq!(project.issue("cw-1")["status"], "open");
    assert_eq!(
        events
            .iter()
            .filter(|event| matches!(event, EventKind::Paused { .. }))
            .count(),
        2
    );
    project.expect_tidy();
}

fn a_request_that_is_refused_is_its_tasks_alone(engine: TestEngine) {
    for (refusal, attempts) in [
        ("400 messages.1: all messages must have non-empty content", 3),
        ("422 unprocessable", 3),
        ("400 Output blocked by content filtering policy", 3),
        ("400 prompt is too long: 208310 tokens > 200000 maximum", 1),
        ("413 Request exceeds the maximum size: too large", 1),
    ] {
        let project = Project::new(engine, "");
        project.add("is refused", &format!("write src/half.txt x\napi-error {refusal}"));
        project.add("is fine", "write src/b.txt x");
        project.run(&["generator", "run"]).expect(7).says("held for you");
        assert_eq!(project.outcomes("cw-1"), vec!["agent_failed"; attempts], "{refusal}");
        assert_eq!(project.issue("cw-1")["status"], "blocked", "{refusal}");
        assert_eq!(project.outcomes("cw-2"), ["merged"], "{refusal}");
        project.expect_tidy();
    }
}

fn several_tasks_that_are_refused_end_the_run(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {max_attempts: 1}\n");
    for title in ["one", "two", "three", "four"] {
        project.add(title, "api-error 400 this one is refused");
    }
    project
        .run(&["generator", "run"])
        .expect(7)
        .says("3 tasks in a row were refused");
    assert!(project.outcomes("cw-4").is_empty());
    project.expect_tidy();
}

fn one_whose_calls_fail_lets_the_others_be_done(engine: TestEngine) {
    let project = Project::new(engine, "retry: {count: 2, initial: 1s, ceiling: 1s}\n");
    project.add("meets an overloaded API", &"api-error 529 Overloaded\n".repeat(9));
    project.add("is fine", "write src/b.txt x");
    project.run(&["generator", "run"]).expect(5);
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    assert_eq!(project.issue("cw-1")["status"], "open");
    project.expect_tidy();
}

fn what_ignore_rules_leave_out_is_told(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add(
        "leaves a log",
        "write .gitignore *.log\nwrite src/a.txt x\nwrite src/a.log x\nwrite src/b.log x",
    );
    let told = "2 (src/a.log, src/b.log)";
    let ran = project.run(&["generator", "stitch"]);
    ran.expect(0).says(&format!("cw-1: ignore rules leave out {told}"));
    let shown = project.run(&["issues", "show", "cw-1"]);
    shown.expect(0).says(&format!("left out by ignore rules {told}"));
    assert_eq!(project.issue("cw-1")["attempts"][0]["ignored"]["count"], 2);
}
