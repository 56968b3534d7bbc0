//! The issue store: a commit chain on one ref, changed by compare-and-swap.
