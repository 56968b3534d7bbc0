//! Helpers of the unit tests and the tests of `tests/`, compiled only for them.

/// Chooses how many cases a random or exhaustive test tries: `long` under `cargo xtask test --long`, else `small`.
///
/// Small sizes keep the whole test run short enough for every change; a test with two sizes has one seed for both.
pub fn size<T>(small: T, long: T) -> T {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's switch, absent from every normal build"
    )]
    let every = std::env::var_os("CORDWAINER_TEST_LONG").is_some();
    if every { long } else { small }
}

/// Returns whether new tasks get ids in order (`cw-1`, `cw-2`), as earlier versions gave them: with
/// `CORDWAINER_COUNTED_IDS` set, a test can name a task before it is filed, and works on a store with counted ids.
#[cfg(feature = "crash-points")]
pub(crate) fn counts_ids() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's switch, absent from every normal build"
    )]
    std::env::var_os("CORDWAINER_COUNTED_IDS").is_some()
}

/// Returns how many seconds the wall clock is off that tests have set: what the file says that `CORDWAINER_CLOCK` names; none
/// where no file is named.
#[cfg(feature = "crash-points")]
pub(crate) fn clock_is_off() -> i64 {
    let seconds = clock().and_then(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok());
    seconds.unwrap_or_default()
}

/// Returns whether a test sets the wall clock.
#[cfg(feature = "crash-points")]
pub(crate) fn sets_the_clock() -> bool {
    clock().is_some()
}

/// Returns the file by which a test sets the wall clock.
#[cfg(feature = "crash-points")]
fn clock() -> Option<std::ffi::OsString> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's switch, absent from every normal build"
    )]
    std::env::var_os("CORDWAINER_CLOCK")
}
