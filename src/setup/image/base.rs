//! The base of an image where the engine does not have it: pulled, or made of Debian's packages.
//!
//! `mmdebstrap` is the person's own program, and makes it of packages that Debian has signed: nothing of the repository runs on
//! the host.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::sandbox::engine::{Engine, ImageConfig};

/// The label of every image that is built here, and of every step of its build. Containers inherit labels, so no label of
/// containers is one of an image.
pub(super) const IMAGE_LABEL: &str = "cordwainer.image";
/// The name of bases that were made of Debian's packages, with the suite as the tag.
pub(super) const MADE_BASE: &str = "localhost/cordwainer-debian";
/// What the line begins with that tells that a base is made.
pub(crate) const MAKING_BASE: &str = "Making a base of Debian's packages";
/// The beginning of the names of images that no registry has.
const LOCAL: &str = "localhost/";

/// Returns the name by which the engine has a base: it is there, was pulled, or was made.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`] where it can neither be pulled nor made.
pub(super) async fn provide(
    engine: &Engine,
    base: &str,
    mmdebstrap: Option<&Path>,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<String> {
    // The build says best what is wrong with a name of this machine.
    if base.starts_with(LOCAL) || engine.image_id(base).await?.is_some() {
        return Ok(base.to_owned());
    }
    let Err(refused) = engine.ensure_image(base).await else {
        return Ok(base.to_owned());
    };
    let Some(suite) = suite(base) else {
        return Err(refused.hint("name a `base` that the engine has or can pull"));
    };
    let made = format!("{MADE_BASE}:{suite}");
    if engine.image_id(&made).await?.is_some() {
        return Ok(made);
    }
    let Some(program) = mmdebstrap else {
        return Err(refused.hint(
            "install `mmdebstrap`, with which `cordwainer image build` makes this image of Debian's packages, or name a `base` \
             that the engine has or can pull",
        ));
    };
    on_line(&format!(
        "{MAKING_BASE} with mmdebstrap, since `{base}` cannot be pulled."
    ));
    let folder = tempfile::tempdir().context("cannot make a folder for the base")?;
    let archive = folder.path().join("base.tar");
    make(program, suite, &archive, on_line)
        .await
        .map_err(|error| error.because(refused))?;
    let root = std::fs::read(&archive)
        .with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", archive.display()))?;
    let config = ImageConfig {
        labels: [(IMAGE_LABEL.to_owned(), "built".to_owned())].into(),
        ..ImageConfig::default()
    };
    engine.import_image(root, &made, &config).await?;
    Ok(made)
}

/// Options of mmdebstrap with which an image of Debian has what the images that Debian publishes have: few files, no
/// translated descriptions of packages, and no wait for the disk after each file that is installed later, since an image
/// that was not built to its end is thrown away.
pub const MMDEBSTRAP_OPTIONS: [&str; 6] = [
    "--variant=minbase",
    "--aptopt=Acquire::Languages \"none\"",
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
];

/// Returns the suite of Debian that an image of this name has; `None` where it is another image.
fn suite(base: &str) -> Option<&str> {
    let tag = base.strip_prefix("debian:")?;
    let suite = tag.strip_suffix("-slim").unwrap_or(tag);
    let is_word = !suite.is_empty() && suite.chars().all(|c| c.is_ascii_lowercase());
    is_word.then_some(if suite == "latest" { "stable" } else { suite })
}

async fn make(program: &Path, suite: &str, archive: &Path, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
    let failed = || format!("cannot run `{}`", program.display());
    let mut child = Command::new(program)
        .args(MMDEBSTRAP_OPTIONS)
        .arg(suite)
        .arg(archive)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(ErrorKind::Engine, failed)?;
    let mut last = String::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).split(b'\n');
        while let Some(line) = lines.next_segment().await.with_context(ErrorKind::Engine, failed)? {
            last = String::from_utf8_lossy(&line).into_owned();
            on_line(&last);
        }
    }
    let status = child.wait().await.with_context(ErrorKind::Engine, failed)?;
    if status.success() {
        return Ok(());
    }
    let message = format!(
        "`mmdebstrap` cannot make a base of `{suite}`, {status}: {}",
        last.trim()
    );
    Err(Error::new(ErrorKind::Engine, message).hint("correct `base`, or name one that the engine has or can pull"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_of_debian_itself_are_made() {
        for (base, expect) in [
            ("debian:bookworm-slim", Some("bookworm")),
            ("debian:trixie", Some("trixie")),
            ("debian:latest", Some("stable")),
            ("debian:bookworm-20260101-slim", None),
            ("debian:12", None),
            ("debian", None),
            ("rust:1.89", None),
            ("example.org/debian:bookworm", None),
        ] {
            assert_eq!(suite(base), expect, "{base}");
        }
    }
}
