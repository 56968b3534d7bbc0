//! The login that pays: missing, expired, and renewed while a run waits for it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cordwainer::event::EventKind;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;

engine_tests! {
    podman: without_a_login_nothing_begins, a_run_goes_on_when_its_login_is_renewed;
    docker: an_expired_login_is_no_failure_of_a_task;
}

/// A project whose login is in a token file outside of it, that may be there.
struct Scene {
    project: Project,
    token_file: PathBuf,
}

impl Scene {
    fn new(engine: TestEngine, more: &str) -> Self {
        let repository = TestRepository::new();
        let secrets = repository.outside().join("secrets");
        fs::create_dir(&secrets).unwrap();
        let configuration = format!("---\nsecrets_dir: {}\n{more}", secrets.display());
        let project = Project::on(engine, repository, &configuration);
        project.add("Write a file", "write src/a.txt x");
        Self {
            project,
            token_file: secrets.join("claude.json"),
        }
    }

    /// Writes a login that expires so many seconds from now, or did so many before.
    fn log_in(&self, expires_in: i64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let expires_at = i64::try_from(now.as_millis()).unwrap() + 1000 * expires_in;
        let text = format!(
            r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-dummy-of-a-file","refreshToken":"sk-ant-ort01-dummy-of-a-file","expiresAt":{expires_at}}}}}"#
        );
        let partial = self.token_file.with_extension("partial");
        fs::write(&partial, text).unwrap();
        fs::rename(partial, &self.token_file).unwrap();
    }

    /// `cordwainer run` of a person whose environment has no credential.
    fn command(&self) -> Command {
        let mut command = self.project.command(&["generator", "run"]);
        command.env_remove("CLAUDE_CODE_OAUTH_TOKEN");
        command
    }

    fn run(&self) -> Ran {
        self.command().output().unwrap().into()
    }
}

fn without_a_login_nothing_begins(engine: TestEngine) {
    let scene = Scene::new(engine, "");
    let _ = scene
        .run()
        .expect(9)
        .says("there is no token file")
        .says("hint: set CLAUDE_CODE_OAUTH_TOKEN");
    fs::write(&scene.token_file, r#"{"claudeAiOauth":{"accessToken":7}}"#).unwrap();
    let _ = scene.run().expect(9).says("claude.json").says("line 1");
    assert_eq!(scene.project.outcomes("cw-1"), Vec::<String>::new());
    scene.project.expect_tidy();
}

fn an_expired_login_is_no_failure_of_a_task(engine: TestEngine) {
    let scene = Scene::new(engine, "limits: {wait: never}\n");
    scene.log_in(-60);
    let _ = scene.run().expect(8).says("has expired").says("log in again");
    assert_eq!(scene.project.outcomes("cw-1"), Vec::<String>::new());
    assert!(scene.project.status()["paused_until"].is_string());
    scene.log_in(3600);
    let _ = scene.run().expect(0);
    assert_eq!(scene.project.outcomes("cw-1"), ["merged"]);
    assert!(scene.project.status()["paused_until"].is_null());
    scene.project.expect_tidy();
}

fn a_run_goes_on_when_its_login_is_renewed(engine: TestEngine) {
    let scene = Scene::new(engine, "limits: {wait: always, default_wait: 2h}\n");
    scene.log_in(-60);
    let begun = SystemTime::now();
    let mut child = scene.command().spawn().unwrap();
    scene
        .project
        .wait_for_event(|event| matches!(event, EventKind::Paused { reason, .. } if reason.contains("has expired")));
    scene.log_in(3600);
    assert!(child.wait().unwrap().success());
    assert!(
        begun.elapsed().unwrap() < Duration::from_secs(3600),
        "it waited for the pause to end"
    );
    assert_eq!(scene.project.outcomes("cw-1"), ["merged"]);
    let lifted = |event: &EventKind| matches!(event, EventKind::PauseLifted { .. });
    assert!(scene.project.events().iter().any(lifted));
    scene.project.expect_tidy();
}
