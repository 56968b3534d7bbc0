//! `network`: which hosts a container may reach through the gateway, decided without touching a network.

mod address;
mod authority;
mod caller;
pub mod client_hello;
mod credential;
mod denial;
mod entry;
mod environment;
mod host;
mod path;
mod preset;
mod remedy;
mod trust;

use std::net::IpAddr;

use hyper::Method;
use serde::{Serialize, Serializer};

pub use address::{AddressClass, classify};
pub use authority::Authority;
pub use caller::Caller;
pub use client_hello::HelloError;
pub use credential::{Authentication, HostCredential, SecretSource};
pub use denial::Denial;
pub use entry::{Entry, EntryError, Limits};
pub use environment::environment;
pub use host::{Host, HostError};
use path::RequestPath;
pub use path::{OVERRIDES, PathError, PathPattern, PatternError};
pub use preset::Preset;
pub use remedy::{narrowest, remedy};
pub use trust::{CLIENT_FILES, ClientFiles, JAVA_OPTIONS, TrustedCertificates, client_files};

/// The `network` section.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NetworkConfig {
    /// The hosts that containers may reach through the gateway.
    pub allow: Policy,
    /// The credentials of other hosts.
    pub credentials: Vec<HostCredential>,
}

impl NetworkConfig {
    /// Returns what of it is there for `caller`.
    #[must_use]
    pub fn of(&self, caller: Caller) -> Self {
        let own = self.credentials.iter().filter(|credential| credential.is_for(caller));
        Self {
            allow: self.allow.of(caller),
            credentials: own.cloned().collect(),
        }
    }
}

/// The form of a request for a host, which determines the port of an entry without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `CONNECT`, for TLS: port 443.
    Tunnel,
    /// Absolute-form HTTP: port 80.
    Http,
}

impl Scheme {
    /// Returns the port of an entry that names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Tunnel => 443,
            Self::Http => 80,
        }
    }
}

/// A host and port that a request may reach: the result of [`Policy::permits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host, normalised.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

impl Target {
    /// Checks whether TLS to this target may ask for the server `name`: for a host name exactly that name, for an
    /// address none.
    ///
    /// # Errors
    /// Fails with what is wrong about the name.
    pub fn accepts_server_name(&self, name: Option<&str>) -> Result<(), Denial> {
        match (&self.host, name) {
            (Host::Address(_), None) => Ok(()),
            (Host::Name(_), None) => Err(Denial::NoServerName),
            (host, Some(name)) if Host::parse(name).as_ref() == Ok(host) && !name.ends_with('.') => Ok(()),
            (_, Some(_)) => Err(Denial::ServerName),
        }
    }
}

/// The entries of `network.allow`; without any, nothing may be reached. Serialized, it is the list as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    entries: Vec<Entry>,
}

impl Policy {
    /// Returns whether nothing may be reached.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the entries, in the order of the configuration.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Checks whether `host`, as a request writes it, may be reached at `port`. A name is still to be resolved, and
    /// each of its addresses must then be checked with [`Policy::admits`].
    ///
    /// # Errors
    /// Fails with the reason for which it may not be reached.
    pub fn permits(&self, host: &str, port: u16, scheme: Scheme) -> Result<Target, Denial> {
        let host = Host::parse(host)?;
        if port == 0 {
            return Err(Denial::Port);
        }
        if self.entries.iter().any(|entry| entry.permits(&host, port, scheme)) {
            return Ok(Target { host, port });
        }
        let known = self.entries.iter().any(|entry| entry.names(&host));
        Err(if known {
            Denial::PortNotAllowed
        } else {
            Denial::NotAllowed
        })
    }

    /// Returns the entries that are there for `caller`.
    #[must_use]
    pub fn of(&self, caller: Caller) -> Self {
        self.entries
            .iter()
            .filter(|entry| entry.is_for(caller))
            .cloned()
            .collect()
    }

    /// Returns whether requests to some host have to be looked at.
    pub fn is_narrow(&self) -> bool {
        self.entries.iter().any(Entry::is_narrow)
    }

    /// Returns the hosts of which requests have to be looked at; for a suffix, the name that they are below.
    pub fn narrow_hosts(&self) -> Vec<Host> {
        let narrow = self.entries.iter().filter(|entry| entry.is_narrow());
        narrow.flat_map(Entry::hosts).collect()
    }

    /// Returns whether only some requests to `target` are permitted: each of them must pass [`Policy::permits_request`],
    /// so that TLS to it has to end at the gateway.
    pub fn ends_tls(&self, target: &Target) -> bool {
        let mut covering = self.covering(target).peekable();
        covering.peek().is_some() && covering.all(Entry::is_narrow)
    }

    /// Checks a request to `target`, which [`Policy::permits`] returned, by its method, and by its path as the request
    /// writes it. A query is ignored.
    ///
    /// # Errors
    /// Fails if no entry allows the request, or if its path is one that servers read in different ways.
    pub fn permits_request(&self, target: &Target, method: &Method, path_and_query: &str) -> Result<(), Denial> {
        if !self.ends_tls(target) {
            return match self.covering(target).next() {
                Some(_) => Ok(()),
                None => Err(Denial::NotAllowed),
            };
        }
        let path = RequestPath::read(path_and_query)?;
        if self.covering(target).any(|entry| entry.permits_request(method, &path)) {
            return Ok(());
        }
        Err(Denial::RequestNotAllowed)
    }

    fn covering(&self, target: &Target) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.covers(&target.host, target.port))
    }

    /// Checks whether a connection to `address` may be made for `target`. A public address may; another one may if an
    /// entry names it with its port, whatever name led there: the container could request it directly. An entry that
    /// allows only some requests to the address counts for targets whose requests are checked.
    ///
    /// # Errors
    /// Fails with the class of the address.
    pub fn admits(&self, target: &Target, address: IpAddr) -> Result<(), Denial> {
        let literal = Host::Address(address);
        let is_checked = self.ends_tls(target);
        let spelled_out =
            |entry: &Entry| entry.permits(&literal, target.port, Scheme::Tunnel) && (is_checked || !entry.is_narrow());
        match classify(address) {
            AddressClass::Public => Ok(()),
            _ if self.entries.iter().any(spelled_out) => Ok(()),
            class => Err(Denial::Address(class)),
        }
    }
}

impl FromIterator<Entry> for Policy {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
        }
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.entries)
    }
}

#[cfg(test)]
mod tests;
