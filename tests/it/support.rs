//! What tests share.

pub mod repository;
