//! What agents can read of git's history: exactly what the branch reaches, copied from packs, loose objects and borrowed ones.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use cordwainer::git::{Git, HistoryDepth, PrivateRepository, SlotPool};

use crate::support::repository::TestRepository;

/// Lines that change a little from commit to commit, so that git stores deltas.
fn text(number: u32) -> String {
    let line = |line| if line == number % 200 { number } else { 0 };
    let lines: Vec<String> = (0..200).map(|at| format!("line {at} of {}\n", line(at))).collect();
    lines.concat()
}

/// A repository with forty commits, a merge and a tag on `generation-one`.
fn repository() -> TestRepository {
    let repository = TestRepository::new();
    for number in 0..40 {
        repository.write("large.txt", text(number));
        repository.write(format!("folder/{}/small.txt", number % 7), number.to_string());
        repository.commit("one of many");
    }
    repository.git(&["checkout", "--quiet", "-b", "side", "HEAD~5"]);
    repository.write("side.txt", "merged");
    repository.commit("on the side");
    repository.git(&["checkout", "--quiet", "-"]);
    repository.git(&["merge", "--quiet", "--no-edit", "side"]);
    repository.git(&["branch", "generation-one"]);
    repository
}

/// Adds what no agent is to read, and returns the ids: a stash, another branch, an amended commit, with their trees and blobs.
fn hide(repository: &TestRepository) -> Vec<String> {
    repository.git(&["config", "user.name", "person"]);
    repository.git(&["config", "user.email", "person@example.invalid"]);
    let objects = |revision: &str| {
        let listed = repository.git(&[
            "rev-list",
            "--objects",
            "--no-object-names",
            revision,
            "^generation-one",
        ]);
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut hidden = Vec::new();
    repository.write("large.txt", "the stashed secret\n");
    repository.git(&["stash", "--quiet"]);
    hidden.extend(objects("stash@{0}"));
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.write("other.txt", "the other branch's secret\n");
    repository.commit("other");
    hidden.extend(objects("other"));
    repository.write("other.txt", "the amended secret\n");
    repository.git(&["commit", "--quiet", "--all", "--amend", "--message", "amended"]);
    hidden.extend(objects("other"));
    repository.git(&["checkout", "--quiet", "generation-one"]);
    assert!(hidden.len() >= 8, "{hidden:?}");
    hidden
}

fn pool_of(git: &Git, depth: HistoryDepth) -> SlotPool {
    SlotPool::new(git.clone(), &git.common_dir().join("cordwainer")).with_history(depth)
}

/// The repository of a container with `revision` checked out.
fn private(repository: &TestRepository, git: &Git, depth: HistoryDepth, revision: &str) -> PrivateRepository {
    let pool = pool_of(git, depth);
    let mut slot = pool.acquire("x").unwrap();
    let commit = repository.oid(revision);
    slot.restore(commit, None).unwrap();
    let folder = pool.private_folder(slot.number());
    let private = slot
        .private_repository(&folder, "generation-one", commit, None)
        .unwrap();
    assert_eq!(slot.private_repository_again(&folder).unwrap(), Some(private.clone()));
    slot.release().unwrap();
    private
}

/// Git with what a container would see, all of it where it is on the host.
struct Inside<'a> {
    repository: &'a TestRepository,
    git_dir: PathBuf,
}

impl<'a> Inside<'a> {
    fn of(repository: &'a TestRepository, private: &PrivateRepository) -> Self {
        let git_dir = repository.outside().join("inside");
        let _ = fs::remove_dir_all(&git_dir);
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([&private.git_dir, &git_dir])
            .status();
        assert!(copied.unwrap().success());
        let folders = private
            .objects
            .iter()
            .map(|objects| format!("{}\n", objects.host.display()));
        let folders: Vec<String> = folders.collect();
        fs::write(git_dir.join("objects/info/alternates"), folders.concat()).unwrap();
        Self { repository, git_dir }
    }

    fn git(&self, arguments: &[&str]) -> String {
        let all = [&["--git-dir", self.git_dir.to_str().unwrap()], arguments].concat();
        self.repository.git(&all)
    }

    fn has(&self, id: &str) -> bool {
        let all = ["--git-dir", self.git_dir.to_str().unwrap(), "cat-file", "-e", id];
        self.repository
            .try_git_in(&self.repository.path(), &all)
            .status
            .success()
    }

    /// All objects that can be read, whatever reaches them.
    fn objects(&self) -> BTreeSet<String> {
        let listed = self.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
        listed.lines().map(str::to_owned).collect()
    }
}

/// All objects that a revision reaches.
fn reached(repository: &TestRepository, revision: &str) -> BTreeSet<String> {
    let listed = repository.git(&["rev-list", "--objects", "--no-object-names", revision]);
    listed.lines().map(str::to_owned).collect()
}

#[track_caller]
fn expect_exactly(repository: &TestRepository, git: &Git, revision: &str) {
    let made = private(repository, git, HistoryDepth::Full, revision);
    let inside = Inside::of(repository, &made);
    assert_eq!(inside.objects(), reached(repository, revision));
    assert_eq!(
        inside.git(&["rev-parse", "HEAD"]),
        repository.git(&["rev-parse", revision])
    );
    assert_eq!(inside.git(&["fsck", "--full", "--strict"]), "");
    for index in packs(&made.objects[0].host) {
        inside.git(&["verify-pack", index.to_str().unwrap()]);
    }
}

fn packs(objects: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(objects.join("pack")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "idx"))
        .collect()
}

#[test]
fn agents_read_what_the_branch_reaches_and_nothing_else() {
    let repository = repository();
    let hidden = hide(&repository);
    let git = repository.handle();
    // Loose, then in one pack with deltas whose bases are hidden, then in several packs, with deltas by id, too.
    expect_exactly(&repository, &git, "generation-one");
    for repack in [
        &["gc", "--quiet", "--aggressive"][..],
        &["repack", "-d", "--quiet", "--max-pack-size=1m"],
        &[
            "-c",
            "repack.useDeltaBaseOffset=false",
            "repack",
            "-Adfq",
            "--window=50",
        ],
    ] {
        repository.git(repack);
        fs::remove_dir_all(git.common_dir().join("cordwainer/history")).unwrap();
        expect_exactly(&repository, &git, "generation-one");
    }
    let made = private(&repository, &git, HistoryDepth::Full, "generation-one");
    let inside = Inside::of(&repository, &made);
    for id in &hidden {
        assert!(!inside.has(id), "{id} can be read");
        // The control: the person's own git has it.
        repository.git(&["cat-file", "-e", id]);
    }
    let size = |objects: &Path| -> u64 {
        packs(objects)
            .iter()
            .map(|index| fs::metadata(index.with_extension("pack")).unwrap().len())
            .sum()
    };
    let whole = size(&git.common_dir().join("objects"));
    assert!(
        size(&made.objects[0].host) <= whole + 1024,
        "deltas are copied as they are"
    );
}

#[test]
fn a_store_grows_with_its_branch_and_its_packs_stay_few() {
    let repository = repository();
    let git = repository.handle();
    let first = private(&repository, &git, HistoryDepth::Full, "generation-one");
    repository.git(&["checkout", "--quiet", "generation-one"]);
    for number in 0..30 {
        repository.write("large.txt", text(100 + number));
        repository.commit("landed");
        let pool = pool_of(&git, HistoryDepth::Full);
        let mut slot = pool.acquire("x").unwrap();
        let tip = repository.oid("generation-one");
        slot.restore(tip, None).unwrap();
        slot.private_repository(&pool.private_folder(slot.number()), "generation-one", tip, None)
            .unwrap();
        slot.release().unwrap();
    }
    assert!(
        packs(&first.objects[0].host).len() <= 25,
        "{:?}",
        packs(&first.objects[0].host)
    );
    expect_exactly(&repository, &git, "generation-one");
}

#[test]
fn what_an_attempt_left_is_there_and_not_what_it_was_made_from_beside() {
    let repository = repository();
    let git = repository.handle();
    let base = repository.git(&["rev-parse", "generation-one"]);
    repository.git(&["checkout", "--quiet", "--detach", "generation-one"]);
    repository.write("earlier.txt", "an earlier attempt's\n");
    let earlier = repository.commit("attempt 1").to_string();
    let earlier_blob = repository.git(&["rev-parse", "HEAD:earlier.txt"]);
    repository.git(&["checkout", "--quiet", "--detach", "generation-one"]);
    repository.write("later.txt", "this attempt's\n");
    repository.git(&["add", "--all"]);
    let tree = repository.git(&["write-tree"]);
    let arguments = ["commit-tree", &tree, "-p", &base, "-p", &earlier, "-m", "attempt 2"];
    let attempt = repository.git(&arguments);
    repository.git(&["update-ref", "refs/cordwainer/one/tasks/cw-1", &attempt]);
    let made = private(&repository, &git, HistoryDepth::Full, "refs/cordwainer/one/tasks/cw-1");
    let inside = Inside::of(&repository, &made);
    assert_eq!(inside.git(&["rev-parse", "HEAD^{tree}"]), tree);
    assert_eq!(inside.git(&["rev-parse", "HEAD^@"]), base);
    assert_eq!(inside.git(&["log", "-1", "--format=%s"]), "attempt 2");
    assert_eq!(inside.git(&["show", "HEAD:later.txt"]), "this attempt's");
    assert_eq!(inside.git(&["fsck", "--full", "--strict"]), "");
    assert!(!inside.has(&earlier) && !inside.has(&earlier_blob) && !inside.has(&attempt));
    // What one container has of its own is not in the store that the others share.
    let other = private(&repository, &git, HistoryDepth::Full, "generation-one");
    let blob = repository.git(&["rev-parse", &format!("{attempt}:later.txt")]);
    assert!(!Inside::of(&repository, &other).has(&blob));
}

#[test]
fn history_can_end_after_so_many_commits() {
    let repository = repository();
    let git = repository.handle();
    let depth = HistoryDepth::Commits(NonZero::new(3).unwrap());
    let made = private(&repository, &git, depth, "generation-one");
    let inside = Inside::of(&repository, &made);
    assert_eq!(inside.git(&["rev-list", "--count", "--first-parent", "HEAD"]), "3");
    assert_eq!(inside.git(&["fsck", "--full", "--strict"]), "");
    assert!(!inside.has(&repository.git(&["rev-parse", "generation-one~3"])));
    assert!(!inside.has(&repository.git(&["rev-parse", "generation-one~10:large.txt"])));
    repository.git(&["checkout", "--quiet", "generation-one"]);
    repository.write("large.txt", "landed");
    repository.commit("landed");
    let inside = Inside::of(&repository, &private(&repository, &git, depth, "generation-one"));
    assert_eq!(inside.git(&["rev-list", "--count", "--first-parent", "HEAD"]), "4");
    assert_eq!(inside.git(&["fsck", "--full", "--strict"]), "");
}

#[test]
fn clones_that_lack_a_part_have_agents_lack_it_too() {
    let repository = repository();
    repository.git(&["config", "uploadpack.allowFilter", "true"]);
    repository.git(&["checkout", "--quiet", "generation-one"]);
    let url = format!("file://{}", repository.path().display());
    for (arguments, name) in [
        (&["--filter=blob:none"][..], "partial"),
        (&["--depth=2"], "shallow"),
        (&["--shared"], "shared"),
    ] {
        let clone = repository.outside().join(name);
        let from = if name == "shared" { "." } else { url.as_str() };
        repository.git(&[&["clone", "--quiet"], arguments, &[from, clone.to_str().unwrap()]].concat());
        let git = Git::discover(&clone).unwrap();
        let made = private(&repository, &git, HistoryDepth::Full, "generation-one");
        let inside = Inside::of(&repository, &made);
        let count = |git: &dyn Fn(&[&str]) -> String| git(&["rev-list", "--count", "HEAD"]);
        let outside = |arguments: &[&str]| repository.git_in(&clone, arguments);
        assert_eq!(count(&|arguments| inside.git(arguments)), count(&outside), "{name}");
        assert_eq!(inside.git(&["show", "HEAD:side.txt"]), "merged", "{name}");
    }
}

#[test]
fn what_a_dead_process_left_of_a_store_does_no_harm() {
    let repository = repository();
    let git = repository.handle();
    let made = private(&repository, &git, HistoryDepth::Full, "generation-one");
    let folder = made.objects[0].host.join("pack");
    for index in packs(&made.objects[0].host) {
        fs::remove_file(index).unwrap();
    }
    fs::write(folder.join("tmp_pack_x"), "half").unwrap();
    expect_exactly(&repository, &git, "generation-one");
    let names = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.count(), 2);
}

#[test]
fn a_branch_that_was_rewritten_begins_a_new_store() {
    let repository = repository();
    let git = repository.handle();
    repository.git(&["checkout", "--quiet", "generation-one"]);
    repository.write("large.txt", "amended away\n");
    let gone = repository.commit("amended away").to_string();
    let made = private(&repository, &git, HistoryDepth::Full, "generation-one");
    assert!(Inside::of(&repository, &made).has(&gone));
    repository.write("large.txt", "instead\n");
    repository.git(&["commit", "--quiet", "--all", "--amend", "--message", "instead"]);
    expect_exactly(&repository, &git, "generation-one");
}
