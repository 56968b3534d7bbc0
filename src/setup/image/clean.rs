//! Images that were built here and that nothing uses any more.
//!
//! An image is ours if it has our label and no name but those that are given here: what a person builds on one of ours
//! inherits the label, and has another name, or none. The steps of a build have no name at all; they go only with the
//! image that they led to. The engine is asked to remove nothing else. podman removes parents that have no name all the
//! same: where one of those may be a person's, the image stays.

use std::collections::BTreeSet;

use serde::Serialize;

use self::stock::Stock;
pub(crate) use self::used::CleaningOptions;
use self::used::Used;
use crate::base::error::Result;
use crate::sandbox::engine::{Engine, EngineKind, StoredImage};

mod stock;
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
    let stock = Stock::of(engine).await?;
    let used = Used::of(asked, &stock, engine.images_of_containers().await?);
    let mut cleaning = Cleaning::default();
    let mut unused = Vec::new();
    for image in stock.images().filter(|image| used::is_ours(image)) {
        match used.why(image) {
            Some(why) => {
                if !asked.is_dry && used.is_anothers_alone(image) {
                    forget(engine, image, asked.repository).await?;
                }
                cleaning.kept.push(kept(image, why));
            }
            None if takes_along(engine, &stock, image) => {
                let why = "it is built on an image without a name, which podman would remove with it";
                cleaning.kept.push(kept(image, why));
            }
            None => unused.push(image),
        }
    }
    let mut steps = BTreeSet::new();
    for image in stock.last_first(unused) {
        if asked.is_dry || remove_names(engine, image).await? {
            steps.extend(stock.below(image));
            cleaning.removed.push(RemovedImage {
                names: image.references.clone(),
                bytes: image.size,
            });
        } else {
            cleaning.kept.push(kept(image, "a container or another image needs it"));
        }
    }
    let is_over = |image: &&StoredImage| {
        image.references.is_empty() && used::is_labelled(image) && steps.contains(&image.id) && !used.is_needed(image)
    };
    if !asked.is_dry {
        remove_steps(engine, stock.last_first(stock.images().filter(is_over).collect())).await?;
    }
    Ok(cleaning)
}

/// Returns whether removing an image would remove one that may be a person's: podman 4.3 removes the parents that have no
/// name, whatever it is asked.
fn takes_along(engine: &Engine, stock: &Stock, image: &StoredImage) -> bool {
    let below = stock.below(image);
    let parents = stock.last_first(stock.images().filter(|other| below.contains(&other.id)).collect());
    let mut nameless = parents.into_iter().take_while(|parent| parent.references.is_empty());
    engine.kind() == EngineKind::Podman && nameless.any(|parent| !used::is_labelled(parent))
}

/// Removes images by their ids, but for those that went with another one: podman does not know the id of what is gone.
async fn remove_steps(engine: &Engine, steps: Vec<&StoredImage>) -> Result<()> {
    for step in steps {
        let there = engine.images().await?;
        if there
            .iter()
            .any(|image| image.id == step.id && image.references.is_empty())
        {
            engine.remove_image(&step.id).await?;
        }
    }
    Ok(())
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
