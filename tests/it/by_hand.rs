//! What a person does by hand with what attempts at tasks have left: looks at it, edits the task, takes it out, takes it over.

use std::path::PathBuf;
use std::process::Command;

use cordwainer::attempt::{Attempt, Candidate, Outcome};
use cordwainer::generation::GenerationName;
use cordwainer::git::{Git, NewCommit, Oid, RefMove, TreeEdit};
use cordwainer::issue::IssueId;
use cordwainer::store::Store;
use jiff::Timestamp;

use crate::support::checker;
use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

mod diff;
mod earlier;
mod edit;
pub(crate) mod revert;
pub(crate) mod shell;
pub(crate) mod take;

const BRANCH: &str = "refs/heads/generation-a";

/// Calls the program with these words.
fn call(repository: &TestRepository, words: &[&str]) -> Called {
    cordwainer(repository, words).run()
}

/// A repository with the generation `generation-a`, which has these tasks, `cw-1` and so on.
pub(crate) fn generation(titles: &[&str]) -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "");
    repository.write("words.txt", "one\ntwo\nthree\n");
    repository.commit("a project");
    call(&repository, &["start", "--name", "a"]).done();
    for title in titles {
        call(&repository, &["issues", "add", title]).done();
    }
    repository
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + second).unwrap()
}

fn store(repository: &TestRepository) -> Store {
    Store::open(&repository.handle(), &GenerationName::new("generation-a").unwrap()).unwrap()
}

/// Commits a tree with these changes, where `None` deletes a file.
fn commit(git: &Git, parents: Vec<Oid>, files: &[(&str, Option<&[u8]>)], message: &str) -> Oid {
    let mut edit = TreeEdit::default();
    for (path, content) in files {
        match content {
            Some(content) => edit.write.push((PathBuf::from(path), content.to_vec())),
            None => edit.remove.push(PathBuf::from(path)),
        }
    }
    let new = NewCommit {
        tree: git.edit_tree(parents[0], &edit).unwrap(),
        parents,
        message: message.to_owned(),
        author: None,
        committer: None,
        time: at(0),
    };
    git.commit(&new).unwrap()
}

/// Moves a ref to a commit that the same handle has written.
fn put(git: &Git, reference: &str, commit: Oid) {
    let before = git.reference(reference).unwrap();
    let moved = git.move_reference(reference, before, Some(commit), "test").unwrap();
    assert_eq!(moved, RefMove::Moved);
}

/// An attempt that left this commit.
fn attempt(number: u32, outcome: Outcome, snapshot: Option<Oid>) -> Attempt {
    Attempt {
        snapshot: snapshot.map(|id| id.to_string().parse().unwrap()),
        ..Attempt::new((number, "run-1".parse().unwrap()), outcome, (at(0), at(1)))
    }
}

/// Records an attempt at a task that is held after it, with the changes that it left on the task's ref.
pub(crate) fn attempted(
    repository: &TestRepository,
    task: &str,
    (number, outcome): (u32, Outcome),
    files: &[(&str, Option<&[u8]>)],
) -> Oid {
    let git = repository.handle();
    let tip = git.reference(BRANCH).unwrap().unwrap();
    let reference = format!("refs/cordwainer/generation-a/tasks/{task}");
    let mut parents = vec![tip];
    parents.extend(git.reference(&reference).unwrap());
    let snapshot = commit(&git, parents, files, "an attempt");
    put(&git, &reference, snapshot);
    let id: IssueId = task.parse().unwrap();
    let record = |issues: &mut cordwainer::issue::Issues| {
        issues.record_attempt(&id, attempt(number, outcome, Some(snapshot)), at(2))?;
        issues.hold(&id, "a test", at(2))
    };
    store(repository).update("test", at(2), record).unwrap();
    snapshot
}

/// Merges changes as a task's, as a run does: a commit with trailers, and the task closed with it.
pub(crate) fn merged(repository: &TestRepository, task: &str, number: u32, files: &[(&str, Option<&[u8]>)]) -> Oid {
    let git = repository.handle();
    let tip = git.reference(BRANCH).unwrap().unwrap();
    let message = format!(
        "Task {task}\n\nCordwainer-Generation: generation-a\nCordwainer-Task: {task}\nCordwainer-Attempt: {number}\nCordwainer-Run: run-1\n"
    );
    let landed = commit(&git, vec![tip], files, &message);
    put(&git, BRANCH, landed);
    let id: IssueId = task.parse().unwrap();
    let record = |issues: &mut cordwainer::issue::Issues| {
        issues.record_attempt(&id, attempt(number, Outcome::Merged, Some(landed)), at(3))?;
        let commit = landed.to_string().parse().unwrap();
        issues.close(&id, "merged", Some(&commit), at(3))
    };
    store(repository).update("test", at(3), record).unwrap();
    landed
}

/// What the store has of a task.
fn task(repository: &TestRepository, id: &str) -> serde_json::Value {
    call(repository, &["issues", "show", id, "--json"]).json()
}

/// What the checker of the invariants says about what landed.
fn violations(repository: &TestRepository) -> Vec<String> {
    let checked = Command::new(checker::program())
        .arg("check")
        .arg(repository.path())
        .arg("generation-a")
        .output()
        .unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(
        checked.status.code().is_some_and(|code| code < 2),
        "{said}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let of_landing = ["merged-once: ", "linear: ", "no-merge-lost: "];
    let is_of_landing = |line: &&str| of_landing.iter().any(|name| line.starts_with(name));
    said.lines().filter(is_of_landing).map(str::to_owned).collect()
}
