//! How much network one container may use.

use std::time::Duration;

/// What one container may use of the network at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Tunnels and forwarded requests at once; further ones wait until one ends.
    pub connections: usize,
    /// How many may wait; more are refused with 503.
    pub waiting: usize,
    /// How long each of them may wait, before it is refused with 503.
    pub wait: Duration,
    /// The time limit for resolving a name.
    pub resolve: Duration,
    /// The time limit for a connection, over all addresses of a name.
    pub connect: Duration,
    /// The time limit for a whole TLS hello at the beginning of a tunnel.
    pub hello: Duration,
    /// The longest time without a byte in either direction.
    pub idle: Duration,
    /// The longest time without a byte while others wait: clients keep connections for later, and may not use them again.
    pub idle_when_wanted: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            // npm has 15 to a registry, pnpm up to 64, and keeps them: several side by side must find room.
            connections: 128,
            waiting: 128,
            wait: Duration::from_secs(60),
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            idle: Duration::from_secs(5 * 60),
            idle_when_wanted: Duration::from_secs(30),
        }
    }
}
