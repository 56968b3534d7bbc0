use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use cordwainer::error::ErrorKind;
use cordwainer::git::{Advance, Git, Oid, RefMove, Severity};

use crate::support::repository::TestRepository;

/// A checkout of `main` at a commit, and a later commit that it does not know.
fn scene() -> (TestRepository, Git, Oid, Oid) {
    let repository = TestRepository::new();
    for (path, text) in [
        ("edit", "1\n"),
        ("gone", "g\n"),
        ("same", "s\n"),
        ("dir/old", "o\n"),
        ("crlf.bat", "x\n"),
    ] {
        repository.write(path, text);
    }
    repository.write(".gitattributes", "*.bat text eol=crlf\n");
    repository.write(".gitignore", "ignored\n");
    let from = repository.commit("from");
    repository.git(&["checkout", "--quiet", "-b", "next"]);
    repository.write("edit", "2\n");
    repository.write("crlf.bat", "y\n");
    repository.write("new/file", "n\n");
    fs::remove_file(repository.path().join("gone")).unwrap();
    fs::remove_dir_all(repository.path().join("dir")).unwrap();
    repository.write("dir", "a file now\n");
    repository.git(&["add", "--all", "--force"]);
    let to = repository.commit("to");
    repository.git(&["checkout", "--quiet", "main"]);
    let git = repository.handle();
    (repository, git, from, to)
}

fn finish(repository: &TestRepository, git: &Git, from: Oid, to: Oid) {
    let moved = git
        .move_reference("refs/heads/main", Some(from), Some(to), "stop")
        .unwrap();
    assert_eq!(moved, RefMove::Moved);
    assert_eq!(repository.git(&["status", "--porcelain", "--untracked-files=no"]), "");
    assert_eq!(repository.git(&["rev-parse", "HEAD"]), to.to_string());
}

fn blocked(git: &Git, from: Oid, to: Oid) -> Vec<PathBuf> {
    match git.advance_checkout(from, to).unwrap() {
        other @ (Advance::Done | Advance::TooMuchWork(_)) => panic!("not blocked: {other:?}"),
        Advance::Blocked(obstacles) => obstacles.into_iter().map(|obstacle| obstacle.path).collect(),
    }
}

#[test]
fn a_clean_checkout_moves_with_its_line_endings_and_untracked_files_stay() {
    let (repository, git, from, to) = scene();
    repository.write("untracked", "u");
    repository.write("ignored", "i");
    assert_eq!(git.dirty().unwrap(), Vec::<PathBuf>::new());
    assert_eq!(git.advance_checkout(from, to).unwrap(), Advance::Done);
    finish(&repository, &git, from, to);
    let read = |path: &str| fs::read_to_string(repository.path().join(path)).unwrap();
    assert_eq!((read("edit"), read("crlf.bat")), ("2\n".into(), "y\r\n".into()));
    assert_eq!((read("untracked"), read("ignored")), ("u".into(), "i".into()));
}

#[test]
fn what_would_be_lost_is_listed_and_nothing_changes() {
    for (path, content) in [
        ("edit", "mine"),
        ("new/file", "mine"),
        ("gone", "mine"),
        ("dir/old", "mine"),
        ("dir/new", "mine"),
        ("new", "mine"),
    ] {
        let (repository, git, from, to) = scene();
        repository.write(path, content);
        let before = repository.snapshot_of_everything();
        assert_eq!(blocked(&git, from, to).len(), 1, "{path}");
        assert_eq!(repository.snapshot_of_everything(), before, "{path}");
    }
}

#[test]
fn an_ignored_file_is_not_overwritten_and_staged_work_is_not_lost() {
    let (repository, git, from, to) = scene();
    fs::write(repository.path().join(".git/info/exclude"), "new\n").unwrap();
    repository.write("new/file", "mine");
    assert_eq!(blocked(&git, from, to), [PathBuf::from("new/file")]);
    fs::remove_dir_all(repository.path().join("new")).unwrap();
    repository.write("edit", "staged\n");
    repository.git(&["add", "edit"]);
    repository.write("edit", "1\n");
    assert_eq!(git.dirty().unwrap(), [PathBuf::from("edit")]);
    assert_eq!(blocked(&git, from, to), [PathBuf::from("edit")]);
}

#[test]
fn a_link_in_the_place_of_a_folder_is_not_followed() {
    let (repository, git, from, to) = scene();
    let outside = repository.outside().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, repository.path().join("new")).unwrap();
    assert_eq!(blocked(&git, from, to), [PathBuf::from("new")]);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn it_can_be_run_again_wherever_it_died() {
    // What a killed checkout may leave: files at their new content, emptied, or missing; the index old or new.
    for died in 0..5 {
        let (repository, git, from, to) = scene();
        match died {
            0 => repository.write("edit", "2\n"),
            1 => repository.write("new/file", ""),
            2 => repository.write("edit", ""),
            3 => fs::remove_file(repository.path().join("edit")).unwrap(),
            _ => assert_eq!(git.advance_checkout(from, to).unwrap(), Advance::Done),
        }
        assert_eq!(
            git.dirty_besides_advance(from, to).unwrap(),
            Vec::<PathBuf>::new(),
            "{died}"
        );
        assert_eq!(git.advance_checkout(from, to).unwrap(), Advance::Done, "{died}");
        finish(&repository, &git, from, to);
    }
}

#[test]
fn dirty_names_tracked_changes_and_leaves_the_index_alone() {
    let (repository, git, from, to) = scene();
    repository.write("same", "other\n");
    repository.write("untracked", "u");
    // Only its times changed.
    repository.write("edit", "1\n");
    let before = repository.snapshot_of_everything();
    assert_eq!(git.dirty().unwrap(), [PathBuf::from("same")]);
    assert_eq!(git.dirty_besides_advance(from, to).unwrap(), [PathBuf::from("same")]);
    assert_eq!(repository.snapshot_of_everything(), before);
    fs::write(repository.path().join(".git/MERGE_HEAD"), format!("{to}\n")).unwrap();
    assert_eq!(
        git.advance_checkout(from, to).unwrap_err().kind(),
        ErrorKind::Precondition
    );
}

#[test]
fn hazards_are_named_the_gravest_first() {
    let repository = TestRepository::new();
    let git = repository.handle();
    assert_eq!(git.hazards(repository.oid("HEAD"), &[]).unwrap(), []);
    repository.add_submodule();
    repository.write("Readme.md", "");
    repository.write("art/.gitattributes", "*.psd filter=lfs diff=lfs merge=lfs -text\n");
    let tip = repository.commit("hazards");
    let hazards = git.hazards(tip, &[]).unwrap();
    let texts: Vec<_> = hazards
        .iter()
        .map(|hazard| (hazard.severity, hazard.text.as_str()))
        .collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].0 == Severity::Contents && texts[0].1.contains("filter=lfs") && texts[0].1.contains("art/"));
    assert!(texts[1].1.contains("sub") && texts[2].1.contains("README.md and Readme.md"));
    let shallow = repository.outside().join("shallow");
    let url = format!("file://{}", repository.path().display());
    repository.git(&["clone", "--quiet", "--depth=1", &url, shallow.to_str().unwrap()]);
    let git = Git::discover(&shallow).unwrap();
    assert!(
        git.hazards(tip, &[])
            .unwrap()
            .iter()
            .any(|hazard| hazard.text.contains("shallow"))
    );
}

#[test]
fn a_file_that_a_dead_stop_made_a_folder_is_there_already_or_goes_back() {
    let repository = TestRepository::new();
    repository.write("place", "a file\n");
    let from = repository.commit("from");
    repository.git(&["checkout", "--quiet", "-b", "next"]);
    fs::remove_file(repository.path().join("place")).unwrap();
    repository.write("place/inside", "a folder now\n");
    let to = repository.commit("to");
    repository.git(&["checkout", "--quiet", "main"]);
    let git = repository.handle();
    // Killed after the files, before the index.
    let die = || {
        fs::remove_file(repository.path().join("place")).unwrap();
        repository.write("place/inside", "a folder now\n");
    };
    die();
    assert_eq!(git.retreat_checkout(from, to).unwrap(), Advance::Done);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    die();
    assert_eq!(git.advance_checkout(from, to).unwrap(), Advance::Done);
    finish(&repository, &git, from, to);
}
