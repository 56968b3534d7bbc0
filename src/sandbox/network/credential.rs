//! `network.credentials`: what the gateway shows to which other hosts, and where it has it from. The secrets themselves
//! are not here.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::{PathPattern, Target};
use crate::model::Role;

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
    /// The roles that have it; empty means all.
    pub roles: BTreeSet<Role>,
    /// The methods with which it is sent; empty means all.
    pub methods: BTreeSet<String>,
    /// The paths to which it is sent; empty means all.
    pub paths: Vec<PathPattern>,
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
    /// Returns whether an agent of this role has it.
    pub fn is_for(&self, role: Role) -> bool {
        self.roles.is_empty() || self.roles.contains(&role)
    }

    /// Returns whether it is sent with a request of this method and path.
    pub fn covers(&self, method: &str, path: &str) -> bool {
        let has_method = self.methods.is_empty() || self.methods.contains(method);
        has_method && (self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path)))
    }

    /// Returns whether both are for some request of some role.
    pub fn contradicts(&self, other: &Self) -> bool {
        let meets = |one: &Self, two: &Self| {
            let paths = one
                .paths
                .iter()
                .any(|path| two.paths.iter().any(|other| path.meets(other)));
            one.paths.is_empty() || two.paths.is_empty() || paths
        };
        self.target == other.target
            && common(&self.roles, &other.roles)
            && common(&self.methods, &other.methods)
            && meets(self, other)
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

/// Returns whether two lists, of which an empty one has everything, have something in common.
fn common<T: Ord>(one: &BTreeSet<T>, two: &BTreeSet<T>) -> bool {
    one.is_empty() || two.is_empty() || !one.is_disjoint(two)
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
        if !self.roles.is_empty() {
            map.serialize_entry("roles", &self.roles)?;
        }
        if !self.methods.is_empty() {
            map.serialize_entry("methods", &self.methods)?;
        }
        if !self.paths.is_empty() {
            map.serialize_entry("paths", &self.paths)?;
        }
        map.end()
    }
}
