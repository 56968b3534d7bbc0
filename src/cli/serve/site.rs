//! What every request has at hand. None of it is state of its own: what is kept between requests is made again from the records
//! when it is gone.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::board::Board;
use super::folds::Folds;
use super::guard::Guard;
use super::pulse::Pulse;
use super::repositories::Scope;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::cli::Context;
use crate::issues::store::ReadBefore;
use crate::report::templates::Pages;

/// How many requests read or change something at once; others wait for their turn.
const AT_ONCE: usize = 8;

/// What every request has at hand.
pub(super) struct Site {
    pub(super) context: Context,
    pub(super) scope: Scope,
    pub(super) guard: Guard,
    /// Whether actions are refused.
    pub(super) is_read_only: bool,
    pub(super) folds: Folds,
    /// The tasks that were looked at last.
    pub(super) tasks: ReadBefore,
    pub(super) pages: Pages,
    pub(super) pulse: Arc<Pulse>,
    pub(super) board: Board,
    turns: Semaphore,
}

impl Site {
    /// Builds the site.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread to wait for changes.
    pub(super) fn new(
        context: &Context,
        scope: Scope,
        (guard, pages): (Guard, Pages),
        is_read_only: bool,
    ) -> Result<Arc<Self>> {
        let mut context = context.clone();
        // Pages and answers are documents, whatever the command's own output is.
        context.output.json = true;
        Ok(Arc::new(Self {
            scope,
            guard,
            is_read_only,
            pages,
            context,
            folds: Folds::default(),
            tasks: ReadBefore::default(),
            pulse: Pulse::begin()?,
            board: Board::default(),
            turns: Semaphore::new(AT_ONCE),
        }))
    }

    /// Does what reads files or refs, where it keeps no connection from being served, and once it is its turn.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turns.acquire().await;
        let _turn = turn.map_err(|_| Error::new(ErrorKind::Unexpected, "the server is ending"))?;
        let site = Arc::clone(self);
        let done = spawn_blocking(move || work(&site)).await;
        // What panics is a defect, and ends no other request.
        done.map_err(|error| error.to_string())
            .context("the request could not be answered")?
    }
}
