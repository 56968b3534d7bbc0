//! Files that appear whole, only where nothing is, and never through a link.

use std::io::{ErrorKind as Io, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// Writes files below a root, and remembers what it wrote and what was there.
pub(super) struct Writer<'a> {
    root: &'a Path,
    /// Files written.
    pub(super) written: Vec<PathBuf>,
    /// Files to which lines were added.
    pub(super) changed: Vec<PathBuf>,
    /// Files that existed, and were not changed.
    pub(super) kept: Vec<PathBuf>,
}

impl<'a> Writer<'a> {
    /// Begins below `root`.
    pub(super) fn new(root: &'a Path) -> Self {
        Self {
            root,
            written: Vec::new(),
            changed: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Returns whether something is at `path`, a dangling link included.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.root.join(path).symlink_metadata().is_ok()
    }

    /// Writes a file unless something is there; returns whether it did.
    pub(super) fn write(&mut self, path: &str, text: &str) -> Result<bool> {
        if self.exists(path) {
            self.kept.push(path.into());
            return Ok(false);
        }
        let folder = self.folder_of(path)?;
        let target = self.root.join(path);
        let failed = || format!("cannot write `{}`", target.display());
        // The mode is that of a file of an editor; the umask restricts it.
        let mut file = tempfile::Builder::new()
            .prefix(".cordwainer-")
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(&folder)
            .with_context(ErrorKind::Unexpected, failed)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.as_file().sync_all())
            .with_context(ErrorKind::Unexpected, failed)?;
        match file.persist_noclobber(&target) {
            Ok(_) => self.written.push(path.into()),
            // Another process created it first; that file stays.
            Err(error) if error.error.kind() == Io::AlreadyExists => {
                self.kept.push(path.into());
                return Ok(false);
            }
            Err(error) => return Err(error.error).with_context(ErrorKind::Unexpected, failed),
        }
        Ok(true)
    }

    /// Adds a line at the end of a file at the root, and creates the file where there is none; nothing is changed if `has`
    /// finds the line in the file's bytes. Returns whether the file has the line now: not so where `path` is a link or
    /// anything else that is not a file.
    pub(super) fn append(&mut self, path: &str, line: &str, has: &dyn Fn(&[u8]) -> bool) -> Result<bool> {
        if !self.exists(path) {
            return self.write(path, &format!("{line}\n"));
        }
        let target = self.root.join(path);
        let failed = || format!("cannot add a line to `{}`", target.display());
        let metadata = target.symlink_metadata().with_context(ErrorKind::Unexpected, failed)?;
        if !metadata.is_file() {
            return Ok(false);
        }
        let mut bytes = std::fs::read(&target).with_context(ErrorKind::Unexpected, failed)?;
        if has(&bytes) {
            return Ok(true);
        }
        let end = if bytes.windows(2).any(|pair| pair == b"\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            bytes.extend_from_slice(end.as_bytes());
        }
        bytes.extend_from_slice(format!("{line}{end}").as_bytes());
        let mut file = tempfile::Builder::new()
            .prefix(".cordwainer-")
            .tempfile_in(self.root)
            .with_context(ErrorKind::Unexpected, failed)?;
        file.write_all(&bytes)
            .and_then(|()| file.as_file().set_permissions(metadata.permissions()))
            .and_then(|()| file.as_file().sync_all())
            .with_context(ErrorKind::Unexpected, failed)?;
        file.persist(&target)
            .map_err(|error| error.error)
            .with_context(ErrorKind::Unexpected, failed)?;
        self.changed.push(path.into());
        Ok(true)
    }

    /// Returns the folder that a file goes into, made if need be; a link on the way is refused.
    fn folder_of(&self, path: &str) -> Result<PathBuf> {
        let mut folder = self.root.to_path_buf();
        let parents = Path::new(path).parent().into_iter().flat_map(Path::components);
        for part in parents {
            folder.push(part);
            match std::fs::create_dir(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == Io::AlreadyExists => check_folder(&folder)?,
                Err(error) => return Err(error).context(format!("cannot make the folder `{}`", folder.display())),
            }
        }
        Ok(folder)
    }
}

fn check_folder(folder: &Path) -> Result<()> {
    let metadata = folder.symlink_metadata().with_context(ErrorKind::Unexpected, || {
        format!("cannot look at `{}`", folder.display())
    })?;
    if metadata.is_dir() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Precondition,
        format!("`{}` is a link or a file, not a folder", folder.display()),
    )
    .hint("`cordwainer init` follows no links: create a folder there, or write the file by hand"))
}
