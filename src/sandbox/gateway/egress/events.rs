//! The events of an egress for its owner. A container can request anything, as often as it likes, so they are bounded.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::base::text;
use crate::sandbox::network::{Denial, Target};

/// How many events of each kind are sent at most.
pub(super) const MOST: usize = 100;

/// How many connections that have ended are sent.
pub(super) const MOST_ENDED: u64 = 1000;

/// How many characters of a host are reported, which is as long as a host can be.
pub(super) const LONGEST_HOST: usize = 255;

/// Something that happened for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EgressEvent {
    /// A connection was made.
    Permitted {
        /// The host, normalised.
        host: String,
        /// The port.
        port: u16,
    },
    /// A request was refused, or a tunnel cut off.
    Denied {
        /// The host, or the text in its place, made harmless.
        host: String,
        /// The port; `None` where there was no well-formed one.
        port: Option<u16>,
        /// The reason.
        why: Denial,
        /// What a person can do about it, as a lowercase fragment.
        remedy: Option<String>,
    },
    /// There were more connections at once than there may be, so that further ones wait.
    Waited,
    /// A connection or request has ended, or was refused.
    Ended(Box<EndedConnection>),
    /// This many more have ended, of which nothing was sent.
    NotTold(u64),
}

/// A connection or request that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedConnection {
    /// The host, normalised, or the text in its place, made harmless.
    pub host: String,
    /// The port; `None` where there was no well-formed one.
    pub port: Option<u16>,
    /// The method of a request that the gateway saw, made harmless.
    pub method: Option<String>,
    /// Its path without the query, as it was written, made harmless and cut.
    pub path: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes to the host.
    pub sent: u64,
    /// Bytes from the host.
    pub received: u64,
    /// From the request to the end.
    pub duration: Duration,
}

/// What became of a connection or request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made.
    Allowed,
    /// It was refused, or cut off.
    Refused(Denial),
    /// It was allowed and could not be made, for this reason.
    Failed(String),
}

/// How often something happened, whether it was reported or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EgressCounts {
    /// Connections made.
    pub permitted: u64,
    /// Requests refused and tunnels cut off.
    pub denied: u64,
}

/// The events reported so far.
#[derive(Debug)]
pub(super) struct ReportedEgress {
    events: UnboundedSender<EgressEvent>,
    counts: EgressCounts,
    permitted: BTreeSet<(String, u16)>,
    denied: BTreeSet<(String, Option<u16>, String)>,
    waited: bool,
    ended: u64,
}

impl ReportedEgress {
    pub(super) fn new(events: UnboundedSender<EgressEvent>) -> Self {
        Self {
            events,
            counts: EgressCounts::default(),
            permitted: BTreeSet::new(),
            denied: BTreeSet::new(),
            waited: false,
            ended: 0,
        }
    }

    pub(super) fn counts(&self) -> EgressCounts {
        self.counts
    }

    /// Reports a connection, once for each host and port.
    pub(super) fn permitted(&mut self, target: &Target) {
        self.counts.permitted += 1;
        let (host, port) = (target.host.to_string(), target.port);
        if self.permitted.len() < MOST && self.permitted.insert((host.clone(), port)) {
            self.send(EgressEvent::Permitted { host, port });
        }
    }

    /// Reports that somebody waits, once.
    pub(super) fn waited(&mut self) {
        if !std::mem::replace(&mut self.waited, true) {
            self.send(EgressEvent::Waited);
        }
    }

    /// Reports what has ended.
    pub(super) fn ended(&mut self, ended: EndedConnection) {
        self.ended += 1;
        if self.ended <= MOST_ENDED {
            self.send(EgressEvent::Ended(Box::new(ended)));
        }
    }

    /// Reports a denial, once for each host, port and reason.
    pub(super) fn denied(&mut self, host: &str, port: Option<u16>, why: &Denial, remedy: Option<&str>) {
        self.counts.denied += 1;
        let host = text::one_line(host, LONGEST_HOST);
        if self.denied.len() < MOST && self.denied.insert((host.clone(), port, why.to_string())) {
            let (why, remedy) = (why.clone(), remedy.map(str::to_owned));
            self.send(EgressEvent::Denied {
                host,
                port,
                why,
                remedy,
            });
        }
    }

    fn send(&self, event: EgressEvent) {
        // An owner that no longer receives needs no event.
        let _ = self.events.send(event);
    }
}

impl Drop for ReportedEgress {
    fn drop(&mut self) {
        if let Some(more) = self.ended.checked_sub(MOST_ENDED).filter(|more| *more > 0) {
            self.send(EgressEvent::NotTold(more));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn each_denial_is_told_once_and_no_more_than_a_hundred() {
        let (sender, mut heard) = unbounded_channel();
        let mut told = ReportedEgress::new(sender);
        for port in 1..=300 {
            told.denied("evil.example", Some(port / 2), &Denial::NotAllowed, None);
        }
        told.denied("evil.example", None, &Denial::Form, None);
        assert_eq!(told.counts().denied, 301);
        let mut events = Vec::new();
        while let Ok(event) = heard.try_recv() {
            events.push(event);
        }
        assert_eq!(events.len(), MOST);
        let first = EgressEvent::Denied {
            host: "evil.example".to_owned(),
            port: Some(0),
            why: Denial::NotAllowed,
            remedy: None,
        };
        assert_eq!(events.first(), Some(&first));
    }

    #[test]
    fn what_a_container_asked_for_is_told_harmlessly_and_in_short() {
        let (sender, mut heard) = unbounded_channel();
        ReportedEgress::new(sender).denied(&format!("\u{1b}[2J{}", "x".repeat(5000)), None, &Denial::Form, None);
        let Ok(EgressEvent::Denied { host, .. }) = heard.try_recv() else {
            panic!("nothing was told")
        };
        assert!(
            host.starts_with("\\u{1b}[2J") && host.chars().count() <= LONGEST_HOST,
            "{host}"
        );
    }
}
