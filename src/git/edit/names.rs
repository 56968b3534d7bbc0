//! Names that no tree may hold: what git, on some system, would take for its own folder.

use crate::git::EntryKind;

/// Why a name may not be in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hazardous {
    /// Git, somewhere, takes it for `.git`.
    DotGit,
    /// A link that git reads as the list of submodules.
    ModulesLink,
}

/// Says whether git refuses this name of a file or folder: the rules of its `verify_path`, with the protections
/// for HFS+ (ignorable characters) and NTFS (short names, trailing dots and spaces, streams) always on.
pub(crate) fn hazardous_name(name: &[u8], kind: EntryKind) -> Option<Hazardous> {
    // NTFS takes a backslash for a separator.
    if name.split(|byte| *byte == b'\\').any(means_dot_git) || means_on_hfs(name, ".git") {
        return Some(Hazardous::DotGit);
    }
    let modules = means_on_ntfs(name, &[b".gitmodules", b"gitmod~1"]) || means_on_hfs(name, ".gitmodules");
    (kind == EntryKind::Link && modules).then_some(Hazardous::ModulesLink)
}

fn means_dot_git(part: &[u8]) -> bool {
    means_on_ntfs(part, &[b".git", b"git~1"])
}

/// Whether NTFS opens one of `wanted` for this name: case, a stream after a colon, and trailing dots and spaces do not count.
fn means_on_ntfs(name: &[u8], wanted: &[&[u8]]) -> bool {
    let end = name.iter().position(|byte| *byte == b':').unwrap_or(name.len());
    let kept = name[..end]
        .iter()
        .rposition(|byte| !b" .".contains(byte))
        .map_or(0, |at| at + 1);
    wanted.iter().any(|one| name[..kept].eq_ignore_ascii_case(one))
}

/// Whether HFS+ opens `wanted` for this name: case and the characters that it ignores do not count.
fn means_on_hfs(name: &[u8], wanted: &str) -> bool {
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let ignorable =
        |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    name.chars()
        .filter(|c| !ignorable(*c))
        .flat_map(char::to_lowercase)
        .eq(wanted.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, kind: EntryKind, expect: Option<Hazardous>) {
        assert_eq!(hazardous_name(name.as_bytes(), kind), expect, "{name:?}");
    }

    #[test]
    fn what_some_system_takes_for_dot_git_is_found() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".git.",
            ".git ",
            ".git. .",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            ".g\u{200c}it",
            "\u{feff}.git",
            "a\\.git",
            ".git\\config",
            ".git\\",
        ] {
            check(name, EntryKind::File, Some(Hazardous::DotGit));
        }
    }

    #[test]
    fn names_that_only_look_alike_are_free() {
        for name in [
            ".gitignore",
            ".gitmodules",
            "git",
            "git~2",
            "x.git",
            ".git2",
            "..git",
            "a b",
            "a:b",
            "\u{200c}",
        ] {
            check(name, EntryKind::File, None);
        }
    }

    #[test]
    fn a_link_as_list_of_submodules_is_found() {
        check(".gitmodules", EntryKind::Link, Some(Hazardous::ModulesLink));
        check(".GITMODULES ", EntryKind::Link, Some(Hazardous::ModulesLink));
        check("modules", EntryKind::Link, None);
    }
}
