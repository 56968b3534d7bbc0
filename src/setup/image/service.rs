//! The images of services: what a configuration describes, with the entrypoint and without the client.

use std::collections::BTreeMap;
use std::convert::identity;
use std::path::Path;

use super::base::provide;
use super::containerfile;
use super::project::{base, onto};
use super::{
    BuildOptions, ENTRYPOINT_SCRIPT, ImageBuilt, SERVICE_LAYERS, content_hash, give_names, request, unless_there,
};
use crate::base::error::Result;
use crate::config::{Image, ServiceConfig};
use crate::sandbox::engine::Engine;

const CONTAINERFILE: &str = include_str!("../../../container/Containerfile.service");

/// Builds the image of a service, unless the engine has one of the same content, and hands what the build prints to
/// `on_line`; `None` where the configuration names an image, which is not built. `root` is the person's checkout.
///
/// # Errors
///
/// As [`build_for`](super::build_for).
pub async fn build_for_service(
    engine: &Engine,
    root: &Path,
    service: &ServiceConfig,
    options: &BuildOptions,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Option<ImageBuilt>> {
    let Some(described) = &service.image.build else {
        return Ok(None);
    };
    let own = described.read_containerfile(root)?;
    // The file may have changed since the configuration was read.
    let name = Image::built(described.clone(), &own).of_service().name;
    let (base, is_new) = base(engine, described, &own, options, on_line).await?;
    let begun = with_entrypoint(engine, &base, options, on_line).await?;
    let built = match containerfile::text(&begun.tag, described) {
        None => begun,
        Some(text) => onto(engine, begun, (SERVICE_LAYERS, &text), options, on_line).await?,
    };
    give_names(engine, &built.tag, &name, options).await?;
    Ok(Some(ImageBuilt {
        name,
        rebuilt: built.rebuilt || is_new,
        ..built
    }))
}

/// Adds the entrypoint to a base, unless the engine has an image of the same content.
async fn with_entrypoint(
    engine: &Engine,
    base: &str,
    options: &BuildOptions,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<ImageBuilt> {
    let mut args = BTreeMap::from([("BASE".to_owned(), base.to_owned())]);
    let tag = format!(
        "{SERVICE_LAYERS}:{}",
        content_hash(&[CONTAINERFILE, ENTRYPOINT_SCRIPT], &args)
    );
    if engine.image_id(&tag).await?.is_none() {
        let base = provide(engine, base, options.mmdebstrap.as_deref(), on_line).await?;
        args.insert("BASE".to_owned(), base);
    }
    let files = [
        ("Containerfile", CONTAINERFILE.as_bytes()),
        ("entrypoint", ENTRYPOINT_SCRIPT.as_bytes()),
    ];
    let described = || request(&tag, &files, args, options);
    let (id, rebuilt) = unless_there(engine, &tag, on_line, described, identity).await?;
    Ok(ImageBuilt {
        id,
        name: tag.clone(),
        tag,
        client_version: String::new(),
        rebuilt,
    })
}
