//! The model's API as one call sees it: its address, its credential, and what the call may still use.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::body::{Body as _, Incoming};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::options::Api;
use super::refusal::Refusal;
use super::upstream::Upstream;
use crate::accounting::budget::{AskedAnswer, CallBudget, Hold, Short};
use crate::base::error::Result;
use crate::sandbox::credential::CredentialSource;

/// The longest request, in bytes: the API itself accepts less.
pub(super) const REQUEST_LIMIT: usize = 64 << 20;
/// The most bytes of all requests together, while they wait or are sent.
const REQUESTS_LIMIT: usize = 2 * REQUEST_LIMIT;
/// The unit in which that is counted, in bytes.
const UNIT: usize = 64 << 10;

/// The model's API as one call sees it.
pub(super) struct ModelApi {
    pub(super) upstream: Upstream,
    pub(super) credential: Option<CredentialSource>,
    call_budget: Mutex<CallBudget>,
    /// Notified whenever a reservation is released.
    pub(super) settled: Notify,
    room: Semaphore,
}

impl ModelApi {
    pub(super) fn new(api: Api) -> Result<Self> {
        Ok(Self {
            upstream: Upstream::new(&api.base_url, api.proxy.as_ref())?,
            credential: api.credential,
            call_budget: Mutex::new(api.call_budget),
            settled: Notify::new(),
            room: Semaphore::new(REQUESTS_LIMIT / UNIT),
        })
    }

    pub(super) fn call_budget(&self) -> MutexGuard<'_, CallBudget> {
        self.call_budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for a request in memory.
    pub(super) async fn room_for(&self, body: &Incoming) -> Result<SemaphorePermit<'_>, Refusal> {
        let most = body.size_hint().upper().and_then(|upper| usize::try_from(upper).ok());
        let units = most.unwrap_or(REQUEST_LIMIT).min(REQUEST_LIMIT).div_ceil(UNIT);
        let room = self.room.acquire_many(u32::try_from(units).unwrap_or(u32::MAX));
        room.await.map_err(|_| Refusal::upstream("the gateway ends"))
    }

    /// Reserves what a request may use; `None` where its input must be counted first. While others hold the rest of the
    /// budget, it waits for them.
    pub(super) async fn reserve(&self, asked: &AskedAnswer) -> Result<Option<Hold>, Refusal> {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // From here on no release is missed.
            settled.as_mut().enable();
            match self.call_budget().reserve(asked.clone()) {
                Ok(hold) => return Ok(Some(hold)),
                Err(Short::Uncounted) => return Ok(None),
                Err(Short::Spent(reason)) => return Err(Refusal::spent(reason)),
                Err(Short::Held) => {}
            }
            settled.await;
        }
    }
}
