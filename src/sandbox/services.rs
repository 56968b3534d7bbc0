//! Services beside a container: databases and the like, each in a sealed container of its own, reachable by nobody but
//! that container.
//!
//! ```text
//! container: 127.0.0.2:5432 ── service-2-5432.sock ─┐ made by the host, in the folder of the container's gateway
//!                                                   joined here
//! service: 127.0.0.1:5432 ──────── port-5432.sock ─┘ made by the host, in a folder of the service's own
//! ```
//!
//! The host listens at both sockets, and connects to nothing that a container made: for each connection of the
//! container it requests one of the service (a line on `requests.sock`), which the entrypoint there answers by
//! connecting to the socket of the port. Both folders are read-only in the containers, so that neither can leave
//! anything on the host.

mod attend;
mod failure;
mod join;
mod ready;
mod running;
mod specification;
mod stage;

pub(crate) use failure::ServiceFailure;
pub(crate) use running::{RunningService, Scene};
pub(crate) use specification::{ServiceSpec, clear};
