//! What the file system can hold, and what its times say, is not taken for what an agent did.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use cordwainer::git::{ChangeKind, EntryKind, SnapshotLimits};

use super::slots::pool;
use crate::support::repository::TestRepository;

#[test]
fn where_no_modes_are_kept_known_files_keep_theirs_and_new_ones_are_plain() {
    let repository = TestRepository::new().seeing_unheld();
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
    let repository = TestRepository::new().seeing_unheld();
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
    let repository = TestRepository::new().seeing_unheld();
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

#[test]
fn what_an_agent_leaves_gives_nobody_a_right() {
    let repository = TestRepository::new().seeing_unheld();
    let base = repository.oid("HEAD");
    let mut slot = pool(&repository).acquire("x").unwrap();
    slot.restore(base, None).unwrap();
    let root = slot.path().to_owned();
    let set = |name: &str, mode: u32| fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("folder/program"), "#!/bin/sh\n").unwrap();
    set("folder/program", 0o6755);
    set("README.md", 0o4755);
    set("folder", 0o3777);
    set("", 0o2777);
    let attribute =
        |file: &str| rustix::fs::setxattr(root.join(file), "user.planted", b"x", rustix::fs::XattrFlags::empty());
    // Not every file system has any.
    let has_attributes = attribute("README.md").is_ok();
    if has_attributes {
        attribute("folder").unwrap();
    }
    slot.release().unwrap();
    let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o7000;
    assert_eq!(["", "README.md", "folder", "folder/program"].map(mode), [0; 4]);
    for name in ["README.md", "folder"] {
        let mut list = [0_u8; 1024];
        let length = if has_attributes {
            rustix::fs::listxattr(root.join(name), &mut list[..]).unwrap()
        } else {
            0
        };
        let names = String::from_utf8_lossy(&list[..length]).replace("security.selinux\0", "");
        assert_eq!(names, "", "{name}");
    }
    // Nobody else comes even as far as that.
    let above = fs::metadata(root.parent().unwrap()).unwrap();
    assert_eq!(above.permissions().mode() & 0o777, 0o700);
}

#[test]
fn folders_that_an_older_version_left_open_are_closed() {
    let repository = TestRepository::new().seeing_unheld();
    let slots = repository.handle().common_dir().join("cordwainer/slots");
    fs::create_dir_all(&slots).unwrap();
    fs::set_permissions(&slots, fs::Permissions::from_mode(0o755)).unwrap();
    pool(&repository).acquire("x").unwrap().release().unwrap();
    assert_eq!(fs::metadata(&slots).unwrap().permissions().mode() & 0o777, 0o700);
}
