//! Crash points: named places at which a test lets the process die, compiled only for tests.

/// Marks the end of a durable step. With the feature `crash-points` and the step's name in `CORDWAINER_CRASH_AT`, the
/// process dies here as after `kill -9`; otherwise it does nothing. `name:3` is the third time that the step is
/// reached.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "crash-points")]
        $crate::base::crash::reached($name);
    };
}
pub(crate) use crash_point;

/// How often the step that the environment names was reached.
#[cfg(feature = "crash-points")]
static REACHED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Kills the process when the environment asks for a crash at `name`.
#[cfg(feature = "crash-points")]
pub(crate) fn reached(name: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's switch, absent from every normal build"
    )]
    let Ok(at) = std::env::var("CORDWAINER_CRASH_AT") else {
        return;
    };
    let (wanted, count) = at.split_once(':').unwrap_or((&at, "1"));
    if wanted != name {
        return;
    }
    let times = REACHED.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
    if count.parse() == Ok(times) {
        let this = rustix::process::getpid();
        let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
