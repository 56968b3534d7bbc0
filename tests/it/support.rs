//! What several areas of the tests share.

pub(crate) mod cargo;
pub(crate) mod engines;
pub(crate) mod repository;
pub(crate) mod sockets;
