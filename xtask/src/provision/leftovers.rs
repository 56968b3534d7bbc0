//! Mounts that engines leave behind.

use std::path::Path;
use std::process::Command;

/// Unmounts everything mounted below a folder, the deepest first, so that the folder can be removed.
pub(super) fn unmount_below(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for point in points_below(&mounts, folder) {
        let unmounted = Command::new("umount").args(["--lazy", &point]).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            super::told(&format!("`{point}` stays mounted"));
        }
    }
}

/// The mount points (proc(5): the fifth field of a line) below a folder, those mounted last first.
fn points_below(mountinfo: &str, folder: &Path) -> Vec<String> {
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    let mut below: Vec<String> = points
        .filter(|point| Path::new(point).starts_with(folder))
        .map(String::from)
        .collect();
    below.reverse();
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_come_first_and_neighbours_stay() {
        let mountinfo = "1 0 8:1 / / rw - ext4 x rw\n\
                         2 1 8:1 /a /tmp/engine/overlay rw - ext4 x rw\n\
                         3 1 8:1 /a /tmp/engine-2/overlay rw - ext4 x rw\n\
                         4 2 0:9 / /tmp/engine/overlay/merged rw - overlay x rw\n";
        let expect = ["/tmp/engine/overlay/merged", "/tmp/engine/overlay"];
        assert_eq!(points_below(mountinfo, Path::new("/tmp/engine")), expect);
    }
}
