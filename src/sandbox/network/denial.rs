//! Why the gateway does not let a container through.

use super::{AddressClass, HelloError, HostError, PathError};

/// Why a request for the outside was refused, or its tunnel cut off. As text it is a lowercase fragment that contains
/// nothing which the container did not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The host is malformed.
    #[error("the host is malformed: {0}")]
    Host(#[from] HostError),
    /// There is no port, or it is malformed.
    #[error("the port is missing or malformed")]
    Port,
    /// No entry names the host.
    #[error("`network.allow` does not have the host")]
    NotAllowed,
    /// Entries name the host, with other ports.
    #[error("`network.allow` has the host, but not with this port")]
    PortNotAllowed,
    /// Entries name the host at this port, with other methods or paths.
    #[error("`network.allow` has the host, but not with this method and path")]
    RequestNotAllowed,
    /// Only some paths of the host are allowed, and servers read the path in different ways.
    #[error("the path can be read in two ways: {0}")]
    Path(#[from] PathError),
    /// Only some requests to the host are allowed, and they come inside TLS.
    #[error("`network.allow` has only some methods or paths of the host, and the gateway cannot see them inside TLS")]
    Unseen,
    /// The name has no address.
    #[error("the name cannot be resolved")]
    Unresolved,
    /// Too many others wait for a connection, or none became free in time.
    #[error("there are too many connections at once")]
    Busy,
    /// The host is not a public one.
    #[error("the host has a {0} address")]
    Address(AddressClass),
    /// The request line is neither `CONNECT host:port` nor `METHOD http://host/…`.
    #[error("the target of the request is neither `host:port` for CONNECT nor an `http://` address")]
    Form,
    /// `https://` in absolute form: it would have to be encrypted here.
    #[error("`https` goes through CONNECT")]
    Https,
    /// The `Host` header is missing, is there twice, or names another host than the request line.
    #[error("the `Host` header is not the host of the request line")]
    HostHeader,
    /// TLS begins with another name than `CONNECT` asked for.
    #[error("TLS requests another host than CONNECT")]
    ServerName,
    /// TLS begins without a name, though `CONNECT` asked for one.
    #[error("TLS names no host (it has no server name)")]
    NoServerName,
    /// What came on port 443 is not TLS.
    #[error("what was sent is not TLS")]
    NotTls,
    /// TLS begins with a malformed hello.
    #[error("TLS begins with a malformed hello: {0}")]
    Hello(#[from] HelloError),
    /// No whole hello arrived in time.
    #[error("nothing was sent through the tunnel in time")]
    Silent,
    /// A request inside TLS that ends at the gateway has another form than `METHOD /path`.
    #[error("a request in this tunnel names only a path")]
    InnerForm,
    /// A request inside TLS that ends at the gateway has a method that shows what the gateway adds.
    #[error("the method TRACE is not allowed here")]
    Trace,
    /// A request inside TLS that ends at the gateway asks for another protocol.
    #[error("the gateway reads what goes to this host, so the connection cannot become one of another protocol")]
    Upgrade,
    /// The placeholder of a credential stands where that credential does not belong.
    #[error("the placeholder of a credential was sent where `network.credentials` does not have it")]
    Placeholder,
    /// No credential is configured for this request, and nothing else allows it.
    #[error("`network.credentials` does not have this method and path")]
    NotCovered,
}

impl Denial {
    /// Returns the word that records have for it; every malformed request has the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::PortNotAllowed => "port_not_allowed",
            Self::RequestNotAllowed => "request_not_allowed",
            Self::Path(_) => "path",
            Self::Unseen => "unseen",
            Self::Unresolved => "unresolved",
            Self::Busy => "busy",
            Self::Address(_) => "address",
            Self::Placeholder => "placeholder",
            Self::NotCovered => "not_covered",
            _ => "malformed",
        }
    }
}
