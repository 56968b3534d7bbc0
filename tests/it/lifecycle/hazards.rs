//! What a repository has that does not go well with the last step is found in the first, each with a fix that works.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::{generator, project, refs, start, work};
use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

/// What `start` says of a configuration without gates.
const NO_GATES: &str = "Note: no `gates` are configured: whatever an agent finishes is merged unchecked.\n";

/// What `start` says of a repository that it accepts.
#[track_caller]
fn notes(repository: &TestRepository) -> String {
    let called = generator(repository, &["start", "--name", "a"]).run();
    assert_eq!(called.code, 0, "{called:#?}");
    called.stderr
}

/// Asserts that a call is refused as a precondition in such words, and leaves refs and checkout alone.
#[track_caller]
fn refused(repository: &TestRepository, arguments: &[&str], words: &str) {
    let before = (refs(repository), repository.snapshot_of_everything());
    let called: Called = cordwainer(repository, arguments).run();
    assert!(called.code == 9 && called.stderr.contains(words), "{called:#?}");
    assert!(called.stderr.contains("\nhint: "), "{called:#?}");
    assert_eq!((refs(repository), repository.snapshot_of_everything()), before);
}

/// What `doctor` says of the repository, whether it holds, and how to fix it.
#[track_caller]
fn examined(repository: &TestRepository) -> (bool, String) {
    let called = cordwainer(repository, &["doctor", "--json"]).run();
    let document: serde_json::Value = serde_json::from_str(&called.stdout).unwrap();
    let all = document["checks"].as_array().unwrap();
    let check = all.iter().find(|check| check["name"] == "repository").unwrap();
    let text = format!("{} {}", check["found"], check["mend"]);
    (check["held"].as_bool().unwrap(), text)
}

#[track_caller]
fn stops(repository: &TestRepository) {
    generator(repository, &["stop"]).run().done();
    assert_eq!(repository.git(&["show", "main:new.txt"]), "new");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn an_alias_as_base_branch_is_refused_before_anything_moves() {
    let repository = project("base_branch: trunk\n");
    repository.git(&["symbolic-ref", "refs/heads/trunk", "refs/heads/main"]);
    let words = "the branch `trunk` is a symbolic ref to `main`";
    refused(&repository, &["generator", "start", "--name", "a"], words);
    assert!(!examined(&repository).0);
    // The fix.
    repository.git(&["symbolic-ref", "--delete", "refs/heads/trunk"]);
    repository.git(&["branch", "trunk", "main"]);
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    // It becomes one again behind our back: nothing works, nothing moves.
    repository.git(&["symbolic-ref", "refs/heads/trunk", "refs/heads/main"]);
    repository.git(&["switch", "--quiet", "trunk"]);
    refused(&repository, &["generator", "stop"], words);
    refused(&repository, &["generator", "run"], words);
}

#[test]
fn standing_on_another_name_of_the_base_branch_is_seen() {
    let repository = project("");
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    repository.git(&["symbolic-ref", "refs/heads/trunk", "refs/heads/main"]);
    repository.git(&["switch", "--quiet", "trunk"]);
    refused(&repository, &["generator", "stop"], "checked out by another name of it");
    repository.git(&["switch", "--quiet", "main"]);
    stops(&repository);
}

#[test]
fn a_split_index_is_told_at_the_start_and_mended() {
    let repository = project("");
    repository.git(&["config", "core.splitIndex", "true"]);
    repository.git(&["update-index", "--split-index"]);
    assert!(notes(&repository).contains("the index is split"));
    assert!(examined(&repository).1.contains("the index is split"));
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    refused(&repository, &["generator", "stop"], "the index is split");
    repository.git(&["config", "core.splitIndex", "false"]);
    repository.git(&["update-index", "--no-split-index"]);
    stops(&repository);
}

#[test]
fn a_sparse_checkout_is_told_at_the_start_and_mended() {
    for settings in [&["--no-sparse-index"][..], &["--cone", "--sparse-index"]] {
        let repository = project("");
        repository.git(&[&["sparse-checkout", "init"][..], settings].concat());
        repository.git(&["sparse-checkout", "set", "xtask"]);
        assert!(notes(&repository).contains("the checkout is sparse"));
        work(&repository, "generation-a", &[("new.txt", "new\n")]);
        refused(&repository, &["generator", "stop"], "the checkout is sparse");
        repository.git(&["sparse-checkout", "disable"]);
        stops(&repository);
    }
}

#[test]
fn a_checkout_that_cannot_follow_stands_on_another_branch() {
    let repository = project("");
    repository.git(&["sparse-checkout", "set", "xtask"]);
    let _ = notes(&repository);
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    repository.git(&["switch", "--quiet", "--create", "aside"]);
    generator(&repository, &["stop"]).run().done();
    assert_eq!(repository.git(&["show", "main:new.txt"]), "new");
}

#[test]
fn a_git_folder_elsewhere_is_stopped_like_any_other() {
    let repository = project("");
    let place = repository.outside().join("store");
    fs::create_dir(&place).unwrap();
    repository.git(&["init", "--quiet", "--separate-git-dir=../store/project.git"]);
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    // From another worktree, the place of the main one cannot be known; that it has the branch can.
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let called = generator(&repository, &["stop"])
        .in_folder(repository.outside().join("side"))
        .run();
    assert!(
        called.code == 9 && called.stderr.contains("checked out at"),
        "{called:#?}"
    );
    stops(&repository);
}

#[test]
fn a_git_folder_reached_through_a_link_is_the_same_repository() {
    let repository = project("");
    fs::rename(repository.path().join(".git"), repository.outside().join("store.git")).unwrap();
    symlink("../store.git", repository.path().join(".git")).unwrap();
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    stops(&repository);
}

/// A partial clone, `clone`, of a repository whose base branch was fetched and never checked out.
fn partial(filter: &str) -> (TestRepository, std::path::PathBuf) {
    let repository = project("");
    for key in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        repository.git(&["config", key, "true"]);
    }
    let url = format!("file://{}", repository.path().display());
    let clone = repository.outside().join("clone");
    let filter = format!("--filter={filter}");
    repository.git(&["clone", "--quiet", &filter, &url, clone.to_str().unwrap()]);
    repository.git_in(&clone, &["config", "user.name", "Tess Ter"]);
    repository.git_in(&clone, &["config", "user.email", "tess@example.org"]);
    repository.git_in(&clone, &["switch", "--quiet", "--create", "mine"]);
    repository.write("src/lib.rs", "//! Newer.\n");
    repository.commit("newer");
    repository.git_in(&clone, &["fetch", "--quiet", "origin", "main:main"]);
    (repository, clone)
}

#[test]
fn a_partial_clone_is_refused_while_files_are_missing_and_then_told() {
    for filter in ["blob:none", "tree:0", "blob:limit=1"] {
        let (repository, clone) = partial(filter);
        let begin = |name: &str| {
            let called = generator(&repository, &["start", "--name", name])
                .in_folder(&clone)
                .run();
            (called.code, called.stderr)
        };
        let (code, words) = begin("a");
        assert!(
            code == 9 && words.contains("the clone is partial"),
            "{filter}: {code} {words}"
        );
        assert!(words.contains("git fetch --refetch --no-filter origin"), "{words}");
        repository.git_in(&clone, &["fetch", "--quiet", "--refetch", "--no-filter", "origin"]);
        let (code, words) = begin("b");
        assert!(
            code == 0 && words.contains("the clone is partial"),
            "{filter}: {code} {words}"
        );
        repository.git_in(&clone, &["config", "--unset", "remote.origin.promisor"]);
        repository.git_in(&clone, &["config", "--unset", "remote.origin.partialCloneFilter"]);
        assert_eq!(begin("c"), (0, NO_GATES.to_owned()), "{filter}");
        repository.git_in(&clone, &["fsck"]);
    }
}

#[test]
fn filters_are_seen_wherever_they_come_from() {
    let config_home = ".config/git/attributes";
    for (place, settings) in [
        (config_home, &[][..]),
        ("mine", &["config", "core.attributesFile", "~/mine"][..]),
        ("../project/.git/info/attributes", &[]),
    ] {
        let repository = project("");
        if !settings.is_empty() {
            repository.git(settings);
        }
        let file = repository.outside().join("home").join(place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "*.ipynb filter=strip\n").unwrap();
        refused(&repository, &["generator", "start", "--name", "a"], "`filter=strip` in");
        fs::remove_file(&file).unwrap();
        assert_eq!(notes(&repository), NO_GATES, "{place}");
        // Afterwards, it stops the work, and the merge where files would follow it.
        work(&repository, "generation-a", &[("new.txt", "new\n")]);
        fs::write(&file, "*.ipynb filter=strip\n").unwrap();
        refused(&repository, &["generator", "run"], "`filter=strip` in");
        refused(&repository, &["generator", "stop"], "`filter=strip` in");
        repository.git(&["switch", "--quiet", "--create", "aside"]);
        generator(&repository, &["stop"]).run().done();
    }
}

#[test]
fn a_filter_that_lies_in_the_variable_for_settings_is_seen() {
    let repository = project("");
    let file = repository.outside().join("settings/git/attributes");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "*.ipynb filter=strip\n").unwrap();
    let called = generator(&repository, &["start"])
        .env("XDG_CONFIG_HOME", repository.outside().join("settings"))
        .run();
    assert!(
        called.code == 9 && called.stderr.contains("filter=strip"),
        "{called:#?}"
    );
}

#[test]
fn what_git_would_run_and_sign_is_told() {
    let repository = project("");
    repository.write(".gitattributes", "version merge=ours\n");
    repository.commit("a driver");
    repository.git(&["config", "merge.ours.driver", "true"]);
    repository.git(&["config", "commit.gpgSign", "true"]);
    let hook = repository.path().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let told = notes(&repository);
    for words in [
        "`merge=ours` in `.gitattributes`",
        "not signed",
        "hooks are not run here: pre-commit",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    repository.git(&["config", "--unset", "merge.ours.driver"]);
    repository.git(&["config", "commit.gpgSign", "false"]);
    fs::remove_file(&hook).unwrap();
    assert!(examined(&repository).0);
    let status = generator(&repository, &["status", "--json"]).run().json();
    assert_eq!(status["hazards"], serde_json::json!([]));
}

#[test]
fn a_shallow_clone_is_told_and_deepened() {
    let repository = project("");
    repository.write("src/lib.rs", "//! Newer.\n");
    repository.commit("newer");
    let url = format!("file://{}", repository.path().display());
    let clone = repository.outside().join("clone");
    repository.git(&["clone", "--quiet", "--depth=1", &url, clone.to_str().unwrap()]);
    repository.git_in(&clone, &["config", "user.name", "Tess Ter"]);
    repository.git_in(&clone, &["config", "user.email", "tess@example.org"]);
    let begin = |name: &str| {
        let called = generator(&repository, &["start", "--name", name])
            .in_folder(&clone)
            .run();
        (called.code, called.stderr)
    };
    let (code, words) = begin("a");
    assert!(code == 0 && words.contains("the clone is shallow"), "{code} {words}");
    repository.git_in(&clone, &["fetch", "--quiet", "--unshallow"]);
    assert_eq!(begin("b"), (0, NO_GATES.to_owned()));
}

#[test]
fn submodules_and_paths_that_differ_by_case_are_told_until_they_are_gone() {
    let repository = project("");
    repository.add_submodule();
    repository.write("Notes.md", "one\n");
    repository.write("notes.md", "two\n");
    repository.commit("what not every system has");
    let told = notes(&repository);
    for words in ["submodules are not changed", "Notes.md and notes.md"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let submodule = repository.git(&["config", "--file", ".gitmodules", "--get-regexp", "path"]);
    let path = submodule.split_whitespace().last().unwrap();
    repository.git(&["rm", "--quiet", "-f", path]);
    repository.git(&["rm", "--quiet", "-f", ".gitmodules"]);
    repository.write(format!("{path}/file.txt"), "what agents need\n");
    repository.git(&["mv", "notes.md", "more.md"]);
    repository.commit("the mends");
    let called = generator(&repository, &["start", "--name", "b"]).run();
    assert_eq!((called.code, called.stderr.as_str()), (0, NO_GATES));
}

#[test]
fn an_include_that_is_not_read_is_refused_and_mended() {
    let repository = project("");
    repository.git(&["remote", "add", "origin", "git@work.example:team/r.git"]);
    let file = repository.outside().join("work.inc");
    fs::write(&file, "[user]\n\temail = work@example.invalid\n").unwrap();
    let key = "includeIf.hasconfig:remote.*.url:git@work.example:*/**.path";
    repository.git(&["config", key, file.to_str().unwrap()]);
    refused(&repository, &["generator", "start", "--name", "a"], "work.inc");
    repository.git(&["config", "--unset", key]);
    let folder = repository.path().canonicalize().unwrap();
    let key = format!("includeIf.gitdir:{}/.path", folder.display());
    repository.git(&["config", &key, file.to_str().unwrap()]);
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    stops(&repository);
    assert_eq!(
        repository.git(&["log", "-1", "--format=%ae %ce", "main"]),
        "work@example.invalid work@example.invalid"
    );
}

#[test]
fn the_environment_alone_may_name_who_commits() {
    let repository = project("");
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    repository.git(&["config", "--unset", "user.name"]);
    repository.git(&["config", "--unset", "user.email"]);
    let stop = || generator(&repository, &["stop"]).env("HOME", repository.outside().join("nobody"));
    let called = stop().run();
    assert!(
        called.code == 9 && called.stderr.contains("no git identity is configured"),
        "{called:#?}"
    );
    let named = [
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.invalid"),
        ("GIT_COMMITTER_NAME", "C"),
        ("GIT_COMMITTER_EMAIL", "c@example.invalid"),
    ];
    let called = named
        .iter()
        .fold(stop(), |call, (name, value)| call.env(name, value))
        .run();
    called.done();
    let said = repository.git(&["log", "-1", "--format=%an %ae %cn %ce", "main"]);
    assert_eq!(said, "A a@example.invalid C c@example.invalid");
}
