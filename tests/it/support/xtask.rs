//! Where the program of this repository's own tasks is.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::cargo::{cargo, checkout};

/// The xtask that runs the tests, or one that is built now, once: that takes as long as building this crate.
#[expect(clippy::disallowed_methods, reason = "how the test command names itself")]
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("CORDWAINER_TEST_XTASK") {
            return program.into();
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tidy");
        let output = cargo(checkout(), &target)
            .args(["build", "--quiet", "--package", "xtask"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        target.join("debug/xtask")
    })
}
