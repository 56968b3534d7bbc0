use cordwainer::error::ErrorKind;
use cordwainer::git::{Identity, NewCommit};
use jiff::Timestamp;

use crate::support::repository::TestRepository;

#[test]
fn a_commit_says_who_when_and_what() {
    let repository = TestRepository::new();
    let (git, base) = (repository.handle(), repository.oid("HEAD"));
    let new = NewCommit {
        tree: git.tree_of(base).unwrap(),
        parents: vec![base],
        message: "do\0 it\n\nBecause.\n\nCordwainer-Task: cw-1\nCordwainer-Tokens: 12\n".into(),
        author: Some(Identity {
            name: "Ag<e>nt\n".into(),
            email: "agent@example.org".into(),
        }),
        time: Timestamp::from_second(1_800_000_000).unwrap(),
    };
    let id = git.commit(&new).unwrap();
    assert_eq!(id, git.commit(&new).unwrap(), "the same commit twice");
    let info = git.commit_info(id).unwrap();
    assert_eq!(info.subject(), "do it");
    assert_eq!(info.trailer("cordwainer-task").as_deref(), Some("cw-1"));
    assert_eq!(info.trailer("Cordwainer-Cost"), None);
    assert_eq!(
        (info.author.name.as_str(), info.committer.name.as_str()),
        ("Agent", "Tess Ter")
    );
    assert_eq!((info.parents, info.time), (vec![base], new.time));
    repository.git(&["fsck", "--strict"]);
}

#[test]
fn a_commit_without_an_identity_is_refused_with_a_hint() {
    let repository = TestRepository::new();
    repository.git(&["config", "user.email", ""]);
    repository.git(&["config", "--unset", "user.email"]);
    repository.git(&["config", "--unset", "user.name"]);
    let git = repository.handle();
    let base = repository.oid("HEAD");
    match git.user() {
        // The machine's own git configuration may name somebody.
        Ok(user) => assert!(!user.name.is_empty()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Precondition);
            assert!(error.hint_text().unwrap().contains("user.email"));
        }
    }
    assert!(
        git.commit_info(git.tree_of(base).unwrap()).is_err(),
        "a tree is no commit"
    );
}

#[test]
fn ancestry_and_first_parents_follow_the_history() {
    let repository = TestRepository::new();
    let (git, root) = (repository.handle(), repository.oid("HEAD"));
    let one = repository.commit("one");
    repository.git(&["checkout", "--quiet", "-b", "side", &root.to_string()]);
    let side = repository.commit("side");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
    let tip = repository.oid("HEAD");
    let subjects = |until| -> Vec<String> {
        let commits = git.first_parents(tip, until).unwrap();
        commits.iter().map(|commit| commit.subject().to_owned()).collect()
    };
    assert_eq!(subjects(Some(root)), ["merge", "one"]);
    assert_eq!(subjects(None), ["merge", "one", "begin"]);
    assert!(git.is_ancestor(side, tip).unwrap() && git.is_ancestor(tip, tip).unwrap());
    assert!(!git.is_ancestor(side, one).unwrap());
    assert_eq!(git.merge_base(one, side).unwrap(), Some(root));
    repository.git(&["checkout", "--quiet", "--orphan", "other"]);
    let unrelated = repository.commit("unrelated");
    assert_eq!(git.merge_base(one, unrelated).unwrap(), None);
}
