//! The outputs of a container's command in two files of the host, followed as they grow: they outlive whoever listens.
//!
//! Each file is a mount of its own, so that a container can write and cut them and do nothing else to them. They are opened
//! once; whatever the container does to one changes what is heard of that container, and nothing else.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::stream::Stream;
use crate::base::changes::{AsyncChanges, Changes};
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::create_private_folder;
use crate::base::regular;
use crate::sandbox::spec::{STDERR_FILE, STDOUT_FILE};

/// Between two looks whether a file has grown, where the kernel reports that it has: should it not.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks where the kernel has no more room for such reports.
const UNWATCHED_LOOK: Duration = Duration::from_millis(50);
/// Between two looks at least: a container that writes byte by byte must not keep this process busy.
const REST: Duration = Duration::from_millis(2);
/// The most that one of the files may hold, in bytes: far more than any session writes, and less than a disk holds.
pub(crate) const LIMIT: u64 = 512 << 20;
/// How much is read at once, in bytes.
const CHUNK: usize = 64 << 10;

/// Makes the two files, empty, in a folder of their owner's alone. Every user of the container may write them.
///
/// # Errors
///
/// Where they cannot be made, or are there already.
pub(crate) fn make(folder: &Path) -> Result<()> {
    create_private_folder(folder)?;
    for name in [STDOUT_FILE, STDERR_FILE] {
        let path = folder.join(name);
        let make = || {
            let mut options = OpenOptions::new();
            let file = regular::open_with(&path, options.write(true).create_new(true))?;
            file.set_permissions(Permissions::from_mode(0o666))
        };
        make().with_context(ErrorKind::Unexpected, || format!("cannot make `{}`", path.display()))?;
    }
    Ok(())
}

/// The two files.
#[derive(Debug)]
pub(super) struct Followed {
    stdout: FollowedFile,
    stderr: FollowedFile,
    changes: AsyncChanges,
    /// When a wait for changes ended last.
    woken_at: Option<Instant>,
    buffer: Box<[u8]>,
}

#[derive(Debug)]
struct FollowedFile {
    file: File,
    /// How far it is read.
    at: u64,
}

impl Followed {
    /// Opens the files of a folder, after the first so many lines of standard output and of standard error, for tasks of the
    /// runtime that this is called in.
    ///
    /// # Errors
    ///
    /// Where one is not there, is not a regular file, or cannot be read.
    pub(super) fn open(folder: &Path, [of_stdout, of_stderr]: [u64; 2]) -> Result<Self> {
        let open = |name, lines| {
            let path = folder.join(name);
            let opened = FollowedFile::open(&path, lines);
            opened.with_context(ErrorKind::Engine, || format!("cannot read `{}`", path.display()))
        };
        let (stdout, stderr) = (open(STDOUT_FILE, of_stdout)?, open(STDERR_FILE, of_stderr)?);
        let mut changes = Changes::new();
        if ![STDOUT_FILE, STDERR_FILE]
            .iter()
            .all(|name| changes.add(&folder.join(name)))
        {
            changes = Changes::default();
        }
        let changes = AsyncChanges::new(changes).with_context(ErrorKind::Unexpected, || {
            format!("cannot follow `{}`", folder.display())
        })?;
        Ok(Self {
            stdout,
            stderr,
            changes,
            woken_at: None,
            buffer: vec![0; CHUNK].into_boxed_slice(),
        })
    }

    /// Reads what one of them has grown by; `None` where neither has.
    pub(super) fn read(&mut self) -> io::Result<Option<(Stream, &[u8])>> {
        for (stream, file) in [(Stream::Stdout, &mut self.stdout), (Stream::Stderr, &mut self.stderr)] {
            let read = file.read(&mut self.buffer)?;
            if read > 0 {
                return Ok(Some((stream, &self.buffer[..read])));
            }
        }
        Ok(None)
    }

    /// Waits until one of them may have changed. Safe to cancel.
    pub(super) async fn changed(&mut self) -> io::Result<()> {
        if let Some(woken_at) = self.woken_at {
            tokio::time::sleep_until(woken_at + REST).await;
        }
        self.changes.wait(LOOK, UNWATCHED_LOOK).await?;
        self.woken_at = Some(Instant::now());
        Ok(())
    }

    /// Returns whether anything of the command's was in them.
    pub(super) fn has_begun(&self) -> bool {
        self.stdout.at > 0 || self.stderr.at > 0
    }

    /// Returns whether one of them holds more than it may; nothing more is read of it.
    pub(super) fn is_flooded(&self) -> bool {
        let files = [&self.stdout.file, &self.stderr.file];
        files
            .iter()
            .any(|file| file.metadata().is_ok_and(|looks| looks.len() > LIMIT))
    }
}

impl FollowedFile {
    fn open(path: &Path, lines: u64) -> io::Result<Self> {
        let file = regular::open(path)?;
        let at = end_of_line(&file, lines)?;
        Ok(Self { file, at })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.file.metadata()?.len();
        if size > LIMIT {
            return Ok(0);
        }
        // Its container may have cut it: what it writes from there on is news.
        self.at = self.at.min(size);
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Returns where the line of a number ends, counted from 1; the end of the file where it has fewer.
fn end_of_line(file: &File, lines: u64) -> io::Result<u64> {
    let (mut left, mut at) = (lines, 0);
    let mut buffer = vec![0; CHUNK];
    while left > 0 {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 || at > LIMIT {
            break;
        }
        for end in memchr::memchr_iter(b'\n', &buffer[..read]) {
            left -= 1;
            if left == 0 {
                return Ok(at + end as u64 + 1);
            }
        }
        at += read as u64;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// Reads all that is there, of both files.
    fn rest(followed: &mut Followed) -> (String, String) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        while let Some((stream, bytes)) = followed.read().unwrap() {
            let text = String::from_utf8_lossy(bytes);
            match stream {
                Stream::Stdout => stdout += &text,
                Stream::Stderr => stderr += &text,
            }
        }
        (stdout, stderr)
    }

    fn of(stdout: &str, stderr: &str) -> (String, String) {
        (stdout.to_owned(), stderr.to_owned())
    }

    #[tokio::test]
    async fn files_are_read_as_they_grow_and_again_after_lines_that_are_known() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("output");
        make(&folder).unwrap();
        assert!(make(&folder).is_err(), "they are another container's");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(STDOUT_FILE))), (0o700, 0o666));
        let mut followed = Followed::open(&folder, [0, 0]).unwrap();
        assert!(followed.read().unwrap().is_none() && !followed.has_begun());
        fs::write(folder.join(STDOUT_FILE), "one\ntwo\nthr").unwrap();
        fs::write(folder.join(STDERR_FILE), "x\n").unwrap();
        assert_eq!(rest(&mut followed), of("one\ntwo\nthr", "x\n"));
        assert!(followed.has_begun() && !followed.is_flooded());
        for (lines, expect) in [
            ([0, 0], of("one\ntwo\nthr", "x\n")),
            ([1, 0], of("two\nthr", "x\n")),
            ([2, 1], of("thr", "")),
            ([3, 9], of("", "")),
        ] {
            assert_eq!(rest(&mut Followed::open(&folder, lines).unwrap()), expect, "{lines:?}");
        }
        // A container that cuts it is heard from there on.
        fs::write(folder.join(STDOUT_FILE), "").unwrap();
        assert_eq!(rest(&mut followed), of("", ""));
        fs::write(folder.join(STDOUT_FILE), "new").unwrap();
        assert_eq!(rest(&mut followed), of("new", ""));
        File::options()
            .write(true)
            .open(folder.join(STDOUT_FILE))
            .and_then(|file| file.set_len(LIMIT + 1))
            .unwrap();
        assert_eq!(rest(&mut followed), of("", ""));
        assert!(followed.is_flooded());
    }

    #[tokio::test]
    async fn what_is_no_regular_file_is_not_opened() {
        let above = tempfile::tempdir().unwrap();
        for kind in ["link", "fifo", "folder", "nothing"] {
            let folder = above.path().join(kind);
            make(&folder).unwrap();
            let path = folder.join(STDOUT_FILE);
            fs::remove_file(&path).unwrap();
            match kind {
                "link" => symlink("/etc/passwd", &path).unwrap(),
                "fifo" => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
                "folder" => fs::create_dir(&path).unwrap(),
                _ => {}
            }
            assert!(Followed::open(&folder, [0, 0]).is_err(), "{kind}");
        }
    }
}
