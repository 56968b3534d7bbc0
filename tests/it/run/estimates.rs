//! What is estimated before work is paid for, beside what the work then took: once where nothing was done in the repository
//! before, and once where it has a history. docs/modes.md shows the result.

use std::fs;

use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::run::build::specification;
use crate::support::cargo::checkout;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{proposal, scripted};

engine_tests! {
    podman: estimates_stand_beside_what_was_taken;
}

/// The columns of the table in the document that are the same on each machine.
const HEAD: &str = "| Mode | Estimated from | Calls | took | Tokens | took | Money | took | Agents at work | took |";

/// What is done: the command, and the name of the generation.
struct Work {
    mode: &'static str,
    arguments: Vec<String>,
    name: String,
}

/// What a call uses: tokens read and written, and money.
struct Uses(u32, u32, f64);

impl Uses {
    /// The step by which an agent uses that, and takes a moment.
    fn step(&self) -> String {
        format!("tokens {} {} {}\nsleep 20\n", self.0, self.1, self.2)
    }
}

/// A call that reads much and writes little: a measure, a plan, a review.
const READS: [Uses; 3] = [
    Uses(41_000, 2_600, 0.19),
    Uses(52_000, 3_100, 0.24),
    Uses(47_000, 2_200, 0.21),
];
/// The first call of a task.
const WORKS: [Uses; 3] = [
    Uses(58_000, 5_200, 0.31),
    Uses(83_000, 7_900, 0.46),
    Uses(49_000, 4_100, 0.25),
];
/// A fix round, which has most of it in the cache.
const GOES_ON: Uses = Uses(26_000, 2_400, 0.12);

/// A task that writes a file of its own.
fn task(key: &str, uses: &Uses, depends_on: &[&str]) -> Value {
    let work = format!("{}write src/{key}.txt {key}", uses.step());
    proposal(key, &format!("Write {key}"), depends_on, &work)
}

fn proposes(uses: &Uses, proposals: &[Value]) -> String {
    format!("{}propose {}", uses.step(), json!({ "proposals": proposals }))
}

/// One task, whose first try misses its proof.
fn fix(round: usize) -> Work {
    let key = format!("fault-{round}");
    let work = format!(
        "{}write src/{key}.txt wrong\ndone\n{}write src/{key}.txt right",
        WORKS[round].step(),
        GOES_ON.step()
    );
    let mut task = proposal(&key, "Put it right", &[], &work);
    task["proof"] = format!("has=src/{key}.txt,right").into();
    let words = format!("It is wrong\n\n{}", scripted(&proposes(&READS[round], &[task])));
    Work {
        mode: "fix",
        arguments: vec![words, "--stop".into()],
        name: format!("fix-{round}"),
    }
}

/// Three tasks.
fn feature(round: usize) -> Work {
    let names = [1, 2, 3].map(|number| format!("part-{round}-{number}"));
    let tasks = [
        task(&names[0], &WORKS[0], &[]),
        task(&names[1], &WORKS[1], &[&names[0]]),
        task(&names[2], &WORKS[2], &[&names[0]]),
    ];
    let words = format!("Add three parts\n\n{}", scripted(&proposes(&READS[1], &tasks)));
    Work {
        mode: "feature",
        arguments: vec![words, "--stop".into()],
        name: format!("feature-{round}"),
    }
}

/// Two groups; the review of the first one finds something that is worth a task.
fn build(project: &Project, round: usize) -> Work {
    let key = |number: u32| format!("built-{round}-{number}");
    let found = json!({
        "severity": "high", "category": "correctness", "path": format!("src/{}.txt", key(1)), "line": 1,
        "title": "A part is missing",
        "problem": scripted(&format!("{}write src/{}.txt found", WORKS[2].step(), key(3))), "suggestion": "",
    });
    let groups = [
        group("first", &[], &task(&key(1), &WORKS[0], &[]), &[found]),
        group("second", &["first"], &task(&key(2), &WORKS[1], &[]), &[]),
    ];
    let plan = format!(
        "{}propose {}",
        READS[0].step(),
        json!({"groups": groups, "contradictions": []})
    );
    let path = format!("docs/part-{round}.md");
    project.repository.write(&path, specification(&plan));
    project.repository.commit("ask for more");
    Work {
        mode: "build",
        arguments: vec![path, "--stop".into()],
        name: format!("build-{round}"),
    }
}

/// A group of one task, as its plan answers.
fn group(key: &str, depends_on: &[&str], task: &Value, findings: &[Value]) -> Value {
    let review = json!({"score": 5, "approved": false, "summary": "Read it.", "findings": findings});
    json!({
        "key": key, "name": format!("The {key}"), "scope": "Its files.", "depends_on": depends_on,
        "briefing": format!(
            "{}\n\n~~~review\n{}propose {review}\n~~~",
            scripted(&proposes(&READS[1], std::slice::from_ref(task))),
            READS[2].step()
        ),
        "estimated_tasks": 1, "effort": "small",
    })
}

/// Three files that do not fit into one part.
fn audit(round: usize) -> Work {
    let script = scripted(&format!("{}propose {{\"findings\": []}}", READS[round].step()));
    Work {
        mode: "audit",
        arguments: vec!["lib".into(), "--request".into(), format!("Look again\n\n{script}")],
        name: format!("audit-{round}"),
    }
}

fn project(engine: TestEngine) -> Project {
    let repository = TestRepository::empty();
    repository.write("README.md", "# Parts\n");
    repository.write("docs/specification.md", "There shall be parts.\n");
    for name in ["x", "y", "z"] {
        repository.write(format!("lib/{name}.txt"), "some words of a long file\n".repeat(5000));
    }
    // The agents ask no model, so what they say that they used is what counts.
    let more = by_the_client("gates: [cat=README.md]\nreview: {closing_rounds: 1}\n");
    Project::with_socket(engine, repository, &engine.socket(), &more)
}

/// What can be estimated, in the order of the columns.
const WHAT: [&str; 4] = ["calls", "tokens", "cost_usd", "seconds"];

/// What is estimated, and what the work took.
struct Row {
    mode: String,
    estimated: Value,
    took: [f64; 4],
}

impl Work {
    fn json(&self, project: &Project, arguments: &[&str]) -> Value {
        let mut command = vec!["--generation", &self.name];
        command.extend(arguments);
        serde_json::from_str(&project.run(&command).expect(0).stdout).unwrap()
    }

    /// The command, as a person types it.
    fn command(&self) -> Vec<&str> {
        let mut command = vec![self.mode, "--name", &self.name];
        command.extend(self.arguments.iter().map(String::as_str));
        command
    }

    fn estimate(&self, project: &Project) -> Value {
        let mut command = self.command();
        command.retain(|word| *word != "--stop");
        command.extend(["--estimate", "--json"]);
        serde_json::from_str(&project.run(&command).expect(0).stdout).unwrap()
    }

    /// What all of it has used by now.
    fn used(&self, project: &Project) -> [f64; 4] {
        let total = &self.json(project, &["stats", "usage", "--json"])["total"];
        let used = |name: &str| total["usage"][name].as_f64().unwrap();
        let tokens = ["input", "cache_write", "cache_read", "output"].map(used);
        let seconds = total["duration_ms"].as_f64().unwrap() / 1000.0;
        [used("calls"), tokens.iter().sum(), used("cost_usd"), seconds]
    }

    /// Asks for the estimate, does the work, and reads what it took. Work in groups is estimated once more when it is planned.
    fn done(&self, project: &Project) -> Vec<Row> {
        let row = |mode: &str, estimated, took| Row {
            mode: mode.to_owned(),
            estimated,
            took,
        };
        let first = self.estimate(project);
        let planned = (self.mode == "build").then(|| {
            project
                .run(&["plan", &self.arguments[0], "--name", &self.name])
                .expect(0);
            (self.estimate(project), self.used(project))
        });
        project.run(&self.command()).expect(0);
        let all = self.used(project);
        let mut rows = vec![row(self.mode, first, all)];
        if let Some((estimated, before)) = planned {
            let rest = std::array::from_fn(|index| all[index] - before[index]);
            rows.push(row("build, planned", estimated, rest));
        }
        rows
    }
}

impl Row {
    /// Where the estimate comes from: the document's table, what was done here, or both.
    fn from(&self) -> &'static str {
        let sizes = self.estimated["sizes"].as_array().unwrap().iter();
        let parts = sizes.map(|size| &size["each"]).chain([&self.estimated["measure"]]);
        let of_table: Vec<bool> = parts.map(|part| part["from"] == "table").collect();
        match (of_table.contains(&true), of_table.contains(&false)) {
            (true, true) => "both",
            (true, false) => "table",
            _ => "history",
        }
    }

    /// What is estimated of one of the columns: low, median, high.
    fn estimated(&self, column: usize) -> [f64; 3] {
        ["low", "median", "high"].map(|which| self.estimated["total"][which][WHAT[column]].as_f64().unwrap())
    }

    /// Returns it as a row of the table in the document, up to the time that this machine took.
    fn in_the_table(&self) -> String {
        let pair = |column: usize, shown: fn(f64) -> String| {
            let [low, median, high] = self.estimated(column).map(shown);
            format!("{median} ({low} to {high}) | {}", shown(self.took[column]))
        };
        format!(
            "| {} | {} | {} | {} | {} |",
            self.mode,
            self.from(),
            pair(0, |calls| format!("{calls:.0}")),
            pair(1, |tokens| format!("{:.0}k", tokens / 1000.0)),
            pair(2, |cost| format!("${cost:.2}")),
        )
    }
}

fn estimates_stand_beside_what_was_taken(engine: TestEngine) {
    let project = project(engine);
    let mut rows = Vec::new();
    for round in 0..2 {
        for work in [fix(round), feature(round), build(&project, round), audit(round)] {
            rows.extend(work.done(&project));
        }
    }
    show(&rows);
    let document = fs::read_to_string(checkout().join("docs/modes.md")).unwrap();
    for line in rows.iter().map(Row::in_the_table).chain([HEAD.to_owned()]) {
        assert!(document.contains(&line), "docs/modes.md does not have `{line}`");
    }
    // As the document says: with a history an estimate is off by little.
    for row in rows.iter().skip(rows.len() / 2) {
        assert_eq!(row.from(), "history", "{}", row.mode);
        for column in [1, 2] {
            let ratio = row.took[column] / row.estimated(column)[1];
            assert!(
                (0.7..=1.4).contains(&ratio),
                "{}: {} is off by {ratio}",
                row.mode,
                WHAT[column]
            );
        }
        let [_, seconds, _] = row.estimated(3);
        assert!(seconds > 0.0 && seconds < 60.0, "{}: {seconds} s", row.mode);
    }
}

/// Shows all of the table, for whoever writes it into the document.
#[expect(clippy::print_stderr, reason = "what a person copies into the document")]
fn show(rows: &[Row]) {
    eprintln!("{HEAD}");
    for row in rows {
        let time = |seconds: f64| {
            if seconds < 60.0 {
                format!("{seconds:.1} s")
            } else {
                format!("{:.0} min", seconds / 60.0)
            }
        };
        let [low, median, high] = row.estimated(3).map(time);
        eprintln!(
            "{} {median} ({low} to {high}) | {} |",
            row.in_the_table(),
            time(row.took[3])
        );
    }
}
