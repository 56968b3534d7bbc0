//! Tasks: their state, order and proposals, and the store that keeps them on a ref of the repository. How a task is
//! worked on is decided elsewhere.

pub mod attempt;
pub mod issue;
mod new_ids;
pub mod proposal;
pub mod round;
pub mod store;
