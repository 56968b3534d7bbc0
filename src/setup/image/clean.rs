//! Images that were built here and that nothing uses any more.
//!
//! An image is ours if it has our label and no name but those that are given here: what a person builds on one of ours
//! inherits the label, and has another name, or none. The steps of a build have no name at all; they go only with the
//! image that they led to. The engine is asked to remove nothing else: podman would remove parents that have no name,
//! and one of those may be a person's.

use std::collections::BTreeSet;

use serde::Serialize;

pub(crate) use self::used::CleaningOptions;
use self::used::Used;
use crate::base::error::Result;
use crate::sandbox::engine::{Engine, StoredImage};

mod used;

/// What cleaning removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleaning {
    /// Images that nothing uses.
    pub removed: Vec<RemovedImage>,
    /// Images of ours that stay.
    pub kept: Vec<KeptImage>,
}

/// An image that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedImage {
    /// Its names.
    pub names: Vec<String>,
    /// Bytes, with the layers that it shares with others.
    pub bytes: u64,
}

/// An image that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptImage {
    /// Its names.
    pub names: Vec<String>,
    /// Why it stays.
    pub why: String,
}

/// Removes the images of ours that the configuration does not use, and returns them. What a container uses stays, and so
/// does what another repository uses, and what any other image that stays is built on.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`](crate::base::error::ErrorKind::Engine) where the engine cannot be asked.
pub(crate) async fn clean(engine: &Engine, asked: &CleaningOptions<'_>) -> Result<Cleaning> {
    let images = engine.images().await?;
    let used = Used::of(engine, asked, &images).await?;
    let mut cleaning = Cleaning::default();
    let mut unused = Vec::new();
    for image in images.iter().filter(|image| used::is_ours(image)) {
        match used.why(image) {
            Some(why) => {
                if !asked.is_dry && !used.is_configured(image) {
                    forget(engine, image, asked.repository).await?;
                }
                cleaning.kept.push(kept(image, why));
            }
            None => unused.push(image),
        }
    }
    let mut steps = BTreeSet::new();
    // What is built on others goes before them.
    for (ancestry, image) in deepest_first(engine, unused).await? {
        if asked.is_dry || remove_names(engine, image).await? {
            steps.extend(ancestry);
            cleaning.removed.push(RemovedImage {
                names: image.references.clone(),
                bytes: image.size,
            });
        } else {
            cleaning.kept.push(kept(image, "a container or another image needs it"));
        }
    }
    if !asked.is_dry {
        remove_steps(engine, &images, &steps, &used).await?;
    }
    Ok(cleaning)
}

fn kept(image: &StoredImage, why: &str) -> KeptImage {
    KeptImage {
        names: image.references.clone(),
        why: why.to_owned(),
    }
}

/// Removes the name by which this repository says that it uses an image, which stays.
async fn forget(engine: &Engine, image: &StoredImage, repository: &str) -> Result<()> {
    let others = image.references.len() > 1;
    let own = image
        .references
        .iter()
        .filter(|name| used::user(name) == Some(repository));
    for name in own.filter(|_| others) {
        engine.remove_image(name).await?;
    }
    Ok(())
}

/// Removes all names of an image, and with the last one the image. Returns whether it is gone.
async fn remove_names(engine: &Engine, image: &StoredImage) -> Result<bool> {
    for reference in &image.references {
        if !engine.remove_image(reference).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes the steps, by their ids, of builds whose images are gone, unless something that stays is built on them.
async fn remove_steps(engine: &Engine, images: &[StoredImage], steps: &BTreeSet<String>, used: &Used) -> Result<()> {
    let is_over = |image: &&StoredImage| {
        image.references.is_empty() && used::is_labelled(image) && steps.contains(&image.id) && !used.is_needed(image)
    };
    for (_, step) in deepest_first(engine, images.iter().filter(is_over).collect()).await? {
        engine.remove_image(&step.id).await?;
    }
    Ok(())
}

/// Returns images with the ids of what they are built on, each before those that it is built on.
async fn deepest_first<'a>(
    engine: &Engine,
    images: Vec<&'a StoredImage>,
) -> Result<Vec<(BTreeSet<String>, &'a StoredImage)>> {
    let mut deep = Vec::new();
    for image in images {
        deep.push((engine.ancestry(&image.id).await?, image));
    }
    let ids: BTreeSet<String> = deep.iter().map(|(_, image)| image.id.clone()).collect();
    deep.sort_by_key(|(ancestry, _)| std::cmp::Reverse(ancestry.intersection(&ids).count()));
    Ok(deep)
}
