//! The life of a generation, from `start` to `stop` or `reset`, through the program itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cordwainer::git::{NewCommit, Oid, RefMove, TreeEdit};

use crate::support::command::{Called, Cordwainer, cordwainer};
use crate::support::repository::TestRepository;

mod accept;
mod begins;
mod closing;
mod crashes;
mod ends;
mod gc;
mod guards;
mod hazards;
#[cfg(target_arch = "x86_64")]
mod killed;
mod names;
mod new_to_run;
mod places;
mod random;
mod together;
mod too_much;
mod words;

/// A repository with this configuration, a source folder, a template and an `xtask`.
fn project(configuration: &str) -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", configuration);
    repository.write("src/lib.rs", "//! The old source.\n");
    repository.write("templates/version.j2", "{{ version }}\n");
    repository.write("xtask/src/main.rs", "fn main() {}\n");
    repository.commit("a project");
    repository
}

/// `generator` with these arguments.
fn generator(repository: &TestRepository, arguments: &[&str]) -> Cordwainer {
    cordwainer(repository, &[&["generator"], arguments].concat())
}

/// Starts a generation of this name.
fn start(repository: &TestRepository, name: &str) {
    generator(repository, &["start", "--name", name]).run().done();
}

/// A project with the generation `generation-a`, whose branch adds `new.txt`.
fn at_work(configuration: &str) -> TestRepository {
    let repository = project(configuration);
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    repository
}

/// Adds a commit with these files to a branch, without a checkout.
fn work(repository: &TestRepository, branch: &str, files: &[(&str, &str)]) -> Oid {
    commit_to(repository, &format!("refs/heads/{branch}"), files)
}

/// Adds a commit with these files to a ref; one that is not there begins at `main`.
fn commit_to(repository: &TestRepository, reference: &str, files: &[(&str, &str)]) -> Oid {
    let git = repository.handle();
    let before = git.reference(reference).unwrap();
    let parent = before.unwrap_or_else(|| repository.oid("main"));
    let write = files
        .iter()
        .map(|(path, content)| (PathBuf::from(path), content.as_bytes().to_vec()));
    let edit = TreeEdit {
        write: write.collect(),
        ..TreeEdit::default()
    };
    let commit = NewCommit {
        tree: git.edit_tree(parent, &edit).unwrap(),
        parents: vec![parent],
        message: "work".to_owned(),
        author: None,
        committer: None,
        time: "2026-01-02T03:04:05Z".parse().unwrap(),
    };
    let commit = git.commit(&commit).unwrap();
    let moved = git.move_reference(reference, before, Some(commit), "test").unwrap();
    assert_eq!(moved, RefMove::Moved);
    commit
}

/// All refs and where they point.
fn refs(repository: &TestRepository) -> BTreeMap<String, String> {
    let text = repository.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    let pair = |line: &str| {
        let (name, id) = line.split_once(' ').unwrap();
        (name.to_owned(), id.to_owned())
    };
    text.lines().map(pair).collect()
}

/// Asserts that a call is refused with exactly these words, and changes nothing: no ref, and no byte of the person's.
#[track_caller]
fn refuses(repository: &TestRepository, arguments: &[&str], code: i32, stderr: &str) {
    let before = (refs(repository), repository.snapshot_of_everything());
    cordwainer(repository, arguments).run().refused(code, stderr);
    assert_eq!((refs(repository), repository.snapshot_of_everything()), before);
}

/// Asserts that a call does what it should without touching the person's checkout.
#[track_caller]
fn leaves_the_checkout(repository: &TestRepository, arguments: &[&str]) -> Called {
    let before = repository.snapshot_of_everything();
    let called = cordwainer(repository, arguments).run();
    assert_eq!(called.code, 0, "{called:#?}");
    assert_eq!(repository.snapshot_of_everything(), before);
    called
}
