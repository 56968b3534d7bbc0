//! The text of a document's bytes: UTF-8, within a bound.

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{one_line, size};

/// The longest document that is read, in bytes (8 MiB): far beyond what a person writes.
pub const MOST_BYTES: usize = 8 << 20;

/// Returns a document's bytes as text, without a byte order mark and with plain line ends; `name` is for the error.
///
/// What is too long, UTF-16, binary or in another encoding is a usage error that says how to go on.
pub fn decode(name: &str, bytes: &[u8]) -> Result<String> {
    let name = one_line(name, 200);
    let refuse = |why: &str| Error::new(ErrorKind::Usage, format!("cannot read `{name}`: {why}"));
    if bytes.len() > MOST_BYTES {
        let (own, most) = (size(bytes.len() as u64), size(MOST_BYTES as u64));
        let error = refuse(&format!("it has {own}, and at most {most} are read"));
        return Err(error.hint("split the document, or name the part that is meant"));
    }
    if let Some(encoding) = utf16(bytes) {
        let hint = format!("convert it: `iconv -f {encoding} -t UTF-8 FILE > NEW`");
        return Err(refuse(&format!("it is {encoding}, and UTF-8 is read")).hint(hint));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.contains(&0) {
        return Err(refuse("it is not text").hint("export the document as Markdown or plain text"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        refuse(&format!("line {line} is not UTF-8"))
            .hint("convert it: `iconv -f ISO-8859-1 -t UTF-8 FILE > NEW`, with its own encoding")
    })?;
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Returns which UTF-16 it is: by its mark, or since every second byte of its beginning is 0.
fn utf16(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] => return Some("UTF-16LE"),
        [0xfe, 0xff, ..] => return Some("UTF-16BE"),
        _ => {}
    }
    let begin = &bytes[..bytes.len().min(64) & !1];
    let zeros = |odd: usize| begin.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let half = begin.len() / 2;
    if half < 4 {
        return None;
    }
    match (zeros(0), zeros(1)) {
        (0, low) if low * 2 > half => Some("UTF-16LE"),
        (high, 0) if high * 2 > half => Some("UTF-16BE"),
        _ => None,
    }
}
