//! Names that no tree may contain: those that git, on some system, would take for its own folder, or some system for
//! another place.

use unicode_normalization::UnicodeNormalization as _;

use crate::base::text::is_ignorable;
use crate::git::EntryKind;

/// Why a name may not be in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hazardous {
    /// Git, on some system, takes it for `.git`.
    DotGit,
    /// A link that git reads as the list of submodules.
    ModulesLink,
    /// A name that refers to another folder or drive on Windows.
    Elsewhere,
}

impl Hazardous {
    /// Returns what is wrong with such a name.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::DotGit => "git takes this name for a repository of its own, and records nothing of it",
            Self::ModulesLink => "git reads the list of submodules there, and follows no link to it",
            Self::Elsewhere => "on Windows this name refers to another place",
        }
    }
}

/// Returns why git refuses this name of a file or folder, if it does: the rules of its `verify_path`, with the
/// protections for HFS+ (ignorable characters) and NTFS (short names, trailing dots and spaces, streams) always on;
/// beyond these, what looks like `.git` in other letters, and what Windows looks for elsewhere.
pub(crate) fn hazardous_name(name: &[u8], kind: EntryKind) -> Option<Hazardous> {
    // NTFS takes a backslash for a separator.
    if name.split(|byte| *byte == b'\\').any(means_dot_git) || looks_like(name, ".git") {
        return Some(Hazardous::DotGit);
    }
    if kind == EntryKind::Link && is_file_of_git(name, "modules") {
        return Some(Hazardous::ModulesLink);
    }
    is_elsewhere(name).then_some(Hazardous::Elsewhere)
}

/// Returns whether git, on some system, takes this name for its file `.gitmodules`, `.gitattributes`, and so on: `what`
/// follows `.git`.
pub(crate) fn is_file_of_git(name: &[u8], what: &str) -> bool {
    let long = format!(".git{what}");
    let short = format!("git{}~1", &what[..what.len().min(3)]);
    means_on_ntfs(name, &[long.as_bytes(), short.as_bytes()]) || looks_like(name, &long)
}

fn means_dot_git(part: &[u8]) -> bool {
    means_on_ntfs(part, &[b".git", b"git~1"])
}

/// Returns whether NTFS opens one of `wanted` for this name: case, a stream after a colon, and trailing dots and spaces
/// do not count.
fn means_on_ntfs(name: &[u8], wanted: &[&[u8]]) -> bool {
    let end = name.iter().position(|byte| *byte == b':').unwrap_or(name.len());
    let kept = name[..end]
        .iter()
        .rposition(|byte| !b" .".contains(byte))
        .map_or(0, |at| at + 1);
    wanted.iter().any(|one| name[..kept].eq_ignore_ascii_case(one))
}

/// Returns whether HFS+ opens `wanted` for this name, or a reader takes it for that: case, characters that are not
/// shown, and other widths and shapes of the same letters (NFKC) do not count.
fn looks_like(name: &[u8], wanted: &str) -> bool {
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(wanted);
    }
    let shown = name.chars().filter(|c| !is_ignorable(*c)).nfkc();
    let shown = shown
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ı' { 'i' } else { c });
    // The dot of a capital `İ` stays behind as a mark of its own.
    shown.filter(|c| *c != '\u{307}').eq(wanted.chars())
}

/// Returns whether Windows, which takes a backslash for a separator and drops dots and spaces at a name's end, looks
/// for this name above its folder, at the root, or on a drive.
fn is_elsewhere(name: &[u8]) -> bool {
    let drive = name.len() > 1 && name[0].is_ascii_alphabetic() && name[1] == b':';
    let goes_up = |part: &[u8]| part.starts_with(b"..") && part.iter().all(|byte| b" .".contains(byte));
    drive || name.starts_with(b"\\") || name.split(|byte| *byte == b'\\').any(goes_up)
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
            "．ｇｉｔ",
            ".ｇit",
            ".g\u{131}t",
            ".G\u{130}T",
            "․git",
            ".gi\u{200b}t",
            ".\u{2060}git",
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
            "ab:c",
            "a\\b",
            "...x",
            "nul",
            "\u{200c}",
        ] {
            check(name, EntryKind::File, None);
        }
    }

    #[test]
    fn what_windows_looks_for_elsewhere_is_found() {
        for name in [
            "C:x",
            "c:",
            "\\x",
            "\\\\server\\x",
            "..\\x",
            "a\\..\\b",
            "a\\..",
            ".. ",
            "...",
            ".. .\\x",
        ] {
            check(name, EntryKind::File, Some(Hazardous::Elsewhere));
        }
    }

    #[test]
    fn a_link_as_list_of_submodules_is_found() {
        check(".gitmodules", EntryKind::Link, Some(Hazardous::ModulesLink));
        check(".GITMODULES ", EntryKind::Link, Some(Hazardous::ModulesLink));
        check("modules", EntryKind::Link, None);
    }
}
