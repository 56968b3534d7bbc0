//! Reads the tree that detection looks at from a folder on disk: bounded, and without following a link.

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::Path;

use super::detect::Tree;
use crate::base::error::{Context as _, ErrorKind, Result};

/// How many folders below the root are looked into.
const DEEPEST: usize = 24;
/// How many files are listed.
const MOST_FILES: usize = 50_000;
/// How many bytes of a manifest are read.
const MOST_BYTES: u64 = 1 << 20;
/// How many bytes of all manifests are read.
const MOST_BYTES_OF_ALL: usize = 64 << 20;

/// Folders that programs fill: what is in them is nobody's source. Hidden ones are left out, too.
const SKIPPED: [&str; 12] = [
    "__pycache__",
    "_build",
    "bower_components",
    "coverage",
    "deps",
    "dist",
    "node_modules",
    "obj",
    "target",
    "vendor",
    "venv",
    "zig-out",
];

/// Reads the tree below `root`, folder by folder from the top, so that where there is too much of it the upper part is
/// whole. `ignored` returns whether a folder, relative to `root`, is not part of the project. A file or folder that
/// cannot be read is left out.
///
/// # Errors
/// Fails when `root` cannot be read.
pub fn read_tree(root: &Path, ignored: &dyn Fn(&Path) -> bool) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut reading = Reading {
        files: 0,
        bytes: 0,
        folders: VecDeque::from([(0, String::new())]),
    };
    while let Some((depth, folder)) = reading.folders.pop_front() {
        let entries = match std::fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => {
                return Err(error).with_context(ErrorKind::Usage, || format!("cannot read `{}`", root.display()));
            }
            Err(error) => {
                tracing::debug!(%folder, %error, "folder not readable");
                continue;
            }
        };
        let mut names: Vec<_> = entries.filter_map(|entry| kind_and_name(&entry.ok()?)).collect();
        names.sort();
        for (is_folder, name) in names {
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            if is_folder {
                if name.starts_with('.') || SKIPPED.contains(&name.as_str()) || ignored(Path::new(&path)) {
                    continue;
                }
                if depth == DEEPEST {
                    tree.cut();
                } else {
                    reading.folders.push_back((depth + 1, path));
                }
            } else if reading.files == MOST_FILES {
                tree.cut();
                return Ok(tree);
            } else {
                reading.files += 1;
                let text = reading.text(root, &path);
                tree.add(path, text);
            }
        }
    }
    Ok(tree)
}

/// Returns whether an entry is a folder, and its name; nothing for a link, another kind of file, and a name that is not
/// UTF-8.
fn kind_and_name(entry: &std::fs::DirEntry) -> Option<(bool, String)> {
    let kind = entry.file_type().ok()?;
    let name = entry.file_name().into_string().ok()?;
    (kind.is_dir() || kind.is_file()).then(|| (kind.is_dir(), name))
}

struct Reading {
    files: usize,
    bytes: usize,
    folders: VecDeque<(usize, String)>,
}

impl Reading {
    /// Returns the contents of a manifest; empty for other files.
    fn text(&mut self, root: &Path, path: &str) -> String {
        if !Tree::reads(path) || self.bytes >= MOST_BYTES_OF_ALL {
            return String::new();
        }
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(root.join(path));
        if let Err(error) = opened.and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)) {
            tracing::debug!(%path, %error, "manifest not readable");
        }
        self.bytes += bytes.len();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::project::detect::detect;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn links_hidden_and_filled_folders_are_left_out() {
        let folder = folder(&[
            "node_modules/a/package.json",
            ".git/go.mod",
            "src/main.c",
            "ignored/Cargo.toml",
        ]);
        let elsewhere = self::folder(&["Cargo.toml"]);
        symlink(elsewhere.path(), folder.path().join("linked")).unwrap();
        symlink(elsewhere.path().join("Cargo.toml"), folder.path().join("Cargo.toml")).unwrap();
        symlink(folder.path(), folder.path().join("circle")).unwrap();
        let tree = read_tree(folder.path(), &|path| path == Path::new("ignored")).unwrap();
        let detection = detect(&tree);
        assert_eq!(
            (detection.projects.len(), detection.has_code, detection.is_partial),
            (0, true, false)
        );
    }

    #[test]
    fn what_is_deeper_than_is_looked_at_counts_as_code() {
        let deepest = vec!["folder"; DEEPEST].join("/");
        let folder = folder(&[&format!("{deepest}/notes.md")]);
        let read = || detect(&read_tree(folder.path(), &|_| false).unwrap());
        assert!(!read().is_partial && !read().has_code);
        fs::create_dir(folder.path().join(deepest).join("folder")).unwrap();
        assert!(read().is_partial && read().has_code);
    }

    #[test]
    fn a_large_manifest_is_read_in_part() {
        let folder = folder(&[]);
        let text = format!("module example.com/shoe\n{}", "x".repeat(3 << 20));
        fs::write(folder.path().join("go.mod"), text).unwrap();
        let detection = detect(&read_tree(folder.path(), &|_| false).unwrap());
        assert_eq!(detection.names.module_path.as_deref(), Some("example.com/shoe"));
    }

    #[test]
    fn a_root_that_is_not_there_is_an_error() {
        let folder = folder(&[]);
        assert_eq!(
            read_tree(&folder.path().join("no"), &|_| false).unwrap_err().kind(),
            ErrorKind::Usage
        );
    }
}
