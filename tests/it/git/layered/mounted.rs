//! Overlays that tests mount.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::git::OverFolders;

/// An overlay that is mounted as long as this lives.
pub(super) struct Mounted(pub(super) PathBuf);

impl Mounted {
    pub(super) fn new(folders: &OverFolders, at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            folders.lower.display(),
            folders.upper.display(),
            folders.work.display()
        );
        let status = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(at)
            .status();
        assert!(status.unwrap().success(), "an overlay cannot be mounted");
        Self(at.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "still mounted");
    }
}

/// Returns what is below a folder, but for its `.git`: of each thing its path, its mode, and what is in a file or a link.
pub(super) fn looks(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        for entry in fs::read_dir(folder.join(&below)).unwrap() {
            let path = below.join(entry.unwrap().file_name());
            let whole = folder.join(&path);
            let looks = whole.symlink_metadata().unwrap();
            let content = match looks.file_type() {
                _ if path == Path::new(".git") => continue,
                kind if kind.is_file() => fs::read(&whole).unwrap(),
                kind if kind.is_symlink() => fs::read_link(&whole).unwrap().into_os_string().into_encoded_bytes(),
                _ => Vec::new(),
            };
            if looks.is_dir() {
                left.push(path.clone());
            }
            found.push((path, looks.permissions().mode(), content));
        }
    }
    found.sort();
    found
}
