//! Regular files alone, read and written: opening a FIFO waits for whoever opens its other end, perhaps for ever, and no
//! signal ends that wait in an orderly way.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Opens a regular file to read it.
///
/// # Errors
///
/// Those of opening a file; of kind `InvalidInput` for a symbolic link, a folder, a FIFO and every other kind of file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens a regular file as `options` say, as [`open`] does.
///
/// # Errors
///
/// Those of [`open`].
pub(crate) fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let opened = options.custom_flags(flags.cast_signed()).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => unfit("it is a symbolic link, which is not followed"),
        // A FIFO that nobody reads, and a socket.
        Some(Errno::NXIO) => unfit("it is not a regular file"),
        _ => error,
    })?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(unfit("it is not a regular file"))
    }
}

/// Opens a folder, as for a lock on it.
///
/// # Errors
///
/// Those of opening a file; of kind `NotADirectory` for everything that is not a folder, symbolic links among them.
pub(crate) fn open_folder(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

/// Reads a regular file.
///
/// # Errors
///
/// Those of [`open`] and of reading.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a regular file of text.
///
/// # Errors
///
/// Those of [`read`]; of kind `InvalidData` where it is not UTF-8.
pub(crate) fn read_to_string(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Opens a regular file to append to it; it is made where there is none.
///
/// # Errors
///
/// Those of [`open`].
pub(crate) fn append(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().create(true).append(true))
}

/// Writes a regular file in place of what it had; it is made where there is none.
///
/// # Errors
///
/// Those of [`open`] and of writing.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    open_with(path, OpenOptions::new().create(true).truncate(true).write(true))?.write_all(bytes)
}

fn unfit(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_waits() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (fifo, link) = (at("fifo"), at("link"));
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        write(&at("file"), b"long").unwrap();
        write(&at("file"), b"one").unwrap();
        append(&at("file")).unwrap().write_all(b"two").unwrap();
        assert_eq!(read(&at("file")).unwrap(), b"onetwo");
        assert_eq!(read_to_string(&at("file")).unwrap(), "onetwo");
        symlink(at("file"), &link).unwrap();
        for path in [&fifo, &link, &at(".")] {
            let found = [
                read(path).map(drop),
                read_to_string(path).map(drop),
                append(path).map(drop),
                write(path, b""),
            ];
            for found in found {
                let kind = found.unwrap_err().kind();
                let is_refused = matches!(kind, io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory);
                assert!(is_refused, "{}: {kind}", path.display());
            }
        }
        assert_eq!(fs::read(at("file")).unwrap(), b"onetwo");
        for path in [&fifo, &link, &at("file")] {
            assert_eq!(open_folder(path).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        }
        open_folder(folder.path()).unwrap();
    }
}
