//! `network.credentials`: what the gateway shows to which other hosts, and where it has it from. The secrets themselves
//! are not here.

use std::fmt;
use std::path::PathBuf;

use hyper::Method;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::{Caller, Limits, Target};

/// The port of a host that is written without one: credentials go over TLS alone.
const TLS_PORT: u16 = 443;

/// One of `network.credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCredential {
    /// The host, and its port, that alone gets it.
    pub target: Target,
    /// How the host is shown it.
    pub authentication: Authentication,
    /// Where the secret is.
    pub source: SecretSource,
    /// The requests with which it is sent, and who has it.
    pub limits: Limits,
    /// Where the entry is written, such as `configuration.yaml:12`; empty where it is in no file.
    pub written_at: String,
}

/// How a host is shown a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// In a header of this name, as it is.
    Header(String),
    /// As the password of this user.
    Basic(String),
    /// As a bearer's token.
    Bearer,
    /// As cargo does it, for the registry of this name in its configuration.
    Cargo(String),
    /// As npm does it.
    Npm,
    /// As pip does it, as the password of this user.
    Pip(String),
}

/// Where a secret is on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// In a variable of the environment in which the command is called.
    #[serde(rename = "env")]
    Variable(String),
    /// In a file; a relative one is in `secrets_dir`.
    File(PathBuf),
}

impl HostCredential {
    /// Returns whether it is there for `caller`.
    pub fn is_for(&self, caller: Caller) -> bool {
        self.limits.are_for(caller)
    }

    /// Returns whether it is sent with a request of this method and path, as the request writes it.
    pub fn covers(&self, method: &Method, path: &str) -> bool {
        self.limits.have_method(method) && self.limits.have_path(path)
    }

    /// Returns whether both are for some request of somebody.
    pub fn contradicts(&self, other: &Self) -> bool {
        self.target == other.target && self.limits.meet(&other.limits)
    }

    /// Returns `host`, or `host:port` where the port is not that of HTTPS.
    pub fn authority(&self) -> String {
        let Target { host, port } = &self.target;
        if *port == TLS_PORT {
            host.to_string()
        } else {
            format!("{host}:{port}")
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(formatter, "the variable `{name}`"),
            Self::File(path) => write!(formatter, "the file `{}`", path.display()),
        }
    }
}

impl Serialize for HostCredential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("host", &self.authority())?;
        match &self.authentication {
            Authentication::Header(name) => map.serialize_entry("header", name)?,
            Authentication::Basic(user) => map.serialize_entry("basic", user)?,
            Authentication::Bearer => map.serialize_entry("bearer", &true)?,
            Authentication::Cargo(registry) => map.serialize_entry("cargo", registry)?,
            Authentication::Npm => map.serialize_entry("npm", &true)?,
            Authentication::Pip(user) => map.serialize_entry("pip", user)?,
        }
        map.serialize_entry("from", &self.source)?;
        for (key, values) in self.limits.written() {
            map.serialize_entry(key, &values)?;
        }
        map.end()
    }
}
