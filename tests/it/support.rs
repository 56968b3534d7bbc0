//! What tests share.

pub(crate) mod repository;
