//! The container's own repository, used by the real git as it would be inside.

use std::fs;
use std::path::{Path, PathBuf};

use cordwainer::git::{Git, PrivateRepository};

use super::slots::pool;
use crate::support::repository::TestRepository;

/// Puts copies of what would be mounted where the container would see it, below `root`, with all paths moved there.
fn mounted(private: &PrivateRepository, slot: &Path, root: &Path) -> PathBuf {
    let copy = |from: &Path, to: &Path| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let arguments = [Path::new("-aT"), from, to];
        assert!(
            std::process::Command::new("cp")
                .args(arguments)
                .status()
                .unwrap()
                .success()
        );
    };
    let inside = |path: &str| root.join(path.trim_start_matches('/'));
    copy(slot, &inside("/workspace"));
    copy(&private.git_dir, &inside("/run/cordwainer/git"));
    for objects in &private.objects {
        copy(&objects.host, &inside(&objects.container));
    }
    let substitute = |path: &Path, text: String| {
        fs::write(
            path,
            text.replace("/run/cordwainer", inside("/run/cordwainer").to_str().unwrap()),
        )
        .unwrap();
    };
    substitute(
        &inside("/workspace/.git"),
        fs::read_to_string(&private.pointer_file).unwrap(),
    );
    let alternates = inside("/run/cordwainer/git/objects/info/alternates");
    substitute(&alternates, fs::read_to_string(&alternates).unwrap());
    inside("/workspace")
}

fn check(repository: &TestRepository, git: &Git) {
    let before = repository.git(&["for-each-ref"]);
    let tip = repository.oid("HEAD");
    let pool = cordwainer::git::SlotPool::new(git.clone(), &git.common_dir().join("cordwainer"));
    let mut slot = pool.acquire("x").unwrap();
    slot.restore(tip, None).unwrap();
    let folder = repository.outside().join("private");
    let private = slot
        .private_repository(&folder, "generation-a/b", tip, Some((0, 0)))
        .unwrap();
    // Made anew where one is.
    assert_eq!(
        slot.private_repository(&folder, "generation-a/b", tip, None).unwrap(),
        private
    );
    let root = repository.outside().join("root");
    let workspace = mounted(&private, slot.path(), &root);
    let inside = |arguments: &[&str]| {
        let output = repository.try_git_in(&workspace, arguments);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(inside(&["status", "--porcelain", "--branch"]), "## generation-a/b\n");
    assert!(inside(&["log", "--oneline"]).lines().count() >= 1);
    fs::write(workspace.join("new"), "x").unwrap();
    assert_eq!(inside(&["status", "--porcelain"]), "?? new\n");
    inside(&["add", "--all"]);
    inside(&["commit", "--quiet", "--message", "inside"]);
    assert_eq!(inside(&["log", "-1", "--format=%an"]), "agent\n");
    inside(&["fsck"]);
    assert_eq!(repository.git(&["for-each-ref"]), before);
}

#[test]
fn git_in_the_container_is_clean_and_commits_for_itself() {
    let repository = TestRepository::new();
    for number in 0..50 {
        repository.write(format!("d/{number}"), "x");
    }
    repository.commit("files");
    check(&repository, &repository.handle());
    assert_eq!(pool(&repository).listed().unwrap(), [1]);
}

#[test]
fn borrowed_objects_and_a_shallow_history_come_along() {
    let repository = TestRepository::new();
    repository.commit("second");
    // `shared` borrows from `project`, and `borrower` from `shared`.
    repository.git(&["clone", "--quiet", "--shared", ".", "../shared"]);
    let borrower = repository.outside().join("borrower");
    repository.git_in(
        &repository.outside().join("shared"),
        &["clone", "--quiet", "--shared", ".", borrower.to_str().unwrap()],
    );
    check(&repository, &Git::discover(&borrower).unwrap());
    let other = TestRepository::new();
    other.commit("second");
    let url = format!("file://{}", other.path().display());
    other.git(&["clone", "--quiet", "--depth=1", &url, "../shallow"]);
    check(&other, &Git::discover(&other.outside().join("shallow")).unwrap());
}
