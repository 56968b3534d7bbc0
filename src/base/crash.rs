//! Crash points: named places at which a test lets the process die, compiled only for tests.

/// Marks the end of a durable step. With the feature `crash-points` and the step's name in `CORDWAINER_CRASH_AT`, the
/// process dies here as after `kill -9`; otherwise it does nothing. `name:3` is the third time that the step is
/// reached. Of several names, with commas between them, the process dies at the one that it comes to first; which one that was is
/// written into the file that `CORDWAINER_CRASHED` names.
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
#[expect(
    clippy::disallowed_methods,
    reason = "a test's switch, absent from every normal build"
)]
pub(crate) fn reached(name: &str) {
    let Ok(at) = std::env::var("CORDWAINER_CRASH_AT") else {
        return;
    };
    let mut counts = at.split(',').map(|one| one.split_once(':').unwrap_or((one, "1")));
    let Some((_, count)) = counts.find(|(wanted, _)| *wanted == name) else {
        return;
    };
    let times = REACHED.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
    if count.parse() == Ok(times) {
        if let Some(file) = std::env::var_os("CORDWAINER_CRASHED") {
            // A test that does not find the name fails.
            let _ = std::fs::write(file, name);
        }
        let this = rustix::process::getpid();
        let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
