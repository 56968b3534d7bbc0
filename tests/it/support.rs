//! What tests share.

pub mod repository;
//! What several areas of the tests share.

pub(crate) mod engines;
pub(crate) mod sockets;
