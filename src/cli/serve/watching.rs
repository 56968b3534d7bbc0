//! A stream that says what of everything that is served has changed. Whoever is slow gets the newest standing, not each one before
//! it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::Instant;

use super::board::{All, told};
use super::events::{self, ALIVE, RETRY, SIGN_OF_LIFE};
use super::site::Site;

/// How long at least is between two looks: pages do not change more often.
const PACE: Duration = Duration::from_millis(500);

/// Looks after each change, as long as somebody wants to know.
pub(super) async fn keep(site: Arc<Site>) {
    let mut beats = site.pulse.beats();
    while beats.changed().await.is_ok() {
        if site.board.is_watched() {
            look(&site).await;
            tokio::time::sleep(PACE).await;
        }
    }
}

async fn look(site: &Arc<Site>) {
    let looked = site.blocking(|site| {
        let (served, _) = site.scope.all(&site.context)?;
        site.board.look(&served, &site.pulse);
        Ok(())
    });
    if let Err(error) = looked.await {
        tracing::warn!("cannot look at the repositories: {}", error.in_a_line());
    }
}

/// Somebody who wants to know what has changed.
struct Watching {
    all: watch::Receiver<Arc<All>>,
    /// What was told; `None` before anything was.
    told: Option<Arc<All>>,
    wrote: Instant,
}

/// Answers with how everything stands, and then with what has changed.
pub(super) async fn watch(site: &Arc<Site>) -> Response<Body> {
    // From now on, somebody wants to know: what changes after this look is told.
    let all = site.board.subscribe();
    look(site).await;
    let watching = Watching {
        all,
        told: None,
        wrote: Instant::now(),
    };
    events::response(unfold(watching, |mut watching| async {
        let text = watching.next().await?;
        watching.wrote = Instant::now();
        Some((Ok(Bytes::from(text)), watching))
    }))
}

impl Watching {
    async fn next(&mut self) -> Option<String> {
        loop {
            let now = Arc::clone(&self.all.borrow_and_update());
            let text = told(self.told.as_deref(), &now);
            let is_first = self.told.is_none();
            self.told = Some(now);
            match text {
                Some(text) if is_first => return Some(format!("{RETRY}{text}")),
                Some(text) => return Some(text),
                None => {}
            }
            tokio::select! {
                changed = self.all.changed() => changed.ok()?,
                () = tokio::time::sleep_until(self.wrote + SIGN_OF_LIFE) => return Some(ALIVE.to_owned()),
            }
        }
    }
}
