//! How much of the outside one container may take.

use std::time::Duration;

/// What one container may take of the outside at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Tunnels and forwarded requests at once; one more is refused with 503.
    pub connections: usize,
    /// Until a name is resolved.
    pub resolve: Duration,
    /// Until a connection is made, over all addresses that a name has.
    pub connect: Duration,
    /// Until a tunnel has begun with a whole hello of TLS.
    pub hello: Duration,
    /// Without a byte in either direction.
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
