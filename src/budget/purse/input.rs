//! How many tokens a request has, guessed from its length.

/// The fewest bytes that make a token, before an answer has told: text has three or four, figures two.
const BYTES_OF_A_TOKEN: u64 = 2;
/// The most, whatever answers told: a request full of blanks teaches nothing of the next one.
const MOST_BYTES_OF_A_TOKEN: u64 = 4;

/// What the answers so far let expect of the next request. The densest of them counts, and a quarter is put on top.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InputGuess {
    /// The bytes and tokens of the densest request.
    densest: Option<(u64, u64)>,
}

impl InputGuess {
    /// The tokens of a request so long.
    pub(super) fn tokens(&self, bytes: u64) -> u64 {
        let Some((learned_bytes, learned_tokens)) = self.densest else {
            return bytes.div_ceil(BYTES_OF_A_TOKEN);
        };
        let whole = (u128::from(bytes) * u128::from(learned_tokens)).saturating_mul(5);
        let learned = u64::try_from(whole.div_ceil(u128::from(learned_bytes) * 4)).unwrap_or(u64::MAX);
        learned.max(bytes.div_ceil(MOST_BYTES_OF_A_TOKEN))
    }

    /// Notes what an answer told.
    pub(super) fn learn(&mut self, bytes: u64, tokens: u64) {
        let denser = self.densest.is_none_or(|(other_bytes, other_tokens)| {
            u128::from(tokens) * u128::from(other_bytes) > u128::from(other_tokens) * u128::from(bytes)
        });
        if denser && bytes > 0 {
            self.densest = Some((bytes, tokens));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_teach_nothing() {
        let mut guess = InputGuess::default();
        guess.learn(1_000_000, 10);
        assert_eq!(guess.tokens(1_000_000), 250_000);
    }

    #[test]
    fn the_densest_answer_so_far_counts_and_a_quarter_more() {
        let mut guess = InputGuess::default();
        assert_eq!(guess.tokens(1001), 501);
        guess.learn(0, 100);
        guess.learn(4000, 1000);
        assert_eq!(guess.tokens(8000), 2500);
        guess.learn(4000, 400);
        assert_eq!(guess.tokens(8000), 2500);
        guess.learn(1000, 500);
        assert_eq!((guess.tokens(8000), guess.tokens(1)), (5000, 1));
        assert_eq!(guess.tokens(u64::MAX), 11_529_215_046_068_469_760);
        guess.learn(1, u64::MAX);
        assert_eq!(guess.tokens(u64::MAX), u64::MAX);
    }
}
