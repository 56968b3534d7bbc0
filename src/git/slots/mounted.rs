//! Whether a slot is mounted somewhere: then a container still has it, on whatever engine, and nobody else may.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::git::bytes;

/// What statfs(2) reports of a file system in memory.
const TMPFS: i64 = 0x0102_1994;

/// One line of a process's mount table, see `proc_pid_mountinfo(5)`.
#[derive(Debug, PartialEq, Eq)]
struct MountLine {
    /// The device, `major:minor`.
    device: Vec<u8>,
    /// Which folder of the device is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
    /// The uppermost folder of an overlay: the one that gets what is written, if any does.
    upper: Option<PathBuf>,
}

/// Returns the process, other than this one, in whose view of the file system `folder` itself is mounted somewhere, or gets what
/// is written above others.
/// Processes that may not be looked at, and those of other machines, are not seen.
pub(super) fn holder(folder: &Path) -> Option<u32> {
    let own = fs::read("/proc/self/mountinfo").ok()?;
    let (device, root) = on_device(&lines(&own), folder)?;
    let whole = folder.canonicalize().ok()?;
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let table = fs::read(entry.path().join("mountinfo")).ok()?;
        // Most processes see what this one sees: the same table.
        let is_held = table != own
            && lines(&table)
                .iter()
                .any(|line| line.device == device && line.root == root || is_over(line, &whole));
        is_held.then_some(process)
    })
}

/// Returns how many bytes files without a name take up that are open in the processes of a container which has `folder`
/// mounted: they are freed when the last of these processes is gone. Files in memory do not count, and what may not be
/// looked at is not seen.
pub(crate) fn nameless_bytes(folder: &Path) -> u64 {
    let view = |process: &Path| fs::read_link(process.join("ns/mnt")).ok();
    let Some(process) = holder(folder) else { return 0 };
    let Some(theirs) = view(&Path::new("/proc").join(process.to_string())) else {
        return 0;
    };
    let mut seen = BTreeSet::new();
    let mut bytes = 0_u64;
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = process.path();
        if view(&process).as_ref() != Some(&theirs) {
            continue;
        }
        for open in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
            let path = open.path();
            let (Ok(stat), Ok(system)) = (rustix::fs::stat(&path), rustix::fs::statfs(&path)) else {
                continue;
            };
            let is_nameless = stat.st_nlink == 0 && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            if is_nameless && system.f_type != TMPFS && seen.insert((stat.st_dev, stat.st_ino)) {
                bytes = bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(512));
            }
        }
    }
    bytes
}

/// Returns where a folder is on its device, seen through this process's own mounts.
fn on_device(mounts: &[MountLine], folder: &Path) -> Option<(Vec<u8>, PathBuf)> {
    let folder = folder.canonicalize().ok()?;
    // The last mount wins where several are at one place.
    let mount = mounts.iter().rev().filter(|mount| folder.starts_with(&mount.point));
    let mount = mount.max_by_key(|mount| mount.point.components().count())?;
    let below = folder.strip_prefix(&mount.point).ok()?;
    Some((mount.device.clone(), mount.root.join(below)))
}

fn lines(table: &[u8]) -> Vec<MountLine> {
    let line = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        Some(MountLine {
            device: fields.next()?.to_vec(),
            root: path(fields.next()?),
            point: path(fields.next()?),
            upper: upper(line),
        })
    };
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Returns whether an overlay has the folder uppermost, and is not where we mount that ourselves: mounts of this machine may be
/// copied to where other processes see them.
fn is_over(line: &MountLine, folder: &Path) -> bool {
    let own = folder.with_extension("view");
    line.upper.as_deref() == Some(folder) && line.point != own
}

/// Returns the uppermost folder of an overlay; the options of the file system come last in a line.
fn upper(line: &[u8]) -> Option<PathBuf> {
    let options = line.rsplit(|byte| *byte == b' ').next()?;
    let of = |name: &[u8]| {
        options
            .split(|byte| *byte == b',')
            .find_map(|option| option.strip_prefix(name))
    };
    let lowest = || of(b"lowerdir=")?.split(|byte| *byte == b':').next();
    of(b"upperdir=").or_else(lowest).map(path)
}

/// Returns the path for one that the table has written: there, white space and backslashes are `\` and three octal
/// digits.
fn path(field: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'\\').then(|| after.get(..3)).flatten();
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    bytes::to_path(&plain)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    const TABLE: &[u8] = b"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        30 22 0:27 / /tmp rw - tmpfs tmpfs rw\n\
        31 22 8:2 /home/me /home/a\\040b rw - ext4 /dev/sda2 rw\n";

    #[test]
    fn a_table_is_taken_apart() {
        let points: Vec<_> = lines(TABLE).into_iter().map(|line| line.point).collect();
        assert_eq!(points, ["/", "/tmp", "/home/a b"].map(PathBuf::from));
        assert_eq!(lines(b"not a table\n"), []);
    }

    #[test]
    fn an_overlay_names_what_is_written_to() {
        let line = b"31 22 0:64 / /workspace rw - overlay overlay rw,lowerdir=/l,upperdir=/state\\040dir/uppers/1,workdir=/w\n";
        let upper = lines(line).into_iter().find_map(|line| line.upper);
        assert_eq!(upper, Some(PathBuf::from("/state dir/uppers/1")));
        let view =
            b"31 22 0:64 / /state/uppers/1.view ro - overlay overlay ro,lowerdir=/state/uppers/1:/state/checkouts/a\n";
        let inside = b"31 22 0:64 / /workspace ro - overlay overlay ro,lowerdir=/state/uppers/1:/state/checkouts/a\n";
        let is_over = |table: &[u8], folder: &str| lines(table).iter().any(|line| is_over(line, Path::new(folder)));
        assert!(is_over(inside, "/state/uppers/1") && !is_over(inside, "/state/checkouts/a"));
        assert!(!is_over(view, "/state/uppers/1"));
        assert!(lines(TABLE).iter().all(|line| line.upper.is_none()));
    }

    #[test]
    fn octal_stands_for_a_byte_and_anything_else_for_itself() {
        for (field, expect) in [
            ("a\\134b", "a\\b"),
            ("a\\04", "a\\04"),
            ("\\999", "\\999"),
            ("\\", "\\"),
        ] {
            assert_eq!(path(field.as_bytes()).as_os_str().as_bytes(), expect.as_bytes());
        }
    }

    #[test]
    fn a_folder_that_nobody_mounted_has_no_holder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(holder(folder.path()), None);
    }
}
