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
