//! Where the objects of a history are: in packs, from which they are copied as they are, or elsewhere. Formats: gitformat-pack(5).

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use git2::{ErrorCode, ObjectType, Oid, Repository};

use super::walk::{is_partial, unreadable};
use crate::base::error::{Context as _, Result};
use crate::git::bytes;

/// Git follows alternates this many times, too.
const DEEPEST_ALTERNATES: usize = 5;
/// How much of a pack is read at once, in bytes.
const WINDOW: usize = 1 << 15;
/// The bytes of a checksum, and of an id.
const ID: usize = 20;

/// Returns the indexes of packs in a folder of objects.
pub(super) fn indexes(objects: &Path) -> Result<Vec<PathBuf>> {
    let folder = objects.join("pack");
    let failed = || format!("cannot read the folder `{}`", folder.display());
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context(failed())?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.context(failed())?.path();
        if path.extension().is_some_and(|extension| extension == "idx") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The objects of a repository and of those that it borrows from.
pub(super) struct Sources<'a> {
    repository: &'a Repository,
    packs: Vec<SourcePack>,
}

/// A pack and its index.
struct SourcePack {
    index: PathBuf,
    file: File,
    ids: Vec<u8>,
    offsets: Vec<u64>,
    /// Where entries begin, in order, and where the last one ends.
    bounds: Vec<u64>,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// An entry of a pack, which begins and ends there.
    Packed { pack: usize, from: u64, to: u64 },
    /// Outside of the packs that could be read.
    Elsewhere,
}

impl<'a> Sources<'a> {
    /// Finds the packs of a repository whose objects are in this folder. What cannot be read of them as expected is read
    /// through libgit2.
    pub(super) fn of(repository: &'a Repository, objects: &Path) -> Result<Self> {
        let mut packs = Vec::new();
        for folder in with_alternates(objects) {
            for index in indexes(&folder)? {
                packs.extend(SourcePack::open(index));
            }
        }
        Ok(Self { repository, packs })
    }

    /// Reads every object through libgit2, whole: for few of them, which need no look at each index.
    pub(super) fn unpacked(repository: &'a Repository) -> Self {
        Self {
            repository,
            packs: Vec::new(),
        }
    }

    /// Returns the ids in the packs with these indexes, each once.
    pub(super) fn ids_of(&self, indexes: &[PathBuf]) -> Vec<Oid> {
        let packs = self.packs.iter().filter(|pack| indexes.contains(&pack.index));
        let ids = packs.flat_map(|pack| pack.ids.chunks_exact(ID));
        let ids: HashSet<Oid> = ids.filter_map(|id| Oid::from_bytes(id).ok()).collect();
        ids.into_iter().collect()
    }

    /// Returns where each of these objects is, in the order in which they are best read. Those that a partial clone lacks
    /// are left out.
    pub(super) fn places(&self, ids: &[Oid]) -> Result<Vec<(Place, Oid)>> {
        let mut found = Vec::with_capacity(ids.len());
        let database = self.repository.odb().context("cannot read the repository's objects")?;
        for id in ids {
            let packs = self.packs.iter().enumerate();
            let packed = packs.filter_map(|(pack, source)| {
                let (from, to) = source.entry(id.as_bytes())?;
                Some(Place::Packed { pack, from, to })
            });
            let place = match packed.min() {
                Some(place) => place,
                None if database.exists(*id) => Place::Elsewhere,
                None if is_partial(self.repository) => continue,
                None => {
                    return Err(unreadable(
                        *id,
                        git2::Error::new(ErrorCode::NotFound, git2::ErrorClass::Odb, "it is missing"),
                    ));
                }
            };
            found.push((place, *id));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Reads an object as it is, whole.
    pub(super) fn read(&self, id: Oid) -> Result<(ObjectType, Vec<u8>)> {
        let read = || {
            let database = self.repository.odb()?;
            let object = database.read(id)?;
            Ok((object.kind(), object.data().to_vec()))
        };
        read().map_err(|error| unreadable(id, error))
    }

    /// Returns the file of a pack.
    pub(super) fn file(&self, pack: usize) -> &File {
        &self.packs[pack].file
    }
}

impl SourcePack {
    /// Opens a pack; `None` where it is gone, or its index is not of version 2.
    fn open(index: PathBuf) -> Option<Self> {
        let file = File::open(index.with_extension("pack")).ok()?;
        let length = file.metadata().ok()?.len();
        let (ids, offsets) = parse(&fs::read(&index).ok()?)?;
        let mut bounds = offsets.clone();
        bounds.push(length.checked_sub(ID as u64)?);
        bounds.sort_unstable();
        Some(Self {
            index,
            file,
            ids,
            offsets,
            bounds,
        })
    }

    /// Returns where the entry of an object begins and ends.
    fn entry(&self, id: &[u8]) -> Option<(u64, u64)> {
        let at = self.position(id)?;
        let from = self.offsets[at];
        let to = self.bounds[self.bounds.partition_point(|bound| *bound <= from)..].first()?;
        Some((from, *to))
    }

    fn position(&self, id: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.offsets.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.ids[middle * ID..(middle + 1) * ID].cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }
}

/// Parses the index of a pack, version 2: the ids in order, and where each begins.
fn parse(index: &[u8]) -> Option<(Vec<u8>, Vec<u64>)> {
    const HEAD: usize = 8 + 256 * 4;
    if index.get(..8)? != [0xff, b't', b'O', b'c', 0, 0, 0, 2] {
        return None;
    }
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    let count = number(HEAD - 4)? as usize;
    let ids = index.get(HEAD..HEAD + count * ID)?.to_vec();
    let (small, large) = (HEAD + count * (ID + 4), HEAD + count * (ID + 8));
    let mut offsets = Vec::with_capacity(count);
    for at in 0..count {
        let offset = number(small + at * 4)?;
        offsets.push(match offset & 0x7fff_ffff {
            offset_at if offset >> 31 == 1 => {
                let at = large + offset_at as usize * 8;
                u64::from_be_bytes(index.get(at..at + 8)?.try_into().ok()?)
            }
            offset => u64::from(offset),
        });
    }
    Some((ids, offsets))
}

/// Returns a folder of objects and those that it borrows from.
fn with_alternates(objects: &Path) -> Vec<PathBuf> {
    let mut found = vec![objects.to_path_buf()];
    let mut generation = found.clone();
    for _ in 0..DEEPEST_ALTERNATES {
        let mut next = Vec::new();
        for folder in &generation {
            let Ok(lines) = fs::read(folder.join("info/alternates")) else {
                continue;
            };
            for line in lines.split(|byte| *byte == b'\n') {
                let named = folder.join(bytes::to_path(line));
                let named = named.canonicalize().unwrap_or(named);
                if !line.is_empty() && line[0] != b'#' && named.is_dir() && !found.contains(&named) {
                    found.push(named.clone());
                    next.push(named);
                }
            }
        }
        generation = next;
    }
    found
}

/// A part of a pack's file that was read at once: entries are small, and are read in their order.
#[derive(Default)]
pub(super) struct Window {
    from: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// Reads a part of a pack's file, which must be the same one each time.
    pub(super) fn read(&mut self, file: &File, from: u64, length: usize) -> io::Result<&[u8]> {
        let is_there = from
            .checked_sub(self.from)
            .is_some_and(|at| at + length as u64 <= self.bytes.len() as u64);
        if !is_there {
            self.bytes.clear();
            self.from = from;
            let mut rest = file;
            rest.seek(SeekFrom::Start(from))?;
            rest.take(length.max(WINDOW) as u64).read_to_end(&mut self.bytes)?;
        }
        let at = usize::try_from(from - self.from).map_err(io::Error::other)?;
        self.bytes
            .get(at..at + length)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
