//! How much a snapshot of a slot takes in.

/// How much a snapshot takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLimits {
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// Files that are new or changed.
    pub max_files: usize,
    /// Bytes of all of them: one large file under many names takes little room and much time.
    pub max_bytes: u64,
}

impl Default for SnapshotLimits {
    fn default() -> Self {
        Self {
            max_file_bytes: 50 << 20,
            max_files: 50_000,
            max_bytes: 1 << 30,
        }
    }
}
