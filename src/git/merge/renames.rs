//! The files that a side renamed, by git's own measure of similarity: the share of bytes, in lines or pieces of 64
//! bytes, that two files have in common (`diffcore-delta.c` and `diffcore-rename.c` of git define what is counted).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use git2::{ObjectType, Odb, Repository};

use super::changes::{Changes, Leaf};
use crate::base::error::{Context as _, Result};
use crate::git::{EntryKind, Oid, bytes, lines};

/// The similarity of equal files.
const ALL: u64 = 60_000;
/// The least similarity of a renamed file.
const LEAST: u64 = ALL / 2;
/// The least similarity at which a file of the same name elsewhere is chosen.
const LEAST_OF_NAMESAKES: u64 = ALL / 4 * 3;
/// How many candidates are kept for each new file.
const CANDIDATES: usize = 4;
/// How many bytes are read to compare contents; beyond, only unchanged files are recognized.
const MOST_BYTES: u64 = 64 << 20;
/// How many pieces are compared in total.
const MOST_STEPS: usize = 50_000_000;

/// New paths by old ones.
pub(super) type Renames = BTreeMap<Vec<u8>, Vec<u8>>;

/// The new places of files of the ancestor on one side.
#[derive(Default)]
pub(super) struct Moves {
    /// The recognized files.
    pub(super) renames: Renames,
    /// Files with a content that is at several new places, or was at several old ones: which was moved where is not
    /// known.
    pub(super) unsure: BTreeSet<Vec<u8>>,
}

/// Finds the new places of files of the ancestor on one side. Those that do not matter by `matters` are recognized only
/// if their content is unchanged.
/// their content is unchanged.
pub(super) fn find(repository: &Repository, side: &Changes, matters: impl Fn(&[u8]) -> bool) -> Result<Moves> {
    let mut search = Search::default();
    if !side
        .iter()
        .any(|(path, change)| change.deleted().is_some() && matters(path))
    {
        return Ok(search.found);
    }
    let odb = repository.odb().context("cannot open the object database")?;
    let empty = Oid::hash_object(ObjectType::Blob, b"").context("cannot name the empty file")?;
    for (path, change) in side {
        let file = |leaf: Leaf| {
            let path = path.clone();
            (leaf.id != empty).then_some(File { path, leaf })
        };
        search.old.extend(change.deleted().and_then(file));
        search.new.extend(change.added().and_then(file));
    }
    search.unchanged();
    search.old.retain(|file| matters(&file.path));
    search.alike(&odb)?;
    Ok(search.found)
}

struct File {
    path: Vec<u8>,
    leaf: Leaf,
}

impl File {
    fn name(&self) -> &[u8] {
        bytes::split_last(&self.path).1
    }

    /// Returns what must be equal in two files: their content, and whether it is a file's, a link's or a submodule's.
    /// link's or a submodule's.
    fn content(&self) -> (Oid, u8) {
        let kind = match self.leaf.kind {
            EntryKind::File | EntryKind::Executable => 0,
            EntryKind::Link => 1,
            EntryKind::Submodule => 2,
        };
        (self.leaf.id, kind)
    }

    /// Returns the number of parts of its path.
    fn depth(&self) -> usize {
        self.path.split(|byte| *byte == b'/').count()
    }

    /// Returns the last parts of its path; `None` where it has fewer.
    fn end(&self, parts: usize) -> Option<&[u8]> {
        let slashes = memchr::memrchr_iter(b'/', &self.path);
        match slashes.take(parts).nth(parts - 1) {
            Some(slash) => Some(&self.path[slash + 1..]),
            None => (self.depth() == parts).then_some(&self.path[..]),
        }
    }

    fn is_regular(&self) -> bool {
        matches!(self.leaf.kind, EntryKind::File | EntryKind::Executable)
    }
}

/// The files with an old or new place that is still unknown.
#[derive(Default)]
struct Search {
    old: Vec<File>,
    new: Vec<File>,
    found: Moves,
}

impl Search {
    /// Removes pairs with equal content: where there are several, those with the same end of their paths.
    fn unchanged(&mut self) {
        let mut groups: BTreeMap<(Oid, u8), [Vec<usize>; 2]> = BTreeMap::new();
        for (place, files) in [&self.old, &self.new].into_iter().enumerate() {
            for (index, file) in files.iter().enumerate() {
                groups.entry(file.content()).or_default()[place].push(index);
            }
        }
        let mut pairs = Vec::new();
        let mut unsure = Vec::new();
        for [mut old, mut new] in groups.into_values() {
            let longest = old.iter().map(|index| self.old[*index].depth()).max().unwrap_or(0);
            for parts in (1..=longest).rev() {
                if old.is_empty() || new.is_empty() {
                    break;
                }
                let ends = [
                    only(&old, |index| self.old[index].end(parts)),
                    only(&new, |index| self.new[index].end(parts)),
                ];
                let same = ends[0]
                    .iter()
                    .filter_map(|(end, from)| Some((*from, *ends[1].get(end)?)));
                let same: Vec<_> = same.filter_map(|(from, to)| Some((from?, to?))).collect();
                let (from, to): (BTreeSet<_>, BTreeSet<_>) = same.iter().copied().unzip();
                old.retain(|index| !from.contains(index));
                new.retain(|index| !to.contains(index));
                pairs.extend(same);
            }
            match (old.as_slice(), new.as_slice()) {
                ([], _) | (_, []) => {}
                ([from], [to]) => pairs.push((*from, *to)),
                _ => unsure.extend(old),
            }
        }
        self.found.unsure = unsure.iter().map(|index| self.old[*index].path.clone()).collect();
        self.take(&pairs);
        self.old.retain(|file| !self.found.unsure.contains(&file.path));
    }

    /// Removes pairs with similar contents, unless comparing them would cost too much.
    fn alike(&mut self, odb: &Odb<'_>) -> Result<()> {
        self.old.retain(File::is_regular);
        self.new.retain(File::is_regular);
        if self.old.is_empty() || self.new.is_empty() {
            return Ok(());
        }
        let mut bytes = 0;
        for file in self.old.iter().chain(&self.new) {
            let (size, _) = odb.read_header(file.leaf.id).context("cannot read a file to merge")?;
            bytes += size as u64;
            if bytes > MOST_BYTES {
                return Ok(());
            }
        }
        let read = |file: &File| Pieces::read(odb, file.leaf.id);
        let mut old = self.old.iter().map(read).collect::<Result<Vec<_>>>()?;
        let mut new = self.new.iter().map(read).collect::<Result<Vec<_>>>()?;
        let pairs = self.namesakes(&old, &new);
        retain_others(&mut old, pairs.iter().map(|pair| pair.0));
        retain_others(&mut new, pairs.iter().map(|pair| pair.1));
        self.take(&pairs);
        let pieces = |all: &[Pieces]| all.iter().map(|one| one.counts.len()).sum::<usize>();
        if pieces(&old) * new.len() + pieces(&new) * old.len() <= MOST_STEPS {
            self.take(&self.likest(&old, &new));
        }
        Ok(())
    }

    /// Returns the pairs of files with a name that exists once on each side, where they are very similar.
    fn namesakes(&self, old: &[Pieces], new: &[Pieces]) -> Vec<(usize, usize)> {
        let indexes = |files: &[File]| (0..files.len()).collect::<Vec<_>>();
        let old_names = only(&indexes(&self.old), |index| Some(self.old[index].name()));
        let new_names = only(&indexes(&self.new), |index| Some(self.new[index].name()));
        let pairs = self.old.iter().filter_map(|file| {
            let (from, to) = (*old_names.get(file.name())?, *new_names.get(file.name())?);
            Some((from?, to?))
        });
        pairs
            .filter(|(from, to)| old[*from].likeness(&new[*to]) >= LEAST_OF_NAMESAKES)
            .collect()
    }

    /// Returns the most similar pairs.
    fn likest(&self, old: &[Pieces], new: &[Pieces]) -> Vec<(usize, usize)> {
        let mut candidates = Vec::new();
        for (to, file) in self.new.iter().enumerate() {
            let mut best: Vec<(u64, bool, usize)> = Vec::new();
            for (from, was) in self.old.iter().enumerate() {
                let likeness = old[from].likeness(&new[to]);
                if likeness >= LEAST {
                    best.push((likeness, was.name() == file.name(), from));
                }
            }
            best.sort_by_key(|(likeness, namesake, from)| (std::cmp::Reverse((*likeness, *namesake)), *from));
            best.truncate(CANDIDATES);
            let with_target = |(likeness, namesake, from)| (likeness, namesake, from, to);
            candidates.extend(best.into_iter().map(with_target));
        }
        candidates.sort_by_key(|(likeness, namesake, ..)| std::cmp::Reverse((*likeness, *namesake)));
        let (mut left, mut reached) = (vec![true; old.len()], vec![false; new.len()]);
        let mut pairs = Vec::new();
        for (.., from, to) in candidates {
            if left[from] && !reached[to] {
                (left[from], reached[to]) = (false, true);
                pairs.push((from, to));
            }
        }
        pairs
    }

    /// Notes pairs of indexes, and removes their files from the search.
    fn take(&mut self, pairs: &[(usize, usize)]) {
        for (from, to) in pairs {
            let (from, to) = (&self.old[*from].path, &self.new[*to].path);
            self.found.renames.insert(from.clone(), to.clone());
        }
        retain_others(&mut self.old, pairs.iter().map(|pair| pair.0));
        retain_others(&mut self.new, pairs.iter().map(|pair| pair.1));
    }
}

/// Removes the files at these indexes.
fn retain_others<T>(all: &mut Vec<T>, indexes: impl Iterator<Item = usize>) {
    let mut stays = vec![true; all.len()];
    for index in indexes {
        stays[index] = false;
    }
    let mut stays = stays.into_iter();
    all.retain(|_| stays.next().unwrap_or(true));
}

/// Returns the index for each key; `None` for a key that several of `indexes` have.
fn only<K: Eq + std::hash::Hash>(indexes: &[usize], key: impl Fn(usize) -> Option<K>) -> HashMap<K, Option<usize>> {
    let mut found = HashMap::new();
    for index in indexes {
        if let Some(key) = key(*index) {
            found
                .entry(key)
                .and_modify(|known| *known = None)
                .or_insert(Some(*index));
        }
    }
    found
}

/// The pieces of a content.
struct Pieces {
    size: u64,
    /// How many bytes there are in pieces of each hash, ordered by hash.
    counts: Vec<(u32, u64)>,
}

impl Pieces {
    fn read(odb: &Odb<'_>, id: Oid) -> Result<Self> {
        let object = odb.read(id).context(format!("cannot read the file {id}"))?;
        Ok(Self::of(object.data()))
    }

    fn of(content: &[u8]) -> Self {
        /// A piece that has no line end.
        const LONGEST: u64 = 64;
        /// Git's number of hashes.
        const HASHES: u32 = 107_927;
        let is_text = !lines::is_binary(content);
        let mut counts: HashMap<u32, u64> = HashMap::new();
        let (mut length, mut high, mut low) = (0, 0_u32, 0_u32);
        for (index, byte) in content.iter().enumerate() {
            if is_text && *byte == b'\r' && content.get(index + 1) == Some(&b'\n') {
                continue;
            }
            (high, low) = ((high << 7) ^ (low >> 25), (low << 7) ^ (high >> 25));
            high = high.wrapping_add(u32::from(*byte));
            length += 1;
            if length == LONGEST || *byte == b'\n' {
                let hash = high.wrapping_add(low.wrapping_mul(0x61)) % HASHES;
                *counts.entry(hash).or_default() += length;
                (length, high, low) = (0, 0, 0);
            }
        }
        if length > 0 {
            let hash = high.wrapping_add(low.wrapping_mul(0x61)) % HASHES;
            *counts.entry(hash).or_default() += length;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable();
        Self {
            size: content.len() as u64,
            counts,
        }
    }

    /// Returns how much of the larger content both have, in parts of [`ALL`].
    fn likeness(&self, other: &Self) -> u64 {
        let (larger, smaller) = (self.size.max(other.size), self.size.min(other.size));
        if larger == 0 || larger * (ALL - LEAST) < (larger - smaller) * ALL {
            return 0;
        }
        let (mut mine, mut others) = (self.counts.iter().peekable(), other.counts.iter().peekable());
        let mut common = 0;
        while let (Some((hash, count)), Some((other_hash, other_count))) = (mine.peek(), others.peek()) {
            match hash.cmp(other_hash) {
                std::cmp::Ordering::Less => drop(mine.next()),
                std::cmp::Ordering::Greater => drop(others.next()),
                std::cmp::Ordering::Equal => {
                    common += count.min(other_count);
                    mine.next();
                    others.next();
                }
            }
        }
        common * ALL / larger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_the_share_of_common_pieces() {
        let likeness = |one: &str, other: &str| Pieces::of(one.as_bytes()).likeness(&Pieces::of(other.as_bytes()));
        assert_eq!(likeness("a\nb\n", "a\nb\n"), ALL);
        assert_eq!(likeness("a\nb\nc\nd\n", "a\nb\nx\ny\n"), LEAST);
        assert_eq!(likeness("a\r\nb\r\n", "a\nb\n"), 4 * ALL / 6);
        assert_eq!(likeness("aaaa\n", "bbbb\n"), 0);
        assert_eq!(likeness("a\n", "a\nb\nc\nd\n"), 0);
    }
}
