//! What several areas of the tests share.

pub(crate) mod command;
pub(crate) mod engines;
pub(crate) mod repository;
pub(crate) mod sockets;
