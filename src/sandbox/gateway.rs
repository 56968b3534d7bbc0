//! The one way out of a container: a unix socket, behind which the host talks to the model's API.
//!
//! ```text
//! POST /cordwainer/seal      once, before everything else: what the container found out about itself
//! /v1/…                      the model's API, with the call's token: metered, within its budget, the credential added
//! HEAD /                     answered here
//! CONNECT, absolute-form     hosts that the configuration allows
//! ```
//!
//! A gateway is one container's: its socket, its token, its budget and its bounds. What it refuses it refuses in the
//! form of the API's own errors, which the client understands.

use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::accounting::metering::Metered;
use crate::base::error::Result;

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
mod seal;
mod socket;
mod state;
mod token;
mod upstream;

pub use event::GatewayEvent;
pub use options::{Api, Options};
pub use proxy::Proxy;
pub use record::read_back;
pub use seal::{Judged, Seal, hold_to};

use socket::Socket;
use state::GatewayState;

/// A gateway at work. Dropped, it ends by itself; [`Gateway::close`] waits for that and returns what it metered.
pub struct Gateway {
    shared: Arc<GatewayState>,
    socket: Socket,
    tasks: TaskTracker,
    end: DropGuard,
}

/// What is left of a gateway.
#[derive(Debug)]
pub struct Closed {
    /// What the answers of the API amount to.
    pub metered: Metered,
    /// Events that nobody had taken.
    pub events: Vec<GatewayEvent>,
    /// How many requests were refused in all, whether or not events reported them.
    pub refused: u64,
}

impl Gateway {
    /// Makes the socket and serves it, in tasks of the present runtime of tokio. A socket that is there already is
    /// replaced.
    ///
    /// Fails with [`ErrorKind::Configuration`](crate::base::error::ErrorKind::Configuration) where the base URL is
    /// none, and with [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) where the proxy cannot
    /// be asked.
    pub fn open(options: Options) -> Result<Self> {
        let (folder, shared) = GatewayState::new(options)?;
        let (socket, listener) = Socket::bind(&folder)?;
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

    /// Waits for the next thing that the owner is to know. Nothing is lost when the wait is given up.
    pub async fn next_event(&mut self) -> GatewayEvent {
        self.shared.events.next().await
    }

    /// Returns what the answers of the API amount to so far; those that have not ended are not in it.
    pub fn metered(&self) -> Metered {
        self.shared.record.metered()
    }

    /// Ends all connections and tunnels, removes the socket, and returns what was metered. Answers that are cut off by
    /// it are in that, up to where they were cut.
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
