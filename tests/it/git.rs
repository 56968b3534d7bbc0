//! Git: the person's repository, and the slots.

mod amounts;
mod attacks;
mod checkouts;
mod commits;
mod discovery;
mod inside;
mod merges;
mod ordinary;
mod private;
mod references;
mod sameness;
mod slots;
mod trees;
