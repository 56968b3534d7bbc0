//! Repositories that are copied, moved and put back, and the one folder of state that each has.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use cordwainer::git::Git;
use serde_json::Value;

use super::{generator, project, start};
use crate::support::command::Called;
use crate::support::repository::TestRepository;

/// Copies a folder as a person does, with everything that can be copied.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// The id that the repository in a folder knows itself by.
fn id_of(folder: &Path) -> Option<String> {
    Git::discover(folder).unwrap().repository_id().unwrap()
}

/// Has the repository in a folder take its lock, and returns its id afterwards.
#[track_caller]
fn id_after_a_command(repository: &TestRepository, folder: &Path) -> String {
    let called = reset_in(repository, folder);
    // A copy of what was reset has nothing to reset.
    assert!([0, 9].contains(&called.code), "{called:#?}");
    id_of(folder).unwrap()
}

/// `cordwainer reset` in a folder.
fn reset_in(repository: &TestRepository, folder: &Path) -> Called {
    generator(repository, &["reset"]).in_folder(folder).run()
}

#[test]
fn a_copy_gets_an_id_of_its_own_and_the_original_keeps_its() {
    let repository = project("");
    assert_eq!(id_of(&repository.path()), None);
    start(&repository, "a");
    let id = id_of(&repository.path()).unwrap();
    let (one, two) = (repository.outside().join("one"), repository.outside().join("two"));
    copy(&repository.path(), &one);
    assert_eq!(id_of(&one), None, "before its first command a copy has none");
    let first = id_after_a_command(&repository, &one);
    copy(&one, &two);
    let second = id_after_a_command(&repository, &two);
    assert_eq!(id_after_a_command(&repository, &repository.path()), id);
    assert_eq!(id_of(&one), Some(first.clone()));
    assert!(id != first && first != second && id != second);
}

#[test]
fn a_moved_repository_keeps_its_id_and_a_copy_put_in_its_place_gets_another() {
    let repository = project("");
    start(&repository, "a");
    start(&repository, "b");
    let id = id_of(&repository.path()).unwrap();
    let (place, moved) = (repository.path(), repository.outside().join("moved"));
    fs::rename(&place, &moved).unwrap();
    assert_eq!(id_of(&moved), Some(id.clone()));
    let reset = |folder: &Path, name: &str| {
        let reset = generator(&repository, &["reset", "--generation", &format!("generation-{name}")]);
        reset.in_folder(folder).run().done();
        id_of(folder).unwrap()
    };
    assert_eq!(reset(&moved, "a"), id);
    copy(&moved, &place);
    assert_ne!(reset(&place, "b"), id);
    assert_eq!(reset(&moved, "b"), id);
}

#[test]
fn of_a_repository_that_was_moved_and_copied_back_the_two_have_different_ids() {
    // Nobody saw the move: whichever works first, the other one finds out.
    for first in ["project", "kept"] {
        let repository = project("");
        start(&repository, "a");
        let kept = repository.outside().join("kept");
        fs::rename(repository.path(), &kept).unwrap();
        copy(&kept, &repository.path());
        let second = if first == "kept" { "project" } else { "kept" };
        let folders = [first, second].map(|name| repository.outside().join(name));
        let ids = folders.map(|folder| id_after_a_command(&repository, &folder));
        assert_ne!(ids[0], ids[1], "{first} first");
    }
}

#[test]
fn a_repository_that_was_restored_in_its_place_is_itself() {
    let repository = project("");
    start(&repository, "a");
    let id = id_of(&repository.path()).unwrap();
    let backup = repository.outside().join("backup");
    copy(&repository.path(), &backup);
    fs::remove_dir_all(repository.path()).unwrap();
    copy(&backup, &repository.path());
    fs::remove_dir_all(&backup).unwrap();
    assert_eq!(id_after_a_command(&repository, &repository.path()), id);
}

#[test]
fn a_worktree_whose_configuration_names_another_folder_of_state_changes_nothing() {
    for (main, side, used, named) in [
        ("", "state_dir: .state\n", ".git/cordwainer", ".state"),
        ("state_dir: .state\n", "", ".state", ".git/cordwainer"),
        ("state_dir: .state\n", "state_dir: src/state\n", ".state", "src/state"),
    ] {
        let repository = project(main);
        start(&repository, "a");
        repository.git(&["worktree", "add", "--quiet", "-b", "side", "../tree"]);
        let tree = repository.outside().join("tree");
        fs::write(tree.join("configuration.yaml"), side).unwrap();
        let words = format!(
            "error: the state of this repository is in `[T]/project/{used}`, and `state_dir` names `[T]/project/{named}`\n\n\
             hint: set `state_dir` to the same folder in every worktree; to change it, move \
             `[T]/project/{used}` to `[T]/project/{named}` while nothing runs\n"
        );
        reset_in(&repository, &tree).refused(9, &words);
        // Whoever only looks is told of the state that there is.
        let status = generator(&repository, &["status", "--json"])
            .in_folder(&tree)
            .run()
            .json();
        assert_eq!(status["generation"], "generation-a");
        generator(&repository, &["reset"]).run().done();
    }
}

#[test]
fn a_folder_of_state_is_one_whatever_it_is_called_and_can_be_moved() {
    let repository = project("state_dir: .state\n");
    start(&repository, "a");
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../tree"]);
    let tree = repository.outside().join("tree");
    let link = repository.outside().join("link");
    symlink(repository.path().join(".state"), &link).unwrap();
    fs::write(
        tree.join("configuration.yaml"),
        format!("state_dir: {}\n", link.display()),
    )
    .unwrap();
    let status = || {
        generator(&repository, &["status", "--json"])
            .in_folder(&tree)
            .run()
            .json()
    };
    assert_eq!(status()["generation"], "generation-a");
    reset_in(&repository, &tree).done();
    // A person moves it, and says so in the configuration.
    fs::remove_file(&link).unwrap();
    fs::rename(repository.path().join(".state"), &link).unwrap();
    start_in(&repository, &tree, "b");
    assert!(link.join("repository.json").is_file());
    assert!(!repository.path().join(".state").exists());
}

/// Starts a generation from a folder of the repository.
fn start_in(repository: &TestRepository, folder: &Path, name: &str) {
    generator(repository, &["start", "--name", name])
        .in_folder(folder)
        .run()
        .done();
}

#[test]
fn a_folder_of_state_is_not_shared_with_another_repository() {
    let repository = project("");
    let state = repository.outside().join("state");
    repository.write("configuration.yaml", format!("state_dir: {}\n", state.display()));
    repository.commit("the state lies elsewhere");
    let clone = repository.outside().join("clone");
    repository.git(&["clone", "--quiet", ".", "../clone"]);
    start(&repository, "a");
    let copied = repository.outside().join("copied");
    copy(&repository.path(), &copied);
    let words = "error: `[T]/state` has the state of another repository, whose git folder is `[T]/project/.git`\n\n\
                 hint: set `state_dir` to another folder here; or remove that one, if the other repository is gone \
                 and nothing in it is needed\n";
    reset_in(&repository, &copied).refused(9, words);
    generator(&repository, &["start", "--name", "b"])
        .in_folder(&clone)
        .run()
        .refused(9, words);
    generator(&repository, &["reset"]).run().done();
}

#[test]
fn a_folder_of_state_that_was_copied_along_is_the_copys() {
    for (line, state_dir) in [("", ".git/cordwainer"), ("state_dir: .state\n", ".state")] {
        let repository = project(line);
        start(&repository, "a");
        let copied = repository.outside().join("copied");
        copy(&repository.path(), &copied);
        reset_in(&repository, &copied).done();
        generator(&repository, &["reset"]).run().done();
        for folder in [repository.path(), copied] {
            let note = fs::read(folder.join(state_dir).join("repository.json")).unwrap();
            let note: Value = serde_json::from_slice(&note).unwrap();
            assert_eq!(note["id"].as_str(), id_of(&folder).as_deref());
        }
    }
}

#[test]
fn a_note_that_cannot_be_read_is_named() {
    let repository = project("");
    start(&repository, "a");
    repository.write(".git/cordwainer-repository.json", "{");
    let called = generator(&repository, &["reset"]).run();
    assert_eq!(called.code, 9, "{called:#?}");
    assert!(
        called
            .stderr
            .starts_with("error: cannot read `[T]/project/.git/cordwainer-repository.json`"),
        "{}",
        called.stderr
    );
    assert!(called.stderr.contains("hint: remove it"), "{}", called.stderr);
    for note in [".git/cordwainer-repository.json", ".git/cordwainer/repository.json"] {
        fs::remove_file(repository.path().join(note)).unwrap();
    }
    generator(&repository, &["reset"]).run().done();
}
