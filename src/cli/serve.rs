//! `serve`: the live page of runs and tasks, and its HTTP API. It is a process without state of its own: what it shows is read
//! from refs, records and the register when it is asked for, and what it does are the calls that the commands make.

use crate::base::error::Result;
use crate::cli::Context;

#[cfg(feature = "serve")]
mod actions;
#[cfg(feature = "serve")]
mod address;
#[cfg(feature = "serve")]
mod answer;
mod arguments;
#[cfg(feature = "serve")]
mod asked;
#[cfg(feature = "serve")]
mod board;
#[cfg(feature = "serve")]
mod browser;
#[cfg(feature = "serve")]
mod command;
#[cfg(feature = "serve")]
mod connections;
#[cfg(feature = "serve")]
mod events;
#[cfg(feature = "serve")]
mod fields;
#[cfg(feature = "serve")]
mod folds;
#[cfg(feature = "serve")]
mod follow;
#[cfg(feature = "serve")]
mod guard;
#[cfg(feature = "serve")]
mod openapi;
#[cfg(feature = "serve")]
mod pages;
#[cfg(feature = "serve")]
mod pulse;
#[cfg(feature = "serve")]
mod reading;
#[cfg(feature = "serve")]
mod repositories;
#[cfg(feature = "serve")]
mod routes;
#[cfg(feature = "serve")]
mod server;
#[cfg(feature = "serve")]
mod site;
#[cfg(feature = "serve")]
mod table;
#[cfg(feature = "serve")]
mod token;
#[cfg(feature = "serve")]
mod transcript;
#[cfg(feature = "serve")]
mod watching;

pub(crate) use self::arguments::ServeArgs;

/// Serves until it is interrupted.
#[cfg(feature = "serve")]
pub(super) async fn execute(args: &ServeArgs, context: &Context) -> Result<u8> {
    command::execute(args, context).await
}

/// Reports that this program has no server.
#[cfg(not(feature = "serve"))]
#[expect(clippy::unused_async, reason = "the one with a server waits")]
pub(super) async fn execute(_: &ServeArgs, _: &Context) -> Result<u8> {
    use crate::base::error::{Error, ErrorKind};
    let message = "this program serves no page: it is compiled without the feature `serve` of cordwainer";
    Err(Error::new(ErrorKind::Precondition, message).hint(
        "install the program with its default features; in a program of your own, name the feature beside cordwainer in its `Cargo.toml`",
    ))
}
