//! Files that match globs, in folders that agents write: found and read by open handles, so that no link leads out.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use rustix::fs::{FileType, Stat};

use super::folder::{Cursor, Folder, changed, modified};
use crate::base::error::{Context as _, Result};
use crate::git::bytes;

/// How many entries of folders are looked at.
const MOST_ENTRIES: usize = 1_000_000;
/// How deep folders are looked into.
const DEEPEST: usize = 64;

/// A folder of the host, and where in a worktree its content is seen; empty for the worktree itself.
#[derive(Clone, Debug)]
pub(crate) struct SeenFolder {
    pub(crate) folder: PathBuf,
    pub(crate) seen_at: PathBuf,
}

/// A regular file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// Its size.
    pub(crate) bytes: u64,
    /// What changes when it is written: its number, and the times of its content and of itself.
    stamp: (u64, (i64, i64), (i64, i64)),
}

/// Globs over the paths of a worktree.
#[derive(Debug)]
pub(crate) struct Globs {
    set: GlobSet,
    /// The folders that hold all that each of them matches.
    folders: Vec<PathBuf>,
}

impl Globs {
    /// Builds them; a `*` does not match a slash.
    ///
    /// # Errors
    ///
    /// Where one is not a glob.
    pub(crate) fn new<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        let mut folders = Vec::new();
        for glob in globs {
            let built = GlobBuilder::new(glob).literal_separator(true).build();
            set.add(built.context(format!("`{glob}` is not a glob"))?);
            let is_plain = |part: &&str| !part.contains(['*', '?', '[', '{', '\\']);
            let parts: Vec<&str> = glob.split('/').collect();
            folders.push(parts[..parts.len() - 1].iter().copied().take_while(is_plain).collect());
        }
        Ok(Self {
            set: set.build().context("globs cannot be used together")?,
            folders,
        })
    }

    /// Returns whether one of them matches a path.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        self.set.is_match(path)
    }

    /// Returns whether there may be a match below a folder.
    fn may_be_below(&self, folder: &Path) -> bool {
        let leads = |wanted: &PathBuf| wanted.starts_with(folder) || folder.starts_with(wanted);
        self.folders.iter().any(leads)
    }
}

/// Returns the regular files in folders that match, by their paths in the worktree, where no link leads to them.
///
/// # Errors
///
/// Where a folder cannot be read, or there is too much in them.
pub(crate) fn find(places: &[SeenFolder], globs: &Globs) -> Result<BTreeMap<PathBuf, FoundFile>> {
    let mut found = BTreeMap::new();
    let mut left = MOST_ENTRIES;
    for place in places {
        let looked = Folder::open_slot(&place.folder)
            .and_then(|folder| look(&folder, &place.seen_at, (globs, 0), &mut left, &mut found));
        looked.context(format!("cannot look for files in `{}`", place.folder.display()))?;
    }
    Ok(found)
}

fn look(
    folder: &Folder,
    path: &Path,
    (globs, depth): (&Globs, usize),
    left: &mut usize,
    found: &mut BTreeMap<PathBuf, FoundFile>,
) -> io::Result<()> {
    if !globs.may_be_below(path) || depth > DEEPEST {
        return Ok(());
    }
    for name in folder.names()? {
        *left = left
            .checked_sub(1)
            .ok_or_else(|| io::Error::other(format!("more than {MOST_ENTRIES} files and folders")))?;
        let Some(stat) = folder.stat(&name)? else { continue };
        let below = path.join(bytes::to_path(&name));
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth > 0 || name != b".git" => {
                look(&folder.enter(&name)?, &below, (globs, depth + 1), left, found)?;
            }
            FileType::RegularFile if globs.matches(&below) => {
                found.insert(below, FoundFile::of(&stat));
            }
            _ => {}
        }
    }
    Ok(())
}

impl FoundFile {
    fn of(stat: &Stat) -> Self {
        Self {
            bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            stamp: (stat.st_ino, modified(stat), changed(stat)),
        }
    }
}

/// Reads a file that was found; `None` where it is larger than `most` bytes.
///
/// # Errors
///
/// Where it cannot be read, or is not what it was.
pub(crate) fn read(places: &[SeenFolder], path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let failed = || format!("cannot read `{}`", path.display());
    // The innermost mount has it.
    let place = places.iter().filter(|place| path.starts_with(&place.seen_at));
    let place = place.max_by_key(|place| place.seen_at.components().count());
    let (place, below) = place
        .and_then(|place| Some((place, path.strip_prefix(&place.seen_at).ok()?)))
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        .context(failed())?;
    let (parent, name) = bytes::split_last(bytes::of_path(below));
    let content = Folder::open_slot(&place.folder).and_then(|root| {
        let mut cursor = Cursor::new(&root);
        cursor.at(parent, Folder::enter)?.read_file(name, most)
    });
    match content {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(None),
        content => content.map(Some).context(failed()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn seen(folder: &Path, at: &str) -> SeenFolder {
        SeenFolder {
            folder: folder.to_owned(),
            seen_at: PathBuf::from(at),
        }
    }

    #[test]
    fn files_are_found_by_globs_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("slot");
        for below in ["a/deep", "b", ".git", "target"] {
            fs::create_dir_all(root.join(below)).unwrap();
        }
        let outside = folder.path().join("secret.xml");
        for file in [
            root.join("a/deep/one.xml"),
            root.join("a/two.xml"),
            root.join("three.xml"),
            root.join(".git/four.xml"),
            root.join("b/other.txt"),
            outside.clone(),
        ] {
            fs::write(file, "text").unwrap();
        }
        symlink(&outside, root.join("a/link.xml")).unwrap();
        symlink(folder.path(), root.join("b/out")).unwrap();
        let top = folder.path().join("top");
        fs::create_dir(&top).unwrap();
        fs::write(top.join("five.xml"), "upper").unwrap();
        let places = [seen(&root, ""), seen(&top, "target")];
        let paths = |globs: &[&str]| {
            let found = find(&places, &Globs::new(globs.iter().copied()).unwrap()).unwrap();
            let paths: Vec<String> = found.keys().map(|path| path.display().to_string()).collect();
            paths.join(" ")
        };
        assert_eq!(
            paths(&["**/*.xml"]),
            "a/deep/one.xml a/two.xml target/five.xml three.xml"
        );
        assert_eq!(paths(&["*.xml"]), "three.xml");
        assert_eq!(paths(&["a/*.xml", "target/*.xml"]), "a/two.xml target/five.xml");
        assert_eq!(paths(&["a/{deep,else}/*.xml"]), "a/deep/one.xml");
        assert_eq!(paths(&["b/out/*.xml"]), "");
        let text = |path: &str, most| read(&places, Path::new(path), most);
        assert_eq!(text("target/five.xml", 9).unwrap().unwrap(), b"upper");
        assert_eq!(text("three.xml", 4).unwrap().unwrap(), b"text");
        assert_eq!(text("three.xml", 3).unwrap(), None);
        assert!(text("a/link.xml", 9).is_err() && text("b/out/secret.xml", 9).is_err());
    }

    #[test]
    fn a_file_that_is_written_again_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("slot");
        fs::create_dir(&root).unwrap();
        let path = root.join("a.xml");
        fs::write(&path, "text").unwrap();
        let globs = Globs::new(["*.xml"]).unwrap();
        let look = || find(&[seen(&root, "")], &globs).unwrap().into_values().next().unwrap();
        let before = look();
        assert_eq!(look(), before);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        // Until the clock has gone on: a file system keeps time in ticks.
        loop {
            fs::write(&path, "more").unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(modified).unwrap();
            if look() != before {
                break;
            }
        }
        assert_eq!(look().bytes, before.bytes);
    }
}
