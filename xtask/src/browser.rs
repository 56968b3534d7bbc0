//! A browser for the tests, and the rules by which they hold pages accessible.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::npm::Unpacked;
use crate::provision::{self, Install};

/// The browser and what drives it, as Debian's packages and as programs.
const BROWSER: [(&str, &str); 2] = [("chromium", "chromium"), ("chromedriver", "chromium-driver")];
/// The version of axe-core, which changes what is found.
const AXE: &str = "4.14.1";

/// Sees that a browser is there, and axe-core below `target`; what cannot be had is said and left out, and the tests that need it
/// say so.
pub(crate) fn provide(install: Install) {
    if let Err(error) = provision::provided_all(&BROWSER, install).and_then(|()| axe(install)) {
        provision::told(&format!("a browser for the tests cannot be had here: {error:#}"));
    }
}

/// Takes axe-core out of its npm package, once.
fn axe(install: Install) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/axe");
    let program = folder.join("axe.min.js");
    let version = folder.join("version");
    if program.exists() && std::fs::read_to_string(&version).is_ok_and(|had| had == AXE) {
        return Ok(());
    }
    provision::provided_all(&[("npm", "npm")], install)?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let unpacked = Unpacked::new(&format!("axe-core@{AXE}"), "axe.min.js", &folder)?;
    std::fs::rename(unpacked.path(), &program).context("cannot keep axe-core")?;
    std::fs::write(&version, AXE).context("cannot keep axe-core's version")
}
