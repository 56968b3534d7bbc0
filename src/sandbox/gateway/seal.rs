//! The seal: what a container found out about itself, checked once, before anything else is answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::sync::watch;

use super::answer::{Answer, whole};
use super::body;
use super::event::{GatewayEvent, GatewayEvents};
use super::refusal::Refusal;
use crate::sandbox::guarantee::{FACTS_LIMIT, Facts, GuaranteeReport, RequestedContainer, compare};

/// The path to which a container sends what it found out.
pub(super) const PATH: &str = "/cordwainer/seal";

/// Checks what a container found out about itself. The container gets to read the text of an error.
pub type Seal = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The report on a container, once it has sent its facts.
#[derive(Clone, Debug, Default)]
pub struct Judged(Arc<Mutex<Option<GuaranteeReport>>>);

impl Judged {
    /// Returns the report; `None` until the container has sent its facts.
    pub fn report(&self) -> Option<GuaranteeReport> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<GuaranteeReport>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Builds the check of a container of `engine` against what was requested, and returns where its report will be.
pub fn hold_to(asked: RequestedContainer, engine: String) -> (Seal, Judged) {
    let judged = Judged::default();
    let found = judged.clone();
    let seal = move |facts: &str| {
        let report = compare(&asked, &Facts::parse(facts));
        let refusal = report.refusal(&engine);
        *found.lock() = Some(report);
        refusal.map_or(Ok(()), Err)
    };
    (Box::new(seal), judged)
}

/// The progress of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Sealed,
    Refused,
}

/// The check, and the progress of the container.
pub(super) struct SealState {
    judge: Option<Seal>,
    stage: Mutex<Stage>,
    /// Whether an accepted container waits for its answer.
    held: watch::Sender<bool>,
}

impl SealState {
    /// Builds a seal; without a check everything is answered from the beginning.
    pub(super) fn new(judge: Option<Seal>) -> Self {
        Self {
            judge,
            stage: Mutex::new(Stage::Waiting),
            held: watch::Sender::new(false),
        }
    }

    /// Lets an accepted container wait for its answer, or no longer.
    pub(super) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Takes the container for one that was checked before.
    pub(super) fn accept(&self) {
        *self.stage() = Stage::Sealed;
    }

    /// Returns whether requests are answered.
    pub(super) fn is_open(&self) -> bool {
        self.judge.is_none() || *self.stage() == Stage::Sealed
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the facts, once; `None` when that was done before.
    fn judge(&self, facts: &str) -> Option<Result<(), String>> {
        let mut stage = self.stage();
        if *stage != Stage::Waiting {
            return None;
        }
        let judged = self.judge.as_ref().map_or(Ok(()), |judge| judge(facts));
        *stage = if judged.is_ok() { Stage::Sealed } else { Stage::Refused };
        Some(judged)
    }
}

/// Answers the request to be sealed, unless it is held back: 204, or 403 with the reason as plain text for a person to read.
pub(super) async fn answer(
    request: Request<Incoming>,
    seal: &SealState,
    events: &GatewayEvents,
) -> Result<Answer, Refusal> {
    let facts = body::read(request.into_body(), FACTS_LIMIT).await?;
    match seal.judge(&String::from_utf8_lossy(&facts)) {
        None => Err(Refusal::conflict("the container was checked already")),
        Some(Ok(())) => {
            // The sender is not gone while somebody asks it; an error would be no reason to wait.
            let _ = seal.held.subscribe().wait_for(|held| !held).await;
            events.report(GatewayEvent::Sealed);
            let mut answer = Response::new(whole(""));
            *answer.status_mut() = StatusCode::NO_CONTENT;
            Ok(answer)
        }
        Some(Err(reason)) => {
            events.report(GatewayEvent::SealRefused(reason.clone()));
            let mut answer = Response::new(whole(reason));
            *answer.status_mut() = StatusCode::FORBIDDEN;
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, text);
            Ok(answer)
        }
    }
}
