//! All images of an engine, and which of them is built on which.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::sandbox::engine::{BuildStep, Engine, StoredImage};

/// The images, each with the steps that led to it.
pub(super) struct Stock(Vec<(StoredImage, Vec<BuildStep>)>);

impl Stock {
    /// Asks an engine for all of them.
    pub(super) async fn of(engine: &Engine) -> Result<Self> {
        let mut stock = Vec::new();
        for image in engine.images().await? {
            match engine.steps(&image.id).await {
                Ok(steps) => stock.push((image, steps)),
                // podman answers in many ways about what another build or person has removed meanwhile.
                Err(_) if !is_there(engine, &image.id).await? => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(stock))
    }

    /// Returns the images.
    pub(super) fn images(&self) -> impl Iterator<Item = &StoredImage> {
        self.0.iter().map(|(image, _)| image)
    }

    /// Returns the ids of the images that one is built on.
    pub(super) fn below(&self, image: &StoredImage) -> BTreeSet<String> {
        let steps = self.steps(image);
        let is_below = |other: &[BuildStep]| !other.is_empty() && other.len() < steps.len() && steps.starts_with(other);
        let found = self.0.iter().filter(|(_, other)| is_below(other));
        found.map(|(other, _)| other.id.clone()).collect()
    }

    /// Orders images so that each comes before those that it is built on.
    pub(super) fn last_first<'a>(&self, mut images: Vec<&'a StoredImage>) -> Vec<&'a StoredImage> {
        images.sort_by_key(|image| Reverse(self.steps(image).len()));
        images
    }

    fn steps(&self, image: &StoredImage) -> &[BuildStep] {
        let found = self.0.iter().find(|(other, _)| other.id == image.id);
        found.map_or(&[], |(_, steps)| steps)
    }
}

/// Returns whether an engine still has an image.
async fn is_there(engine: &Engine, id: &str) -> Result<bool> {
    Ok(engine.images().await?.iter().any(|image| image.id == id))
}
