//! Git: the person's repository, and the slots.

mod commits;
mod discovery;
mod merges;
mod references;
mod trees;
