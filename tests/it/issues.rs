//! The issue store on a real repository.

use cordwainer::agent::{CallOutcome, Role, Usage};
use cordwainer::attempt::{Attempt, Outcome};
use cordwainer::error::{Error, ErrorKind, Result};
use cordwainer::generation::GenerationName;
use cordwainer::git::Git;
use cordwainer::issue::{IssueId, Issues, NewIds, NewIssue, StoreMeta};
use cordwainer::ledger::Entry;
use cordwainer::store::Store;
use git2::Repository;
use jiff::Timestamp;

use crate::support::repository::TestRepository;

mod batches;
mod commands;
mod damage;
mod documents;
mod form;
mod proposals;
mod races;
mod random;

/// A repository with the empty store of a generation.
struct Fixture {
    project: TestRepository,
    store: Store,
}

impl Fixture {
    fn new() -> Self {
        let project = TestRepository::new();
        let store = Store::create(&project.handle(), &generation(), &meta(), at(0)).unwrap();
        Self { project, store }
    }

    fn repository(&self) -> Repository {
        Repository::open(self.project.path()).unwrap()
    }

    fn tip(&self) -> git2::Oid {
        self.repository().refname_to_id(&generation().issues()).unwrap()
    }

    /// The subjects of the store's commits, newest first.
    fn history(&self) -> Vec<String> {
        let repository = self.repository();
        let mut walk = repository.revwalk().unwrap();
        walk.push(self.tip()).unwrap();
        walk.map(|id| {
            repository
                .find_commit(id.unwrap())
                .unwrap()
                .message()
                .unwrap()
                .trim_end()
                .to_owned()
        })
        .collect()
    }

    fn add(&self, title: &str) -> IssueId {
        self.store
            .update(title, at(1), |issues| {
                issues.add(NewIssue::titled(title), &NewIds::counted(), at(1))
            })
            .unwrap()
    }
}

fn generation() -> GenerationName {
    GenerationName::new("generation-a").unwrap()
}

fn meta() -> StoreMeta {
    StoreMeta::new(generation(), "main".to_owned(), at(0))
}

/// A moment, so many seconds after the tests' beginning of time.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + seconds).unwrap()
}

fn id(number: u32) -> IssueId {
    IssueId::new(number)
}

fn attempt(number: u32, outcome: Outcome) -> Attempt {
    Attempt {
        reason: "it \u{1b}[2J fell over".to_owned(),
        snapshot: Some("5f1c0ffee".parse().unwrap()),
        records: Some("runs/run-1/cw-1-1".to_owned()),
        call: Some(Entry {
            role: Role::Stitch,
            task: Some(id(1)),
            attempt: number,
            round: 0,
            candidate: 0,
            cycle: 1,
            run: "run-1".parse().unwrap(),
            session_id: None,
            model: Some("model-x".to_owned()),
            turns: 7,
            usage: Usage {
                input: 10,
                cache_write: 200,
                cache_read: 3000,
                output: 40,
                cost_usd: 0.1 + 0.2,
                calls: 1,
            },
            metered: None,
            estimated: false,
            duration_ms: 65_000,
            api_ms: 60_000,
            wait_ms: 0,
            outcome: CallOutcome::Failed,
            ended_at: at(75),
        }),
        ..Attempt::new((number, "run-1".parse().unwrap()), outcome, (at(10), at(75)))
    }
}

/// An error with its causes and its hint, as a person gets to read it.
fn told(error: &Error) -> String {
    let mut lines = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        lines.push(format!("  {error}"));
        cause = error.source();
    }
    lines.extend(error.hint_text().map(|hint| format!("hint: {hint}")));
    lines.join("\n")
}

#[test]
fn an_update_is_one_commit_by_the_repositorys_user() {
    let fixture = Fixture::new();
    let before = fixture.project.snapshot_of_everything();
    fixture.add("First thing");
    fixture
        .store
        .update("close \u{1b}[2J\ncw-1", at(5), |issues| {
            issues.close(&id(1), "done by hand", None, at(5))
        })
        .unwrap();
    assert_eq!(
        fixture.history(),
        [
            "issues: close \\u{1b}[2J cw-1",
            "issues: First thing",
            "issues: begin the store of generation-a"
        ]
    );
    let repository = fixture.repository();
    let commit = repository.find_commit(fixture.tip()).unwrap();
    assert_eq!(commit.author().to_string(), "Tess Ter <tess@example.org>");
    assert_eq!(commit.time().seconds(), at(5).as_second());
    assert_eq!(
        fixture.project.snapshot_of_everything(),
        before,
        "something of the person's own changed"
    );
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let fixture = Fixture::new();
    fixture.add("One");
    let tip = fixture.tip();
    fixture.store.update("look", at(2), |issues| Ok(issues.len())).unwrap();
    let refused: Result<()> = fixture.store.update("fail", at(2), |issues| {
        issues.hold(&id(1), "never mind", at(2))?;
        issues.close(&id(9), "unknown", None, at(2))
    });
    assert_eq!(
        told(&refused.unwrap_err()),
        "unknown task `cw-9`\nhint: the only task is cw-1"
    );
    assert_eq!(fixture.tip(), tip);
    assert!(fixture.store.read().unwrap().get(&id(1)).unwrap().hold.is_none());
}

#[test]
fn only_what_changed_is_written_anew() {
    let fixture = Fixture::new();
    for number in 1..=5 {
        fixture.add(&format!("Issue {number}"));
    }
    let blobs = || -> Vec<git2::Oid> {
        let repository = fixture.repository();
        let tree = repository.find_commit(fixture.tip()).unwrap().tree().unwrap();
        let folder = repository.find_tree(tree.get_name("issues").unwrap().id()).unwrap();
        folder.iter().map(|entry| entry.id()).collect()
    };
    let before = blobs();
    fixture
        .store
        .update("claim", at(2), |issues| {
            issues.claim(&id(3), &"run-1".parse().unwrap(), at(2))
        })
        .unwrap();
    let differ: Vec<bool> = before
        .iter()
        .zip(blobs())
        .map(|(before, after)| *before != after)
        .collect();
    assert_eq!(differ, [false, false, true, false, false]);
}

#[test]
fn a_store_is_made_once_and_found_only_where_it_is() {
    let fixture = Fixture::new();
    fixture.add("Kept");
    let again = Store::create(&fixture.project.handle(), &generation(), &meta(), at(9)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Precondition);
    assert_eq!(told(&again), "generation `generation-a` has an issue store already");
    assert_eq!(fixture.store.read().unwrap().len(), 1);
    let longer = GenerationName::new("generation-a-b").unwrap();
    let missing = Store::open(&fixture.project.handle(), &longer).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Precondition);
    assert_eq!(
        Store::open(&fixture.project.handle(), &generation())
            .unwrap()
            .read()
            .unwrap()
            .meta(),
        &meta()
    );
}

#[test]
fn without_a_user_nothing_is_written() {
    let fixture = Fixture::new();
    let tip = fixture.tip();
    fixture.repository().config().unwrap().set_str("user.name", "").unwrap();
    let refused = fixture
        .store
        .update("add", at(1), |issues| {
            issues.add(NewIssue::titled("One"), &NewIds::counted(), at(1))
        })
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Precondition);
    assert_eq!(
        refused.hint_text(),
        Some("set `user.name` and `user.email` with `git config`")
    );
    assert_eq!(fixture.tip(), tip);
}

#[test]
fn what_could_not_be_read_again_is_not_stored() {
    let fixture = Fixture::new();
    fixture.add("One");
    let tip = fixture.tip();
    let mut endless = attempt(1, Outcome::AgentFailed);
    endless.call.as_mut().unwrap().usage.cost_usd = f64::NAN;
    fixture
        .store
        .update("record", at(1), |issues| {
            issues.record_attempt(&id(1), endless.clone(), at(1))
        })
        .unwrap_err();
    assert_eq!(fixture.tip(), tip);
}

fn empty() -> Issues {
    Issues::new(meta())
}
