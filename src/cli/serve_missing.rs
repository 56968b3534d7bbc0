//! `serve` in a program that is compiled without the feature of that name.

use super::Context;
use super::serve_arguments::ServeArgs;
use crate::base::error::{Error, ErrorKind, Result};

/// Reports that this program has no server.
#[expect(clippy::unused_async, reason = "the one with a server waits")]
pub(super) async fn execute(_: &ServeArgs, _: &Context) -> Result<u8> {
    let message = "this program serves no page: it is compiled without the feature `serve` of cordwainer";
    Err(Error::new(ErrorKind::Precondition, message).hint(
        "install the program with its default features; in a program of your own, name the feature beside cordwainer in its `Cargo.toml`",
    ))
}
