//! The modes with the real client on published projects: what each is for comes out, though its run is killed once and goes on.
//!
//! The scenes are data: another mode is another entry.

use std::path::Path;

use serde_json::{Value, json};

use super::live::{ClaudeEngine, Live};
use crate::support::engines::{TestEngine, absent};
use crate::support::published::{Origin, fetch};

mod scenes;

/// The interpreters of this machine, which the containers get: the image of the client has none.
const NODE: &str = "/usr/bin/node";
const PYTHON: &str = "/usr/bin/python3";

/// Which interpreter a scene's gates need.
enum Interpreter {
    Node,
    Python,
}

impl Interpreter {
    /// Returns what is mounted of it; says so where this machine has none.
    fn mounts(&self) -> Option<String> {
        let (program, name) = match self {
            Self::Node => (NODE, "node"),
            Self::Python => (PYTHON, "python3"),
        };
        let Ok(program) = Path::new(program).canonicalize() else {
            absent(name);
            return None;
        };
        let mut mounts = format!("\"{}:/usr/local/bin/{name}\"", program.display());
        if matches!(self, Self::Python) {
            // Its modules stand where the program looks for them, in a folder of its version.
            let modules = Path::new("/usr/lib").join(program.file_name()?);
            mounts += &format!(", \"{0}:{0}\"", modules.display());
        }
        Some(format!("  mounts: [{mounts}]\n"))
    }
}

/// What a mode is to do to a published project.
struct Scene {
    mode: &'static str,
    /// What the mode is given: a request, documents, files, or options.
    arguments: &'static [&'static str],
    origin: Origin,
    interpreter: Interpreter,
    /// What the project has beside what was published.
    beside: &'static [(&'static str, &'static str)],
    /// Lines of the configuration.
    configuration: String,
    /// What the scripted model says. One answer of it hangs once: there the run is killed.
    script: String,
    /// The conversation in which it hangs, and how many tool results its requests have brought by then.
    killed: (&'static str, &'static [usize]),
    /// The exit code of the run that goes on.
    code: i32,
    /// How many measures its generation has had then; `None` where nothing is left of it.
    measures: Option<u32>,
    /// What must be so then.
    expect: fn(&Live, &str),
}

#[track_caller]
fn check(engine: TestEngine, scene: &Scene) {
    let Some(engine) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
    let Some(mounts) = scene.interpreter.mounts() else {
        return;
    };
    let repository = fetch(scene.origin, "/node_modules/\n");
    for (path, text) in scene.beside {
        repository.write(path, text);
    }
    let more = format!("{mounts}{}", scene.configuration);
    let live = Live::of(engine, repository, &scene.script, &more);
    let (about, results) = scene.killed;
    let run = [&["generator", scene.mode], scene.arguments].concat();
    live.killed_when(&run, |api| api.results_brought(about) == results);
    let called = live.call(&["generator", "resume"]);
    let context = || format!("{called:#?}\n{}", live.transcripts());
    assert_eq!(called.code, scene.code, "{}", context());
    assert_eq!(live.api.surprises(), Vec::<String>::new(), "{}", context());
    // The agent was at work all the while: its request was cut off, and what it had done by then was not asked for again.
    let brought = live.api.results_brought(about);
    assert!(
        brought.starts_with(&[results, &results[results.len() - 1..]].concat()),
        "{brought:?}: {}",
        context()
    );
    if let Some(measures) = scene.measures {
        let status = live.call(&["generator", "status", "--json"]).json();
        assert_eq!(
            (&status["mode"], &status["cycles"]),
            (&json!(scene.mode), &json!(measures)),
            "{}",
            context()
        );
    } else {
        let listed = live.call(&["generator", "list", "--json"]).json();
        assert_eq!(listed["open"], json!([]), "{}", context());
    }
    (scene.expect)(&live, &called.stdout);
}

/// A proposal of a task on these files.
fn proposal(key: &str, title: &str, files: &[&str], depends_on: &[&str]) -> Value {
    let files: Vec<Value> = files
        .iter()
        .map(|path| json!({"path": path, "action": "modify"}))
        .collect();
    json!({
        "key": key, "title": title, "description": "As the request says.", "required_reading": [], "files": files,
        "requirements": ["It is done."], "acceptance_criteria": ["A test shows it."], "estimated_lines": 10, "priority": 2,
        "depends_on": depends_on,
    })
}

/// What measure answers.
fn proposes(proposals: &[Value]) -> String {
    format!(
        "about \"What to propose\"\n  answer {}\n",
        json!({ "proposals": proposals })
    )
}

/// A file of the generation's tip.
fn content(live: &Live, path: &str) -> String {
    let generation = live.call(&["generator", "status", "--json"]).json()["generation"].clone();
    let place = format!("{}:{path}", generation.as_str().unwrap());
    live.repository.git(&["show", &place])
}

fn issue(live: &Live, id: &str) -> Value {
    live.call(&["issues", "show", id, "--json"]).json()
}

/// Makes a test of each scene.
macro_rules! scenes {
    ($(podman first: $($podman:ident: $podman_scene:ident),+;)? $(docker first: $($docker:ident: $docker_scene:ident),+;)?) => {
        crate::support::engines::engine_tests! {
            $(podman first: $($podman),+;)?
            $(docker first: $($docker),+;)?
        }
        $($(fn $podman(engine: TestEngine) { check(engine, &scenes::$podman_scene()); })+)?
        $($(fn $docker(engine: TestEngine) { check(engine, &scenes::$docker_scene()); })+)?
    };
}

scenes! {
    podman first:
        a_feature_is_built_on_a_published_package: feature,
        a_weakened_test_of_a_published_package_is_caught: refactor,
        a_published_crate_gets_what_the_words_ask: exec,
        a_published_package_is_built_on_in_groups: build;
    docker first:
        a_fault_of_a_published_package_is_mended: fix,
        coverage_of_a_published_package_rises: test,
        a_published_package_is_audited: audit,
        what_changed_in_a_published_package_is_reviewed_and_fixed: review;
}
