//! The gateway: the one way out of a container.

pub mod egress;
