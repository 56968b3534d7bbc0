//! Starting, stopping and resetting as they should go.

use std::fs;

use super::{at_work, commit_to, generator, leaves_the_checkout, project, refs, start, work};
use crate::support::repository::TestRepository;

fn files(repository: &TestRepository, revision: &str) -> Vec<String> {
    let text = repository.git(&["ls-tree", "-r", "--name-only", revision]);
    text.lines().map(str::to_owned).collect()
}

fn is_reachable(repository: &TestRepository, commit: &str) -> bool {
    let by = repository.git(&["for-each-ref", "--contains", commit, "--format=%(refname)"]);
    !by.is_empty()
}

#[test]
fn start_clears_and_seeds_on_the_branch_alone() {
    let repository = project("source_dirs: [src, absent]\nseed_files: {VERSION: templates/version.j2}\n");
    let told = leaves_the_checkout(&repository, &["generator", "start", "--name", "a"]).done();
    let base = repository.oid("main").to_string();
    assert_eq!(
        told,
        format!(
            "Started generation-a from main ({}).\nCleared on the generation branch: src (1 file with 1 line).\nSeeded: VERSION.\n",
            &base[..10]
        )
    );
    let there = files(&repository, "generation-a");
    assert!(!there.contains(&"src/lib.rs".to_owned()), "{there:?}");
    assert!(there.contains(&"xtask/src/main.rs".to_owned()), "{there:?}");
    assert_eq!(repository.git(&["show", "generation-a:VERSION"]), "a");
}

#[test]
fn preserved_sources_stay_and_without_a_change_the_base_is_the_tip() {
    let repository = project("source_dirs: [src]\npreserve_sources: true\n");
    start(&repository, "a");
    assert_eq!(repository.oid("generation-a"), repository.oid("main"));
}

#[test]
fn a_generation_may_clear_everything() {
    let repository = TestRepository::empty();
    repository.write("src/a", "a");
    repository.commit("only sources");
    let configuration = "source_dirs: [src]\n";
    repository.write("configuration.yaml", configuration);
    start(&repository, "a");
    assert!(files(&repository, "generation-a").is_empty());
    assert!(
        generator(&repository, &["status"])
            .run()
            .done()
            .contains("generation-a")
    );
}

#[test]
fn an_empty_tree_is_a_base_like_any_other() {
    let repository = TestRepository::empty();
    repository.git(&["commit", "--quiet", "--allow-empty", "--message", "nothing"]);
    repository.write("configuration.yaml", "");
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    generator(&repository, &["stop"]).run().done();
    assert_eq!(files(&repository, "main"), ["new.txt"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "?? configuration.yaml");
}

#[test]
fn a_start_from_a_revision_begins_there_and_merges_into_the_base() {
    let repository = project("");
    start(&repository, "x");
    let told = generator(&repository, &["start", "--name", "a", "--from", "main~1", "--json"])
        .run()
        .json();
    assert_eq!(told["base"], repository.oid("main~1").to_string());
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    generator(&repository, &["stop"]).run().done();
    assert!(files(&repository, "main").contains(&"src/lib.rs".to_owned()));
    assert!(files(&repository, "main").contains(&"new.txt".to_owned()));
}

#[test]
fn a_stop_brings_the_files_of_the_checkout_along() {
    let repository = at_work("cleanup_dirs: [templates]\n");
    let tip = repository.oid("generation-a");
    let called = generator(&repository, &["stop"]).run();
    assert_eq!(
        called.stderr,
        "Ending generation-a removes:\n  the branch generation-a\n  2 refs below refs/cordwainer/generation-a/\n  \
         the folder templates from the base branch\n\
         All its commits and tasks stay reachable under refs/cordwainer/archive/generation-a/1/\n"
    );
    let main = repository.oid("main").to_string();
    assert_eq!(
        called.done(),
        format!(
            "No gates are configured, so nothing checked the merge.\n\
             Merged generation-a into main as {} (2 files, +1 -1).\n\
             Tasks and their commits are kept under refs/cordwainer/archive/generation-a/1/.\n",
            &main[..10]
        )
    );
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    assert_eq!(fs::read_to_string(repository.path().join("new.txt")).unwrap(), "new\n");
    assert!(!repository.path().join("templates").exists());
    assert_eq!(repository.oid("main^2"), tip);
    let expected = [
        "refs/cordwainer/archive/generation-a/1/base",
        "refs/cordwainer/archive/generation-a/1/finished",
        "refs/cordwainer/archive/generation-a/1/issues",
        "refs/cordwainer/archive/generation-a/1/merged",
        "refs/cordwainer/archive/generation-a/1/tip",
        "refs/heads/main",
    ];
    assert_eq!(refs(&repository).into_keys().collect::<Vec<_>>(), expected);
}

#[test]
fn a_base_that_moved_on_is_merged_with_what_it_has_now() {
    let repository = at_work("");
    repository.write("meanwhile.txt", "meanwhile\n");
    repository.commit("meanwhile");
    generator(&repository, &["stop"]).run().done();
    let there = files(&repository, "main");
    assert!(
        there.contains(&"meanwhile.txt".to_owned()) && there.contains(&"new.txt".to_owned()),
        "{there:?}"
    );
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

/// A generation that was left to merge, then merged on a forge, and its branch deleted there and here.
#[test]
fn a_generation_that_was_merged_elsewhere_ends_without_its_branch() {
    let ways: [&[&[&str]]; 3] = [
        &[&["merge", "--quiet", "--no-ff", "-m", "by the forge", "generation-a"]],
        &[
            &["merge", "--quiet", "--squash", "generation-a"],
            &["commit", "--quiet", "-m", "squashed"],
        ],
        &[&["cherry-pick", "generation-a"]],
    ];
    for way in ways {
        let repository = at_work("");
        generator(&repository, &["stop", "--no-merge"]).run().done();
        repository.write("meanwhile.txt", "meanwhile\n");
        repository.commit("meanwhile");
        for step in way {
            repository.git(step);
        }
        // What came of it since does not hide it.
        repository.write("new.txt", "newer\n");
        repository.commit("changed since");
        repository.git(&["branch", "-D", "generation-a"]);
        let main = repository.oid("main");
        let told = generator(&repository, &["stop"]).run().done();
        assert!(
            told.starts_with("Ended generation-a: main has its work already.\n"),
            "{way:?}: {told}"
        );
        assert_eq!(repository.oid("main"), main);
        let listing = generator(&repository, &["list", "--json"]).run().json();
        assert_eq!(listing["open"], serde_json::json!([]), "{way:?}");
        assert_eq!(listing["ended"][0]["phase"], "merged", "{way:?}");
        start(&repository, "a");
    }
}

#[test]
fn a_generation_whose_branch_is_gone_unmerged_names_the_way_out() {
    let repository = at_work("");
    let tip = repository.oid("generation-a").to_string();
    generator(&repository, &["stop", "--no-merge"]).run().done();
    repository.git(&["branch", "-D", "generation-a"]);
    let words = format!(
        "error: the branch `generation-a` of the generation is gone\n\n\
         hint: `main` does not have its work; if it was merged elsewhere, bring `main` up to date first; \
         `git branch generation-a {}` makes the branch again, and `cordwainer reset` ends it without merging\n",
        &tip[..10]
    );
    super::refuses(&repository, &["generator", "stop"], 9, &words);
    let called = generator(&repository, &["start", "--name", "a"]).run();
    assert!(
        called.stderr.contains("end this one with `cordwainer stop`"),
        "{called:#?}"
    );
    repository.git(&["branch", "generation-a", &tip]);
    generator(&repository, &["stop"]).run().done();
    assert!(files(&repository, "main").contains(&"new.txt".to_owned()));
}

/// As docs/state.md has it.
#[test]
fn an_alias_keeps_the_stores_commits_out_of_the_log() {
    let repository = at_work("");
    let state = fs::read_to_string(crate::support::cargo::checkout().join("docs/state.md")).unwrap();
    let (_, alias) = state.split_once("git config alias.everything \"").unwrap();
    let (alias, _) = alias.split_once('"').unwrap();
    repository.git(&["config", "alias.everything", alias]);
    let log = repository.git(&["everything"]);
    assert!(log.contains("work"), "{log}");
    assert!(
        repository
            .git(&["log", "--oneline", "--all"])
            .contains("begin the store of")
    );
    assert!(!log.contains("begin the store of"), "{log}");
}

#[test]
fn untracked_files_and_changes_elsewhere_stay_as_they_are() {
    let repository = at_work("");
    repository.write("notes.txt", "mine\n");
    generator(&repository, &["stop"]).run().done();
    assert_eq!(repository.git(&["status", "--porcelain"]), "?? notes.txt");
}

#[test]
fn a_generation_left_unmerged_can_be_stopped_later() {
    let repository = at_work("");
    let told = leaves_the_checkout(&repository, &["generator", "stop", "--no-merge"]).done();
    assert_eq!(
        told,
        "Ended generation-a; its branch generation-a is still to be merged (1 file, +1 -0).\n"
    );
    let status = generator(&repository, &["status", "--json"]).run().json();
    assert_eq!(status["phase"], "finished");
    let words = "error: the generation `generation-a` is finished\n\n\
                 hint: `cordwainer stop` merges it; `cordwainer start` creates a new one\n";
    super::refuses(&repository, &["generator", "run"], 9, words);
    leaves_the_checkout(&repository, &["generator", "stop", "--no-merge"]).done();
    generator(&repository, &["stop"]).run().done();
    assert!(files(&repository, "main").contains(&"new.txt".to_owned()));
}

#[test]
fn what_a_person_merged_needs_no_merge() {
    let repository = at_work("");
    generator(&repository, &["stop", "--no-merge"]).run().done();
    repository.git(&["merge", "--quiet", "--no-edit", "generation-a"]);
    let main = repository.oid("main");
    let told = leaves_the_checkout(&repository, &["generator", "stop"]).done();
    assert!(
        told.starts_with("Ended generation-a: main has its work already.\n"),
        "{told}"
    );
    assert_eq!(repository.oid("main"), main);
    let listing = generator(&repository, &["list", "--json"]).run().json();
    assert_eq!(listing["ended"][0]["phase"], "merged");
}

#[test]
fn a_conflict_resolved_on_the_generation_branch_can_be_stopped() {
    let repository = at_work("");
    work(&repository, "generation-a", &[("README.md", "# Theirs\n")]);
    repository.write("README.md", "# Ours\n");
    repository.commit("meanwhile");
    assert_eq!(generator(&repository, &["stop"]).run().code, 9);
    repository.git(&["checkout", "--quiet", "generation-a"]);
    let _ = repository.try_git_in(&repository.path(), &["merge", "main"]);
    repository.write("README.md", "# Both\n");
    repository.commit("resolved");
    repository.git(&["checkout", "--quiet", "main"]);
    generator(&repository, &["stop"]).run().done();
    assert_eq!(repository.git(&["show", "main:README.md"]), "# Both");
}

#[test]
fn a_reset_leaves_the_base_and_keeps_everything_else() {
    let repository = at_work("");
    let tip = repository.oid("generation-a").to_string();
    let task = commit_to(
        &repository,
        "refs/cordwainer/generation-a/tasks/cw-1",
        &[("try.txt", "1\n")],
    )
    .to_string();
    let main = repository.oid("main");
    let told = leaves_the_checkout(&repository, &["generator", "reset"]).done();
    assert_eq!(
        told,
        "Reset generation-a; its commits and tasks are kept under refs/cordwainer/archive/generation-a/1/.\n"
    );
    assert_eq!(repository.oid("main"), main);
    assert!(is_reachable(&repository, &tip) && is_reachable(&repository, &task));
    let listing = generator(&repository, &["list", "--json"]).run().json();
    assert_eq!(listing["ended"][0]["phase"], "archived");
}

#[test]
fn a_name_that_comes_again_overwrites_no_archive() {
    let repository = at_work("");
    let mut kept = vec![repository.oid("generation-a").to_string()];
    for round in 1..4 {
        let task = "refs/cordwainer/generation-a/tasks/cw-1";
        let file = format!("{round}.txt");
        kept.push(commit_to(&repository, task, &[(file.as_str(), "x\n")]).to_string());
        if round == 2 {
            // What was on it alone is lost with it: that is git's, and the person's, to keep.
            repository.git(&["update-ref", "-d", "refs/heads/generation-a"]);
            kept.remove(2);
        }
        generator(&repository, &["reset"]).run().done();
        start(&repository, "a");
        kept.push(work(&repository, "generation-a", &[(file.as_str(), "y\n")]).to_string());
    }
    for commit in &kept {
        assert!(is_reachable(&repository, commit), "{commit} of {kept:?}");
    }
    let listing = generator(&repository, &["list", "--json"]).run().json();
    assert_eq!(listing["ended"].as_array().unwrap().len(), 3);
}

#[test]
fn an_issue_store_that_is_gone_does_not_keep_a_generation_alive() {
    let repository = at_work("");
    let tip = repository.oid("generation-a").to_string();
    repository.git(&["update-ref", "-d", "refs/cordwainer/generation-a/issues"]);
    assert_eq!(generator(&repository, &["stop"]).run().code, 9);
    generator(&repository, &["reset"]).run().done();
    assert!(is_reachable(&repository, &tip));
}

#[test]
fn it_works_from_a_folder_below_and_from_a_worktree() {
    let repository = project("");
    generator(&repository, &["start", "--name", "a"])
        .in_folder(repository.path().join("src"))
        .run()
        .done();
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../tree"]);
    let tree = repository.outside().join("tree");
    let status = generator(&repository, &["status", "--json"])
        .in_folder(&tree)
        .run()
        .json();
    assert_eq!(status["generation"], "generation-a");
    let from_here = generator(&repository, &["-C", "../tree", "status", "--json"])
        .run()
        .json();
    assert_eq!(from_here, status);
}
