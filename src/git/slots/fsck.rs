//! What `git fsck` refuses in files that git itself reads: a commit with one that is kept for a person to look at would
//! make every check of the repository fail.

use crate::git::edit::is_file_of_git;

/// The longest line of attributes that git reads, in bytes (`ATTR_MAX_LINE_LENGTH`).
const LONGEST_LINE: usize = 2048;

/// Returns why a file may not be recorded, if it may not. What of a list of submodules is not written plainly is
/// refused, too.
pub(super) fn refused(name: &[u8], content: &[u8]) -> Option<&'static str> {
    if is_file_of_git(name, "attributes") {
        let too_long = content
            .split(|byte| *byte == b'\n')
            .any(|line| line.len() >= LONGEST_LINE);
        return too_long.then_some("it has a line of 2,048 bytes or more, which git does not read");
    }
    if is_file_of_git(name, "modules") {
        let plain = std::str::from_utf8(content).is_ok_and(|text| text.lines().all(is_plain));
        return (!plain).then_some("it has a line that git may refuse in a list of submodules");
    }
    None
}

/// Returns whether a line of a list of submodules is a comment, or a header or a setting that nobody reads in two ways.
fn is_plain(line: &str) -> bool {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return true;
    }
    if line.chars().any(|letter| letter.is_control() || letter == '\\') {
        return false;
    }
    if let Some(header) = line.strip_prefix('[') {
        let name = header
            .strip_prefix("submodule \"")
            .and_then(|rest| rest.strip_suffix("\"]"));
        return name.is_some_and(|name| !name.is_empty() && !name.contains('"') && !goes_up(name));
    }
    let (key, value) = line.split_once('=').unwrap_or((line, "true"));
    let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
    let is_word = |key: &str| {
        key.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    let refused = value.contains('"')
        || value.starts_with('-')
        || key == "update" && value.starts_with('!')
        || key == "url" && !is_plain_address(value);
    is_word(&key) && !refused
}

fn goes_up(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// Returns whether an address hides no end of line, and a relative one does not climb to a host.
fn is_plain_address(url: &str) -> bool {
    let mut relative = url;
    while let Some(rest) = relative.strip_prefix("../").or_else(|| relative.strip_prefix("./")) {
        relative = rest;
    }
    let climbs = relative.len() < url.len() && relative.starts_with([':', '/']);
    !url.to_ascii_lowercase().contains("%0a") && !climbs && !url.is_empty() && names_its_host(url)
}

/// Returns whether an address that curl would be given names a host. `http::` and the like hand over what follows them.
fn names_its_host(url: &str) -> bool {
    let Some(rest) = ["http", "https", "ftp", "ftps"].iter().find_map(|scheme| {
        let rest = url.strip_prefix(scheme)?;
        rest.strip_prefix("::")
            .or_else(|| rest.starts_with("://").then_some(url))
    }) else {
        return true;
    };
    let Some((scheme, rest)) = rest.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    !scheme.is_empty() && !host.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, content: &str, expect: bool) {
        assert_eq!(
            refused(name.as_bytes(), content.as_bytes()).is_some(),
            expect,
            "{name}: {content}"
        );
    }

    #[test]
    fn lists_of_submodules_are_plain() {
        let list = "# mine\n[submodule \"lib/one two\"]\n\tpath = lib/one two\n\turl = https://host/x.git\n\tbranch=main\n\tshallow\n";
        check(".gitmodules", list, false);
        check(
            ".gitmodules",
            "[submodule \"a\"]\n\turl = ../other.git\n\tupdate = rebase\n",
            false,
        );
        check("other", "[submodule \"../a\"]", false);
        for line in [
            "[submodule \"../a\"]",
            "[submodule \"a/../b\"]",
            "[submodule \"\"]",
            "[submodule.a]",
            "[core]",
            "path = -x",
            "url = -u./x",
            "url = \"-x\"",
            "url = https://host/%0aheader",
            "url = ../:x",
            "url = ./../:x",
            "url = http:///x",
            "url = https::ssh:///x",
            "url = ftp::x",
            "url = https://me@/x",
            "url = ..//x",
            "url = a\\\nb",
            "update = !touch x",
            "UPDATE = !x",
        ] {
            for name in [".gitmodules", ".GITMODULES", "gitmod~1", ".gitmodules "] {
                check(name, &format!("[submodule \"a\"]\n{line}\n"), true);
            }
        }
    }

    #[test]
    fn lines_of_attributes_have_a_length() {
        for (length, expect) in [(2047, false), (2048, true)] {
            let line = "a".repeat(length);
            check(".gitattributes", &format!("x text\n{line}\n"), expect);
            check("notes", &line, false);
        }
    }
}
