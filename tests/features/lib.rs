//! Has no code: it is there for the features of its dependencies, which `Cargo.toml` explains.
