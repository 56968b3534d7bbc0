//! The one way out of a container: a unix socket with a service of the host that connects to the model's API.
//!
//! ```text
//! POST /cordwainer/seal      once, before everything else: what the container found out about itself
//! /v1/…                      the model's API, with the call's token: metered, within its budget, the credential added
//! HEAD /                     answered here
//! CONNECT, absolute-form     hosts that the configuration allows
//! ```
//!
//! A gateway belongs to one container: its socket, its token, its budget and its bounds. It refuses requests in the
//! form of the API's own errors, which the client understands.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::accounting::metering::Metered;
use crate::base::error::Result;
use crate::base::socket::Socket;

mod answer;
mod api;
mod body;
pub mod egress;
mod event;
mod listener;
mod model_api;
mod options;
mod proxy;
mod record;
mod refusal;
mod route;
mod scrub;
mod seal;
mod server;
pub(super) mod socket;
mod state;
mod token;
mod upstream;

pub use event::GatewayEvent;
pub use options::{Api, Options};
pub use proxy::Proxy;
pub use record::read_back;
pub(crate) use record::recorded_answers;
pub use seal::{Judged, Seal, hold_to};

use state::GatewayState;

/// The name of its socket in its folder.
const SOCKET: &str = "gateway.sock";

/// A running gateway. Dropped, it ends by itself; [`Gateway::close`] waits for that and returns what it metered.
pub struct Gateway {
    shared: Arc<GatewayState>,
    socket: Socket,
    tasks: TaskTracker,
    end: DropGuard,
}

/// The final report of a gateway.
#[derive(Debug)]
pub struct Closed {
    /// The sum of the API's answers.
    pub metered: Metered,
    /// Events that nobody had received.
    pub events: Vec<GatewayEvent>,
    /// How many requests were refused in total, whether or not events reported them.
    pub refused: u64,
}

impl Gateway {
    /// Creates the socket and serves it, in tasks of the current tokio runtime. An existing socket is replaced.
    ///
    /// Fails with [`ErrorKind::Configuration`](crate::base::error::ErrorKind::Configuration) where the base URL is
    /// invalid, and with [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) where the proxy
    /// cannot be used.
    pub fn open(options: Options) -> Result<Self> {
        Self::with_state(GatewayState::new(options)?)
    }

    /// Opens a gateway again for a container whose gateway died, and which that one had accepted: `before` is what gateways of
    /// the call metered. It counts in the sum, and is used of the call's budget.
    ///
    /// # Errors
    ///
    /// Those of [`Gateway::open`].
    pub(crate) fn open_again(options: Options, before: Metered) -> Result<Self> {
        let (folder, shared) = GatewayState::new(options)?;
        shared.seal.accept();
        if let Some(api) = &shared.api {
            api.call_budget().used_before(&before.usage);
        }
        shared.record.begin_with(before);
        Self::with_state((folder, shared))
    }

    fn with_state((folder, shared): (PathBuf, GatewayState)) -> Result<Self> {
        let (socket, listener) = socket::bind(&folder, SOCKET)?;
        let (tasks, ended) = (TaskTracker::new(), CancellationToken::new());
        let shared = Arc::new(shared);
        listener::start(listener, Arc::clone(&shared), tasks.clone(), ended.clone());
        Ok(Self {
            shared,
            socket,
            tasks,
            end: ended.drop_guard(),
        })
    }

    /// Lets a container that is accepted wait for that answer, so that its command does not begin yet, until
    /// [`Gateway::release_seal`] is called. One that is refused is told at once.
    pub fn hold_seal(&self) {
        self.shared.seal.hold(true);
    }

    /// Ends what [`Gateway::hold_seal`] began.
    pub fn release_seal(&self) {
        self.shared.seal.hold(false);
    }

    /// Waits for the next event. Safe to cancel: nothing is lost.
    pub async fn next_event(&mut self) -> GatewayEvent {
        self.shared.events.next().await
    }

    /// Returns the sum of the API's answers so far; those in progress do not count yet.
    pub fn metered(&self) -> Metered {
        self.shared.record.metered()
    }

    /// Ends all connections and tunnels, removes the socket, and returns what was metered. Answers that this cuts off
    /// count up to that point.
    pub async fn close(self) -> Closed {
        drop(self.end);
        // Its tunnels have left their connections, and their owner may have a copy of it.
        if let Some(egress) = &self.shared.egress {
            egress.close();
        }
        self.tasks.close();
        self.tasks.wait().await;
        drop(self.socket);
        let (events, refused) = self.shared.events.take();
        Closed {
            metered: self.shared.record.metered(),
            events,
            refused,
        }
    }
}
