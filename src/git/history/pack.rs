//! Writes packs. Entries are copied from other packs as they are, deltas included where what they are based on is copied,
//! too: nothing is unpacked for that. Formats: gitformat-pack(5).

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibEncoder;
use flate2::{Compression, Crc};
use git2::{ObjectType, Oid};
use sha1_smol::Sha1;

use super::sources::{Place, Sources, Window};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};

/// Kinds of entries that are deltas: by the distance to what they are based on, and by its id.
const BY_DISTANCE: u8 = 6;
const BY_ID: u8 = 7;
/// Longer than the head of any entry: size, and distance or id.
const LONGEST_HEAD: u64 = 40;
/// What is copied at once, in bytes.
const PIECE: u64 = 1 << 18;

/// Writes these objects, and more that come with their content, as one pack into a folder; returns the path of its index.
/// Until the index is there, git does not see it. Files of one that was never finished are removed.
///
/// # Errors
///
/// Where an object cannot be read, or the pack cannot be written.
pub(super) fn write(
    folder: &Path,
    sources: &Sources<'_>,
    ids: &[Oid],
    more: &[(Oid, ObjectType, Vec<u8>)],
) -> Result<PathBuf> {
    let places = sources.places(ids)?;
    let failed = || format!("cannot write a pack into `{}`", folder.display());
    remove_unfinished(folder).context(failed())?;
    let file = tempfile::Builder::new()
        .prefix("tmp_pack_")
        .tempfile_in(folder)
        .context(failed())?;
    let count = u32::try_from(places.len() + more.len())
        .map_err(io::Error::other)
        .context(failed())?;
    let mut pack = Pack::begin(file.reopen().context(failed())?, count).context(failed())?;
    let wanted: HashSet<Oid> = places.iter().map(|(_, id)| *id).collect();
    let mut copied = Copied::default();
    for (place, id) in &places {
        match place {
            Place::Packed { pack: number, from, to } => {
                if copied.pack != Some(*number) {
                    copied = Copied::of(*number);
                }
                let entry = Entry {
                    id: *id,
                    from: *from,
                    to: *to,
                };
                if !pack
                    .copy(sources.file(*number), &entry, &mut copied, &wanted)
                    .context(failed())?
                {
                    let (kind, content) = sources.read(*id)?;
                    copied.new.insert(*from, pack.offset);
                    pack.add(*id, kind, &content).context(failed())?;
                }
            }
            Place::Elsewhere => {
                let (kind, content) = sources.read(*id)?;
                pack.add(*id, kind, &content).context(failed())?;
            }
        }
    }
    for (id, kind, content) in more {
        pack.add(*id, *kind, content).context(failed())?;
    }
    let (checksum, index) = pack.finish().context(failed())?;
    let path = folder.join(format!("pack-{checksum}.idx"));
    publish(file, &path.with_extension("pack")).context(failed())?;
    crash_point!("history.pack");
    let mut file = tempfile::Builder::new()
        .prefix("tmp_idx_")
        .tempfile_in(folder)
        .context(failed())?;
    file.write_all(&index).context(failed())?;
    publish(file, &path).context(failed())?;
    Ok(path)
}

/// Gives a file its name, once it is on the disk. Everybody may read it, whoever git is in a container.
fn publish(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().set_permissions(fs::Permissions::from_mode(0o444))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Removes what a dead process left, under the caller's lock: half a pack, and a pack whose index is missing.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_pack = path.extension().is_some_and(|extension| extension == "pack");
        let is_alone = is_pack && !path.with_extension("idx").exists();
        if name.starts_with("tmp_") || is_alone {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// What was copied from one pack.
#[derive(Default)]
struct Copied {
    pack: Option<usize>,
    window: Window,
    /// Where the copied ones begin in the new pack, by where they began.
    new: HashMap<u64, u64>,
}

impl Copied {
    fn of(pack: usize) -> Self {
        Self {
            pack: Some(pack),
            ..Self::default()
        }
    }
}

/// An entry of another pack.
struct Entry {
    id: Oid,
    from: u64,
    to: u64,
}

/// A pack that is being written.
struct Pack {
    file: BufWriter<File>,
    hash: Sha1,
    offset: u64,
    entries: Vec<(Oid, u32, u64)>,
}

impl Pack {
    fn begin(file: File, count: u32) -> io::Result<Self> {
        let mut pack = Self {
            file: BufWriter::with_capacity(1 << 18, file),
            hash: Sha1::new(),
            offset: 0,
            entries: Vec::with_capacity(count as usize),
        };
        let mut unused = Crc::new();
        pack.put(b"PACK\0\0\0\x02", &mut unused)?;
        pack.put(&count.to_be_bytes(), &mut unused)?;
        Ok(pack)
    }

    fn put(&mut self, bytes: &[u8], crc: &mut Crc) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        crc.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Adds an object by its content.
    fn add(&mut self, id: Oid, kind: ObjectType, content: &[u8]) -> io::Result<()> {
        let (begin, mut crc) = (self.offset, Crc::new());
        let kind = match kind {
            ObjectType::Commit => 1,
            ObjectType::Tree => 2,
            ObjectType::Tag => 4,
            _ => 3,
        };
        self.put(&head(kind, content.len() as u64), &mut crc)?;
        let mut packed = Vec::new();
        ZlibEncoder::new(content, Compression::fast()).read_to_end(&mut packed)?;
        self.put(&packed, &mut crc)?;
        self.entries.push((id, crc.sum(), begin));
        Ok(())
    }

    /// Copies an entry of another pack. Returns whether that was possible: a delta to what is not copied is not.
    fn copy(&mut self, file: &File, entry: &Entry, copied: &mut Copied, wanted: &HashSet<Oid>) -> io::Result<bool> {
        let length = entry.to - entry.from;
        let longest = usize::try_from(length.min(LONGEST_HEAD)).unwrap_or_default();
        let bytes = copied.window.read(file, entry.from, longest)?;
        let parsed = parse_head(bytes)?;
        let mut skip = 0;
        let mut new_head = Vec::new();
        match parsed.kind {
            BY_DISTANCE => {
                let (distance, used) = parse_distance(&bytes[parsed.length..])?;
                let base = entry.from.checked_sub(distance).ok_or(io::ErrorKind::InvalidData)?;
                let Some(base) = copied.new.get(&base) else {
                    return Ok(false);
                };
                new_head = head(BY_DISTANCE, parsed.size);
                new_head.extend(distance_bytes(self.offset - base));
                skip = (parsed.length + used) as u64;
            }
            BY_ID => {
                let id = bytes
                    .get(parsed.length..parsed.length + 20)
                    .ok_or(io::ErrorKind::InvalidData)?;
                if !wanted.contains(&Oid::from_bytes(id).map_err(io::Error::other)?) {
                    return Ok(false);
                }
            }
            _ => {}
        }
        let (begin, mut crc) = (self.offset, Crc::new());
        self.put(&new_head, &mut crc)?;
        let mut at = entry.from + skip;
        while at < entry.to {
            let piece = (entry.to - at).min(PIECE);
            let bytes = copied
                .window
                .read(file, at, usize::try_from(piece).unwrap_or_default())?;
            self.put(bytes, &mut crc)?;
            at += piece;
        }
        copied.new.insert(entry.from, begin);
        self.entries.push((entry.id, crc.sum(), begin));
        Ok(true)
    }

    /// Ends the pack; returns its checksum and its index.
    fn finish(mut self) -> io::Result<(String, Vec<u8>)> {
        let checksum = self.hash.digest();
        self.file.write_all(&checksum.bytes())?;
        // It is brought to the disk where it gets its name.
        self.file.flush()?;
        self.entries.sort_unstable();
        Ok((checksum.to_string(), index_of(&self.entries, &checksum.bytes())))
    }
}

/// Builds the index of a pack with these objects, in the order of their ids: version 2.
fn index_of(entries: &[(Oid, u32, u64)], checksum: &[u8]) -> Vec<u8> {
    let mut index = vec![0xff, b't', b'O', b'c', 0, 0, 0, 2];
    for first in 0..=u8::MAX {
        let count = entries.partition_point(|(id, ..)| id.as_bytes()[0] <= first);
        index.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    }
    for (id, ..) in entries {
        index.extend(id.as_bytes());
    }
    for (_, crc, _) in entries {
        index.extend(crc.to_be_bytes());
    }
    let mut large = Vec::new();
    for (.., offset) in entries {
        let small = u32::try_from(*offset).ok().filter(|offset| offset >> 31 == 0);
        let place = small.unwrap_or_else(|| {
            large.push(*offset);
            (1 << 31) | u32::try_from(large.len() - 1).unwrap_or_default()
        });
        index.extend(place.to_be_bytes());
    }
    for offset in large {
        index.extend(offset.to_be_bytes());
    }
    index.extend(checksum);
    let sum = Sha1::from(&index).digest();
    index.extend(sum.bytes());
    index
}

/// The head of an entry.
struct Head {
    kind: u8,
    size: u64,
    /// Its length in bytes.
    length: usize,
}

fn parse_head(bytes: &[u8]) -> io::Result<Head> {
    let first = *bytes.first().ok_or(io::ErrorKind::InvalidData)?;
    let (mut size, mut shift, mut length) = (u64::from(first & 0x0f), 4, 1);
    let mut byte = first;
    while byte & 0x80 != 0 {
        byte = *bytes.get(length).ok_or(io::ErrorKind::InvalidData)?;
        size |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        (shift, length) = (shift + 7, length + 1);
    }
    let kind = first >> 4 & 0x07;
    Ok(Head { kind, size, length })
}

/// Parses how far back the base of a delta begins; returns beside it how many bytes that takes.
fn parse_distance(bytes: &[u8]) -> io::Result<(u64, usize)> {
    let mut byte = *bytes.first().ok_or(io::ErrorKind::InvalidData)?;
    let (mut distance, mut used) = (u64::from(byte & 0x7f), 1);
    while byte & 0x80 != 0 {
        byte = *bytes.get(used).ok_or(io::ErrorKind::InvalidData)?;
        distance = (distance.wrapping_add(1) << 7) | u64::from(byte & 0x7f);
        used += 1;
    }
    Ok((distance, used))
}

fn head(kind: u8, mut size: u64) -> Vec<u8> {
    let low = |size: u64, mask: u64| u8::try_from(size & mask).unwrap_or_default();
    let mut bytes = vec![kind << 4 | low(size, 0x0f)];
    size >>= 4;
    while size > 0 {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push(low(size, 0x7f));
        size >>= 7;
    }
    bytes
}

fn distance_bytes(mut distance: u64) -> Vec<u8> {
    let low = |distance: u64| u8::try_from(distance & 0x7f).unwrap_or_default();
    let mut bytes = vec![low(distance)];
    while distance >> 7 > 0 {
        distance = (distance >> 7) - 1;
        bytes.push(0x80 | low(distance));
    }
    bytes.reverse();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_distances_are_read_as_they_were_written() {
        for number in [0, 1, 15, 16, 127, 128, 16_511, 16_512, 1 << 31, 1 << 40, (1 << 56) - 1] {
            for kind in 1..=7 {
                let parsed = parse_head(&head(kind, number)).unwrap();
                assert_eq!(
                    (parsed.kind, parsed.size, parsed.length),
                    (kind, number, head(kind, number).len())
                );
            }
            let bytes = distance_bytes(number);
            assert_eq!(parse_distance(&bytes).unwrap(), (number, bytes.len()));
        }
        for cut in [&[][..], &[0x90], &[0xff, 0xff]] {
            assert!(parse_head(cut).is_err());
        }
    }
}
