//! What the agent does to files, the bad things included.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
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

/// Writes bytes to a file.
pub(crate) fn bytes(path: &str, bytes: &[u8]) -> io::Result<()> {
    make_parent(path)?;
    fs::write(path, bytes)
}

/// Changes who may do what with a file.
pub(crate) fn mode(path: &str, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Copies a folder with all that is in it; of files that may not be read, nothing.
pub(crate) fn copy(from: &str, to: &str) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = Path::new(to).join(entry.file_name());
        let (source, target) = (entry.path(), target.to_string_lossy().into_owned());
        if entry.file_type()?.is_dir() {
            copy(&source.to_string_lossy(), &target)?;
        } else {
            fs::copy(source, target)?;
        }
    }
    Ok(())
}

fn make_parent(path: &str) -> io::Result<()> {
    Path::new(path).parent().map_or(Ok(()), fs::create_dir_all)
}
