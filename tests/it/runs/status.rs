//! What `status` says of a run at each stage, while agents and a gate wait for the test.

use cordwainer::event::EventKind;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::run::landing::{answer, wait_for_gate};
use crate::run::parallel::ended;
use crate::run::reviews::{answers, described};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::{WAIT, WAIT_BESIDE, proposal, user_prompt};

engine_tests! {
    podman: each_stage_of_a_run_is_told_while_it_lasts;
}

/// What `status` says of a run with one thing at work.
struct Told {
    /// `at_work`.
    at_work: Value,
    /// All of the JSON.
    status: Value,
    /// The rows `so far` and `at work` of the table.
    so_far: String,
    row: String,
}

impl Told {
    /// Looks, and sees that the times are those that have gone by.
    #[track_caller]
    fn by(project: &Project) -> Self {
        let status = project.status();
        let before = Timestamp::now();
        let text = project.run(&["status"]).expect(0).stdout;
        let after = Timestamp::now();
        let row = |name: &str| {
            let row = text.lines().find_map(|line| line.trim_start().strip_prefix(name));
            row.unwrap_or_else(|| panic!("no `{name}` in\n{text}"))
                .trim()
                .to_owned()
        };
        let [at_work] = status["at_work"].as_array().unwrap().as_slice() else {
            panic!("{status:#}");
        };
        let told = Self {
            at_work: at_work.clone(),
            so_far: row("so far"),
            row: row("at work"),
            status,
        };
        for (part, since) in [
            (told.so_far.split(", ").next().unwrap(), &told.status["run_since"]),
            (told.elapsed(), &told.at_work["began_at"]),
        ] {
            let since: Timestamp = since.as_str().unwrap().parse().unwrap();
            // Whole seconds are shown.
            let least = before.duration_since(since).as_secs();
            let most = after.duration_since(since).as_secs();
            assert!((least..=most).contains(&seconds(part)), "{part}: {text}");
        }
        told
    }

    /// How long it has been at work, as its row says.
    fn elapsed(&self) -> &str {
        let is_time = |part: &&str| part.ends_with(" s") || part.ends_with(" min");
        self.row
            .split(", ")
            .find(is_time)
            .unwrap_or_else(|| panic!("{}", self.row))
    }

    /// Panics unless it is at this, in JSON and in words.
    #[track_caller]
    fn is_at(&self, expect: (&str, &str, u32), begins: &str) {
        let found = ["role", "stage", "round"].map(|name| self.at_work[name].clone());
        let (role, stage, round) = expect;
        assert_eq!(found, [json!(role), json!(stage), json!(round)], "{:#}", self.at_work);
        assert!(
            self.row.starts_with(&format!("{begins}, {}, ", self.elapsed())),
            "{}",
            self.row
        );
    }

    /// Panics unless the call that is at work has used something, so that all together have used more than `before`, and words
    /// and JSON tell the same.
    #[track_caller]
    fn has_used_more_than(&self, before: f64) {
        let money = |of: &Value| of["cost_usd"].as_f64().unwrap();
        let all = money(&self.status["run_usage"]);
        assert!(all > before, "{before}: {:#}", self.status);
        let of_attempt = money(&self.at_work["usage"]);
        assert!(of_attempt > 0.0, "{:#}", self.at_work);
        assert!(self.at_work["turns"].as_u64().unwrap() > 0, "{:#}", self.at_work);
        for (text, expect) in [(&self.so_far, all), (&self.row, of_attempt)] {
            let shown = text.split(", ").find_map(|part| part.strip_prefix('$'));
            let shown: f64 = shown.unwrap_or_else(|| panic!("{text}")).parse().unwrap();
            // Two digits or four are shown.
            assert!((shown - expect).abs() <= 0.005, "{expect}: {text}");
            assert!(text.contains("k tokens, $"), "{text}");
        }
    }
}

/// Reads a time as people do, in whole seconds.
fn seconds(text: &str) -> i64 {
    let words: Vec<&str> = text.split(' ').collect();
    let parts = words.chunks(2).map(|part| match part {
        [count, "min"] => 60 * count.parse::<i64>().unwrap(),
        [count, "s"] if count.contains('.') => 0,
        [count, "s"] => count.parse().unwrap(),
        _ => panic!("{text}"),
    });
    parts.sum()
}

/// What the calls cost that have ended.
fn paid(project: &Project) -> f64 {
    let calls = project.events().into_iter().filter_map(|event| match event {
        EventKind::AgentEnded { entry, .. } => Some(entry.usage.cost_usd),
        _ => None,
    });
    calls.sum()
}

/// A measure, the first call of its task, a fix round of that, a gate, and a review.
fn each_stage_of_a_run_is_told_while_it_lasts(engine: TestEngine) {
    let work = format!(
        "{WAIT}tokens 100 10 0.25\nwrite src/bad.txt x\ndone\n{WAIT}tokens 100 10 0.25\ndelete src/bad.txt\nwrite src/a.txt x"
    );
    let review = format!("{WAIT_BESIDE}tokens 50 5 0.125\n{}", answers(9, true, &[]));
    let mut task = proposal("one", "Write a file", &[], "");
    task["description"] = described(&work, &review).into();
    let measure = format!(
        "{WAIT_BESIDE}tokens 100 10 0.5\npropose {}",
        json!({"proposals": [task]})
    );
    let gate = "gates: [{name: test, command: absent=src/bad.txt only=src/a.txt until=free}]\n";
    let project = Project::new(
        engine,
        &format!("stages: [stitch, review]\n{gate}{}", user_prompt(&measure)),
    );
    let run = project.spawn(&["run", "--cycles", "1"]);
    // What a tool and its answer used is told after the tool.
    let agent_waits =
        || wait_until(|| project.pipes().len() == 1 && project.status()["at_work"][0]["turns"].as_u64() > Some(0));

    agent_waits();
    let told = Told::by(&project);
    assert_eq!(told.at_work["task"], Value::Null);
    told.is_at(("measure", "agent", 0), "measure: agent");
    told.has_used_more_than(0.0);
    project.let_pipes_go();

    agent_waits();
    let told = Told::by(&project);
    assert_eq!(
        (&told.at_work["task"], &told.at_work["title"]),
        (&json!("cw-1"), &json!("Write a file"))
    );
    told.is_at(("stitch", "agent", 0), "cw-1: agent");
    assert!(told.row.ends_with(", Bash mkfifo go (Write a file)"), "{}", told.row);
    told.has_used_more_than(paid(&project));
    project.let_pipes_go();

    agent_waits();
    let told = Told::by(&project);
    told.is_at(("stitch", "agent", 1), "cw-1: agent, fix round 1");
    told.has_used_more_than(paid(&project));
    project.let_pipes_go();

    let slot = wait_for_gate(&project, &["src/a.txt"], "free");
    let told = Told::by(&project);
    told.is_at(("stitch", "gate", 1), "cw-1: gate `test`, fix round 1");
    assert_eq!(told.at_work["gates"], json!(["test"]));
    let used = told.status["run_usage"]["cost_usd"].as_f64().unwrap();
    assert!((used - paid(&project)).abs() < 1e-9, "no call is at work: {used}");
    answer(&slot, "free", "");

    agent_waits();
    let told = Told::by(&project);
    told.is_at(("review", "agent", 1), "cw-1: agent, review 1");
    assert_eq!(told.at_work["gates"], json!([]));
    told.has_used_more_than(paid(&project));
    project.let_pipes_go();

    ended(run).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let status = project.status();
    assert_eq!(
        (&status["at_work"], &status["run_usage"]),
        (&json!([]), &Value::Null),
        "{status:#}"
    );
    project.expect_tidy();
}
