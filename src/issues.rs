//! Tasks: their state, order and proposals, and the store that keeps them on a ref of the repository. How a task is
//! worked on is decided elsewhere.

mod answer;
pub mod attempt;
pub mod document;
pub(crate) mod filed;
pub mod fixed;
pub(crate) mod found;
pub mod group;
pub(crate) mod interfaces;
pub mod issue;
pub(crate) mod last_word;
mod new_ids;
pub(crate) mod pass;
pub mod planned;
pub mod proposal;
pub(crate) mod questions;
pub mod request;
pub mod review;
pub mod round;
pub mod scope;
pub mod stage;
pub mod store;
