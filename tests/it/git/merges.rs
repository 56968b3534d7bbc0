use std::path::PathBuf;

use cordwainer::git::{Merge, Oid};

use crate::support::repository::TestRepository;

/// Commits `files` on a new branch that begins at `base`.
fn branch(repository: &TestRepository, name: &str, base: Oid, files: &[(&str, &str)]) -> Oid {
    repository.git(&["checkout", "--quiet", "-B", name, &base.to_string()]);
    for (path, text) in files {
        repository.write(path, text);
    }
    repository.commit(name)
}

#[test]
fn sides_that_fit_become_one_tree_and_nothing_of_the_person_moves() {
    let repository = TestRepository::new();
    let base = branch(&repository, "base", repository.oid("HEAD"), &[("a", "1\n2\n3\n4\n5\n")]);
    let ours = branch(&repository, "ours", base, &[("a", "one\n2\n3\n4\n5\n")]);
    let theirs = branch(
        &repository,
        "theirs",
        base,
        &[("a", "1\n2\n3\n4\nfive\n"), ("new", "n\n")],
    );
    repository.git(&["checkout", "--quiet", "main"]);
    let (git, before) = (repository.handle(), repository.snapshot_of_everything());
    let Merge::Clean(tree) = git.merge_commits(ours, theirs).unwrap() else {
        panic!("a conflict");
    };
    assert_eq!(git.merge_trees(base, ours, theirs).unwrap(), Merge::Clean(tree));
    assert_eq!(repository.snapshot_of_everything(), before);
    repository.git(&["checkout", "--quiet", "ours"]);
    repository.git(&["merge", "--quiet", "-m", "m", "theirs"]);
    assert_eq!(tree, repository.oid("HEAD^{tree}"));
}

#[test]
fn a_conflict_lists_its_paths_and_writes_nothing() {
    let repository = TestRepository::new();
    let base = branch(
        &repository,
        "base",
        repository.oid("HEAD"),
        &[("a", "1\n"), ("b", "1\n"), ("c", "1\n")],
    );
    let ours = branch(&repository, "ours", base, &[("a", "2\n"), ("b", "2\n"), ("d", "1\n")]);
    let theirs = branch(&repository, "theirs", base, &[("a", "3\n"), ("b", "2\n"), ("d", "2\n")]);
    let git = repository.handle();
    let conflict = Merge::Conflict(vec![PathBuf::from("a"), PathBuf::from("d")]);
    assert_eq!(git.merge_commits(ours, theirs).unwrap(), conflict);
    assert_eq!(git.merge_trees(base, ours, theirs).unwrap(), conflict);
}

#[test]
fn one_side_alone_needs_no_merge() {
    let repository = TestRepository::new();
    let base = repository.oid("HEAD");
    let side = branch(&repository, "side", base, &[("a", "1\n")]);
    let (git, tree) = (repository.handle(), repository.oid("side^{tree}"));
    for (ours, theirs) in [(base, side), (side, base), (side, side)] {
        assert_eq!(git.merge_commits(ours, theirs).unwrap(), Merge::Clean(tree));
    }
}

#[test]
fn a_file_against_a_folder_is_a_conflict_and_never_the_loss_of_a_side() {
    let repository = TestRepository::new();
    let base = branch(&repository, "base", repository.oid("HEAD"), &[("d/e", "1\n")]);
    let added = branch(&repository, "added", base, &[("d/h", "1\n"), ("n/x", "1\n")]);
    repository.git(&["checkout", "--quiet", "-B", "replaced", &base.to_string()]);
    repository.git(&["rm", "--quiet", "-r", "d"]);
    repository.write("d", "file\n");
    let replaced = repository.commit("replaced");
    let file = branch(&repository, "file", base, &[("n", "file\n")]);
    let git = repository.handle();
    for (one, other) in [(added, replaced), (replaced, added), (added, file), (file, added)] {
        let merged = git.merge_trees(base, one, other).unwrap();
        assert!(matches!(merged, Merge::Conflict(_)), "{merged:?}");
    }
}

#[test]
fn histories_without_a_common_ancestor_are_not_merged() {
    let repository = TestRepository::new();
    let ours = repository.oid("HEAD");
    repository.git(&["checkout", "--quiet", "--orphan", "other"]);
    repository.write("other", "1\n");
    let theirs = repository.commit("other");
    let error = repository.handle().merge_commits(ours, theirs).unwrap_err();
    assert_eq!(error.kind(), cordwainer::error::ErrorKind::Precondition);
    assert!(error.to_string().contains("no common ancestor"), "{error}");
}
