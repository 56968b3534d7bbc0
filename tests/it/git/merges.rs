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
    let repository = TestRepository::new().seeing_unheld();
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
    let repository = TestRepository::new().seeing_unheld();
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
    let repository = TestRepository::new().seeing_unheld();
    let base = repository.oid("HEAD");
    let side = branch(&repository, "side", base, &[("a", "1\n")]);
    let (git, tree) = (repository.handle(), repository.oid("side^{tree}"));
    for (ours, theirs) in [(base, side), (side, base), (side, side)] {
        assert_eq!(git.merge_commits(ours, theirs).unwrap(), Merge::Clean(tree));
    }
}

#[test]
fn a_file_against_a_folder_is_a_conflict_and_never_the_loss_of_a_side() {
    let repository = TestRepository::new().seeing_unheld();
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
    let repository = TestRepository::new().seeing_unheld();
    let ours = repository.oid("HEAD");
    repository.git(&["checkout", "--quiet", "--orphan", "other"]);
    repository.write("other", "1\n");
    let theirs = repository.commit("other");
    let error = repository.handle().merge_commits(ours, theirs).unwrap_err();
    assert_eq!(error.kind(), cordwainer::error::ErrorKind::Precondition);
    assert!(error.to_string().contains("no common ancestor"), "{error}");
}

#[test]
fn attributes_of_the_merged_trees_count_wherever_the_person_stands() {
    let repository = TestRepository::new().seeing_unheld();
    let start = repository.oid("HEAD");
    let nine = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let rules = "data -merge\nchanges merge=union\n*.own merge=own\n";
    let files = [
        (".gitattributes", rules),
        ("data", nine),
        ("changes", "old\n"),
        ("deep/x.own", nine),
        ("deep/data", nine),
        ("deep/.gitattributes", "data merge\n"),
    ];
    let base = branch(&repository, "base", start, &files);
    let (first, last) = (nine.replace('1', "one"), nine.replace('9', "nine"));
    let sides = |path: &str, one: &str, other: &str| {
        let ours = branch(&repository, "ours", base, &[(path, one)]);
        let theirs = branch(&repository, "theirs", base, &[(path, other)]);
        (ours, theirs)
    };
    let data = sides("data", &first, &last);
    let deep = sides("deep/data", &first, &last);
    let driven = sides("deep/x.own", &first, &last);
    let changes = sides("changes", "old\nours\n", "old\ntheirs\n");
    for place in ["base", "main"] {
        repository.git(&["checkout", "--quiet", place]);
        let git = repository.handle();
        let merge = |(ours, theirs)| git.merge_commits(ours, theirs).unwrap();
        assert_eq!(merge(data), Merge::Conflict(vec![PathBuf::from("data")]), "{place}");
        for clean in [deep, driven, changes] {
            assert!(matches!(merge(clean), Merge::Clean(_)), "{place}");
        }
    }
    // A driver that the configuration names is a program, and is not run.
    repository.git(&["config", "merge.own.driver", "true"]);
    let merged = repository.handle().merge_commits(driven.0, driven.1).unwrap();
    assert_eq!(merged, Merge::Conflict(vec![PathBuf::from("deep/x.own")]));
    repository.git(&["config", "--unset", "merge.own.driver"]);
    // So is one for all files.
    repository.git(&["config", "merge.default", "binary"]);
    let other = sides("README.md", "# A project\n1\n", "0\n# A project\n");
    let merged = repository.handle().merge_commits(other.0, other.1).unwrap();
    assert_eq!(merged, Merge::Conflict(vec![PathBuf::from("README.md")]));
}

#[test]
fn attributes_that_a_side_brings_count() {
    let repository = TestRepository::new().seeing_unheld();
    let base = branch(&repository, "base", repository.oid("HEAD"), &[("a", "1\n2\n3\n4\n5\n")]);
    let rule = [(".gitattributes", "a -merge\n"), ("a", "one\n2\n3\n4\n5\n")];
    let ours = branch(&repository, "ours", base, &rule);
    let theirs = branch(&repository, "theirs", base, &[("a", "1\n2\n3\n4\nfive\n")]);
    let git = repository.handle();
    let conflict = Merge::Conflict(vec![PathBuf::from("a")]);
    assert_eq!(git.merge_commits(ours, theirs).unwrap(), conflict);
    assert_eq!(git.merge_commits(theirs, ours).unwrap(), conflict);
}

#[test]
fn what_is_put_into_a_folder_that_the_other_side_renamed_is_a_conflict() {
    let repository = TestRepository::new().seeing_unheld();
    let (one, two) = ("1\n2\n3\n4\n5\n6\n7\n8\n", "a\nb\nc\nd\ne\nf\ng\nh\n");
    let base = branch(
        &repository,
        "base",
        repository.oid("HEAD"),
        &[("src/one", one), ("src/two", two)],
    );
    let added = branch(&repository, "added", base, &[("src/new", "new\n")]);
    repository.git(&["checkout", "--quiet", "-B", "renamed", &base.to_string()]);
    repository.git(&["mv", "src", "lib"]);
    let renamed = repository.commit("renamed");
    let git = repository.handle();
    let conflict = Merge::Conflict(vec![PathBuf::from("src/new")]);
    assert_eq!(git.merge_commits(added, renamed).unwrap(), conflict);
    assert_eq!(git.merge_commits(renamed, added).unwrap(), conflict);
    // A folder that is gone without a trace is none that was renamed, and a changed file goes along.
    let changed = branch(&repository, "changed", base, &[("src/one", &format!("{one}more\n"))]);
    repository.git(&["checkout", "--quiet", "-B", "gone", &base.to_string()]);
    repository.git(&["rm", "--quiet", "-r", "src"]);
    let gone = repository.commit("gone");
    assert!(matches!(git.merge_commits(added, gone).unwrap(), Merge::Clean(_)));
    let Merge::Clean(tree) = git.merge_commits(changed, renamed).unwrap() else {
        panic!("a conflict");
    };
    assert_eq!(
        repository.git(&["show", &format!("{tree}:lib/one")]),
        format!("{one}more")
    );
}

/// Merges by the git program onto the branch that is checked out.
fn merge_by_git(repository: &TestRepository, onto: &str, other: Oid) -> Oid {
    repository.git(&["checkout", "--quiet", onto]);
    repository.git(&["merge", "--quiet", "-m", "merge", &other.to_string()]);
    repository.oid("HEAD")
}

#[test]
fn histories_that_cross_are_merged_as_git_does() {
    let repository = TestRepository::new().seeing_unheld();
    let base = branch(
        &repository,
        "base",
        repository.oid("HEAD"),
        &[("a", "1\n2\n3\n4\n5\n"), ("b", "1\n")],
    );
    let one = branch(&repository, "one", base, &[("a", "one\n2\n3\n4\n5\n"), ("gone", "1\n")]);
    let two = branch(&repository, "two", base, &[("a", "1\n2\n3\n4\nfive\n"), ("new", "1\n")]);
    let (ours, theirs) = (
        merge_by_git(&repository, "one", two),
        merge_by_git(&repository, "two", one),
    );
    let git = repository.handle();
    let crossed = |ours: Oid, theirs: Oid| {
        let bases = repository.git(&["merge-base", "--all", &ours.to_string(), &theirs.to_string()]);
        assert_eq!(bases.lines().count(), 2);
        git.merge_commits(ours, theirs).unwrap()
    };
    assert_eq!(crossed(ours, theirs), Merge::Clean(repository.oid("one^{tree}")));
    // Each side goes on, and a file that came by the other branch is deleted on one.
    let ours = branch(&repository, "one", ours, &[("a", "one\n2\n3\n4\nFIVE\n")]);
    repository.git(&["checkout", "--quiet", "two"]);
    repository.git(&["rm", "--quiet", "gone"]);
    repository.write("a", "ONE\n2\n3\n4\nfive\n");
    let theirs = repository.commit("two goes on");
    let Merge::Clean(tree) = crossed(ours, theirs) else {
        panic!("a conflict");
    };
    merge_by_git(&repository, "one", theirs);
    assert_eq!(tree, repository.oid("HEAD^{tree}"));
    // What the ancestors have in conflict is none where both sides made the same of it.
    let one = branch(&repository, "one", base, &[("b", "one\n")]);
    let two = branch(&repository, "two", base, &[("b", "two\n")]);
    let crossing = |name: &str, first: Oid, second: Oid, content: &str| {
        repository.git(&["checkout", "--quiet", "-B", name, &first.to_string()]);
        repository.write("b", content);
        repository.git(&["add", "b"]);
        let tree = repository.git(&["write-tree"]);
        let parents = ["-p", &first.to_string(), "-p", &second.to_string(), "-m", "x"];
        let commit = repository.git(&[&["commit-tree", &tree][..], &parents].concat());
        repository.git(&["reset", "--quiet", "--hard"]);
        commit.parse::<Oid>().unwrap()
    };
    let same = (crossing("p", one, two, "both\n"), crossing("q", two, one, "both\n"));
    assert!(matches!(crossed(same.0, same.1), Merge::Clean(_)));
    let other = crossing("q", two, one, "other\n");
    assert_eq!(crossed(same.0, other), Merge::Conflict(vec![PathBuf::from("b")]));
}
