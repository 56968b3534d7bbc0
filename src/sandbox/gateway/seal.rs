//! The seal: what a container found out about itself, judged once, before anything else is answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::answer::{Answer, whole};
use super::body;
use super::event::{GatewayEvent, GatewayEvents};
use super::refusal::Refusal;
use crate::sandbox::guarantee::{Facts, GuaranteeReport, RequestedContainer, compare};

/// Where a container sends what it found out.
pub(super) const PATH: &str = "/cordwainer/seal";
/// The longest such request, in bytes.
const LIMIT: usize = 1 << 20;

/// Judges what a container found out about itself. An error is the text that the container gets to read.
pub type Seal = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What a container was found to be, once it has reported that.
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

/// Makes the judge that holds a container of `engine` to what was asked for it, and returns where its findings will be.
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

/// How far the container has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Sealed,
    Refused,
}

/// The judge, and how far the container has come.
pub(super) struct SealState {
    judge: Option<Seal>,
    stage: Mutex<Stage>,
}

impl SealState {
    /// Builds a seal; without a judge everything is answered from the beginning.
    pub(super) fn new(judge: Option<Seal>) -> Self {
        Self {
            judge,
            stage: Mutex::new(Stage::Waiting),
        }
    }

    /// Returns whether requests are answered.
    pub(super) fn is_open(&self) -> bool {
        self.judge.is_none() || *self.stage() == Stage::Sealed
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges the facts, once; `None` when that was done before.
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

/// Answers the request to be sealed: 204, or 403 with the reason as plain text for a person to read.
pub(super) async fn answer(
    request: Request<Incoming>,
    seal: &SealState,
    events: &GatewayEvents,
) -> Result<Answer, Refusal> {
    let facts = body::read(request.into_body(), LIMIT).await?;
    match seal.judge(&String::from_utf8_lossy(&facts)) {
        None => Err(Refusal::conflict("the container was judged already")),
        Some(Ok(())) => {
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
