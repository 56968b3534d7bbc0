//! Figures: the lines of a commit, what tasks took, what models came to. None needs an engine.

mod figures;
mod lines;
