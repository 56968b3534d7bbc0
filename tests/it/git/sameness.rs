//! Whatever happens in a slot, a snapshot is what git itself would record, and a restore is exact.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cordwainer::git::{Oid, SnapshotLimits};
use proptest::prelude::*;

use super::slots::{contents, expected, pool, restore};
use crate::support::repository::TestRepository;

/// One thing an agent does.
#[derive(Clone, Debug)]
enum Deed {
    Write(String, u8),
    Link(String, String),
    Remove(String),
    Execute(String),
    Touch(String),
}

fn a_path() -> impl Strategy<Value = String> {
    let names = vec!["a", "b", "a-", "a.b", "A", "\u{e9} x", "log.log"];
    prop::collection::vec(prop::sample::select(names), 1..4).prop_map(|parts| parts.join("/"))
}

fn a_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (a_path(), 0..4_u8).prop_map(|(path, byte)| Deed::Write(path, byte)),
        1 => (a_path(), a_path()).prop_map(|(path, target)| Deed::Link(path, target)),
        2 => a_path().prop_map(Deed::Remove),
        1 => a_path().prop_map(Deed::Execute),
        1 => a_path().prop_map(Deed::Touch),
    ]
}

/// Removes what is at a path, and whatever above it is no folder.
fn clear(root: &Path, path: &str) {
    let whole = root.join(path);
    for place in whole.ancestors().take_while(|place| *place != root) {
        match fs::symlink_metadata(place) {
            Ok(looks) if looks.is_dir() && place == whole => fs::remove_dir_all(place).unwrap(),
            Ok(looks) if !looks.is_dir() => fs::remove_file(place).unwrap(),
            _ => {}
        }
    }
    fs::create_dir_all(whole.parent().unwrap()).unwrap();
}

fn perform(root: &Path, deed: &Deed) {
    match deed {
        Deed::Write(path, byte) => {
            clear(root, path);
            fs::write(root.join(path), [*byte, b'\r', b'\n']).unwrap();
        }
        Deed::Link(path, target) => {
            clear(root, path);
            symlink(target, root.join(path)).unwrap();
        }
        Deed::Remove(path) => clear(root, path),
        Deed::Execute(path) | Deed::Touch(path) => {
            let whole = root.join(path);
            if fs::symlink_metadata(&whole).is_ok_and(|looks| looks.is_file()) {
                let content = fs::read(&whole).unwrap();
                fs::write(&whole, content).unwrap();
                let mode = if matches!(deed, Deed::Execute(_)) { 0o755 } else { 0o644 };
                fs::set_permissions(&whole, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }
}

/// What git records of a folder, asked in a copy.
pub(super) fn git_says(repository: &TestRepository, folder: &Path) -> Oid {
    let copy = repository.outside().join("copy");
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    let arguments = [Path::new("-aT"), folder, &copy];
    assert!(Command::new("cp").args(arguments).status().unwrap().success());
    fs::remove_file(copy.join(".git")).unwrap();
    let git_dir = repository.path().join(".git");
    let at = [
        format!("--git-dir={}", git_dir.display()),
        format!("--work-tree={}", copy.display()),
    ];
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = at.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        repository.git_in(&copy, &all)
    };
    run(&["add", "--all"]);
    Oid::from_str(&run(&["write-tree"])).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_is_what_git_would_add(
        first in prop::collection::vec(a_deed(), 0..12),
        rounds in prop::collection::vec(prop::collection::vec(a_deed(), 0..8), 1..3),
        attributes in prop::sample::select(vec!["", "* text=auto\n", "a text\n* -text\n"]),
    ) {
        let repository = TestRepository::new();
        repository.write(".gitignore", "*.log\n");
        repository.write(".gitattributes", attributes);
        for deed in &first {
            perform(&repository.path(), deed);
        }
        let base = repository.commit("base");
        let git = repository.handle();
        let mut slot = pool(&repository).acquire("x").unwrap();
        for deeds in rounds {
            restore(&mut slot, &git, base);
            for deed in &deeds {
                perform(slot.path(), deed);
            }
            let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
            repository.git(&["read-tree", &base.to_string()]);
            prop_assert_eq!(snapshot.tree, git_says(&repository, slot.path()));
            prop_assert!(snapshot.refused.is_empty() && snapshot.skipped.is_empty());
        }
        restore(&mut slot, &git, base);
    }
}

#[test]
fn a_restore_heals_what_a_killed_one_left() {
    let repository = TestRepository::new();
    for number in 0..40 {
        repository.write(format!("d{}/{number}", number % 4), format!("{number}"));
    }
    let base = repository.commit("base");
    let git = repository.handle();
    let mut slot = pool(&repository).acquire("x").unwrap();
    restore(&mut slot, &git, base);
    let pointer = fs::read_to_string(slot.path().join(".git")).unwrap();
    let trusted = Path::new(pointer.strip_prefix("gitdir: ").unwrap().trim_end()).to_path_buf();
    let index = fs::read(trusted.join("index")).unwrap();
    for state in 0..7 {
        match state {
            0 => fs::remove_file(trusted.join("index")).unwrap(),
            1 => fs::write(trusted.join("index"), &index[..index.len() / 2]).unwrap(),
            2 => fs::write(trusted.join("index"), b"").unwrap(),
            3 => fs::write(trusted.join("index.lock"), b"left").unwrap(),
            4 => fs::remove_dir_all(&trusted).unwrap(),
            // Files of the next task, the index of the last one.
            5 => fs::write(slot.path().join("d1/1"), b"1!").unwrap(),
            _ => fs::write(trusted.join("boot"), b"another").unwrap(),
        }
        restore(&mut slot, &git, base);
        let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
        assert_eq!(snapshot.changed, [], "{state}");
    }
}

#[test]
fn a_submodule_stays_and_its_files_are_not_ours() {
    let repository = TestRepository::new();
    repository.add_submodule();
    let base = repository.commit("with a submodule");
    let git = repository.handle();
    let mut slot = pool(&repository).acquire("x").unwrap();
    restore(&mut slot, &git, base);
    assert!(slot.path().join("sub").is_dir());
    let unchanged = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    assert_eq!(
        (unchanged.tree, unchanged.skipped),
        (git.tree_of(base).unwrap(), vec![])
    );
    fs::write(slot.path().join("sub/file"), "x").unwrap();
    let touched = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    assert_eq!((touched.changed, touched.skipped.len()), (vec![], 1));
    restore(&mut slot, &git, base);
    assert_eq!(fs::read_dir(slot.path().join("sub")).unwrap().count(), 0);
}

#[test]
fn an_empty_tree_is_a_tree() {
    let repository = TestRepository::empty();
    let base = repository.commit("nothing");
    let git = repository.handle();
    let mut slot = pool(&repository).acquire("x").unwrap();
    restore(&mut slot, &git, base);
    fs::write(slot.path().join("first"), "x").unwrap();
    let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    assert_eq!(snapshot.changed.len(), 1);
    restore(&mut slot, &git, base);
    assert_eq!(contents(slot.path()), []);
}

#[test]
fn twenty_thousand_files_cost_what_changed() {
    let repository = TestRepository::new();
    for number in 0..20_000 {
        repository.write(
            format!("d{}/e{}/{number}.txt", number % 20, number % 400),
            format!("{number}\n"),
        );
    }
    let base = repository.commit("many");
    repository.git(&["gc", "--quiet"]);
    let git = repository.handle();
    let mut slot = pool(&repository).acquire("x").unwrap();
    let timed = |what: &str, begin: Instant| println!("{what}: {:?}", begin.elapsed());
    let begin = Instant::now();
    slot.restore(base, None).unwrap();
    timed("first restore", begin);
    let mut fastest = Duration::MAX;
    for round in 0..4 {
        fs::write(slot.path().join("d7/e7/7.txt"), format!("changed {round}")).unwrap();
        let begin = Instant::now();
        let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
        timed("snapshot", begin);
        assert_eq!(snapshot.changed.len(), 1);
        let second = Instant::now();
        slot.restore(base, None).unwrap();
        timed("restore", second);
        fastest = fastest.min(begin.elapsed());
    }
    assert_eq!(contents(slot.path()), expected(&git, base));
    // Writing all of it anew takes many times as long, on any machine.
    assert!(fastest < Duration::from_secs(3), "{fastest:?}");
}
