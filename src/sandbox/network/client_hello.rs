//! The first message of TLS, read up to the name that it asks for.
//!
//! The format is that of RFC 8446 (5.1 records, 4.1.2 `ClientHello`) and RFC 6066 (3, `server_name`), which older
//! versions of TLS share. Where Encrypted `ClientHello` is used, the outer name is read, which is the one in the clear.

mod bytes;
mod error;

pub use error::{HelloError, LONGEST};

use bytes::Bytes;

const HANDSHAKE_RECORD: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const MOST_IN_A_RECORD: usize = 1 << 14;
const RECORD_HEADER: usize = 5;

/// The kind of the first bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Too few bytes to decide.
    Incomplete,
    /// Something other than TLS.
    Other,
    /// A whole hello, with the name that it asks for, as it is written there.
    Hello(Option<String>),
}

/// Reads the beginning of a connection, of which `bytes` have arrived so far. More bytes never change a result other
/// than [`Beginning::Incomplete`].
///
/// # Errors
/// Fails when it begins like TLS and continues differently, or is too long.
pub fn read(bytes: &[u8]) -> Result<Beginning, HelloError> {
    match bytes {
        [] | [HANDSHAKE_RECORD] => return Ok(Beginning::Incomplete),
        [HANDSHAKE_RECORD, 3, ..] => {}
        _ => return Ok(Beginning::Other),
    }
    let Some(message) = message(bytes)? else {
        return if bytes.len() < LONGEST {
            Ok(Beginning::Incomplete)
        } else {
            Err(HelloError::TooLong)
        };
    };
    server_name(&message).map(Beginning::Hello)
}

/// Joins the records' contents to one handshake message and gives its body; `None` while it is not whole.
fn message(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, HelloError> {
    let mut joined = Vec::new();
    loop {
        let whole = match joined[..] {
            [kind, ..] if kind != CLIENT_HELLO => return Err(HelloError::Record),
            [_, high, middle, low, ..] => 4 + (usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)),
            _ => 4,
        };
        if whole > LONGEST {
            return Err(HelloError::TooLong);
        }
        if joined.len() > 4 && joined.len() > whole {
            return Err(HelloError::Record);
        }
        if joined.len() >= 4 && joined.len() == whole {
            return Ok(Some(joined.split_off(4)));
        }
        let Some((content, rest)) = record(bytes)? else {
            return Ok(None);
        };
        joined.extend_from_slice(content);
        bytes = rest;
    }
}

/// The content of a record, and what follows it.
type Split<'a> = (&'a [u8], &'a [u8]);

/// Splits the first record off; `None` while it is not whole.
fn record(bytes: &[u8]) -> Result<Option<Split<'_>>, HelloError> {
    let Some((header, rest)) = bytes.split_at_checked(RECORD_HEADER) else {
        let begins_well = bytes
            .iter()
            .zip([HANDSHAKE_RECORD, 3])
            .all(|(found, expected)| *found == expected);
        return if begins_well { Ok(None) } else { Err(HelloError::Record) };
    };
    let [HANDSHAKE_RECORD, 3, _, high, low] = *header else {
        return Err(HelloError::Record);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length == 0 || length > MOST_IN_A_RECORD {
        return Err(HelloError::Record);
    }
    Ok(rest.split_at_checked(length))
}

/// Returns the name in the body of a hello.
fn server_name(body: &[u8]) -> Result<Option<String>, HelloError> {
    let mut hello = Bytes(body);
    hello.take(2 + 32)?;
    hello.take_counted::<1>()?;
    hello.take_counted::<2>()?;
    hello.take_counted::<1>()?;
    if hello.is_empty() {
        return Ok(None);
    }
    let mut extensions = Bytes(hello.take_counted::<2>()?);
    hello.end()?;
    let mut name = None;
    while !extensions.is_empty() {
        let kind = extensions.take_number::<2>()?;
        let content = extensions.take_counted::<2>()?;
        if kind == usize::from(SERVER_NAME) && name.replace(only_name(content)?).is_some() {
            return Err(HelloError::ServerName);
        }
    }
    Ok(name)
}

/// Returns the one name of the extension.
fn only_name(content: &[u8]) -> Result<String, HelloError> {
    let mut names = Bytes(content);
    let mut list = Bytes(names.take_counted::<2>()?);
    names.end()?;
    let kind = list.take_number::<1>()?;
    let name = list.take_counted::<2>()?;
    let printable = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    if kind != usize::from(HOST_NAME) || !list.is_empty() || !printable {
        return Err(HelloError::ServerName);
    }
    Ok(name.iter().copied().map(char::from).collect())
}

#[cfg(test)]
mod tests;
