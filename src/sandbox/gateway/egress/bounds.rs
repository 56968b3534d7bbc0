//! How much network one container may use.

use std::time::Duration;

/// What one container may use of the network at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Tunnels and forwarded requests at once; more are refused with 503.
    pub connections: usize,
    /// The time limit for resolving a name.
    pub resolve: Duration,
    /// The time limit for a connection, over all addresses of a name.
    pub connect: Duration,
    /// The time limit for a whole TLS hello at the beginning of a tunnel.
    pub hello: Duration,
    /// The longest time without a byte in either direction.
    pub idle: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 32,
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            idle: Duration::from_secs(5 * 60),
        }
    }
}
