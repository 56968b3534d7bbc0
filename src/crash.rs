//! Crash points: named places at which a test lets the process die, compiled only for tests.

/// Marks the end of a durable step. With the feature `crash-points` and the step's name in
/// `CORDWAINER_CRASH_AT`, the process dies here as by `kill -9`; else it is nothing at all.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "crash-points")]
        $crate::crash::reached($name);
    };
}
pub(crate) use crash_point;

/// Dies when the environment asks for a crash at `name`.
#[cfg(feature = "crash-points")]
pub(crate) fn reached(name: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's switch, absent from every normal build"
    )]
    if std::env::var("CORDWAINER_CRASH_AT").is_ok_and(|at| at == name) {
        let this = rustix::process::getpid();
        let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
