//! Which files an audit or a review reads, and in which parts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{one_line, size};
use crate::git::{Change, ChangeKind, EntryKind, Git, Oid, TreeEntry};
use crate::issues::scope::Scope;
use crate::project::generated::is_generated;
use crate::prompt::Document;
use crate::record::findings::NotRead;
use crate::run::prompt_inputs::path_in_tree;

/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 256 << 10;
/// The most bytes of a file with the numbers of its lines.
const NUMBERED_LIMIT: usize = 600_000;
/// How much one call is given to read, in bytes with the numbers of lines and with what has changed.
const PART: usize = 200_000;

/// A file that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileToRead {
    pub(crate) path: String,
    id: Oid,
}

/// The files of a commit that are to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// In parts that fit into a call each.
    pub(crate) parts: Vec<Vec<FileToRead>>,
    /// Those that are asked for and not read, and why.
    pub(crate) not_read: Vec<NotRead>,
    /// The commit since which they have changed.
    pub(crate) since: Option<Oid>,
}

impl Files {
    /// Finds what is asked for of a commit, in git's order, but for what was `read` before.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where a path or a revision is named that is not there.
    pub(crate) fn of(git: &Git, commit: Oid, scope: &Scope, read: &BTreeSet<&str>) -> Result<Self> {
        let paths = scope
            .paths
            .iter()
            .map(|path| below_root(path))
            .collect::<Result<Vec<_>>>()?;
        let is_asked = |path: &Path| paths.is_empty() || paths.iter().any(|asked| path.starts_with(asked));
        let entries = git.files(commit)?;
        let since = scope
            .since
            .as_deref()
            .map(|since| since_of(git, since, commit))
            .transpose()?;
        let (changes, sizes) = match since {
            Some(since) => (git.changes(since, commit)?, git.patch_sizes(since, commit, is_asked)?),
            None => Default::default(),
        };
        refuse_missing(&paths, &entries, &changes)?;
        let mut files = Self {
            since,
            ..Self::default()
        };
        let paths_changed: BTreeSet<&Path> = changes.iter().map(|change| change.path.as_path()).collect();
        let mut part = Part::default();
        for entry in &entries {
            let is_wanted = is_asked(&entry.path) && (since.is_none() || paths_changed.contains(entry.path.as_path()));
            let path = entry.path.display().to_string();
            if !is_wanted || read.contains(path.as_str()) {
                continue;
            }
            match text_of(git, entry)? {
                Ok(text) => {
                    // What has changed in it is shown beside it.
                    let beside = sizes.get(&entry.path).copied().unwrap_or_default();
                    let file = FileToRead { path, id: entry.id };
                    files.parts.extend(part.add(file, text.len() + beside));
                }
                Err(reason) => files.not_read.push(NotRead { path, reason }),
            }
        }
        files.parts.extend(part.rest());
        let gone = changes
            .iter()
            .filter(|change| change.kind == ChangeKind::Deleted && is_asked(&change.path));
        files.not_read.extend(gone.map(|change| NotRead {
            path: change.path.display().to_string(),
            reason: "it was deleted".to_owned(),
        }));
        Ok(files)
    }

    /// Puts the files of these paths into the first part, alone: that part is being read.
    pub(crate) fn put_first(&mut self, paths: &[String]) {
        let mut first = Vec::new();
        for part in &mut self.parts {
            let (taken, rest) = std::mem::take(part)
                .into_iter()
                .partition::<Vec<_>, _>(|file| paths.contains(&file.path));
            first.extend(taken);
            *part = rest;
        }
        self.parts.retain(|part| !part.is_empty());
        self.parts.insert(0, first);
    }

    /// Returns how many files are to be read.
    pub(crate) fn count(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }
}

/// Checks that each path that is asked for is there, or was before it changed.
fn refuse_missing(paths: &[PathBuf], entries: &[TreeEntry], changes: &[Change]) -> Result<()> {
    for path in paths {
        let is_there = entries.iter().any(|entry| entry.path.starts_with(path));
        if !is_there && !changes.iter().any(|change| change.path.starts_with(path)) {
            let message = format!("the commit has no `{}`", one_line(&path.display().to_string(), 200));
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("only what is committed is read; name a file or folder that `git ls-files` prints"));
        }
    }
    Ok(())
}

/// Returns the texts of files, with numbered lines.
pub(crate) fn documents(git: &Git, files: &[FileToRead]) -> Result<Vec<Document>> {
    let read = |file: &FileToRead| {
        let text = numbered(git.read_blob(file.id)?).map_err(|reason| {
            Error::new(
                ErrorKind::Unexpected,
                format!("cannot read `{}`: {reason}", one_line(&file.path, 200)),
            )
        })?;
        Ok(Document {
            path: file.path.clone(),
            text,
        })
    };
    files.iter().map(read).collect()
}

/// Returns the commit that changes are compared with: where the lines of both begin to differ, as for a pull request.
fn since_of(git: &Git, revision: &str, commit: Oid) -> Result<Oid> {
    let since = git.resolve(revision)?;
    Ok(git.merge_base(since, commit)?.unwrap_or(since))
}

/// Files that are gathered until they fill a call.
#[derive(Default)]
struct Part {
    files: Vec<FileToRead>,
    bytes: usize,
}

impl Part {
    /// Adds a file of so many bytes; returns those before it, if it does not fit beside them.
    fn add(&mut self, file: FileToRead, bytes: usize) -> Option<Vec<FileToRead>> {
        let before = if self.bytes + bytes > PART { self.rest() } else { None };
        self.bytes += bytes;
        self.files.push(file);
        before
    }

    fn rest(&mut self) -> Option<Vec<FileToRead>> {
        self.bytes = 0;
        let files = std::mem::take(&mut self.files);
        (!files.is_empty()).then_some(files)
    }
}

/// Returns a path as it stands in a tree; `.` is the root.
fn below_root(path: &str) -> Result<PathBuf> {
    let trimmed = path.trim_start_matches("./").trim_end_matches('/');
    if trimmed.is_empty() || trimmed == "." {
        return Ok(PathBuf::new());
    }
    path_in_tree(Path::new(trimmed)).map(Path::to_owned).ok_or_else(|| {
        let message = format!("`{}` is not a path in the repository", one_line(path, 200));
        Error::new(ErrorKind::Usage, message).hint("name a file or folder below the repository's root")
    })
}

/// Returns the text of a file with numbered lines, or why it is not read.
fn text_of(git: &Git, entry: &TreeEntry) -> Result<Result<String, String>> {
    if !matches!(entry.kind, EntryKind::File | EntryKind::Executable) {
        return Ok(Err("it is a link or a submodule".to_owned()));
    }
    if is_generated(&entry.path) {
        return Ok(Err("a tool has written it, by its name".to_owned()));
    }
    let bytes = git.blob_size(entry.id)?;
    if bytes > FILE_LIMIT {
        let (has, most) = (size(bytes), size(FILE_LIMIT));
        return Ok(Err(format!("it has {has}, and files of at most {most} are read")));
    }
    Ok(numbered(git.read_blob(entry.id)?))
}

/// Returns a text with numbered lines, or why there is none.
fn numbered(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is not text in UTF-8".to_owned())?;
    if text.contains('\0') {
        return Err("it is not text".to_owned());
    }
    let lines = text.lines().enumerate();
    let mut numbered = String::with_capacity(text.len() + text.len() / 4);
    for (index, line) in lines {
        numbered.push_str(&format!("{}| {line}\n", index + 1));
    }
    if numbered.len() > NUMBERED_LIMIT {
        return Err("it has too many lines".to_owned());
    }
    Ok(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_gathered_until_they_fill_a_call() {
        let file = || FileToRead {
            path: "a".into(),
            id: Oid::ZERO_SHA1,
        };
        let count = |files: Option<Vec<FileToRead>>| files.map(|files| files.len());
        let mut part = Part::default();
        assert_eq!(part.add(file(), PART - 1), None);
        assert_eq!(count(part.add(file(), 2)), Some(1));
        assert_eq!(part.add(file(), PART - 2), None);
        assert_eq!(count(part.rest()), Some(2));
        assert_eq!(part.rest(), None);
        // One that is larger than a call goes alone, and is never cut.
        assert_eq!(part.add(file(), 2 * PART), None);
        assert_eq!(count(part.add(file(), 1)), Some(1));
    }

    #[test]
    fn what_is_being_read_is_the_first_part_and_nothing_is_read_twice() {
        let part = |paths: &[&str]| {
            let file = |path: &&str| FileToRead {
                path: (*path).to_owned(),
                id: Oid::ZERO_SHA1,
            };
            paths.iter().map(file).collect::<Vec<_>>()
        };
        let mut files = Files {
            parts: vec![part(&["a", "b"]), part(&["c"]), part(&["d", "e"])],
            ..Files::default()
        };
        files.put_first(&["b".to_owned(), "c".to_owned()]);
        assert_eq!(files.parts, [part(&["b", "c"]), part(&["a"]), part(&["d", "e"])]);
        assert_eq!(files.count(), 5);
    }

    #[test]
    fn what_is_not_text_is_said_and_lines_have_numbers() {
        assert_eq!(numbered(b"a\n\nb".to_vec()).unwrap(), "1| a\n2| \n3| b\n");
        assert!(numbered(b"\xff".to_vec()).is_err() && numbered(b"a\0b".to_vec()).is_err());
        assert_eq!(numbered(vec![b'\n'; 200_000]).unwrap_err(), "it has too many lines");
    }

    #[test]
    fn paths_are_those_below_the_root() {
        let of = |path: &str| below_root(path).map(|path| path.display().to_string());
        assert_eq!(of("./src/").unwrap(), "src");
        assert_eq!(of(".").unwrap(), "");
        for bad in ["../x", "/etc", "a/../b"] {
            assert_eq!(below_root(bad).unwrap_err().kind(), ErrorKind::Usage, "{bad}");
        }
    }
}
