//! Stages of a project's own that do not come to their end: interrupted, without their engine, or before a gate that breaks.

use std::sync::Arc;

use cordwainer::extension::{Extensions, Gate, GateError, Judgement, Work};
use rustix::process::Signal;
use serde_json::Value;

use crate::run::extensions::run;
use crate::run::stages::{add, configured, described, last, project};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};
use crate::support::sockets::Socket;

engine_tests! {
    both: a_stage_without_its_engine_is_called_again_for_the_same_work;
    podman: an_interrupted_stage_is_called_again_for_the_same_work;
    docker: what_a_stage_made_does_not_land_where_a_gate_in_rust_breaks_on_it;
}

const WORK: &str = "tokens 100 10 0.25\nwrite src/a.txt one";
const DOCS: &str = "write docs/a.md x";

/// A task whose stage begins to write, and then waits for ever.
fn add_hanging(project: &Project) {
    add(project, WORK, &[("docs", "write docs/begun.md x\nhang")]);
}

/// Waits until the stage's agent has begun to write.
fn wait_for_stage(project: &Project) {
    wait_until(|| (1..4).any(|slot| project.state().join(format!("slots/{slot}/docs/begun.md")).exists()));
}

/// Has the stage end well from now on, resumes, and sees that nobody was asked for the work again.
fn resume(project: &Project, outcome: &str) {
    assert_eq!(
        (project.outcomes("cw-1"), project.suspended()),
        (vec![outcome.to_owned()], 1)
    );
    assert!(!project.files("generation-one").contains_key("src/a.txt"));
    let description = described(WORK, &[("docs", DOCS)]);
    project
        .run(&["issues", "edit", "cw-1", "--description", &description])
        .expect(0);
    project.run(&["resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), [outcome, "merged"]);
    assert_eq!(last(project)["call"], Value::Null);
    assert!((project.cost("stitch") - 0.25).abs() < 0.01);
    let files = project.files("generation-one");
    assert!(
        files.contains_key("src/a.txt") && files.contains_key("docs/a.md") && !files.contains_key("docs/begun.md"),
        "{files:?}"
    );
    project.expect_tidy();
}

fn an_interrupted_stage_is_called_again_for_the_same_work(engine: TestEngine) {
    let project = project(engine, &format!("stop_grace: 1s\n{}", configured("")));
    add_hanging(&project);
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_for_stage(&project);
    signal(&run, Signal::INT);
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(130);
    let _ = ran
        .says("Run ended: interrupted. ")
        .says("Next: `cordwainer resume` continues.");
    assert_eq!(project.issue("cw-1")["status"], "open");
    resume(&project, "cancelled");
}

fn a_stage_without_its_engine_is_called_again_for_the_same_work(engine: TestEngine) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (proxy, cut) = runtime.block_on(async { Socket::proxy(&engine.socket()) });
    let mut project = project(engine, &configured(""));
    let retry = "retry: {initial: 1s, ceiling: 1s, count: 1}\n";
    project.reconfigure(Some(&proxy.path()), &format!("{}{retry}", configured("")));
    add_hanging(&project);
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_for_stage(&project);
    cut.send(true).unwrap();
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(5);
    let _ = ran.says("the infrastructure failed several times");
    // Nobody could end its container.
    assert_eq!(project.containers().len(), 1);
    project.reconfigure(None, &configured(""));
    resume(&project, "infrastructure_failed");
}

/// Breaks where it finds a file of the stage.
struct BreaksOnDocuments;

impl Gate for BreaksOnDocuments {
    fn name(&self) -> &'static str {
        "documents"
    }

    fn judge(&self, work: &Work) -> Result<Judgement, GateError> {
        match work.result().read("docs/a.md")? {
            None => Ok(Judgement::passed()),
            Some(_) => panic!("no idea what to do with documents"),
        }
    }
}

fn what_a_stage_made_does_not_land_where_a_gate_in_rust_breaks_on_it(engine: TestEngine) {
    for required in ["", ", required: false"] {
        let project = project(engine, &configured(required));
        add(&project, WORK, &[("docs", DOCS)]);
        let gates = |gate: Option<Arc<dyn Gate>>| Extensions {
            gates: gate.into_iter().collect(),
            observers: Vec::new(),
        };
        let done = run(&project, gates(Some(Arc::new(BreaksOnDocuments))));
        assert_eq!((done.merged, done.exit_code), (0, 7), "{done:?}");
        assert_eq!(project.outcomes("cw-1"), ["unproven"]);
        let held = project.issue("cw-1")["hold"].as_str().unwrap().to_owned();
        assert!(
            held.contains("the gate `documents` panicked: no idea what to do with documents"),
            "{held}"
        );
        let files = project.files("generation-one");
        assert!(
            !files.contains_key("docs/a.md") && !files.contains_key("src/a.txt"),
            "{files:?}"
        );
        // With a gate that judges, nobody is called again, for the work or for the stage.
        project.run(&["issues", "release", "cw-1"]).expect(0);
        let done = run(&project, gates(None));
        assert_eq!((done.merged, done.usage.calls), (1, 0), "{done:?}");
        assert_eq!(project.outcomes("cw-1"), ["unproven", "merged"]);
        assert_eq!(project.content("docs/a.md"), "x");
        project.expect_tidy();
    }
}
