//! Texts whose lines take more steps to compare than is done in one merge.

/// How many lines each has.
const LINES: usize = 100_000;

/// Lines of two kinds in an order of chance, and below them `ending`. Nearly everything of one such text is in any other, and
/// nearly nothing in its place.
pub(crate) fn noise(seed: u64, ending: &str) -> String {
    let mut chance = fastrand::Rng::with_seed(seed);
    let lines = (0..LINES).map(|_| if chance.u32(..12) == 0 { "x\n" } else { "\n" });
    // What keeps the lines above and the ending apart is nowhere else.
    let apart = (0..9).map(|line| format!("line {line}\n"));
    lines
        .map(str::to_owned)
        .chain(apart)
        .chain([ending.to_owned()])
        .collect()
}
