//! How long an input may take: about as long as its length says.
//!
//! What is counted is the processor's time of this thread, so that other work on the machine does not matter. An input is
//! repeated until it is long enough for growth above linear to show: by then the square of its length is thousands of times
//! its length. The bound is wide, for a net and not for a measurement; `cargo xtask bench growth` measures.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long an input is made, in bytes.
const LONG: usize = 64 << 10;
/// How many of the inputs are tried so: one of so many.
const ONE_OF: u64 = 32;
/// What each byte may take, in nanoseconds: a hundred times what it takes in a build for fuzzing.
const A_BYTE: u64 = 20_000;

/// Asserts that reading a repeated input takes about as long as it is. It is tried with some inputs, chosen by their bytes,
/// so that a finding is one again.
///
/// # Panics
///
/// Where it takes longer: that is the finding.
pub fn check(input: &[u8], read: impl FnOnce(&[u8])) {
    let mixed = input.iter().fold(0_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    if input.is_empty() || (mixed >> 32) % ONE_OF != 0 {
        return;
    }
    let long = input.repeat(LONG.div_ceil(input.len()));
    let began = now();
    read(&long);
    let took = now().saturating_sub(began);
    let most = Duration::from_nanos(A_BYTE * long.len() as u64);
    assert!(took <= most, "{took:?} for {} bytes", long.len());
}

fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    Duration::from_secs(part(now.tv_sec)) + Duration::from_nanos(part(now.tv_nsec))
}
