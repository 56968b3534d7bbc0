//! Egress through the gateway, over real sockets: what gets through, what does not, and what it costs to try.

mod bounds;
mod ended;
mod gateway;
mod http;
mod origin;
mod proxy;
mod suggest;
mod tricks;
mod tunnels;
