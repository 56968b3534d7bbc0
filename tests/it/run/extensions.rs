//! What a program adds to its runs through the library: gates that are written in Rust, and observers. The image's `sh` is the
//! probe, see its source.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cordwainer::Generator;
use cordwainer::error::ErrorKind;
use cordwainer::event::{Event, EventKind, Verdict};
use cordwainer::extension::{Extensions, Gate, GateError, Judgement, Observer, Work};
use cordwainer::finding::Severity;
use cordwainer::generator::{Environment, RunOptions, RunSummary, StopOptions};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: a_gate_written_in_rust_looks_judges_and_has_commands_run, a_gate_that_breaks_holds_the_task_and_nothing_else;
    docker: a_merge_is_judged_too, names_are_told_apart;
}

type Judges = Box<dyn Fn(&Work) -> Result<Judgement, GateError> + Send + Sync>;

/// A gate by a function.
struct By(&'static str, Judges);

impl Gate for By {
    fn name(&self) -> &str {
        self.0
    }

    fn timeout(&self) -> Duration {
        if self.0 == "late" {
            Duration::from_secs(1)
        } else {
            Duration::from_secs(600)
        }
    }

    fn judge(&self, work: &Work) -> Result<Judgement, GateError> {
        self.1(work)
    }
}

fn gate(
    name: &'static str,
    judges: impl Fn(&Work) -> Result<Judgement, GateError> + Send + Sync + 'static,
) -> Extensions {
    Extensions {
        gates: vec![Arc::new(By(name, Box::new(judges)))],
        observers: Vec::new(),
    }
}

/// Keeps all events; panics over the first task that is claimed, where it is told to.
#[derive(Default)]
struct Keeps(Mutex<Vec<Event>>, bool);

impl Observer for Keeps {
    fn observe(&self, event: &Event) {
        let is_claim = matches!(event.kind, EventKind::TaskClaimed { .. });
        assert!(!(self.1 && is_claim), "an observer of the test");
        self.0.lock().unwrap().push(event.clone());
    }
}

fn generator(project: &Project, extensions: Extensions) -> cordwainer::error::Result<Generator> {
    let environment = Environment {
        oauth_token: Some("sk-ant-oat01-dummy-of-the-host".to_owned().into()),
        ..Environment::default()
    };
    Generator::open(&project.repository.path(), environment)
        .unwrap()
        .with(extensions)
}

/// Does the ready tasks.
pub(super) fn run(project: &Project, extensions: Extensions) -> RunSummary {
    let generator = generator(project, extensions).unwrap();
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let options = RunOptions {
        cycles: Some(0),
        ..RunOptions::default()
    };
    let runtime = Runtime::new().unwrap();
    runtime
        .block_on(generator.run(options, events, CancellationToken::new()))
        .unwrap()
}

/// How a gate came out on results, and why.
fn verdicts(project: &Project, name: &str) -> Vec<(Verdict, String)> {
    let of = |event: EventKind| match event {
        EventKind::GateEnded { gate, verdict, why, .. } if gate == name => Some((verdict?, why)),
        _ => None,
    };
    project.events().into_iter().filter_map(of).collect()
}

/// Wants `two` in a file, and tries everything that a gate can do.
fn wants_two(work: &Work) -> Result<Judgement, GateError> {
    let paths = |view: &cordwainer::extension::TreeView| -> Result<Vec<String>, GateError> {
        let files = view.files()?.into_iter();
        Ok(files.map(|file| file.path.display().to_string()).collect())
    };
    assert_eq!(
        (work.task().unwrap().to_string().as_str(), work.title()),
        ("cw-1", "writes")
    );
    let (before, after) = (paths(work.parent())?, paths(work.result())?);
    assert!(before.contains(&"src/old.txt".to_owned()) && !before.contains(&"src/a.txt".to_owned()));
    assert!(after.contains(&"src/a.txt".to_owned()), "{after:?}");
    let changed = work.changes()?.into_iter().map(|change| change.path);
    assert_eq!(
        changed.collect::<Vec<_>>(),
        ["src/a.txt", "src/link"].map(std::path::PathBuf::from)
    );
    for nothing in ["../outside", "/etc/passwd", "src", "src/link", "src/link/x", "", "a\0b"] {
        assert_eq!(work.result().read(nothing)?, None, "{nothing}");
    }
    let content = work.result().read("src/a.txt")?.unwrap();
    // What the container sees is the same, and how a command ends is the gate's own to judge.
    let seen = work.run("cat=src/a.txt")?;
    assert!(
        seen.passed() && seen.output.as_bytes().starts_with(&content),
        "{seen:?}"
    );
    let red = work.run("err=no exit=3")?;
    assert_eq!((red.exit_code, red.how.as_str()), (Some(3), "exited with 3"));
    assert_eq!(work.run(" ").unwrap_err().kind(), ErrorKind::Usage);
    if content == b"two\n" {
        return Ok(Judgement::passed());
    }
    Ok(Judgement::failed("finds no two")
        .finding(Severity::Low, ("src/a.txt", Some(2)), "there is no such line")
        .finding(Severity::High, ("src/a.txt", Some(1)), "this is not two")
        .finding(Severity::High, ("../outside", None), "there is no such file"))
}

fn a_gate_written_in_rust_looks_judges_and_has_commands_run(engine: TestEngine) {
    let project = Project::new(engine, "gates: [exit=0]\n");
    project.add(
        "writes",
        "write src/a.txt one\nsymlink src/link old.txt\ndone\nwrite src/a.txt two",
    );
    let (keeps, panics) = (Arc::new(Keeps::default()), Arc::new(Keeps(Mutex::default(), true)));
    let extensions = Extensions {
        observers: vec![keeps.clone(), panics.clone()],
        ..gate("two", wants_two)
    };
    let done = run(&project, extensions);
    assert_eq!((done.merged, done.exit_code), (1, 0), "{done:?}");
    assert_eq!(project.content("src/a.txt"), "two");
    let found = "finds no two; 1 finding (1 high)".to_owned();
    let expect = [(Verdict::Failed, found), (Verdict::Passed, String::new())];
    assert_eq!(verdicts(&project, "two"), expect);
    let round = &project.issue("cw-1")["attempts"][0]["rounds"][0]["red"];
    assert_eq!(round["output"], "high src/a.txt:1: this is not two\n", "{round:#}");
    let trailers = project
        .repository
        .git(&["log", "-1", "--format=%(trailers:only)", "generation-one"]);
    assert!(
        trailers.contains("Cordwainer-Gates: exit=0 passed, two passed\n"),
        "{trailers}"
    );
    // Each observer got what is recorded, the one that panicked until then; and that is told once.
    let recorded = project.events();
    let kept = keeps.0.lock().unwrap().clone();
    let is_warning = |event: &&EventKind| matches!(event, EventKind::Warned { what } if what == "the observer 2 of this program panicked, and gets no more events: an observer of the test");
    assert_eq!(recorded.iter().filter(is_warning).count(), 1);
    assert_eq!(kept.len(), recorded.len());
    assert!(panics.0.lock().unwrap().len() < kept.len());
    project.expect_tidy();
}

/// A gate that returns when the test lets it, and then still wants something.
fn late(go: Receiver<()>, came: Sender<ErrorKind>) -> Extensions {
    let ends = Mutex::new((go, came));
    gate("late", move |work| {
        let ends = ends.lock().unwrap();
        ends.0.recv()?;
        let refused = work.run("exit=0").unwrap_err().kind();
        ends.1.send(refused)?;
        Ok(Judgement::passed())
    })
}

fn a_gate_that_breaks_holds_the_task_and_nothing_else(engine: TestEngine) {
    let project = Project::new(engine, "");
    let (go, waits) = channel();
    let (came, comes) = channel();
    let broken = [
        (
            "panics",
            gate("panics", |work| panic!("over\n{}", work.title())),
            "panicked: over writes",
        ),
        (
            "fails",
            gate("fails", |work| Err(work.run("").unwrap_err().into())),
            "came to no judgement: a command of a gate",
        ),
        ("late", late(waits, came), "did not return within 1 s"),
    ];
    for (index, (name, extensions, says)) in broken.into_iter().enumerate() {
        project.add("writes", &format!("tokens 100 10 0.25\nwrite src/{name}.txt x"));
        let done = run(&project, extensions);
        let id = format!("cw-{}", index + 1);
        assert_eq!((done.attempted, done.exit_code), (1, 7), "{done:?}");
        let came = verdicts(&project, name);
        assert!(
            matches!(&came[..], [(Verdict::NotRun, why)] if why.starts_with(says)),
            "{came:?}"
        );
        let held = project.issue(&id)["hold"].as_str().unwrap().to_owned();
        assert!(
            held.starts_with(&format!("not proven: the gate `{name}` {says}")),
            "{held}"
        );
        // The work is kept: with a gate that judges, nobody does it again.
        project.run(&["issues", "release", &id]).expect(0);
        let done = run(&project, gate(name, |_| Ok(Judgement::passed())));
        assert_eq!((done.merged, done.usage.calls), (1, 0), "{done:?}");
        assert_eq!(project.outcomes(&id), ["unproven", "merged"]);
    }
    // Whoever comes too late is told so, and judges nothing any more.
    go.send(()).unwrap();
    assert_eq!(comes.recv().unwrap(), ErrorKind::Interrupted);
    project.expect_tidy();
}

fn a_merge_is_judged_too(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("writes", "write src/a.txt one");
    let judged = |passes: bool| {
        gate("merge", move |work| {
            let on_merge = work.task().is_none();
            assert!(work.run("cat=src/a.txt")?.passed());
            Ok(if passes || !on_merge {
                Judgement::passed()
            } else {
                Judgement::failed("finds it too early")
            })
        })
    };
    assert_eq!(run(&project, judged(false)).merged, 1);
    let runtime = Runtime::new().unwrap();
    let stop = |extensions| {
        let generator = generator(&project, extensions).unwrap();
        runtime.block_on(generator.stop(StopOptions::default(), |_, _| {}))
    };
    let before = project.repository.git(&["for-each-ref"]);
    let refused = stop(judged(false)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Precondition);
    let says = "does not pass the gate `merge`: it finds it too early; nothing was changed";
    assert!(refused.to_string().contains(says), "{refused}");
    assert_eq!(project.repository.git(&["for-each-ref"]), before);
    let _ = stop(judged(true)).unwrap();
    assert_eq!(project.repository.git(&["show", "main:src/a.txt"]), "one");
}

fn names_are_told_apart(engine: TestEngine) {
    let project = Project::new(engine, "gates: [{name: test, command: exit=0}]\n");
    let refused = generator(&project, gate("test", |_| Ok(Judgement::passed()))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    let says = "the gates of this program have names that cannot be used: there is another gate `test`";
    assert_eq!(refused.to_string(), says);
}
