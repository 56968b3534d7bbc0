use std::fs;
use std::path::Path;

use cordwainer::error::ErrorKind;
use cordwainer::git::{Git, Head};

use crate::support::repository::TestRepository;

fn refused(start: &Path) -> String {
    let error = Git::discover(start).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Precondition);
    assert!(error.hint_text().is_some());
    error.to_string()
}

#[test]
fn a_subfolder_and_a_linked_worktree_belong_to_the_repository() {
    let repository = TestRepository::new();
    repository.write("a/b/c", "");
    let from_below = Git::discover(&repository.path().join("a/b")).unwrap();
    assert_eq!(from_below.workdir(), repository.path().canonicalize().unwrap());
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = Git::discover(&repository.outside().join("side")).unwrap();
    assert_eq!(side.common_dir(), from_below.common_dir());
    assert_eq!(
        side.workdir(),
        repository.outside().join("side").canonicalize().unwrap()
    );
    assert!(matches!(side.head().unwrap(), Head::Branch { name, .. } if name == "side"));
}

#[test]
fn no_repository_and_a_bare_one_are_refused() {
    let repository = TestRepository::new();
    assert!(refused(repository.outside()).contains("not in a git repository"));
    repository.git(&["clone", "--quiet", "--bare", ".", "../bare"]);
    assert!(refused(&repository.outside().join("bare")).contains("bare"));
    assert!(refused(Path::new("/nowhere/at/all")).contains("/nowhere/at/all"));
}

#[test]
fn a_slot_is_refused_from_any_folder_of_it() {
    let repository = TestRepository::new();
    repository.write(".git/cordwainer/slots/3/src/x", "");
    let inside = repository.path().join(".git/cordwainer/slots/3/src");
    // Without the lock file beside it, it is a folder like any other.
    assert!(Git::discover(&inside).is_ok());
    repository.write(".git/cordwainer/slots/3.lock", "");
    fs::write(inside.join("../.git"), "gitdir: /somewhere").unwrap();
    assert!(refused(&inside).contains("is a slot"));
}

#[test]
fn head_is_told_apart() {
    let empty = TestRepository::empty();
    let unborn = Head::Unborn { name: "main".into() };
    assert_eq!(empty.handle().head().unwrap(), unborn);
    let tip = empty.commit("first");
    let name = "main".to_owned();
    assert_eq!(empty.handle().head().unwrap(), Head::Branch { name, tip });
    empty.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(empty.handle().head().unwrap(), Head::Detached { tip });
}
