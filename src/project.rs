//! One repository as everything above sees it.

pub(crate) mod obeyed;
pub(crate) mod protected;
