//! The Claude image: built from `container/Containerfile` when its content changes, and checked before it is relied on.

mod base;
mod check;
mod clean;
mod containerfile;
mod project;
mod service;

use std::collections::BTreeMap;
use std::convert::identity;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use crate::agent::{DEFAULT_CLIENT_VERSION, OLDEST_CLIENT_VERSION};
pub use crate::config::DEFAULT_BASE;
#[cfg(feature = "cli")]
pub(crate) use base::MAKING_BASE;
pub use base::MMDEBSTRAP_OPTIONS;
pub use check::{CheckedItem, ImageReport, ProjectNeeds, check};
pub use clean::{Cleaning, KeptImage, RemovedImage};
pub(crate) use clean::{CleaningOptions, clean};
pub use project::build_for;
pub use service::build_for_service;

use self::base::{IMAGE_LABEL, MADE_BASE};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::sandbox::engine::{BuildRequest, Engine, pack};

/// The image's name, without a tag.
pub const NAME: &str = "localhost/cordwainer-claude";
/// The name of images that a person's Containerfile makes, before the client is in them.
const BASE: &str = "localhost/cordwainer-base";
/// The name of images with the entrypoint alone, and of what is built onto them for services, without a tag.
const SERVICE_LAYERS: &str = "localhost/cordwainer-service-layers";
const CONTAINERFILE: &str = include_str!("../../container/Containerfile");
/// The script at [`ENTRYPOINT`](crate::sandbox::engine::ENTRYPOINT) in the image.
const ENTRYPOINT_SCRIPT: &str = include_str!("../../container/entrypoint");

/// Where systems keep the certificates that they trust, all in one file.
const CERTIFICATES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// The name that a repository gives to an image that it uses, with its id and the content's hash as the tag.
const USED: &str = "localhost/cordwainer-used";

/// How the image is to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// An image with apt, such as [`DEFAULT_BASE`], or one with the project's toolchain.
    pub base: String,
    /// The client's version in its npm package.
    pub client_version: String,
    /// The network of the build's commands; unset is the engine's default.
    pub network: Option<String>,
    /// The id of the repository that the image is for, if it has one: then another one's cleaning leaves it.
    pub repository: Option<String>,
    /// The program `mmdebstrap`, which makes a base of Debian where the engine cannot pull it; unset makes none.
    pub mmdebstrap: Option<PathBuf>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            base: DEFAULT_BASE.into(),
            client_version: DEFAULT_CLIENT_VERSION.into(),
            network: None,
            repository: None,
            mmdebstrap: None,
        }
    }
}

/// The image as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageBuilt {
    /// The engine's id for it.
    pub id: String,
    /// The reference that identifies its content.
    pub tag: String,
    /// Its other reference: what containers are made of finds it by this.
    pub name: String,
    /// The version of the client in it; empty for the image of a service, which has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_version: String,
    /// Whether it had to be built.
    pub rebuilt: bool,
}

/// Builds the image unless the engine has one of the same content, and hands what the build prints to `on_line`.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`] when the build fails, with its last lines.
pub async fn build(
    engine: &Engine,
    options: &BuildOptions,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<ImageBuilt> {
    let name = format!("{NAME}:latest");
    let built = with_client(engine, options, on_line).await?;
    give_names(engine, &built.tag, &name, options).await?;
    Ok(ImageBuilt { name, ..built })
}

/// Gives an image the name by which it is found, and the one that says who uses it.
async fn give_names(engine: &Engine, tag: &str, name: &str, options: &BuildOptions) -> Result<()> {
    engine.tag_image(tag, name).await?;
    let (Some(repository), Some((_, hash))) = (&options.repository, tag.rsplit_once(':')) else {
        return Ok(());
    };
    engine.tag_image(tag, &format!("{USED}:{repository}-{hash}")).await
}

/// Builds the client onto a base unless the engine has an image of the same content.
async fn with_client(
    engine: &Engine,
    options: &BuildOptions,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<ImageBuilt> {
    let tag = tag(options);
    let mut args = arguments(options);
    if engine.image_id(&tag).await?.is_none() {
        let base = base::provide(engine, &options.base, options.mmdebstrap.as_deref(), on_line).await?;
        args.insert("BASE".to_owned(), base);
    }
    let described = || {
        let certificates = host_certificates()?;
        let files = [
            ("Containerfile", CONTAINERFILE.as_bytes()),
            ("entrypoint", ENTRYPOINT_SCRIPT.as_bytes()),
            (containerfile::CERTIFICATES, certificates.as_slice()),
        ];
        request(&tag, &files, args, options)
    };
    let (id, rebuilt) = unless_there(engine, &tag, on_line, described, identity).await?;
    Ok(ImageBuilt {
        id,
        name: tag.clone(),
        tag,
        client_version: options.client_version.clone(),
        rebuilt,
    })
}

/// Builds what `request` describes unless the engine has an image of this tag. Returns its id, and whether it was built;
/// `failed` adds to the error of a build what to do about it.
async fn unless_there(
    engine: &Engine,
    tag: &str,
    on_line: &mut (dyn FnMut(&str) + Send),
    request: impl FnOnce() -> Result<BuildRequest>,
    failed: impl FnOnce(Error) -> Error,
) -> Result<(String, bool)> {
    if let Some(id) = engine.image_id(tag).await? {
        return Ok((id, false));
    }
    let built = engine.build_image(request()?, on_line).await;
    built.map(|id| (id, true)).map_err(failed)
}

/// Returns the reference of the image that these options make: its tag identifies the content.
pub fn tag(options: &BuildOptions) -> String {
    format!(
        "{NAME}:{}",
        content_hash(&[CONTAINERFILE, ENTRYPOINT_SCRIPT], &arguments(options))
    )
}

fn arguments(options: &BuildOptions) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("BASE".to_owned(), options.base.clone()),
        ("CLIENT_VERSION".to_owned(), options.client_version.clone()),
    ])
}

/// Describes the build of these files, one of which is `Containerfile`.
fn request(
    tag: &str,
    files: &[(&str, &[u8])],
    args: BTreeMap<String, String>,
    options: &BuildOptions,
) -> Result<BuildRequest> {
    Ok(BuildRequest {
        context: pack(files).context("cannot pack the image's build context")?,
        containerfile: "Containerfile".into(),
        args,
        target: None,
        tag: tag.to_owned(),
        labels: BTreeMap::from([(IMAGE_LABEL.to_owned(), "built".to_owned())]),
        network: options.network.clone(),
    })
}

/// Returns the certificates that this host trusts: a proxy between it and the package registry may need them. They are
/// not copied into the image, so they do not count as its content.
fn host_certificates() -> Result<Vec<u8>> {
    match CERTIFICATES.iter().find(|path| Path::new(path).is_file()) {
        None => Ok(Vec::new()),
        Some(path) => std::fs::read(path).with_context(ErrorKind::Unexpected, || format!("cannot read `{path}`")),
    }
}

/// Returns the first twelve digits of a hash over everything that makes the image what it is.
fn content_hash(files: &[&str], args: &BTreeMap<String, String>) -> String {
    let mut hash = sha1_smol::Sha1::new();
    let mut add = |text: &str| {
        // The length keeps neighbours apart.
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    for file in files {
        add(file);
    }
    for (name, value) in args {
        add(name);
        add(value);
    }
    let mut digits = hash.digest().to_string();
    digits.truncate(12);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(files: &[&str], args: &[(&str, &str)]) -> String {
        let args = args
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        content_hash(files, &args)
    }

    #[test]
    fn the_tag_changes_with_anything_in_it_and_with_nothing_else() {
        let one = hash(&["FROM a", "#!"], &[("BASE", "x"), ("CLIENT_VERSION", "1")]);
        assert_eq!(one, hash(&["FROM a", "#!"], &[("CLIENT_VERSION", "1"), ("BASE", "x")]));
        assert_eq!(one.len(), 12);
        for other in [
            hash(&["FROM b", "#!"], &[("BASE", "x"), ("CLIENT_VERSION", "1")]),
            hash(&["FROM a", "#!"], &[("BASE", "xC"), ("LIENT_VERSION", "1")]),
            hash(&["FROM a", "#!"], &[("BASE", "x"), ("CLIENT_VERSION", "2")]),
            hash(&["FROM a", "#!"], &[("BASE", "x")]),
            hash(&["FROM a#", "!"], &[("BASE", "x"), ("CLIENT_VERSION", "1")]),
        ] {
            assert_ne!(one, other);
        }
    }
}
