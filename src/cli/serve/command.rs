//! The command: what is served and where, until it is interrupted.

use std::sync::Arc;

use serde::Serialize;

use super::address::{Address, Listener};
use super::browser::Browser;
use super::guard::Guard;
use super::pages::TEMPLATES;
use super::repositories::{Repository, Scope};
use super::server::Server;
use super::site::Site;
use super::token::Token;
use super::{connections, watching};
use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::cli::Context;
use crate::cli::serve_arguments::ServeArgs;
use crate::cli::signal;
use crate::git::Git;
use crate::lifecycle::Generator;
use crate::report::page::pages;

/// Where the page is, as JSON.
#[derive(Serialize)]
struct Served<'a> {
    url: &'a str,
    token: &'a str,
}

/// Serves until it is interrupted.
pub(in crate::cli) async fn execute(args: &ServeArgs, context: &Context) -> Result<u8> {
    let address = Address::parse(&args.listen, &context.directory)?;
    if args.open && matches!(address, Address::Unix(_)) {
        let message = "`--open` is for an address of the network: a browser opens no socket of a file";
        return Err(Error::new(ErrorKind::Usage, message).hint("leave one of both out"));
    }
    let ended = signal::ending()?;
    let token = Token::draw(&context.environment.clock)?;
    let guard = Guard::new(token.clone(), &args.allow_host);
    let pages = pages(context.output.redactor.clone()).with(&TEMPLATES)?;
    let site = Site::new(context, scope(args.all, context)?, (guard, pages), args.read_only)?;
    tokio::spawn(watching::keep(Arc::clone(&site)));
    let listener = address.listen().await?;
    let browser = tell(&listener, &token, (args, context))?;
    if address.is_open() {
        context.output.say(
            "Warning: others on the network can reach this page, and whoever can read the network can read its token and all that is \
             shown: there is no TLS. Put a proxy that has it in front.",
        );
    }
    let server = Server::new(site);
    tokio::select! {
        never = connections::accept(&listener, &server) => match never {},
        () = ended => {}
    }
    drop(browser);
    Ok(exit::INTERRUPTED)
}

/// Returns what is served: the repository that the command was called in, elsewhere all of them.
fn scope(all: bool, context: &Context) -> Result<Scope> {
    if all || !Git::is_anywhere(&context.directory) {
        return Ok(Scope::All);
    }
    let generator = Generator::open_to_request(&context.directory, context.environment.clone())?;
    let own = Repository::own(&generator, &context.directory)?;
    Ok(Scope::One(Box::new(own)))
}

/// Prints where the page is, and opens it where that is asked for.
fn tell(listener: &Listener, token: &Token, (args, context): (&ServeArgs, &Context)) -> Result<Option<Browser>> {
    let base = listener.base()?;
    let url = format!("{base}/#token={}", token.reveal());
    if context.output.json {
        let token = token.reveal();
        context.output.print_json_line(&Served { url: &base, token })?;
    } else {
        context.output.print(&url)?;
    }
    if !args.open {
        return Ok(None);
    }
    match Browser::open(&url, context) {
        Ok(browser) => Ok(Some(browser)),
        Err(error) => {
            context
                .output
                .say(&format!("Warning: no browser was opened: {}.", error.in_a_line()));
            Ok(None)
        }
    }
}
