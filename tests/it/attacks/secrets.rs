//! The hunt for the credential: by an agent in its container, and by whoever reads what is left of a run. The control
//! is a container with the credential in its environment, as earlier systems had it.

use std::fs;
use std::process::Command;

use crate::attacks::told::{Told, limits, plain_container, script};
use crate::support::engines::{self, TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::scripts::WAIT;

engine_tests! {
    both: the_credential_is_nowhere;
}

/// The host's credential, in no form that anybody would know for one.
const CREDENTIAL: &str = "the-credential-of-the-host-4711";

/// By the agent: in every environment, command line, mount table and file.
fn hunt() -> String {
    let digits = CREDENTIAL.bytes().map(|byte| format!("{:02x}", byte + 1));
    format!("hunt {}", digits.collect::<Vec<_>>().concat())
}

fn the_credential_is_nowhere(engine: TestEngine) {
    let project = Project::new(engine, "agent: {credentials: api_key}\n");
    let hunt = hunt();
    let script = script([hunt.as_str()]);
    project.add(
        "hunts",
        &format!("{script}{WAIT}say I found nothing.\nwrite src/a.txt done"),
    );
    let mut command = project.command(&["generator", "stitch"]);
    command
        .env_remove("CLAUDE_CODE_OAUTH_TOKEN")
        .env("ANTHROPIC_API_KEY", CREDENTIAL);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let run = command.spawn().unwrap();
    let mut seen = String::new();
    project.while_the_agent_waits(|| seen = seen_by_the_engine(engine, &project));
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(0);
    let told = Told::by_task(&project, "cw-1");
    assert!(!told.done(&hunt), "{}", told.came(&hunt));
    assert!(seen.contains("ANTHROPIC_API_KEY=sk-ant-api03-cordwainer-"), "{seen}");
    for (place, text) in [("inspect", &seen), ("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        assert!(!text.contains(CREDENTIAL), "{place}: {text}");
    }
    assert_eq!(left_in(&project), [""; 0], "what a run leaves holds the credential");
    project.expect_tidy();
    control(engine, &hunt, &script);
}

/// What an engine tells of the project's containers.
fn seen_by_the_engine(engine: TestEngine, project: &Project) -> String {
    let names = project.containers();
    assert_eq!(names.len(), 1);
    inspect(engine, &names[0])
}

fn inspect(engine: TestEngine, name: &str) -> String {
    let ask = |verb: &str| engine.client().args([verb, name]).output().unwrap().stdout;
    ["inspect", "top", "logs"]
        .map(|verb| String::from_utf8_lossy(&ask(verb)).into_owned())
        .concat()
}

/// Files of the repository, and objects of git, that hold the credential.
fn left_in(project: &Project) -> Vec<String> {
    let holds = |bytes: &[u8]| {
        bytes
            .windows(CREDENTIAL.len())
            .any(|window| window == CREDENTIAL.as_bytes())
    };
    let objects = Command::new("git")
        .args(["cat-file", "--batch-all-objects", "--batch"])
        .current_dir(project.repository.path())
        .output()
        .unwrap()
        .stdout;
    assert!(
        String::from_utf8_lossy(&objects).contains("hunts"),
        "the issues are among them"
    );
    let mut found = Vec::new();
    found.extend(holds(&objects).then(|| "an object".to_owned()));
    let mut files = 0;
    for entry in walkdir::WalkDir::new(project.repository.outside()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            files += 1;
            let held = holds(&fs::read(entry.path()).unwrap());
            found.extend(held.then(|| entry.path().display().to_string()));
        }
    }
    assert!(files > 20, "{files} files: the records are among them");
    found
}

/// Hunts where the credential is in the container's environment: it is found there, in `inspect`, and in
/// whatever the agent writes.
fn control(engine: TestEngine, hunt: &str, script: &str) {
    let variable = format!("ANTHROPIC_API_KEY={CREDENTIAL}");
    let options = ["--network", "none", "--env", &variable];
    let told = plain_container(engine, &options, script);
    assert!(told.came(hunt).contains("environ"), "{}", told.came(hunt));
    let name = format!("cordwainer-attack-inspect-{}", std::process::id());
    let mut command = engine.client();
    command.args(["run", "--name", &name]).args(options).args(limits());
    command.args([engines::IMAGE, "/probe", "env=ANTHROPIC_API_KEY"]);
    let ran = command.output().unwrap();
    let seen = inspect(engine, &name);
    let removed = engine.client().args(["rm", &name]).output().unwrap();
    assert!(ran.status.success() && removed.status.success(), "{ran:?}");
    assert!(
        seen.matches(CREDENTIAL).count() > 1,
        "`inspect` and `logs` show it: {seen}"
    );
}
