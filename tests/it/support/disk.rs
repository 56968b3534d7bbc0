//! A disk whose power fails: what it holds at some moment, without all that nobody had it write for good. It may also be full, or
//! take its time.

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fastrand::Rng;
use tempfile::TempDir;

use super::engines::skip;
use super::project::waiting::wait_until;
use super::repository::TestRepository;

/// A file system in a file; unmounted when dropped.
pub(crate) struct Disk {
    folder: TempDir,
    failures: Cell<u32>,
}

impl Disk {
    /// `None`, with a word why, where this user may not mount one.
    pub(crate) fn new() -> Option<Self> {
        Self::of_megabytes(128)
    }

    /// One of another size.
    pub(crate) fn of_megabytes(size: u64) -> Option<Self> {
        let disk = Self {
            folder: TempDir::new().unwrap(),
            failures: Cell::new(0),
        };
        fs::create_dir(disk.root()).unwrap();
        let image = fs::File::create(disk.image()).unwrap();
        image.set_len(size << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(disk.image()).output();
        if !made.is_ok_and(|output| output.status.success()) || !disk.mount() {
            skip("this user may not mount a file system that is in a file");
            return None;
        }
        Some(disk)
    }

    /// The file that has it now: another after each failure. What still held the file system that lost its power, such as
    /// another container that was just being made, writes what it had into the file before.
    fn image(&self) -> PathBuf {
        self.folder.path().join(format!("image-{}", self.failures.get()))
    }

    /// Where it is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn mount(&self) -> bool {
        succeeds(
            Command::new("mount")
                .args(["-o", "loop"])
                .arg(self.image())
                .arg(self.root()),
        )
    }

    /// A repository of one commit on it, which is there for good: what a person's own git has written is theirs to keep.
    pub(crate) fn repository(&self) -> TestRepository {
        let repository = TestRepository::empty_at(TempDir::new_in(self.root()).unwrap());
        repository.write("README.md", "# A project\n");
        repository.commit("begin");
        repository
    }

    /// Has all that was written be there for good.
    pub(crate) fn sync(&self) {
        assert!(succeeds(Command::new("sync").arg("--file-system").arg(self.root())));
    }

    /// Leaves no room for anything until what it returns is removed.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.root().join("filler");
        let mut file = fs::File::create(&path).unwrap();
        for size in [1 << 16, 1 << 10] {
            let piece = vec![7; size];
            while file.write_all(&piece).is_ok() {}
        }
        // What is still in memory has its place by then.
        file.sync_all().unwrap();
        path
    }

    /// Has all that write wait, as where a disk takes its time, until what it returns is dropped.
    pub(crate) fn freeze(&self) -> Frozen<'_> {
        assert!(succeeds(Command::new("fsfreeze").arg("--freeze").arg(self.root())));
        Frozen(self)
    }

    /// What is on the disk now. Nobody writes, but for the system, which may be about to.
    pub(crate) fn content(&self) -> Vec<u8> {
        let mut last = fs::read(self.image()).unwrap();
        loop {
            let now = fs::read(self.image()).unwrap();
            if now == last {
                return now;
            }
            last = now;
        }
    }

    /// Goes on with a disk as it was; nobody uses it any more.
    pub(crate) fn fail(&self, content: &[u8]) {
        wait_until(|| succeeds(Command::new("umount").arg(self.root())));
        fs::remove_file(self.image()).unwrap();
        self.failures.update(|failures| failures + 1);
        fs::write(self.image(), content).unwrap();
        assert!(self.mount());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test that failed says why; what is still in use then goes with its last user.
        let _ = Command::new("umount").arg("--lazy").arg(self.root()).status();
    }
}

/// A disk on which nobody can write.
pub(crate) struct Frozen<'a>(&'a Disk);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        assert!(succeeds(Command::new("fsfreeze").arg("--unfreeze").arg(self.0.root())));
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Where a test's moments come from: `CORDWAINER_TEST_SEED`, or the same ones each time.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever looks for a failure tries other moments"
)]
pub(crate) fn moments() -> Rng {
    let seed = std::env::var("CORDWAINER_TEST_SEED").map_or(13, |seed| seed.parse().unwrap());
    Rng::with_seed(seed)
}

/// Checks that git finds everything that it looks for in a repository whose disk has failed, and nothing that is broken.
#[track_caller]
pub(crate) fn expect_whole(repository: &TestRepository, moment: &str) {
    for arguments in [
        &["fsck", "--full", "--no-dangling"][..],
        &["rev-list", "--objects", "--all", "--quiet"],
    ] {
        let checked = repository.try_git_in(Path::new(&repository.path()), arguments);
        assert!(
            checked.status.success(),
            "{moment}: git {arguments:?}: {}",
            String::from_utf8_lossy(&checked.stderr)
        );
    }
}
