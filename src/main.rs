//! The command line as a program of its own, for use without an `xtask` crate.

fn main() -> std::process::ExitCode {
    cordwainer::cli::main()
}
