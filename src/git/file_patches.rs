//! What changed between two trees, a file at a time, in the form of git's diffs, for people. However much has changed, one file
//! is in the memory. No program that the repository names has a part in it: no diff driver, no textconv and no filter.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

use git2::{Delta, DiffDelta, DiffFile, DiffFindOptions, FileMode, Repository};

use super::changes::diff;
use super::lines;
use super::patch::write_hunks;
use super::work::Work;
use super::{Git, Oid, bytes};
use crate::base::error::{Context as _, Result};
use crate::base::text;

/// The largest file that is read, in bytes; of one with more lines than are compared nothing is shown, either.
const LARGEST: usize = lines::MOST_BYTES;
/// Steps that comparing all files may take, a few seconds of work; beyond them all lines of a file count as changed.
const STEPS: u64 = 400_000_000;
/// How much of an id is shown.
const ID: usize = 10;

/// The change of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilePatch {
    /// Its path; where it was moved, the new one.
    pub(crate) path: PathBuf,
    /// Where it was moved from.
    pub(crate) old_path: Option<PathBuf>,
    /// How many lines were added; `None` where lines are not counted, as in a binary file.
    pub(crate) insertions: Option<u64>,
    /// How many lines were removed, likewise.
    pub(crate) deletions: Option<u64>,
    /// The change as a unified diff, with git's header. What is not UTF-8 in it is replaced.
    pub(crate) text: String,
}

impl Git {
    /// Shows the changes between two trees or commits file by file, in git's order, until it is told to stop. A file that was
    /// moved and not changed is a rename; other renames are a deletion and an addition.
    ///
    /// # Errors
    ///
    /// When an object is missing or damaged, and what `show` fails with.
    pub(crate) fn each_patch(
        &self,
        old: Oid,
        new: Oid,
        mut show: impl FnMut(FilePatch) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let repository = self.borrow()?;
        let mut diff = diff(&repository, old, new)?;
        let mut moved = DiffFindOptions::new();
        moved.renames(true).exact_match_only(true);
        diff.find_similar(Some(&mut moved))
            .context(format!("cannot compare {old} with {new}"))?;
        let work = Work::of(STEPS);
        for delta in diff.deltas() {
            if show(FilePatch::of(&repository, &delta, &work)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// What is at one side of a change.
struct Side {
    mode: FileMode,
    id: Oid,
    content: Content,
}

enum Content {
    Text(String),
    Binary,
    /// Larger than is shown; how large.
    TooLarge(usize),
}

impl FilePatch {
    fn of(repository: &Repository, delta: &DiffDelta<'_>, work: &Work) -> Result<Self> {
        let (old_file, new_file) = (delta.old_file(), delta.new_file());
        let status = delta.status();
        let old = (status != Delta::Added)
            .then(|| side(repository, &old_file))
            .transpose()?;
        let new = (status != Delta::Deleted)
            .then(|| side(repository, &new_file))
            .transpose()?;
        let path = |file: &DiffFile<'_>| bytes::to_path(file.path_bytes().unwrap_or_default());
        let (old_path, new_path) = (path(&old_file), path(&new_file));
        let names = [&old_path, &new_path].map(|path| quoted(bytes::of_path(path)));
        let mut this = Self {
            text: header((&names, status), old.as_ref(), new.as_ref()),
            ..Self::default()
        };
        this.add_content((&names, old.as_ref(), new.as_ref()), work);
        this.old_path = (status == Delta::Renamed).then_some(old_path);
        this.path = new_path;
        Ok(this)
    }

    fn add_content(&mut self, (names, old, new): (&[String; 2], Option<&Side>, Option<&Side>), work: &Work) {
        let id = |side: Option<&Side>| side.map(|side| side.id);
        if id(old) == id(new) {
            (self.insertions, self.deletions) = (Some(0), Some(0));
            return;
        }
        let name = |side: Option<&Side>, prefix: &str, name: &str| match side {
            Some(_) => prefixed(prefix, name),
            None => "/dev/null".to_owned(),
        };
        let (before, after) = (name(old, "a", &names[0]), name(new, "b", &names[1]));
        let text = |side: Option<&Side>| match side.map(|side| &side.content) {
            None => Ok(String::new()),
            Some(Content::Text(text)) => Ok(text.clone()),
            Some(Content::Binary) => Err(format!("Binary files {before} and {after} differ")),
            Some(Content::TooLarge(size)) => {
                let size = text::size(*size as u64);
                Err(format!("Files {before} and {after} differ: {size} are not shown"))
            }
        };
        match (text(old), text(new)) {
            (Ok(old), Ok(new)) => {
                let mut body = String::new();
                let (removed, added) = write_hunks(&mut body, (&old, &new), work);
                (self.insertions, self.deletions) = (Some(added), Some(removed));
                if !body.is_empty() {
                    let _ = writeln!(self.text, "--- {before}\n+++ {after}");
                    self.text.push_str(&body);
                }
            }
            (Err(why), _) | (_, Err(why)) => {
                let _ = writeln!(self.text, "{why}");
            }
        }
    }
}

/// Returns the lines that git writes above a change.
fn header((names, status): (&[String; 2], Delta), old: Option<&Side>, new: Option<&Side>) -> String {
    let [old_name, new_name] = names;
    let mut text = format!("diff --git {} {}\n", prefixed("a", old_name), prefixed("b", new_name));
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    let mode = |side: &Side| format!("{:06o}", u32::from(side.mode));
    let short = |side: Option<&Side>| side.map_or(Oid::ZERO_SHA1, |side| side.id).to_string()[..ID].to_owned();
    match (old, new) {
        (None, Some(new)) => line(format!("new file mode {}", mode(new))),
        (Some(old), None) => line(format!("deleted file mode {}", mode(old))),
        (Some(old), Some(new)) if old.mode != new.mode => {
            line(format!("old mode {}", mode(old)));
            line(format!("new mode {}", mode(new)));
        }
        _ => {}
    }
    if status == Delta::Renamed {
        line("similarity index 100%".to_owned());
        line(format!("rename from {old_name}"));
        line(format!("rename to {new_name}"));
    }
    let ids = (short(old), short(new));
    if ids.0 != ids.1 {
        let same_mode = old.zip(new).filter(|(old, new)| old.mode == new.mode);
        let mode = same_mode.map_or_else(String::new, |(_, new)| format!(" {}", mode(new)));
        line(format!("index {}..{}{mode}", ids.0, ids.1));
    }
    text
}

fn side(repository: &Repository, file: &DiffFile<'_>) -> Result<Side> {
    let (mode, id) = (file.mode(), file.id());
    let side = |content| Side { mode, id, content };
    if mode == FileMode::Commit {
        return Ok(side(Content::Text(format!("Subproject commit {id}\n"))));
    }
    let failed = || format!("cannot read the blob {id}");
    let odb = repository.odb().context(failed())?;
    let (length, _) = odb.read_header(id).context(failed())?;
    if length > LARGEST {
        return Ok(side(Content::TooLarge(length)));
    }
    let blob = odb.read(id).context(failed())?;
    if lines::is_binary(blob.data()) {
        return Ok(side(Content::Binary));
    }
    if !lines::is_comparable(blob.data()) {
        return Ok(side(Content::TooLarge(length)));
    }
    Ok(side(Content::Text(String::from_utf8_lossy(blob.data()).into_owned())))
}

/// Puts the `a` or `b` of a side before a path, within its quotation marks where it has them.
fn prefixed(prefix: &str, name: &str) -> String {
    match name.strip_prefix('"') {
        Some(rest) => format!("\"{prefix}/{rest}"),
        None => format!("{prefix}/{name}"),
    }
}

/// Writes a path as git does: one that could be taken for more than itself is quoted as in C.
fn quoted(path: &[u8]) -> String {
    let is_odd = |byte: &u8| byte.is_ascii_control() || matches!(byte, b'"' | b'\\');
    if let Ok(path) = std::str::from_utf8(path)
        && !path.as_bytes().iter().any(is_odd)
    {
        return path.to_owned();
    }
    let mut text = String::from("\"");
    for byte in path {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            other => {
                let _ = write!(text, "\\{other:03o}");
            }
        }
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_be_taken_for_more_is_quoted() {
        for (path, shown) in [
            (b"src/a b.txt".as_slice(), "src/a b.txt"),
            ("grün.txt".as_bytes(), "grün.txt"),
            (b"a\n+++ b/x", "\"a\\n+++ b/x\""),
            (b"say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""),
            (b"\x1b[2J\xff", "\"\\033[2J\\377\""),
        ] {
            assert_eq!(quoted(path), shown);
        }
        assert_eq!(prefixed("a", &quoted(b"x\ty")), "\"a/x\\ty\"");
    }
}
