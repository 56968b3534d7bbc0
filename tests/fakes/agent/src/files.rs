//! What the agent does to files, the bad things included.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

/// Writes a file and the folders above it.
pub(crate) fn write(path: &str, text: &str) -> io::Result<()> {
    make_parent(path)?;
    fs::write(path, text)
}

/// Adds to the end of a file.
pub(crate) fn append(path: &str, text: &str) -> io::Result<()> {
    make_parent(path)?;
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Deletes a file, or a folder with all that is in it.
pub(crate) fn delete(path: &str) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// Makes a symbolic link.
pub(crate) fn link(path: &str, target: &str) -> io::Result<()> {
    make_parent(path)?;
    symlink(target, path)
}

/// Makes a FIFO.
pub(crate) fn fifo(path: &str) -> io::Result<()> {
    make_parent(path)?;
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?)
}

/// Makes a socket and leaves it behind.
pub(crate) fn socket(path: &str) -> io::Result<()> {
    make_parent(path)?;
    UnixListener::bind(path).map(drop)
}

/// Makes an empty repository with a file beside it.
pub(crate) fn repository(path: &str) -> io::Result<()> {
    let git = Path::new(path).join(".git");
    for folder in ["objects", "refs/heads"] {
        fs::create_dir_all(git.join(folder))?;
    }
    fs::write(git.join("HEAD"), "ref: refs/heads/main\n")?;
    fs::write(git.join("config"), "[core]\n\trepositoryformatversion = 0\n")?;
    fs::write(Path::new(path).join("inner.txt"), "a file of the nested repository\n")
}

/// Makes a sparse file.
pub(crate) fn big(path: &str, bytes: u64) -> io::Result<()> {
    make_parent(path)?;
    File::create(path)?.set_len(bytes)
}

fn make_parent(path: &str) -> io::Result<()> {
    Path::new(path).parent().map_or(Ok(()), fs::create_dir_all)
}
