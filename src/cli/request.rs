//! What a person asks for: read from the command line, a file or standard input.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Context;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::regular;
use crate::issues::request::{FILES_LIMIT, REQUEST_LIMIT, Request, RequestFile};

/// The options that give what a request does not say in the command line itself.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RequestArgs {
    /// Read the request from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    request_file: Option<PathBuf>,
    /// Give this file along with the request, such as a log or the output of a test; can be given several times
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// Standard input, as an argument.
const STDIN: &str = "-";

impl RequestArgs {
    /// Returns the request, with what is known to be secret redacted; `None` where there is none. `words` are those of the
    /// command line.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it is given twice, is empty, too long, or not UTF-8.
    pub(super) fn read(&self, words: &[String], context: &Context) -> Result<Option<Request>> {
        let text = match (&self.request_file, words) {
            (Some(_), [_, ..]) => {
                return Err(
                    Error::new(ErrorKind::Usage, "the request is given twice: as words and as a file")
                        .hint("keep one of the two"),
                );
            }
            (Some(file), []) if file.as_os_str() == STDIN => text_of_input()?,
            (Some(file), []) => text_of(&context.directory.join(file), REQUEST_LIMIT)?,
            (None, [word]) if word == STDIN => text_of_input()?,
            (None, []) if self.attach.is_empty() => return Ok(None),
            (None, []) => {
                return Err(Error::new(ErrorKind::Usage, "files are given, and no request")
                    .hint("say in a few words what is to be done about them"));
            }
            (None, words) => words.join(" "),
        };
        let redacted = |text: &str| context.environment.redactor.text(text).into_owned();
        let file = |path: &PathBuf| -> Result<RequestFile> {
            let text = text_of(&context.directory.join(path), FILES_LIMIT)?;
            Ok(RequestFile {
                name: path.display().to_string(),
                text: redacted(&text),
            })
        };
        let files = self.attach.iter().map(file).collect::<Result<_>>()?;
        Request::new(&redacted(&text), files).map(Some)
    }
}

fn text_of_input() -> Result<String> {
    read_text(&mut io::stdin().lock(), REQUEST_LIMIT, "standard input")
}

fn text_of(path: &Path, limit: usize) -> Result<String> {
    let what = format!("`{}`", path.display());
    let opened = regular::open(path);
    let mut file = opened.with_context(ErrorKind::Usage, || format!("cannot read {what}"))?;
    read_text(&mut file, limit, &what)
}

/// Reads all of a text, of which there may be so many bytes.
fn read_text(from: &mut dyn Read, limit: usize, what: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = from.take(most).read_to_end(&mut bytes);
    read.with_context(ErrorKind::Usage, || format!("cannot read {what}"))?;
    if bytes.len() > limit {
        let message = format!("{what} has more than {limit} bytes");
        return Err(Error::new(ErrorKind::Usage, message).hint("give the part that matters"));
    }
    decode(bytes, what)
}

fn decode(mut bytes: Vec<u8>, what: &str) -> Result<String> {
    const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
    if bytes.starts_with(UTF8_MARK) {
        bytes.drain(..UTF8_MARK.len());
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(
            Error::new(ErrorKind::Usage, format!("{what} is UTF-16, and only UTF-8 is read"))
                .hint("convert it first: `iconv -f UTF-16 -t UTF-8 FILE > NEW`"),
        );
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let message = format!("{what} is not UTF-8, from byte {place} on");
        Error::new(ErrorKind::Usage, message).hint("convert it first, or give the part that is text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_another_encoding_is_refused_by_its_name() {
        let refused = |bytes: &[u8]| decode(bytes.to_vec(), "`x`").unwrap_err().to_string();
        assert!(refused(b"\xff\xfeH\0i\0").contains("is UTF-16"));
        assert!(refused(b"a\xffb").contains("not UTF-8, from byte 1"));
        assert_eq!(decode(b"\xef\xbb\xbfHi".to_vec(), "`x`").unwrap(), "Hi");
        assert!(refused("é".as_bytes().split_at(1).0).contains("not UTF-8"));
    }

    #[test]
    fn what_is_too_long_is_refused_and_never_cut() {
        let read = |text: &str| read_text(&mut text.as_bytes(), 4, "`x`").map_err(|error| error.to_string());
        assert_eq!(read("four"), Ok("four".to_owned()));
        assert!(read(" five").unwrap_err().contains("has more than 4 bytes"));
    }
}
