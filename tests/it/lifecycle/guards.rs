//! What is refused, in which words, with nothing changed.

use std::fs;
use std::os::unix::fs::symlink;

use super::{at_work, generator, project, refuses, start, work};
use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

const START: &[&str] = &["generator", "start", "--name", "a"];
const STOP: &[&str] = &["generator", "stop"];

#[test]
fn where_there_is_no_repository_nothing_starts() {
    let repository = TestRepository::new();
    let called = cordwainer(&repository, START).in_folder(repository.outside()).run();
    assert_eq!(called.code, 9, "{called:#?}");
    assert!(
        called.stderr.starts_with("error: `[T]` is not in a git repository\n"),
        "{}",
        called.stderr
    );
    assert!(
        called
            .stderr
            .ends_with("hint: run the command in a repository, or create one with `git init`\n"),
        "{}",
        called.stderr
    );
}

#[test]
fn a_bare_repository_is_refused() {
    let repository = TestRepository::new();
    repository.git_in(repository.outside(), &["init", "--quiet", "--bare", "bare.git"]);
    let bare = repository.outside().join("bare.git");
    cordwainer(&repository, START).in_folder(bare).run().refused(
        9,
        "error: `[T]/bare.git/` is a bare repository\n\nhint: run the command in a repository with a checkout\n",
    );
}

#[test]
fn a_branch_without_a_commit_is_refused() {
    let repository = TestRepository::empty();
    repository.write("configuration.yaml", "");
    let words =
        "error: branch `main` has no commit yet\n\nhint: commit something first: a generation begins from a commit\n";
    refuses(&repository, START, 9, words);
}

#[test]
fn a_detached_head_is_refused_unless_the_beginning_is_named() {
    let repository = project("");
    repository.git(&["checkout", "--quiet", "--detach"]);
    let words = "error: HEAD is detached\n\nhint: check out a branch, or set the first commit with `--from REVISION`\n";
    refuses(&repository, START, 9, words);
    generator(&repository, &["start", "--name", "a", "--from", "HEAD"])
        .run()
        .done();
}

#[test]
fn what_no_agent_could_work_on_rightly_is_refused() {
    let repository = project("");
    repository.write(".gitattributes", "*.psd filter=lfs diff=lfs merge=lfs -text\n");
    repository.commit("large files");
    let words = "error: this repository cannot be worked on safely: `filter=lfs` in `.gitattributes`: no filters are run \
                 here, so contents would be recorded wrongly\n\n\
                 hint: remove it from `.gitattributes`; to merge a commit that has it already, check out a branch that is \
                 not merged into\n";
    refuses(&repository, START, 9, words);
}

#[test]
fn committed_secrets_are_refused() {
    let repository = project("");
    repository.write(".secrets/.gitignore", "*\n");
    repository.write(".secrets/claude.json", "{}\n");
    repository.git(&["add", "--force", ".secrets"]);
    repository.git(&["commit", "--quiet", "-m", "too much"]);
    let words = "error: this repository cannot be worked on safely: `.secrets/claude.json`, in `secrets_dir`, is committed, \
                 and agents could read it\n\n\
                 hint: remove it from the base branch, and revoke it\n";
    refuses(&repository, START, 9, words);
    repository.git(&["rm", "--quiet", ".secrets/claude.json"]);
    repository.git(&["commit", "--quiet", "-m", "what remains is no secret"]);
    generator(&repository, &["start", "--name", "a"]).run().done();
}

#[test]
fn a_base_branch_that_is_not_there_is_named() {
    let repository = project("base_branch: trunk\n");
    let words = "error: the base branch `trunk` does not exist\n\n\
                 hint: set `base_branch` in configuration.yaml to the branch that generations are merged into\n";
    refuses(&repository, START, 9, words);
}

#[test]
fn a_revision_that_is_not_there_is_named_with_the_nearest_branch() {
    let repository = project("");
    let words = "error: `mian` names no commit of this repository\n\nhint: did you mean the branch `main`?\n";
    refuses(&repository, &["generator", "start", "--from", "mian"], 2, words);
}

#[test]
fn a_user_whom_git_does_not_know_starts_nothing() {
    let repository = project("");
    repository.git(&["config", "--unset", "user.name"]);
    let called = cordwainer(&repository, START).run();
    assert_eq!(called.code, 9, "{called:#?}");
    assert!(
        called.stderr.starts_with("error: no git identity is configured\n"),
        "{}",
        called.stderr
    );
    assert!(
        !super::refs(&repository)
            .keys()
            .any(|name| name.contains("generation-a"))
    );
}

#[test]
fn without_a_generation_there_is_nothing_to_end() {
    let repository = project("");
    let words = "error: no generation is open in this repository\n\nhint: `cordwainer start` creates one\n";
    for command in ["stop", "reset", "status", "run", "measure", "stitch"] {
        refuses(&repository, &["generator", command], 9, words);
    }
}

#[test]
fn several_generations_are_listed_with_how_to_choose() {
    let repository = project("");
    start(&repository, "a");
    start(&repository, "b");
    fs::remove_file(repository.path().join(".git/cordwainer/current")).unwrap();
    let words = "error: several generations are open: `generation-a`, `generation-b`\n\n\
                 hint: `cordwainer switch NAME` selects one, `--generation NAME` selects it for one command\n";
    refuses(&repository, STOP, 9, words);
}

#[test]
fn an_unknown_generation_is_answered_with_those_there_are() {
    let repository = project("");
    start(&repository, "apple");
    start(&repository, "pear");
    let words =
        "error: no generation `zzz` is open\n\nhint: the open ones are: `generation-apple`, `generation-pear`\n";
    refuses(&repository, &["generator", "stop", "--generation", "zzz"], 9, words);
    let words = "error: no generation `aple` is open\n\n\
                 hint: did you mean `generation-apple`? the open ones are: `generation-apple`, `generation-pear`\n";
    refuses(&repository, &["generator", "switch", "aple"], 9, words);
}

#[test]
fn an_ended_generation_is_not_unknown() {
    let repository = at_work("");
    generator(&repository, &["reset"]).run().done();
    let words = "error: the generation `generation-a` has ended\n\n\
                 hint: its commits and tasks are kept under `refs/cordwainer/archive/generation-a/1/`; `cordwainer issues --generation generation-a list` shows its tasks, which can no longer change\n";
    refuses(&repository, &["generator", "reset", "--generation", "a"], 9, words);
}

#[test]
fn a_dirty_base_is_refused_with_its_paths() {
    let repository = at_work("");
    repository.write("README.md", "# Changed\n");
    repository.write("staged.txt", "staged\n");
    repository.git(&["add", "staged.txt"]);
    let words = "error: the base branch `main` is checked out with uncommitted changes: `README.md`, `staged.txt`\n\n\
                 hint: commit or stash them, then stop again\n";
    refuses(&repository, STOP, 9, words);
}

#[test]
fn a_dirty_checkout_of_another_branch_is_nobodys_business() {
    let repository = at_work("");
    repository.git(&["checkout", "--quiet", "-b", "elsewhere"]);
    repository.write("README.md", "# Changed\n");
    super::leaves_the_checkout(&repository, STOP).done();
    assert_eq!(repository.git(&["show", "main:new.txt"]), "new");
}

#[test]
fn an_untracked_file_in_the_way_is_refused_and_changes_nothing() {
    let repository = at_work("");
    repository.write("new.txt", "mine\n");
    let before = (super::refs(&repository), repository.snapshot_of_everything());
    let called = cordwainer(&repository, STOP).run();
    assert_eq!(called.code, 9, "{called:#?}");
    assert!(
        called
            .stderr
            .contains("error: the checkout of `main` cannot follow the merge:\n  `new.txt`: "),
        "{}",
        called.stderr
    );
    assert_eq!((super::refs(&repository), repository.snapshot_of_everything()), before);
}

#[test]
fn a_conflict_changes_nothing_and_lists_the_paths() {
    let repository = at_work("");
    work(
        &repository,
        "generation-a",
        &[("README.md", "# Theirs\n"), ("ä b.txt", "theirs\n")],
    );
    repository.write("README.md", "# Ours\n");
    repository.write("ä b.txt", "ours\n");
    repository.commit("meanwhile");
    let words = "error: `generation-a` does not merge into `main`: conflicts in `README.md`, `ä b.txt`\n\n\
                 hint: nothing was changed; check out `generation-a`, merge `main` into it by hand, \
                 check out `main` again, then stop\n";
    refuses(&repository, STOP, 9, words);
}

#[test]
fn a_checked_out_generation_is_neither_run_nor_ended() {
    let repository = at_work("");
    repository.git(&["worktree", "add", "--quiet", "../tree", "generation-a"]);
    let words = "error: the generation branch `generation-a` is checked out at `[T]/tree`\n\n\
                 hint: check out another branch there, such as `main`\n";
    for command in ["stop", "reset", "run"] {
        refuses(&repository, &["generator", command], 9, words);
    }
}

#[test]
fn a_base_branch_checked_out_elsewhere_is_ended_there() {
    let repository = at_work("");
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.git(&["worktree", "add", "--quiet", "../tree", "main"]);
    let words = "error: the base branch `main` is checked out at `[T]/tree`\n\n\
                 hint: run `cordwainer stop` there, so that its files can follow the branch\n";
    refuses(&repository, STOP, 9, words);
    let tree = repository.outside().join("tree");
    cordwainer(&repository, STOP).in_folder(&tree).run().done();
    assert_eq!(fs::read_to_string(tree.join("new.txt")).unwrap(), "new\n");
}

#[test]
fn a_base_branch_in_the_middle_of_a_rebase_is_left_alone() {
    let repository = at_work("");
    repository.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    repository.write("README.md", "# Side\n");
    repository.commit("side");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("README.md", "# Main\n");
    repository.commit("main");
    let _ = repository.try_git_in(&repository.path(), &["rebase", "side"]);
    let words = "error: the base branch `main` is being rebased or bisected at `[T]/project`\n\n\
                 hint: finish that first, then stop again\n";
    refuses(&repository, STOP, 9, words);
}

#[test]
fn a_removed_branch_is_not_ended_as_if_it_were_merged() {
    let repository = at_work("");
    repository.git(&["update-ref", "-d", "refs/heads/generation-a"]);
    let words = "error: the branch `generation-a` of the generation is gone\n\n\
                 hint: create it again to merge it: every attempt at a task is kept under `refs/cordwainer/generation-a/tasks/`\n";
    refuses(&repository, STOP, 9, words);
    refuses(&repository, &["generator", "stop", "--no-merge"], 9, words);
    generator(&repository, &["reset"]).run().done();
}

#[test]
fn paths_that_leave_the_repository_are_configuration_errors() {
    for (key, value) in [
        ("source_dirs", "[../outside]"),
        ("cleanup_dirs", "[/etc]"),
        ("seed_files", "{../evil: templates/version.j2}"),
        ("source_dirs", "[.git/hooks]"),
        ("seed_files", "{.git/config: templates/version.j2}"),
    ] {
        let repository = project(&format!("{key}: {value}\n"));
        let called = cordwainer(&repository, START).run();
        assert_eq!(called.code, 3, "{key}: {value}: {called:#?}");
        assert!(called.stderr.contains(key), "{}", called.stderr);
        assert_eq!(super::refs(&repository).len(), 1, "{key}: {value}");
    }
}

#[test]
fn paths_that_meet_a_link_are_refused() {
    for (configuration, words) in [
        (
            "source_dirs: [link]",
            "error: `link` meets `link`, which is a symbolic link\n",
        ),
        (
            "source_dirs: [link/src]",
            "error: `link/src` meets `link`, which is a symbolic link\n",
        ),
        (
            "seed_files: {link/x: templates/version.j2}",
            "error: `link/x` meets `link`, which is a symbolic link\n",
        ),
        (
            "seed_files: {link: templates/version.j2}",
            "error: `link` meets `link`, which is a symbolic link\n",
        ),
    ] {
        let repository = project(configuration);
        symlink("/etc", repository.path().join("link")).unwrap();
        repository.commit("a link");
        refuses(
            &repository,
            START,
            3,
            &format!("{words}\nhint: name the real files and folders\n"),
        );
    }
}

#[test]
fn a_folder_to_clean_up_that_is_a_link_stops_the_stop() {
    let repository = at_work("cleanup_dirs: [link]\n");
    symlink("/etc", repository.path().join("link")).unwrap();
    repository.commit("a link");
    let words = "error: `link` meets `link`, which is a symbolic link\n\nhint: name the real files and folders\n";
    refuses(&repository, STOP, 3, words);
}

#[test]
fn a_seed_takes_no_folders_place() {
    for (seed, other) in [("docs", "docs/a.md"), ("README.md/x", "README.md")] {
        let repository = project(&format!("seed_files: {{{seed}: templates/version.j2}}\n"));
        repository.write("docs/a.md", "a\n");
        repository.commit("documents");
        let words = format!(
            "error: `seed_files.{seed}` would take the place of `{other}`\n\n\
             hint: choose another destination, or clear that path with `source_dirs`\n"
        );
        refuses(&repository, START, 3, &words);
    }
}

#[test]
fn a_missing_template_is_named() {
    let repository = project("seed_files: {VERSION: templates/none.j2}\n");
    let base = repository.oid("main");
    let words = format!(
        "error: `seed_files.VERSION`: there is no `templates/none.j2` in commit {base}\n\nhint: commit the template first\n"
    );
    refuses(&repository, START, 3, &words);
}
