//! What the file system can hold, and what its times say, is not taken for what an agent did.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use cordwainer::git::{ChangeKind, EntryKind, SnapshotLimits};

use super::slots::pool;
use crate::support::repository::TestRepository;

#[test]
fn where_no_modes_are_kept_known_files_keep_theirs_and_new_ones_are_plain() {
    let repository = TestRepository::new();
    repository.write("run", "#!/bin/sh\n");
    fs::set_permissions(repository.path().join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    let base = repository.commit("base");
    repository.git(&["config", "core.fileMode", "false"]);
    let git = repository.handle();
    let mut slot = pool(&repository).acquire("x").unwrap();
    slot.restore(base, None).unwrap();
    fs::write(slot.path().join("new"), "new").unwrap();
    for (name, mode) in [("README.md", 0o777), ("new", 0o777), ("run", 0o644)] {
        fs::set_permissions(slot.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    let changed: Vec<_> = snapshot
        .changed
        .iter()
        .map(|change| (change.path.to_str().unwrap(), change.kind))
        .collect();
    assert_eq!(changed, [("new", ChangeKind::Added)]);
    let files = git.files(snapshot.tree).unwrap();
    let kind = |name: &str| files.iter().find(|file| file.path.ends_with(name)).unwrap().kind;
    assert_eq!((kind("new"), kind("run")), (EntryKind::File, EntryKind::Executable));
}

#[test]
fn where_there_are_no_links_a_file_stands_for_one() {
    let repository = TestRepository::new();
    symlink("README.md", repository.path().join("link")).unwrap();
    let base = repository.commit("base");
    repository.git(&["config", "core.symlinks", "false"]);
    let mut slot = pool(&repository).acquire("x").unwrap();
    slot.restore(base, None).unwrap();
    let link = slot.path().join("link");
    assert_eq!(fs::read_to_string(&link).unwrap(), "README.md");
    assert_eq!(slot.snapshot(base, &SnapshotLimits::default()).unwrap().changed, []);
    fs::write(&link, "other").unwrap();
    let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    let git = repository.handle();
    assert_eq!(snapshot.changed.len(), 1);
    assert!(git.is_link(snapshot.tree, "link".as_ref()).unwrap());
}

#[test]
fn a_large_file_is_judged_by_its_content() {
    let repository = TestRepository::new();
    let large = "large\n".repeat(100_000);
    repository.write("large", &large);
    let base = repository.commit("base");
    let mut slot = pool(&repository).acquire("x").unwrap();
    slot.restore(base, None).unwrap();
    let limits = SnapshotLimits {
        max_file_bytes: 1000,
        ..SnapshotLimits::default()
    };
    // The same bytes in another file, with another time.
    fs::remove_file(slot.path().join("large")).unwrap();
    fs::write(slot.path().join("large"), &large).unwrap();
    let same = slot.snapshot(base, &limits).unwrap();
    assert_eq!((same.changed, same.refused), (vec![], vec![]));
    fs::write(slot.path().join("large"), large.replacen("large", "LARGE", 1)).unwrap();
    let other = slot.snapshot(base, &limits).unwrap();
    assert_eq!((other.changed, other.refused.len()), (vec![], 1));
}
