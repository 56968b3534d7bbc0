//! One folder made to look like another: by removing and making, as any program would.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode};

/// Longer files of tests have only holes.
const LARGE: u64 = 64 << 20;

/// Nobody looks deeper than this, and a path has an end.
const DEEPEST: usize = 310;

/// Makes `to` look like `from`, but for the `.git` of each.
pub(super) fn make_same(from: &Path, to: &Path) {
    below(from, to, 0);
}

fn below(from: &Path, to: &Path, depth: usize) {
    if depth == DEEPEST {
        return;
    }
    let names = |folder: &Path| -> BTreeSet<OsString> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| depth > 0 || name != ".git").collect()
    };
    let wanted = names(from);
    for name in names(to).difference(&wanted) {
        remove(&to.join(name));
    }
    for name in wanted {
        same(&from.join(&name), &to.join(&name), depth);
    }
}

fn same(from: &Path, to: &Path, depth: usize) {
    let looks = from.symlink_metadata().unwrap();
    let kind = looks.file_type();
    let there = to.symlink_metadata().ok();
    if kind.is_dir() {
        if there.is_none_or(|there| !there.is_dir()) {
            remove(to);
            fs::create_dir(to).unwrap();
        }
        below(from, to, depth + 1);
    } else if kind.is_symlink() {
        let target = fs::read_link(from).unwrap();
        if fs::read_link(to).ok().as_ref() != Some(&target) {
            remove(to);
            symlink(target, to).unwrap();
        }
        return;
    } else if kind.is_file() {
        if looks.len() > LARGE {
            // Nothing but holes: it is compared by nobody.
            if there.is_none_or(|there| there.len() != looks.len()) {
                remove(to);
                fs::File::create(to).unwrap().set_len(looks.len()).unwrap();
            }
            return;
        }
        let is_same = there.is_some_and(|there| there.is_file() && there.len() == looks.len());
        if !is_same || fs::read(from).unwrap() != fs::read(to).unwrap() {
            remove(to);
            fs::copy(from, to).unwrap();
        }
    } else {
        remove(to);
        let kind = match () {
            () if kind.is_fifo() => FileType::Fifo,
            () if kind.is_socket() => FileType::Socket,
            () if kind.is_block_device() => FileType::BlockDevice,
            () => FileType::CharacterDevice,
        };
        rustix::fs::mknodat(CWD, to, kind, Mode::from_raw_mode(0o600), looks.rdev()).unwrap();
    }
    let mode = looks.permissions().mode();
    if to.symlink_metadata().unwrap().permissions().mode() != mode {
        fs::set_permissions(to, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn remove(path: &Path) {
    match path.symlink_metadata() {
        Err(_) => {}
        Ok(looks) if looks.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
    }
}
