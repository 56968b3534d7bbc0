//! Which format a result has, and the one error for what cannot be read.

use super::bad::Bad;
use super::measured::{Coverage, Measuring};
use super::names::Names;
use super::{go, lcov, xml};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{one_line, size};

/// The longest result that is read, in bytes (128 MiB).
pub const MOST_BYTES: usize = 128 << 20;

/// Reads the results of one repository, each a name and its content, into one: what any of them reaches is covered. The format
/// of each is found by its content; `names` says which files they mean.
///
/// # Errors
///
/// Of kind [`ErrorKind::Usage`], for the first that is not one of the formats or is damaged, with its name and the line; and
/// where what they measure is too large to keep, or nothing of the repository.
pub fn read_all<'a>(results: impl IntoIterator<Item = (&'a str, &'a [u8])>, names: &Names<'_>) -> Result<Coverage> {
    let mut measuring = Measuring::new(names);
    for (name, content) in results {
        read_into(name, content, &mut measuring)?;
    }
    measuring.finish().map_err(|why| Error::new(ErrorKind::Usage, why))
}

fn read_into(name: &str, content: &[u8], measuring: &mut Measuring<'_>) -> Result<()> {
    let name = one_line(name, 200);
    let refuse = |why: String| {
        Error::new(ErrorKind::Usage, format!("cannot read coverage from `{name}`: {why}"))
            .hint("it reads lcov, Cobertura XML, JaCoCo XML and Go cover profiles, as test programs write them")
    };
    if content.len() > MOST_BYTES {
        let (own, most) = (size(content.len() as u64), size(MOST_BYTES as u64));
        return Err(refuse(format!("it has {own}, and at most {most} are read")));
    }
    let text = std::str::from_utf8(content).map_err(|error| {
        let line = content[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        refuse(format!("line {line}: it is not UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let begin = text.trim_start();
    let read = if begin.is_empty() {
        Err(Bad::at(0, "it is empty"))
    } else if begin.starts_with('<') {
        xml::read(text, measuring)
    } else if begin.starts_with("mode:") {
        go::read(text, measuring)
    } else {
        lcov::read(text, measuring)
    };
    read.map_err(|Bad { line, why }| refuse(format!("line {line}: {why}")))
}
