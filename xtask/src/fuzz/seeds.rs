//! The first inputs: what real clients wrote.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Target;

/// The moment of the recordings, in seconds since 1970.
const NOW: i64 = 1_795_253_435;

/// Writes the first inputs of a target into a folder, a file each.
pub(super) fn write(target: Target, folder: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let seeds = match target {
        Target::Stream => recordings(&root.join("tests/data/transcripts"))?,
        Target::ResetTime => sentences(&root.join("fuzz/reset_time/sentences.txt"))?,
        Target::Network => first_bytes(&root.join("fuzz/network"))?,
        Target::Redactor => texts(&root.join("fuzz/redactor/texts.txt"))?,
    };
    for (number, seed) in seeds.iter().enumerate() {
        let path = folder.join(number.to_string());
        fs::write(&path, seed).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Each line of the recordings, each recording but for its first line, which is long and always the same, and one
/// stream that is put together.
fn recordings(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut seeds = vec![choices()];
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let recording = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines: Vec<&[u8]> = recording.split(|byte| *byte == b'\n').collect();
        seeds.extend(lines.iter().map(|line| line.to_vec()));
        seeds.push(lines[1..].join(&b'\n'));
    }
    Ok(seeds)
}

/// Choices without a pattern, after the byte that says that they are choices.
fn choices() -> Vec<u8> {
    let spread = |at: u16| (at.wrapping_mul(40_503) >> 8).to_le_bytes()[0];
    std::iter::once(0).chain((0..400).map(spread)).collect()
}

fn sentences(file: &Path) -> Result<Vec<Vec<u8>>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.lines().map(|line| format!("{NOW}\n{line}").into_bytes()).collect())
}

/// A credential in its forms, and beginnings of others.
fn texts(file: &Path) -> Result<Vec<Vec<u8>>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.lines().map(|line| line.as_bytes().to_vec()).collect())
}

/// Hellos of real clients (curl, the same with TLS 1.2, node, and Python without a name), and targets.
fn first_bytes(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let read = |name: &str| {
        let file = folder.join(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let targets = read("targets.txt")?;
    let mut seeds: Vec<Vec<u8>> = targets.lines().map(|line| line.as_bytes().to_vec()).collect();
    for line in read("hellos.txt")?.lines() {
        let pairs = line.as_bytes().chunks(2).map(std::str::from_utf8);
        let bytes = pairs.map(|pair| Ok(u8::from_str_radix(pair?, 16)?));
        seeds.push(
            bytes
                .collect::<Result<_>>()
                .context("a hello is not in hexadecimal digits")?,
        );
    }
    Ok(seeds)
}
