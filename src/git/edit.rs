//! Trees changed without a checkout: only the folders that a change touches are read and written.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use git2::{ObjectType, Odb, Oid};

use super::tree::{EntryKind, peel};
use super::{Git, bytes};
use crate::base::error::{Context as _, Error, ErrorKind, Result};

mod names;

pub(crate) use names::{Hazardous, hazardous_name, is_file_of_git};

/// A change of a tree by repository paths: removals first, then writes.
#[derive(Clone, Debug, Default)]
pub struct TreeEdit {
    /// Files and folders to remove; one that is not there is not an error.
    pub remove: Vec<PathBuf>,
    /// Files and folders that stay although something above them is removed.
    pub keep: Vec<PathBuf>,
    /// Files to write, with their content; an executable one stays executable.
    pub write: Vec<(PathBuf, Vec<u8>)>,
}

impl Git {
    /// Changes a tree (or a commit's) and returns the new one.
    ///
    /// Fails with [`ErrorKind::Configuration`] for a path that is absolute, empty, contains `..` or `.git`, or meets a
    /// symbolic link or submodule.
    pub fn edit_tree(&self, tree_or_commit: Oid, edit: &TreeEdit) -> Result<Oid> {
        let repository = self.borrow_to_write()?;
        let odb = repository.odb().context("cannot open the object database")?;
        let mut editor = Editor::new(self, &odb, peel(&repository, tree_or_commit)?.id());
        let keep = edit.keep.iter().map(|path| checked(path)).collect::<Result<Vec<_>>>()?;
        for path in &edit.remove {
            let path = checked(path)?;
            editor.refuse_links(&path)?;
            editor.remove(&path, &keep)?;
        }
        for (path, content) in &edit.write {
            let path = checked(path)?;
            editor.refuse_links(&path)?;
            let kind = match editor.find(&path)? {
                Some((EntryKind::Executable, _)) => EntryKind::Executable,
                _ => EntryKind::File,
            };
            let id = self.write_object(ObjectType::Blob, content)?;
            editor.put(&path, kind, id)?;
        }
        editor.write()
    }
}

/// Returns the bytes of a repository path, `a/b/c`, or why it is not one.
fn checked(path: &Path) -> Result<Vec<u8>> {
    let refuse = |why: &str| {
        Err(Error::new(
            ErrorKind::Configuration,
            format!("`{}` is not a path in the repository: {why}", path.display()),
        )
        .hint("use a path relative to the repository's root"))
    };
    let mut clean = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => return refuse("it contains `..`"),
            Component::RootDir | Component::Prefix(_) => return refuse("it is absolute"),
            Component::Normal(name) => {
                let name = bytes::of_path(Path::new(name));
                if name.contains(&0) {
                    return refuse("it contains a NUL");
                }
                if hazardous_name(name, EntryKind::File) == Some(Hazardous::DotGit) {
                    return refuse("it passes through a name that git takes for `.git`");
                }
                clean = bytes::join(&clean, name);
            }
        }
    }
    if clean.is_empty() {
        return refuse("it is the repository itself");
    }
    Ok(clean)
}

/// A tree being built: folders are read when something in them changes, and written afterwards.
pub(crate) struct Editor<'repository> {
    git: &'repository Git,
    odb: &'repository Odb<'repository>,
    root: Node,
}

/// The entry of a name.
enum Node {
    /// A file, link or submodule, with the mode that the tree has for it.
    Leaf { mode: u32, id: Oid },
    /// A folder as it is stored.
    Stored(Oid),
    /// A folder that was read; `changed` when it may differ from the stored one.
    Read {
        entries: BTreeMap<Vec<u8>, Node>,
        stored: Option<Oid>,
    },
}

impl<'repository> Editor<'repository> {
    /// Begins from a stored tree.
    pub(crate) fn new(git: &'repository Git, odb: &'repository Odb<'repository>, tree: Oid) -> Self {
        Self {
            git,
            odb,
            root: Node::Stored(tree),
        }
    }

    /// Removes what is at `path`, except what `keep` names.
    pub(crate) fn remove(&mut self, path: &[u8], keep: &[Vec<u8>]) -> Result<()> {
        if keep.iter().any(|kept| is_at_or_below(path, kept)) {
            return Ok(());
        }
        let (folder, name) = bytes::split_last(path);
        let Some(entries) = descend(self.odb, &mut self.root, folder, false)? else {
            return Ok(());
        };
        let Some(node) = entries.get_mut(name) else {
            return Ok(());
        };
        if keep.iter().any(|kept| is_at_or_below(kept, path)) {
            prune(self.odb, node, path, keep)?;
        } else {
            entries.remove(name);
        }
        Ok(())
    }

    /// Puts a file at `path`, replacing an existing entry, and creates the folders above it.
    pub(crate) fn put(&mut self, path: &[u8], kind: EntryKind, id: Oid) -> Result<()> {
        let (folder, name) = bytes::split_last(path);
        if let Some(entries) = descend(self.odb, &mut self.root, folder, true)? {
            let mode = kind.mode();
            entries.insert(name.to_vec(), Node::Leaf { mode, id });
        }
        Ok(())
    }

    /// Writes the changes and returns the root's id. A folder without files is left out, as in git.
    pub(crate) fn write(mut self) -> Result<Oid> {
        match store(self.git, &mut self.root)? {
            Some(id) => Ok(id),
            None => self.git.empty_tree(),
        }
    }

    /// Returns the file at `path`.
    fn find(&mut self, path: &[u8]) -> Result<Option<(EntryKind, Oid)>> {
        let (folder, name) = bytes::split_last(path);
        let Some(entries) = look(self.odb, &mut self.root, folder)? else {
            return Ok(None);
        };
        Ok(match entries.get(name) {
            Some(Node::Leaf { mode, id }) => Some((EntryKind::of_mode(*mode), *id)),
            _ => None,
        })
    }

    /// Refuses a path that is, or passes through, a symbolic link or a submodule.
    fn refuse_links(&mut self, path: &[u8]) -> Result<()> {
        let ends = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let what = match self.find(&path[..end])? {
                Some((EntryKind::Link, _)) => "a symbolic link",
                Some((EntryKind::Submodule, _)) => "a submodule",
                _ => continue,
            };
            let (whole, part) = (bytes::to_path(path), bytes::to_path(&path[..end]));
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("`{}` meets `{}`, which is {what}", whole.display(), part.display()),
            )
            .hint("name the real files and folders"));
        }
        Ok(())
    }
}

/// Returns whether `path` is `other` or lies below it.
fn is_at_or_below(path: &[u8], other: &[u8]) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Removes what is below `node`, whose path is `path`, except what is kept.
fn prune(odb: &Odb<'_>, node: &mut Node, path: &[u8], keep: &[Vec<u8>]) -> Result<()> {
    let Some(entries) = opened(odb, node, true)? else {
        return Ok(());
    };
    let names: Vec<_> = entries.keys().cloned().collect();
    for name in names {
        let below = bytes::join(path, &name);
        if keep.iter().any(|kept| is_at_or_below(&below, kept)) {
            continue;
        }
        let holds_kept = keep.iter().any(|kept| is_at_or_below(kept, &below));
        match entries.get_mut(&name) {
            Some(Node::Leaf { .. }) | None => drop(entries.remove(&name)),
            Some(folder) if holds_kept => prune(odb, folder, &below, keep)?,
            Some(_) => drop(entries.remove(&name)),
        }
    }
    Ok(())
}

type Entries = BTreeMap<Vec<u8>, Node>;

/// Returns the entries of a folder that is about to change; with `create`, files in the way are replaced by folders.
fn descend<'node>(
    odb: &Odb<'_>,
    root: &'node mut Node,
    folder: &[u8],
    create: bool,
) -> Result<Option<&'node mut Entries>> {
    let mut node = root;
    for name in folder.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        let Some(entries) = opened(odb, node, true)? else {
            return Ok(None);
        };
        if create && matches!(entries.get(name), None | Some(Node::Leaf { .. })) {
            let empty = Node::Read {
                entries: Entries::new(),
                stored: None,
            };
            entries.insert(name.to_vec(), empty);
        }
        match entries.get_mut(name) {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    opened(odb, node, true)
}

/// Returns the entries of a folder that is only read.
fn look<'node>(odb: &Odb<'_>, root: &'node mut Node, folder: &[u8]) -> Result<Option<&'node mut Entries>> {
    let mut node = root;
    for name in folder.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        match opened(odb, node, false)?.and_then(|entries| entries.get_mut(name)) {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    opened(odb, node, false)
}

/// Reads a stored folder; `changing` forgets what is stored. `None` for a file.
fn opened<'node>(odb: &Odb<'_>, node: &'node mut Node, changing: bool) -> Result<Option<&'node mut Entries>> {
    if let Node::Stored(id) = *node {
        *node = Node::Read {
            entries: read(odb, id)?,
            stored: Some(id),
        };
    }
    match node {
        Node::Read { entries, stored } => {
            if changing {
                *stored = None;
            }
            Ok(Some(entries))
        }
        _ => Ok(None),
    }
}

/// Parses a tree object: `mode SP name NUL id`, repeated (gitformat: git's `Documentation/technical`).
fn read(odb: &Odb<'_>, id: Oid) -> Result<Entries> {
    let broken = || Error::new(ErrorKind::Unexpected, format!("the tree {id} is malformed"));
    let object = odb.read(id).context(format!("cannot read the tree {id}"))?;
    let mut entries = Entries::new();
    let mut rest = object.data();
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
        let nul = rest.iter().position(|byte| *byte == 0).ok_or_else(broken)?;
        let mode = std::str::from_utf8(&rest[..space]).map_err(|_| broken())?;
        let mode = u32::from_str_radix(mode, 8).map_err(|_| broken())?;
        let name = rest.get(space + 1..nul).ok_or_else(broken)?.to_vec();
        let raw = rest.get(nul + 1..nul + 21).ok_or_else(broken)?;
        let id = Oid::from_bytes(raw).map_err(|_| broken())?;
        let node = if mode == 0o040_000 {
            Node::Stored(id)
        } else {
            Node::Leaf { mode, id }
        };
        entries.insert(name, node);
        rest = &rest[nul + 21..];
    }
    Ok(entries)
}

/// Writes a folder if it changed; `None` when no file is left in it.
fn store(git: &Git, node: &mut Node) -> Result<Option<Oid>> {
    let entries = match node {
        Node::Leaf { id, .. } | Node::Stored(id) | Node::Read { stored: Some(id), .. } => return Ok(Some(*id)),
        Node::Read { entries, .. } => entries,
    };
    let mut lines = Vec::with_capacity(entries.len());
    for (name, child) in entries {
        let mode = match child {
            Node::Leaf { mode, .. } => *mode,
            _ => 0o040_000,
        };
        if let Some(id) = store(git, child)? {
            lines.push((name, mode, id));
        }
    }
    if lines.is_empty() {
        return Ok(None);
    }
    // Git orders a folder as if its name ended with a slash.
    lines.sort_by_cached_key(|(name, mode, _)| {
        let slash = (*mode == 0o040_000).then_some(b'/');
        name.iter().copied().chain(slash).collect::<Vec<u8>>()
    });
    let mut data = Vec::new();
    for (name, mode, id) in lines {
        data.extend_from_slice(format!("{mode:o} ").as_bytes());
        data.extend_from_slice(name);
        data.push(0);
        data.extend_from_slice(id.as_bytes());
    }
    Ok(Some(git.write_object(ObjectType::Tree, &data)?))
}
