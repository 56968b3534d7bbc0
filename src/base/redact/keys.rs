//! Private keys in the text form of RFC 7468, of `OpenSSH` and of `OpenPGP`.

use memchr::memmem;

const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// The longest label: `-----BEGIN LABEL-----`.
const LABEL: usize = 60;
/// The longest key, in bytes: the longest in use have 16,384 bits.
const LONGEST: usize = 64 << 10;
/// The fewest letters of base64 in a key.
const SHORTEST: usize = 60;

/// The place of the next end mark, so that it is searched for once.
#[derive(Default)]
pub(super) struct Ends {
    /// The start of the last search, and its result.
    last: Option<(usize, Option<usize>)>,
}

impl Ends {
    fn next(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        if let Some((start, found)) = self.last
            && start <= from
            && found.is_none_or(|end| from <= end)
        {
            return found;
        }
        let found = memmem::find(&bytes[from..], END).map(|end| from + end);
        self.last = Some((from, found));
        found
    }
}

/// Returns the end of the private key with its label at `label`; `None` where there is no key.
pub(super) fn block(bytes: &[u8], label: usize, ends: &mut Ends) -> Option<usize> {
    let shown = &bytes[label..bytes.len().min(label + LABEL)];
    let name = &shown[..memmem::find(shown, DASHES)?];
    memmem::find(name, b"PRIVATE KEY")?;
    let body = label + name.len() + DASHES.len();
    let end = match ends.next(bytes, body).filter(|end| end - body <= LONGEST) {
        // The label again, and the dashes after it.
        Some(end) => {
            let rest = &bytes[end + END.len()..bytes.len().min(end + END.len() + LABEL)];
            memmem::find(rest, DASHES).map_or(end, |dashes| end + END.len() + dashes + DASHES.len())
        }
        // Cut off: the rest looks like a key.
        None => body + loose(&bytes[body..]),
    };
    (letters(&bytes[body..end]) >= SHORTEST).then_some(end)
}

/// Returns the length of possible lines of base64, plain or escaped.
fn loose(bytes: &[u8]) -> usize {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=\\ \r\n\t".contains(byte);
    let length = bytes.iter().take(LONGEST).take_while(is_part).count();
    let escape = bytes[..length].iter().rev().take_while(|byte| **byte == b'\\').count();
    length - escape
}

fn letters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()).count()
}
