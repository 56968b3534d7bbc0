//! A project whose agent is the real client, and what must come of one task in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cordwainer::engine::EngineKind;
use cordwainer::image::NAME;
use serde_json::Value;

use crate::support::command::{Called, cordwainer};
use crate::support::engines::{TestEngine, absent, limits_that_hold};
use crate::support::messages_api::{Listen, MessagesApi, Served};
use crate::support::repository::TestRepository;

/// The Claude image that the test command built.
pub(super) const IMAGE: &str = "localhost/cordwainer-claude:latest";
/// What an image may do to its client, and no check of ours sees before a call.
const WRAPPER: &str = "#!/bin/sh\nANTHROPIC_API_KEY=sk-ant-api03-dummy exec claude \"$@\"\n";
/// Until the client must have come to what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The only task.
pub(super) const TASK: &str = "cw-1";
/// By which the script knows the task's conversation.
pub(super) const ABOUT: &str = "The task: cw-1";

/// An account: what the host has as its credential, which no container sees.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Account {
    /// A subscription's token.
    #[default]
    Subscription,
    /// A subscription's token, and `opus` means another model.
    Renaming,
    /// An API key, which the configuration knows of.
    ApiKey,
    /// An API key that a wrapper of the client brings, though the configuration expects a subscription.
    UnexpectedKey,
    /// A subscription's token, and the client may work in the background.
    InBackground,
}

impl Account {
    /// The credential in the environment of the host.
    fn credential(self) -> (&'static str, &'static str) {
        match self {
            Self::Subscription | Self::Renaming | Self::UnexpectedKey | Self::InBackground => {
                ("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy-of-the-host")
            }
            Self::ApiKey => ("ANTHROPIC_API_KEY", "sk-ant-api03-dummy-of-the-host"),
        }
    }

    /// More of the environment in the container.
    fn environment(self) -> &'static str {
        match self {
            Self::Renaming => ", ANTHROPIC_DEFAULT_OPUS_MODEL: claude-sonnet-4-5",
            Self::InBackground => ", CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: \"\"",
            Self::Subscription | Self::UnexpectedKey | Self::ApiKey => "",
        }
    }

    /// The program that is called: the client, or a wrapper in the repository.
    fn command(self) -> &'static str {
        match self {
            Self::UnexpectedKey => "/workspace/client.sh",
            Self::Subscription | Self::Renaming | Self::ApiKey | Self::InBackground => "claude",
        }
    }

    fn credentials(self) -> &'static str {
        match self {
            Self::Subscription | Self::Renaming | Self::UnexpectedKey | Self::InBackground => "subscription",
            Self::ApiKey => "api_key",
        }
    }
}

/// A project with one task, the API that its agent meets, and the engine's socket.
pub(super) struct Live {
    pub(super) repository: TestRepository,
    pub(super) api: MessagesApi,
    account: Account,
    host: PathBuf,
}

impl Live {
    /// A started generation with one task, with these lines in the configuration; `{refusing}` in them is a URL at which
    /// nobody listens.
    pub(super) fn new(engine: ClaudeEngine, account: Account, script: &str, more: &str) -> Self {
        Self::with(engine, account, script, more, |_| {})
    }

    /// Makes a scene as [`Self::new`] does, with what `prepare` does to the repository before it is committed.
    pub(super) fn with(
        engine: ClaudeEngine,
        account: Account,
        script: &str,
        more: &str,
        prepare: impl FnOnce(&TestRepository),
    ) -> Self {
        let script = format!("about \"What to propose\"\n  answer {{\"proposals\": []}}\n{script}");
        let live = Self::started(engine, account, &script, more, prepare);
        let _ = live
            .call(&["issues", "add", "Write a file", "--description", "It says one."])
            .done();
        live
    }

    /// A started generation without a task, whose measure follows the script.
    pub(super) fn measuring(engine: ClaudeEngine, script: &str, more: &str) -> Self {
        Self::started(engine, Account::Subscription, script, more, |_| {})
    }

    /// A project of a repository that is there, in which nothing has begun; `more` begins with lines of `container`.
    pub(super) fn of(engine: ClaudeEngine, repository: TestRepository, script: &str, more: &str) -> Self {
        let live = Self {
            repository,
            api: MessagesApi::start(Listen::loopback(), script),
            account: Account::Subscription,
            host: engine.0.socket(),
        };
        live.configure(more);
        live.repository.commit("configure");
        live
    }

    fn started(
        engine: ClaudeEngine,
        account: Account,
        script: &str,
        more: &str,
        prepare: impl FnOnce(&TestRepository),
    ) -> Self {
        let live = Self {
            repository: TestRepository::new(),
            api: MessagesApi::start(Listen::loopback(), script),
            account,
            host: engine.0.socket(),
        };
        live.configure(more);
        live.wrap();
        prepare(&live.repository);
        live.repository.commit("configure");
        let _ = live.call(&["generator", "start", "--name", "one"]).done();
        live
    }

    fn configure(&self, more: &str) {
        let account = self.account;
        let text = format!(
            "image: {IMAGE}\nestimated_lines_min: 1\nestimated_lines_max: 20\n\
             agent:\n  command: {}\n  base_url: {}\n  credentials: {}\n\
             container:\n  env: {{CLAUDE_CODE_MAX_RETRIES: \"1\"{}}}\n{}{}",
            account.command(),
            self.api.base_url(),
            account.credentials(),
            account.environment(),
            limits_that_hold(&self.host),
            more.replace("{refusing}", &self.api.refusing_url()),
        );
        self.repository.write("configuration.yaml", text);
    }

    /// Puts a wrapper of the client into the repository, for the account that wants one.
    fn wrap(&self) {
        self.repository.write("client.sh", WRAPPER);
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.repository.path().join("client.sh"), executable).unwrap();
    }

    /// Calls the program.
    pub(super) fn call(&self, arguments: &[&str]) -> Called {
        self.command(arguments).run()
    }

    /// The program with these arguments.
    pub(super) fn command(&self, arguments: &[&str]) -> crate::support::command::Cordwainer {
        let (name, credential) = self.account.credential();
        cordwainer(&self.repository, arguments)
            .env("DOCKER_HOST", format!("unix://{}", self.host.display()))
            .env(name, credential)
    }

    /// Calls the program, and kills it once the API has come so far. Returns what was served by then.
    #[track_caller]
    pub(super) fn killed_when(&self, arguments: &[&str], has_come: impl Fn(&MessagesApi) -> bool) -> Served {
        let mut run = self.command(arguments).spawn();
        let begun = Instant::now();
        while !has_come(&self.api) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        let (in_time, served) = (has_come(&self.api), self.api.served());
        run.kill().unwrap();
        run.wait().unwrap();
        assert!(in_time, "{served:?}\n{}", self.transcripts());
        served
    }

    /// The task as `cordwainer issues show --json` has it.
    pub(super) fn task(&self) -> Value {
        self.call(&["issues", "show", TASK, "--json"]).json()
    }

    /// What the API served in the task's conversation.
    pub(super) fn served(&self) -> Served {
        self.api.served_about(ABOUT)
    }
}

/// An engine that has the Claude image.
#[derive(Clone, Copy)]
pub(super) struct ClaudeEngine(pub(super) TestEngine);

impl ClaudeEngine {
    /// Returns the engine of this kind; where there is none, or no Claude image on it, the test that asks is skipped.
    pub(super) fn find(kind: EngineKind) -> Option<Self> {
        let engine = TestEngine::find(kind)?;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let found = runtime.block_on(async { engine.connect().await.image_id(IMAGE).await.unwrap() });
        assert!(IMAGE.starts_with(NAME));
        if found.is_none() {
            absent("Claude image");
        }
        found.map(|_| Self(engine))
    }
}

/// What the API plays, and what must come of the task.
#[derive(Default)]
pub(super) struct Row {
    pub(super) script: &'static str,
    pub(super) account: Account,
    /// Lines of the configuration.
    pub(super) more: &'static str,
    /// The exit code of `cordwainer run`.
    pub(super) code: i32,
    /// How each attempt at the task ended, and what its call came to.
    pub(super) attempts: &'static [(&'static str, &'static str)],
    /// The task's status at the end.
    pub(super) status: &'static str,
    /// What the last attempt's reason says.
    pub(super) says: &'static str,
    /// The requests that the client made in the task's conversation.
    pub(super) requests: u64,
    /// How many more there may be, where it depends on who is faster.
    pub(super) further_requests: u64,
    /// Whether an answer broke off, or the call: how much was written by then the client reckons, or nobody knows.
    pub(super) broken_off: bool,
    /// Whether the gateway may end the call before its client has heard anything of the answer.
    pub(super) unheard: bool,
}

/// Runs the program on one row, and sees what came of it.
#[track_caller]
pub(super) fn check(kind: EngineKind, row: &Row) {
    let Some(engine) = ClaudeEngine::find(kind) else { return };
    let live = Live::new(engine, row.account, row.script, row.more);
    let called = live.call(&["generator", "run"]);
    let task = live.task();
    let context = || format!("{called:#?}\n{task:#}\n{:?}\n{}", live.served(), live.transcripts());
    assert_eq!(called.code, row.code, "{}", context());
    assert_eq!(Live::attempts(&task), row.attempts, "{}", context());
    assert_eq!(task["status"], row.status, "{}", context());
    let reason = task["attempts"].as_array().unwrap().last().unwrap()["reason"]
        .as_str()
        .unwrap();
    assert!(
        reason.contains(row.says),
        "`{}` is not in `{reason}`: {}",
        row.says,
        context()
    );
    let requests = row.requests..=row.requests + row.further_requests;
    assert!(
        requests.contains(&live.served().requests),
        "not {requests:?} requests: {}",
        context()
    );
    assert_eq!(live.api.surprises(), Vec::<String>::new());
    live.expect_credentials();
    let (metered, served) = (Live::metered(&task), counted(live.served()));
    if row.broken_off {
        // Of what was not heard to its end the gateway reckons the worst.
        let read = |tokens: [u64; 4]| tokens[..3].iter().sum::<u64>();
        assert!(read(metered) >= read(served), "{metered:?} {served:?}: {}", context());
    } else {
        assert_eq!(metered, served, "the gateway and the API differ: {}", context());
    }
    let told = Live::ledger(&task);
    let counted = counted(live.served());
    if Live::is_estimated(&task) {
        // A client that was stopped does not always get its last word out: then the ledger knows what its stream had
        // shown, and no more.
        assert_ne!(row.status, "closed", "the client died: {}", context());
        let known = told.iter().zip(counted).take(3);
        assert!(
            known.clone().all(|(told, counted)| *told <= counted),
            "{told:?}: {}",
            context()
        );
        return;
    }
    assert_eq!(
        live.has_differed(),
        told != metered,
        "what differs is an event, and nothing else is: {}",
        context()
    );
    if row.unheard && told == [0; 4] {
        return;
    }
    let known = if row.broken_off { 3 } else { 4 };
    assert_eq!(
        told[..known],
        counted[..known],
        "the ledger and the API differ: {}",
        context()
    );
}

/// The tokens that the API counted: input, written to the cache, read from it, output.
pub(super) fn counted(served: Served) -> [u64; 4] {
    [served.input, served.cache_write, served.cache_read, served.output]
}

/// The tokens of a usage, in the same order.
pub(super) fn tokens(usage: &Value) -> [u64; 4] {
    ["input", "cache_write", "cache_read", "output"].map(|name| usage[name].as_u64().unwrap())
}

impl Live {
    /// How each attempt ended, and what its call came to.
    pub(super) fn attempts<'a>(task: &'a Value) -> Vec<(&'a str, &'a str)> {
        let attempts = task["attempts"].as_array().unwrap().iter();
        let pair = |attempt: &'a Value| {
            (
                attempt["outcome"].as_str().unwrap(),
                attempt["call"]["outcome"].as_str().unwrap_or("none"),
            )
        };
        attempts.map(pair).collect()
    }

    /// The tokens of all attempts, as the client told them.
    pub(super) fn ledger(task: &Value) -> [u64; 4] {
        Self::sums(task, "usage")
    }

    /// The tokens of all attempts, as the gateway metered them.
    pub(super) fn metered(task: &Value) -> [u64; 4] {
        Self::sums(task, "metered")
    }

    fn sums(task: &Value, ledger: &str) -> [u64; 4] {
        let mut sum = [0; 4];
        for call in Self::calls(task) {
            let tokens = tokens(&call[ledger]);
            sum.iter_mut().zip(tokens).for_each(|(sum, tokens)| *sum += tokens);
        }
        sum
    }

    /// The calls of all attempts: the first one of each, its fix rounds, and its stages.
    pub(super) fn calls(task: &Value) -> impl Iterator<Item = &Value> {
        let attempts = task["attempts"].as_array().unwrap().iter();
        let made = attempts.flat_map(|attempt| {
            let further = ["rounds", "stages"].map(|kind| attempt[kind].as_array());
            std::iter::once(attempt).chain(further.into_iter().flatten().flatten())
        });
        made.map(|made| &made["call"]).filter(|call| call.is_object())
    }

    /// Whether an event says that client and gateway count differently in a call about the task.
    pub(super) fn has_differed(&self) -> bool {
        let runs = self.repository.path().join(".git/cordwainer/runs");
        let files = walkdir::WalkDir::new(runs).into_iter().flatten();
        let mut events = files.filter(|file| file.file_name() == "events.jsonl");
        events.any(|file| {
            let text = fs::read_to_string(file.path()).unwrap();
            text.lines().any(|line| {
                let event = &serde_json::from_str::<Value>(line).unwrap()["event"];
                event["type"] == "meter_differed" && event["call"]["task"] == TASK
            })
        })
    }

    /// Panics unless the API has seen the host's credential alone, and nothing that is kept holds it.
    #[track_caller]
    fn expect_credentials(&self) {
        let (_, credential) = self.account.credential();
        for shown in self.api.credentials() {
            assert!(shown.ends_with(credential), "the API was shown {shown}");
        }
        let state = self.repository.path().join(".git");
        for file in walkdir::WalkDir::new(state).into_iter().flatten() {
            if file.file_type().is_file() {
                let content = fs::read(file.path()).unwrap();
                let found = memchr::memmem::find(&content, credential.as_bytes());
                assert!(found.is_none(), "the credential is in {}", file.path().display());
            }
        }
    }

    /// Whether an attempt's client died before it told what it used.
    fn is_estimated(task: &Value) -> bool {
        Self::calls(task).any(|call| call["estimated"] == true)
    }

    /// What the client said, for a person who looks for the cause of a failure.
    pub(super) fn transcripts(&self) -> String {
        let runs = self.repository.path().join(".git/cordwainer/runs");
        let files = walkdir::WalkDir::new(runs).sort_by_file_name().into_iter().flatten();
        let kept = ["transcript.jsonl", "stderr.txt"];
        let mut text = String::new();
        for file in files.filter(|file| kept.iter().any(|name| file.file_name() == *name)) {
            text += &format!("--- {}\n", file.path().display());
            text += &fs::read_to_string(file.path()).unwrap();
        }
        text
    }
}
