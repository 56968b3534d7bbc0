//! What of an agent's files may become objects: no credential does, and no link leads out of the repository.

use std::borrow::Cow;
use std::collections::HashSet;

use git2::{ObjectType, Oid, Repository};

use super::expected::{Expected, ExpectedFile};
use crate::base::error::{Context as _, Result};
use crate::base::redact::{Found, Redactor};
use crate::base::text::one_line;
use crate::git::bytes;
use crate::git::edit::hazardous_name;
use crate::git::tree::EntryKind;

/// Looks through what is about to be recorded.
pub(super) struct Screen<'a> {
    redactor: &'a Redactor,
    repository: &'a Repository,
    /// The contents that the base has, at whatever paths; made when something is found.
    known: Option<HashSet<Oid>>,
}

impl<'a> Screen<'a> {
    pub(super) fn new(redactor: &'a Redactor, repository: &'a Repository) -> Self {
        Self {
            redactor,
            repository,
            known: None,
        }
    }

    /// Returns a path as it may be shown, when it spells something that must not be recorded.
    pub(super) fn path(&self, path: &[u8]) -> Option<Vec<u8>> {
        match self.redactor.bytes(path) {
            Cow::Borrowed(_) => None,
            Cow::Owned(redacted) => Some(redacted),
        }
    }

    /// Returns a file's content as it may be recorded; and why a person should know, when it is not as the agent left
    /// it. What the base's version has already, or any file of the base as a whole, is the person's own.
    pub(super) fn content<'c>(
        &mut self,
        content: &'c [u8],
        was: Option<&ExpectedFile>,
        base: &Expected,
    ) -> Result<(Cow<'c, [u8]>, Option<String>)> {
        let found = self.redactor.find(content);
        if found.is_empty() || self.is_known(content, base)? {
            return Ok((Cow::Borrowed(content), None));
        }
        let own = self.own(was)?;
        let redacted = self.redactor.bytes_but(content, |part| own.contains(part));
        let mut new = found.iter().filter(|one| !own.contains(&content[one.range.clone()]));
        let why = new.next().map(|first| reason(content, first, new.count()));
        Ok((redacted, why))
    }

    /// Returns why a link may not be recorded, if it may not.
    pub(super) fn link(&self, path: &[u8], target: &[u8]) -> Option<String> {
        if let Some(found) = self.redactor.find(target).first() {
            return Some(format!("its target holds {}", a(found.kind)));
        }
        let way = way_out(path, target)?;
        let target = one_line(&String::from_utf8_lossy(target), 100);
        Some(format!("the link {way}: its target is `{target}`"))
    }

    fn is_known(&mut self, content: &[u8], base: &Expected) -> Result<bool> {
        let id = Oid::hash_object(ObjectType::Blob, content).context("cannot name a file's content")?;
        let known = match &self.known {
            Some(known) => known,
            None => self.known.insert(base.contents(self.repository)?),
        };
        Ok(known.contains(&id))
    }

    /// Returns what of the kind the base's version of a file has.
    fn own(&self, was: Option<&ExpectedFile>) -> Result<HashSet<Vec<u8>>> {
        let Some(was) = was.filter(|was| matches!(was.kind, EntryKind::File | EntryKind::Executable)) else {
            return Ok(HashSet::new());
        };
        let blob = self.repository.find_blob(was.id);
        let blob = blob.context("cannot read what a changed file was before")?;
        let found = self.redactor.find(blob.content()).into_iter();
        Ok(found.map(|one| blob.content()[one.range].to_vec()).collect())
    }
}

/// Returns why a file is for a person to look at: what it holds and where, never the thing itself.
fn reason(content: &[u8], found: &Found, more: usize) -> String {
    let line = memchr::memchr_iter(b'\n', &content[..found.range.start]).count() + 1;
    let more = match more {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "line {line} holds {}{more}; the kept file has it redacted",
        a(found.kind)
    )
}

fn a(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'O']) { "an" } else { "a" };
    match kind {
        "credential" => "a credential that is in use".to_owned(),
        _ => format!("{article} {kind}"),
    }
}

/// Returns how a link leads where no file of the repository is, if it does.
fn way_out(path: &[u8], target: &[u8]) -> Option<&'static str> {
    let drive = target.first().is_some_and(u8::is_ascii_alphabetic) && target.get(1) == Some(&b':');
    if drive || target.starts_with(b"/") || target.starts_with(b"\\") {
        return Some("leads out of the repository");
    }
    // Windows takes a backslash for a separator.
    let separators = |byte: &u8| b"/\\".contains(byte);
    let mut depth = bytes::split_last(path)
        .0
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
        .count();
    let mut below = false;
    for name in target
        .split(separators)
        .filter(|name| !name.is_empty() && *name != b".")
    {
        if name != b".." {
            if hazardous_name(name, EntryKind::File).is_some() {
                return Some("leads into a folder that git takes for `.git`, or to another place on other systems");
            }
            below = true;
        } else if below {
            // What is behind the name may be a link, too: then `..` is not where it seems to be.
            return Some("goes up again behind a name, and may lead out of the repository");
        } else if depth == 0 {
            return Some("leads out of the repository");
        } else {
            depth -= 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, target: &str, expect: bool) {
        let way = way_out(path.as_bytes(), target.as_bytes());
        assert_eq!(way.is_some(), expect, "{path} -> {target}: {way:?}");
    }

    #[test]
    fn links_within_the_repository_are_free() {
        for (path, target) in [
            ("a", "b"),
            ("a", "b/c/./d"),
            ("a", "."),
            ("x/y/a", "../../b"),
            ("x/y/a", ".././../b"),
            ("x/a", ".."),
            ("a", ""),
            ("a", "..b/...x"),
        ] {
            check(path, target, false);
        }
    }

    #[test]
    fn links_that_lead_out_are_found() {
        for (path, target) in [
            ("a", "/etc/passwd"),
            ("a", ".."),
            ("x/a", "../../b"),
            ("x/y/a", "../../../b"),
            ("a", "b/../../c"),
            ("a", "b/../c"),
            ("a", ".git/hooks/pre-commit"),
            ("x/a", "../.GIT/config"),
            ("a", "C:\\Windows"),
            ("a", "c:x"),
            ("a", "\\\\server\\share"),
            ("a", "..\\..\\x"),
        ] {
            check(path, target, true);
        }
    }
}
