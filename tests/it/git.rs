//! Git: the person's repository, and the slots.

mod amounts;
mod attacks;
mod checkouts;
mod commits;
mod diff_stats;
mod discovery;
mod file_systems;
mod history;
mod inside;
mod layered;
mod locks;
mod merge_differences;
mod merge_texts;
mod merges;
mod objects;
mod ordinary;
mod power;
mod private;
mod references;
mod rules;
mod sameness;
mod slots;
mod trees;
