//! `network`: which hosts a container may reach through the gateway, decided without touching a network.

mod address;
mod authority;
pub mod client_hello;
mod credential;
mod denial;
mod entry;
mod environment;
mod host;
mod preset;
mod request_path;
mod trust;

use std::net::IpAddr;

use serde::{Serialize, Serializer};

pub use address::{AddressClass, classify};
pub use authority::Authority;
pub use client_hello::HelloError;
pub use credential::{Authentication, HostCredential, SecretSource};
pub use denial::Denial;
pub use entry::{Entry, EntryError};
pub use environment::environment;
pub use host::{Host, HostError};
pub use preset::Preset;
pub use request_path::PathPattern;
pub use trust::{CLIENT_FILES, ClientFiles, client_files};

/// The `network` section.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NetworkConfig {
    /// The hosts that containers may reach through the gateway.
    pub allow: Policy,
    /// The credentials of other hosts.
    pub credentials: Vec<HostCredential>,
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

    /// Checks whether a connection to `address` may be made for `target`. A public address may; another one may if an
    /// entry names it with its port, whatever name led there: the container could request it directly.
    ///
    /// # Errors
    /// Fails with the class of the address.
    pub fn admits(&self, target: &Target, address: IpAddr) -> Result<(), Denial> {
        let literal = Host::Address(address);
        let spelled_out = |entry: &Entry| entry.permits(&literal, target.port, Scheme::Tunnel);
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
        serializer.collect_seq(self.entries.iter().map(Entry::as_str))
    }
}

#[cfg(test)]
mod tests;
