//! The index of git, written from entries, and changed without being taken apart: at hundreds of thousands of files a library
//! takes longer for that than a container for its start. Format: gitformat-index(5), version 2, without extensions.

use std::collections::BTreeMap;

use git2::IndexEntry;
use sha1_smol::Sha1;

/// What an index begins with: its signature and its version.
const HEAD: [u8; 8] = *b"DIRC\0\0\0\x02";
/// The signature, the version and the number of entries.
const HEAD_LENGTH: usize = 12;
/// The checksum behind the entries.
const CHECKSUM: usize = 20;
/// What an entry has before its path.
const FIXED: usize = 62;
/// Where in an entry its flags are.
const FLAGS: usize = 60;
/// The longest path whose length is in the flags.
const LONGEST_NOTED: usize = 0xfff;

/// Entries by path; `None` is one that goes.
pub(super) type Patch = BTreeMap<Vec<u8>, Option<IndexEntry>>;

/// Returns an index with these entries.
pub(super) fn write(entries: &Patch) -> Vec<u8> {
    let mut writer = Writer::new();
    entries.values().flatten().for_each(|entry| writer.add(entry));
    writer.finish()
}

/// Returns an index with some of its entries replaced, added or gone; `None` for what [`write`] did not write.
pub(super) fn patched(index: &[u8], patch: &Patch) -> Option<Vec<u8>> {
    if index.get(..HEAD.len())? != HEAD {
        return None;
    }
    let count = u32::from_be_bytes(index.get(HEAD.len()..HEAD_LENGTH)?.try_into().ok()?);
    let end = index.len().checked_sub(CHECKSUM)?;
    let mut writer = Writer::new();
    writer.bytes.reserve(index.len());
    let mut patch = patch.iter().peekable();
    let (mut at, mut unwritten, mut kept) = (HEAD_LENGTH, HEAD_LENGTH, 0);
    for _ in 0..count {
        let (name, length) = entry_at(index.get(at..end)?)?;
        if patch.peek().is_some_and(|(next, _)| next.as_slice() <= name) {
            writer.copy(&index[unwritten..at], kept);
            kept = 0;
            unwritten = at;
            while let Some((_, new)) = patch.next_if(|(next, _)| next.as_slice() < name) {
                writer.add_if_there(new.as_ref());
            }
            if let Some((_, new)) = patch.next_if(|(next, _)| next.as_slice() == name) {
                writer.add_if_there(new.as_ref());
                at += length;
                unwritten = at;
                continue;
            }
        }
        at += length;
        kept += 1;
    }
    writer.copy(index.get(unwritten..at)?, kept);
    patch
        .filter_map(|(_, new)| new.as_ref())
        .for_each(|entry| writer.add(entry));
    Some(writer.finish())
}

/// Returns the path of the first of these entries, and how long the entry is.
fn entry_at(entries: &[u8]) -> Option<(&[u8], usize)> {
    let flags = u16::from_be_bytes(entries.get(FLAGS..FIXED)?.try_into().ok()?);
    let mut length = usize::from(flags) & LONGEST_NOTED;
    if length == LONGEST_NOTED {
        length = memchr::memchr(0, entries.get(FIXED..)?)?;
    }
    let whole = padded(length);
    (whole <= entries.len()).then(|| (&entries[FIXED..FIXED + length], whole))
}

/// Returns how long an entry is whose path has this length: there is at least one zero behind it.
fn padded(path: usize) -> usize {
    (FIXED + path + 8) & !7
}

struct Writer {
    bytes: Vec<u8>,
    count: u32,
}

impl Writer {
    fn new() -> Self {
        let mut bytes = HEAD.to_vec();
        bytes.extend([0; HEAD_LENGTH - HEAD.len()]);
        Self { bytes, count: 0 }
    }

    fn copy(&mut self, entries: &[u8], count: u32) {
        self.bytes.extend_from_slice(entries);
        self.count += count;
    }

    fn add_if_there(&mut self, entry: Option<&IndexEntry>) {
        if let Some(entry) = entry {
            self.add(entry);
        }
    }

    fn add(&mut self, entry: &IndexEntry) {
        let begun = self.bytes.len();
        for (seconds, nanoseconds) in [&entry.ctime, &entry.mtime].map(|time| (time.seconds(), time.nanoseconds())) {
            self.bytes.extend(seconds.to_be_bytes());
            self.bytes.extend(nanoseconds.to_be_bytes());
        }
        for number in [entry.dev, entry.ino, entry.mode, entry.uid, entry.gid, entry.file_size] {
            self.bytes.extend(number.to_be_bytes());
        }
        self.bytes.extend_from_slice(entry.id.as_bytes());
        let noted = u16::try_from(entry.path.len().min(LONGEST_NOTED)).unwrap_or_default();
        self.bytes.extend(noted.to_be_bytes());
        self.bytes.extend_from_slice(&entry.path);
        self.bytes.resize(begun + padded(entry.path.len()), 0);
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes[HEAD.len()..HEAD_LENGTH].copy_from_slice(&self.count.to_be_bytes());
        let mut hash = Sha1::new();
        hash.update(&self.bytes);
        self.bytes.extend(hash.digest().bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use git2::{Index, IndexTime, Oid};

    use super::*;

    fn entry(path: &str, size: u32) -> IndexEntry {
        IndexEntry {
            ctime: IndexTime::new(1, 2),
            mtime: IndexTime::new(3, 4),
            dev: 5,
            ino: 6,
            mode: 0o100_644,
            uid: 7,
            gid: 8,
            file_size: size,
            id: Oid::hash_object(git2::ObjectType::Blob, path.as_bytes()).unwrap(),
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        }
    }

    /// Reads an index with libgit2, which checks its sum.
    fn read(index: &[u8]) -> Vec<(String, u32)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), index).unwrap();
        let index = Index::open(file.path()).unwrap();
        let entries = index.iter();
        entries
            .map(|entry| (String::from_utf8(entry.path).unwrap(), entry.file_size))
            .collect()
    }

    #[test]
    fn entries_are_replaced_added_and_removed() {
        let long = format!("m/{}", "x".repeat(5000));
        let paths = ["a", "a.b", "a/b", "d/e", &long, "z"];
        let all: Patch = paths
            .iter()
            .map(|path| (path.as_bytes().to_vec(), Some(entry(path, 1))))
            .collect();
        let index = write(&all);
        let names = |list: &[&str]| list.iter().map(|name| ((*name).to_owned(), 1)).collect::<Vec<_>>();
        assert_eq!(read(&index), names(&paths));
        assert_eq!(patched(&index, &Patch::new()).unwrap(), index);
        let patch: Patch = [
            ("A", Some(entry("A", 2))),
            ("a.b", None),
            ("b", Some(entry("b", 2))),
            ("d/e", Some(entry("d/e", 2))),
            ("nowhere", None),
            ("z", None),
            ("zz", Some(entry("zz", 2))),
        ]
        .map(|(path, entry)| (path.as_bytes().to_vec(), entry))
        .into();
        let expect = [
            ("A", 2),
            ("a", 1),
            ("a/b", 1),
            ("b", 2),
            ("d/e", 2),
            (&long, 1),
            ("zz", 2),
        ];
        let expect = expect.map(|(path, size)| (path.to_owned(), size));
        assert_eq!(read(&patched(&index, &patch).unwrap()), expect);
        let nothing: Patch = all.keys().map(|path| (path.clone(), None)).collect();
        assert_eq!(read(&patched(&index, &nothing).unwrap()), []);
    }

    #[test]
    fn what_is_not_such_an_index_is_not_patched() {
        let index = write(&[(b"a".to_vec(), Some(entry("a", 1)))].into());
        for broken in [&index[..40], b"", &[&b"DIRC\0\0\0\x04"[..], &index[8..]].concat()] {
            assert_eq!(patched(broken, &Patch::new()), None);
        }
    }
}
