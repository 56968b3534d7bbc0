//! The image of a project, built as its configuration says.

use std::collections::BTreeMap;
use std::path::Path;

use super::containerfile::{self, CERTIFICATES};
use super::{
    BASE, BuildOptions, ImageBuilt, NAME, build, content_hash, give_names, host_certificates, request, unless_there,
    with_client,
};
use crate::base::error::{Error, Result};
use crate::config::{DEFAULT_BASE, Image, ImageBuild};
use crate::sandbox::engine::{BuildRequest, Engine};

/// Builds the image that a configuration asks for, unless the engine has one of the same content, and hands what the
/// build prints to `on_line`. `root` is the person's checkout, in which the configuration is; where the configuration
/// says how the image is built, the base of `options` does not count.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`](crate::base::error::ErrorKind::Engine) when a build fails, with its last lines; of kind
/// [`ErrorKind::Configuration`](crate::base::error::ErrorKind::Configuration) when the Containerfile that the
/// configuration names cannot be read.
pub async fn build_for(
    engine: &Engine,
    root: &Path,
    image: &Image,
    options: &BuildOptions,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<ImageBuilt> {
    let Some(described) = &image.build else {
        return build(engine, options, on_line).await;
    };
    let own = described.read_containerfile(root)?;
    // The file may have changed since the configuration was read.
    let name = Image::built(described.clone(), &own).name;
    let (base, is_new) = base(engine, described, &own, options, on_line).await?;
    let options = BuildOptions {
        base,
        ..options.clone()
    };
    let client = with_client(engine, &options, on_line).await?;
    let built = match containerfile::text(&client.tag, described) {
        None => client,
        Some(text) => onto(engine, client, (NAME, &text), &options, on_line).await?,
    };
    give_names(engine, &built.tag, &name, &options).await?;
    Ok(ImageBuilt {
        name,
        rebuilt: built.rebuilt || is_new,
        ..built
    })
}

/// Returns what the client is to be added to, and whether it had to be built: the image of the person's Containerfile,
/// or the base of the configuration.
pub(super) async fn base(
    engine: &Engine,
    described: &ImageBuild,
    own: &[u8],
    options: &BuildOptions,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<(String, bool)> {
    let Some(path) = &described.containerfile else {
        let base = described.base.as_deref().unwrap_or(DEFAULT_BASE);
        return Ok((base.to_owned(), false));
    };
    let content = String::from_utf8_lossy(own);
    let target = described.target.as_deref().unwrap_or_default();
    let tag = format!("{BASE}:{}", content_hash(&[&content, target], &described.args));
    let failed = |error: Error| {
        error.hint(format!(
            "correct `{path}`; it is built without any other file, so that it can copy none of the repository"
        ))
    };
    let files = [("Containerfile", own)];
    let described = || {
        Ok(BuildRequest {
            target: described.target.clone(),
            ..request(&tag, &files, described.args.clone(), options)?
        })
    };
    let (_, is_new) = unless_there(engine, &tag, on_line, described, failed).await?;
    Ok((tag, is_new))
}

/// Builds an image of this name from a Containerfile that stands on `client`, unless the engine has it.
pub(super) async fn onto(
    engine: &Engine,
    client: ImageBuilt,
    (name, text): (&str, &str),
    options: &BuildOptions,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<ImageBuilt> {
    let tag = format!("{name}:{}", content_hash(&[text], &BTreeMap::new()));
    let hint =
        |error: Error| error.hint("correct `build` of the image: the last lines show which package or command failed");
    let described = || {
        let certificates = host_certificates()?;
        let mut files = vec![("Containerfile", text.as_bytes())];
        if text.contains(CERTIFICATES) {
            files.push((CERTIFICATES, certificates.as_slice()));
        }
        request(&tag, &files, BTreeMap::new(), options)
    };
    let (id, is_new) = unless_there(engine, &tag, on_line, described, hint).await?;
    Ok(ImageBuilt {
        id,
        tag,
        rebuilt: client.rebuilt || is_new,
        ..client
    })
}
