//! The events of a gateway, reported to people and recorded.

use super::request::Sandbox;
use crate::record::event::EventKind;
use crate::record::network::NetworkRecord;
use crate::record::recorder::Recorder;
use crate::sandbox::engine::Engine;
use crate::sandbox::gateway::egress::{Bounds, EgressEvent};
use crate::sandbox::gateway::{GatewayEvent, Judged};
use crate::sandbox::network::Caller;

/// Reports the events of a container's gateway.
pub(super) struct EventForwarder<'a> {
    pub(super) sandbox: &'a Sandbox<'a>,
    pub(super) engine: &'a Engine,
    pub(super) recorder: &'a Recorder,
    pub(super) judged: Judged,
    pub(super) caller: Caller,
}

impl EventForwarder<'_> {
    /// Reports an event to people where it is theirs to know, and returns it where the call must handle it.
    pub(super) fn forward(&self, event: GatewayEvent) -> Option<GatewayEvent> {
        let call = self.sandbox.name.clone();
        let (kind, rest) = match event {
            GatewayEvent::Sealed => (self.sealed(), None),
            GatewayEvent::SealRefused(_) => (self.sealed(), Some(event)),
            GatewayEvent::Refused { what } => (EventKind::Denied { call, what }, None),
            GatewayEvent::RecordFailed(why) => {
                let what = format!("{call}: an answer of the model's API could not be recorded: {why}");
                (EventKind::Warned { what }, None)
            }
            rest => return Some(rest),
        };
        self.recorder.emit(kind);
        rest
    }

    fn sealed(&self) -> EventKind {
        EventKind::Sealed {
            call: self.sandbox.name.clone(),
            engine: self.engine.describe(),
            report: self.judged.report().unwrap_or_default(),
        }
    }

    /// Reports what became of a connection to another host, and records the connection.
    pub(super) fn forward_egress(&self, event: EgressEvent) {
        let call = self.sandbox.name.clone();
        self.recorder.emit(match event {
            EgressEvent::Permitted { host, port } => EventKind::Reached {
                call,
                host: format!("{host}:{port}"),
            },
            EgressEvent::Denied {
                host,
                port,
                why,
                remedy,
            } => {
                let port = port.map_or(String::new(), |port| format!(":{port}"));
                let remedy = remedy.map_or(String::new(), |remedy| format!(" ({remedy})"));
                let what = format!("{host}{port}: {why}{remedy}");
                EventKind::Denied { call, what }
            }
            EgressEvent::Waited => {
                let most = Bounds::default().connections;
                let what = format!("{call}: more than {most} connections at once: further ones wait for one to end");
                EventKind::Warned { what }
            }
            EgressEvent::Ended(ended) => {
                return self
                    .recorder
                    .network(NetworkRecord::ended(call, self.caller, self.recorder.now(), *ended));
            }
            EgressEvent::NotTold(more) => return self.recorder.network_left_out(more),
        });
    }
}
