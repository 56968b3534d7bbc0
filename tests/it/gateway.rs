//! The gateway over its socket, with small servers and the scripted Messages API behind it.

mod budget;
mod connections;
mod doors;
mod floods;
mod login;
mod metering;
mod scene;
mod secrets;
mod sockets;
mod streaming;
mod tls;
