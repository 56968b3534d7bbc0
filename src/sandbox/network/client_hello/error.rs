//! What is wrong with a hello, and how long one may be.

/// The most that is read for a hello, records and all; real ones have 200 to 2,000 bytes.
pub const LONGEST: usize = 16 << 10;

/// What is wrong with a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// It is longer than [`LONGEST`].
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// Its records do not hold one handshake message.
    #[error("its records are malformed")]
    Record,
    /// The message is cut short, or continues after its end.
    #[error("its fields do not fit its length")]
    Field,
    /// The list of names occurs twice, or does not have exactly one name of the only kind.
    #[error("its server name is malformed")]
    ServerName,
}
