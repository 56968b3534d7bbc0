//! The generations in which a run comes to all of its crash points.

use cordwainer::git::SlotPool;
use serde_json::{Value, json};

use crate::run::build::{finding, group, planning, specification, writes};
use crate::run::large::write_many_files;
use crate::run::prepare::COMMAND;
use crate::run::stages::described;
use crate::support::engines::TestEngine;
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{proposal, scripted};

/// A generation that comes to some crash points.
pub(super) struct Story {
    pub(super) name: &'static str,
    /// What the names of these points begin with.
    points: &'static [&'static str],
    /// Makes it, for so many tasks at once.
    pub(super) make: fn(TestEngine, u32) -> Project,
    /// How many tasks it has in the end.
    pub(super) tasks: u32,
    /// Whether it comes to its points only with several tasks at work.
    pub(super) needs_several: bool,
    /// The command that comes to them.
    pub(super) command: fn(&Project) -> Vec<String>,
}

pub(super) const STORIES: [Story; 16] = [
    Story {
        name: "outliving_measure",
        points: &["adopt.measure"],
        make: outliving_measure,
        tasks: 1,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "outliving",
        points: &["adopt."],
        make: outliving,
        tasks: 2,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "judged",
        points: &["gates.", "round.", "stage.", "layer."],
        make: judged,
        tasks: 2,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "proposed",
        points: &["measure.reviewed"],
        make: proposed,
        tasks: 2,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "paused",
        points: &["pause.", "slot.suspended", "slot.resumed", "measure.failed"],
        make: paused,
        tasks: 3,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "packed",
        points: &["history.joined"],
        make: packed,
        tasks: 1,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "conflicting",
        points: &["slot.moving", "slot.moved"],
        make: conflicting,
        tasks: 2,
        needs_several: true,
        command: resume,
    },
    Story {
        name: "failing",
        points: &["standing."],
        make: failing,
        tasks: 2,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "large",
        points: &["checkout.", "slot.layered"],
        make: large,
        tasks: 2,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "planned",
        points: &["measure.planned", "measure.paid"],
        make: planned,
        tasks: 1,
        needs_several: false,
        command: |_| words(&["generator", "generate", "--dry-run"]),
    },
    Story {
        name: "built_after_a_plan_that_failed",
        points: &["group.failed"],
        make: built,
        tasks: 3,
        needs_several: false,
        command: |_| words(&["generator", "run", "--set", "user_prompt=\"~~~plan\\nfail it\\n~~~\""]),
    },
    Story {
        name: "built",
        points: &["group."],
        make: built,
        tasks: 3,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "plan",
        points: &["measure.plan_filed"],
        make: with_plan,
        tasks: 1,
        needs_several: false,
        command: |project| words(&["generator", "run", "--plan", &plan_of(project)]),
    },
    Story {
        name: "audited",
        points: &["audit."],
        make: audited,
        tasks: 2,
        needs_several: false,
        command: resume,
    },
    Story {
        name: "stitched",
        points: &["stitch.", "slot."],
        make: plain,
        tasks: 5,
        needs_several: false,
        command: resume,
    },
    // What nobody has said otherwise about.
    Story {
        name: "plain",
        points: &[""],
        make: plain,
        tasks: 5,
        needs_several: false,
        command: resume,
    },
];

/// The story of this name.
pub(super) fn named(name: &str) -> &'static Story {
    STORIES
        .iter()
        .find(|story| story.name == name)
        .expect("each story has a test, and each test a story")
}

/// The story that comes to a point.
pub(super) fn with(point: &str) -> &'static Story {
    let comes_to = |story: &&Story| story.points.iter().any(|begins| point.starts_with(begins));
    STORIES.iter().find(comes_to).expect("the last one comes to all others")
}

/// Where a run has died before, for a point of what is done about that.
pub(super) fn death_before(point: &str) -> Option<&'static str> {
    Some(match point {
        "recover.kept" | "recover.returned" => "stitch.called",
        "recover.closed" => "stitch.merged",
        "recover.measure_noted" => "measure.called",
        "adopt.claimed" | "adopt.moved" | "adopt.marked" | "adopt.measure_marked" | "adopt.measure_moved" => {
            "call.adoptable"
        }
        _ => return None,
    })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Goes on with what there is, whatever pauses.
fn resume(_: &Project) -> Vec<String> {
    words(&["resume", "--now"])
}

/// The run that has planned something.
fn plan_of(project: &Project) -> String {
    let runs = std::fs::read_dir(project.state().join("runs")).unwrap();
    let runs = runs.map(|run| run.unwrap().path());
    let planned = runs.filter(|run| run.join("plan.json").exists()).last().unwrap();
    planned.file_name().unwrap().to_str().unwrap().to_owned()
}

/// An audit in two parts whose findings are fixed, before its first call.
fn audited(engine: TestEngine, parallel: u32) -> Project {
    let repository = repository();
    for name in ["x", "y"] {
        repository.write(format!("docs/{name}.txt"), "some words of a long file\n".repeat(5000));
    }
    let finding = |number: u32| {
        let problem = scripted(&format!("tokens 100 10 0.5\nwrite src/{number}.txt {number}"));
        json!({
            "severity": "low", "category": "security", "path": format!("docs/{}.txt", ["x", "y"][number as usize - 1]),
            "line": number, "title": format!("Number {number}"), "problem": problem, "suggestion": "",
        })
    };
    let finds = |number: u32| format!("on {number} propose {}", json!({ "findings": [finding(number)] }));
    let script = format!("tokens 100 10 0.5\n{}\n{}", finds(1), finds(2));
    let more = format!("stitch: {{parallel: {parallel}}}\n{}", user_prompt(&scripted(&script)));
    let project = Project::with_socket(engine, repository, &engine.socket(), &more);
    let begin = ["audit", "docs/x.txt", "docs/y.txt", "--fix", "--name", "one"];
    // What is to become of the findings is said by the command, and `resume` goes on.
    let mut command = project.command(&begin);
    let died = command.env("CORDWAINER_CRASH_AT", "slot.marked:1").output().unwrap();
    assert!(!died.status.success());
    project
}

/// A measure that proposes one task.
fn planned(engine: TestEngine, parallel: u32) -> Project {
    let task = proposal("first", "The first", &[], "tokens 100 10 0.5\nwrite src/1.txt 1");
    let script = format!("tokens 100 10 0.5\n{}", proposing(&[task]));
    let configuration = format!(
        "cycles: 1\nstitch: {{parallel: {parallel}}}\n{}",
        user_prompt(&scripted(&script))
    );
    Project::on(engine, repository(), &configuration)
}

/// A measure whose plan of one task nobody has filed.
fn with_plan(engine: TestEngine, parallel: u32) -> Project {
    let project = planned(engine, parallel);
    project.run(&["generator", "generate", "--dry-run"]).expect(0);
    project
}

/// Two groups of a task each; the closing review of the first finds something that becomes a task.
fn built(engine: TestEngine, parallel: u32) -> Project {
    let found = [finding(
        "high",
        "src/1.txt",
        "There is no file 3",
        "tokens 100 10 0.25\nwrite src/3.txt 3",
    )];
    let plan = planning(&[
        group("first", &[], &[writes(1)], &found),
        group("second", &["first"], &[writes(2)], &[]),
    ]);
    let repository = repository();
    repository.write("docs/specification.md", specification(&plan));
    let configuration = format!("stitch: {{parallel: {parallel}}}\n");
    let project = Project::with_socket(engine, repository, &engine.socket(), &configuration);
    let start = [
        "generator",
        "start",
        "--name",
        "one",
        "--mode",
        "build",
        "--spec",
        "docs/specification.md",
    ];
    project.run(&start).expect(0);
    project
}

fn user_prompt(prompt: &str) -> String {
    format!("user_prompt: |\n  {}\n", prompt.replace('\n', "\n  "))
}

fn proposing(proposals: &[Value]) -> String {
    format!("propose {}", json!({ "proposals": proposals }))
}

/// A task of each: by hand, three that touch different files; by a measure that is asked twice, two of which one depends on
/// the other. Agents read but a part of the history.
fn plain(engine: TestEngine, parallel: u32) -> Project {
    let write = |number: u32| format!("tokens 100 10 0.5\nwrite src/{number}.txt {number}");
    let fourth = proposal("fourth", "The fourth", &[], &write(4));
    let bad = proposal("fifth", "The fifth", &["nobody"], &write(5));
    let fifth = proposal("fifth", "The fifth", &["fourth"], &write(5));
    let script = format!(
        "tokens 100 10 0.5\non 1 {}\non 2 {}",
        proposing(&[fourth.clone(), bad]),
        proposing(&[fourth, fifth])
    );
    let repository = repository();
    repository.commit("a first commit");
    let configuration = format!(
        "stitch: {{parallel: {parallel}}}\ngit: {{history: 1}}\n{}",
        user_prompt(&scripted(&script))
    );
    let project = Project::on(engine, repository, &configuration);
    for number in 1..=3 {
        project.add(&format!("task {number}"), &write(number));
    }
    project
}

/// Agents that are at work long enough to outlive the run that began them.
fn outliving(engine: TestEngine, parallel: u32) -> Project {
    let configuration = format!("stitch: {{parallel: {parallel}}}\n");
    let project = Project::on(engine, repository(), &configuration);
    for number in 1..=2 {
        let script = format!("tokens 100 10 0.5\nsilent 6000\nwrite src/{number}.txt {number}");
        project.add(&format!("task {number}"), &script);
    }
    project
}

/// A measure whose agent is at work long enough to outlive the run that began it.
fn outliving_measure(engine: TestEngine, parallel: u32) -> Project {
    let task = proposal("first", "The first", &[], "tokens 100 10 0.5\nwrite src/1.txt 1");
    let script = format!("tokens 100 10 0.5\nsilent 6000\n{}", proposing(&[task]));
    let configuration = format!(
        "cycles: 1\nstitch: {{parallel: {parallel}}}\n{}",
        user_prompt(&scripted(&script))
    );
    Project::on(engine, repository(), &configuration)
}

/// Dependencies that are prepared, a gate that is red at first, a proof, a stage, and reviews.
fn judged(engine: TestEngine, parallel: u32) -> Project {
    let approves = format!(
        "tokens 10 1 0.125\npropose {}",
        json!({"score": 9, "approved": true, "summary": "Read it.", "findings": []})
    );
    let described = |number: u32, work: &str| {
        let docs = format!("tokens 10 1 0.125\nwrite docs/{number}.md {number}");
        described(
            &format!("tokens 100 10 0.5\n{work}"),
            &[("docs", &docs), ("review", &approves)],
        )
    };
    let repository = repository();
    repository.write("docs.md", "Write documents about {{ title | fenced(\"title\") }}\n");
    repository.write("deps.lock", "one\n");
    repository.write(".gitignore", "target/\n");
    let configuration = format!(
        "stages: [stitch, {{name: docs, prompt: docs.md, may_change: [\"docs/**\"]}}, review]\n\
         commands: {{prepare: {{command: {COMMAND}, inputs: [\"*.lock\"]}}}}\n\
         gates: [{{command: cat=src/both.txt, compare: strict}}]\n\
         cycles: off\nstitch: {{parallel: {parallel}}}\n"
    );
    let project = Project::on(engine, repository, &configuration);
    for number in 1..=2 {
        let file = format!("src/{number}.txt");
        let work = format!("write {file} {number}\ndone\ntokens 100 10 0.5\nwrite src/both.txt both");
        let (description, proof) = (described(number, &work), format!("cat={file}"));
        let title = format!("task {number}");
        let arguments = [
            "issues",
            "add",
            &title,
            "--description",
            &description,
            "--proof",
            &proof,
        ];
        project.run(&arguments).expect(0);
    }
    project
}

/// A measure whose proposals are reviewed.
fn proposed(engine: TestEngine, parallel: u32) -> Project {
    let task = |number: u32| {
        let (key, title) = (format!("task-{number}"), format!("task {number}"));
        proposal(
            &key,
            &title,
            &[],
            &format!("tokens 100 10 0.5\nwrite src/{number}.txt {number}"),
        )
    };
    let decision =
        |number: u32| json!({"key": format!("task-{number}"), "action": "ok", "reason": "So it is.", "proposals": []});
    let asked = format!(
        "{}\n\n~~~review\ntokens 10 1 0.125\npropose {}\n~~~",
        scripted(&format!("tokens 100 10 0.5\n{}", proposing(&[task(1), task(2)]))),
        json!({"decisions": [decision(1), decision(2)], "missing": []})
    );
    let configuration = format!(
        "measure: {{review: true}}\nstitch: {{parallel: {parallel}}}\n{}",
        user_prompt(&asked)
    );
    Project::on(engine, repository(), &configuration)
}

/// Two tasks and a measure that meet a limit each, and go on after it.
fn paused(engine: TestEngine, parallel: u32) -> Project {
    let limited = |rest: &str| format!("tokens 100 10 0.25\nlimit 1900000000\ntokens 100 10 0.25\n{rest}");
    let third = proposal("third", "The third", &[], "tokens 100 10 0.5\nwrite src/3.txt 3");
    let configuration = format!(
        "limits: {{wait: never}}\nstitch: {{parallel: {parallel}}}\n{}",
        user_prompt(&scripted(&limited(&proposing(&[third]))))
    );
    let project = Project::on(engine, repository(), &configuration);
    for number in 1..=2 {
        project.add(
            &format!("task {number}"),
            &limited(&format!("write src/{number}.txt {number}")),
        );
    }
    project
}

/// Two tasks whose calls the infrastructure fails at first.
fn failing(engine: TestEngine, parallel: u32) -> Project {
    let configuration = format!("cycles: off\nretry: {{initial: 1s, ceiling: 1s}}\nstitch: {{parallel: {parallel}}}\n");
    let project = Project::on(engine, repository(), &configuration);
    for number in 1..=2 {
        let fails = "on 1 api-error 529 Overloaded";
        let work = format!("tokens 100 10 0.5\nwrite src/{number}.txt {number}");
        project.add(&format!("task {number}"), &format!("{fails}\n{work}"));
    }
    project
}

/// Two tasks that begin at once and write the same file: whichever lands last goes on with what the other one left.
fn conflicting(engine: TestEngine, parallel: u32) -> Project {
    let project = Project::on(
        engine,
        repository(),
        &format!("cycles: off\nstitch: {{parallel: {parallel}}}\n"),
    );
    for number in 1..=2 {
        let first = format!("tokens 100 10 0.5\nwrite src/{number}.txt {number}\non 1 write src/shared.txt {number}");
        let later = "on 2 write src/shared.txt both\ndone\ntokens 100 10 0.5\nwrite src/shared.txt both";
        project.add(&format!("task {number}"), &format!("{first}\n{later}"));
    }
    project
}

/// As many parts of a history as are left apart; with one more they are joined.
const PARTS: usize = 24;

/// A history that was made in so many parts.
fn packed(engine: TestEngine, parallel: u32) -> Project {
    let configuration = format!("cycles: off\nstitch: {{parallel: {parallel}}}\n");
    let project = Project::on(engine, repository(), &configuration);
    project.add("task 1", "tokens 100 10 0.5\nwrite src/1.txt 1");
    let pool = SlotPool::new(project.repository.handle(), &project.state());
    let private = project.repository.outside().join("private");
    for number in 0..PARTS {
        let message = format!("part {number}");
        let commit = [
            "commit-tree",
            "generation-one^{tree}",
            "-p",
            "generation-one",
            "-m",
            &message,
        ];
        let commit = project.repository.git(&commit);
        let branch = "refs/heads/generation-one";
        project.repository.git(&["update-ref", branch, &commit]);
        let mut slot = pool.acquire("a test").unwrap();
        let tip = project.oid(branch);
        slot.restore(tip, None).unwrap();
        let _ = slot.private_repository(&private, "generation-one", tip, None).unwrap();
        slot.release().unwrap();
    }
    project
}

/// Two tasks in a repository whose checkout slots share.
fn large(engine: TestEngine, parallel: u32) -> Project {
    let repository = repository();
    write_many_files(&repository);
    let configuration = format!("cycles: off\nstitch: {{parallel: {parallel}}}\n");
    let project = Project::on(engine, repository, &configuration);
    for number in 1..=2 {
        let work =
            format!("delete many/0/{number}.txt\nappend many/1/{number}.txt more\nwrite src/{number}.txt {number}");
        project.add(&format!("task {number}"), &format!("tokens 100 10 0.5\n{work}"));
    }
    project
}

fn repository() -> TestRepository {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    repository.write("src/old.txt", "old\n");
    repository
}
