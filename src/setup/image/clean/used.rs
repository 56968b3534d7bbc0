//! Which images stay, and why.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::stock::Stock;
use crate::config::{BUILT, Config, SERVICE};
use crate::sandbox::engine::StoredImage;
use crate::setup::image::{BASE, BuildOptions, IMAGE_LABEL, MADE_BASE, NAME, SERVICE_LAYERS, USED, tag};

/// For so many seconds after it was built, an image may be a step of a build that goes on.
const NEW_SECONDS: i64 = 60 * 60;

/// What is to be cleaned.
pub(crate) struct CleaningOptions<'a> {
    /// The configuration, whose images stay.
    pub(crate) config: &'a Config,
    /// The repository's id.
    pub(crate) repository: &'a str,
    pub(crate) now: Timestamp,
    /// Whether to look only.
    pub(crate) is_dry: bool,
}

/// Returns whether every name of an image is one that is given here, and it says that it was built here.
pub(super) fn is_ours(image: &StoredImage) -> bool {
    let is_own =
        |reference: &String| [NAME, BASE, BUILT, MADE_BASE, SERVICE, SERVICE_LAYERS, USED].contains(&name(reference));
    is_labelled(image) && !image.references.is_empty() && image.references.iter().all(is_own)
}

/// Returns whether an image, or what it is built on, was built here.
pub(super) fn is_labelled(image: &StoredImage) -> bool {
    image.labels.contains_key(IMAGE_LABEL)
}

/// Returns the repository that says by this name that it uses an image; `None` where the name is another kind.
pub(super) fn user(reference: &str) -> Option<&str> {
    let (_, tag) = reference.rsplit_once(':').filter(|(name, _)| *name == USED)?;
    tag.split('-').next()
}

fn name(reference: &str) -> &str {
    reference.rsplit_once(':').map_or(reference, |(name, _)| name)
}

/// The images that stay, by their ids.
pub(super) struct Used {
    /// What the configuration names.
    configured: BTreeSet<String>,
    /// What containers are made of.
    contained: BTreeSet<String>,
    /// What other repositories use.
    foreign: BTreeSet<String>,
    /// What a configuration described, it is not known of which repository.
    unknown: BTreeSet<String>,
    /// What may be a step of a build.
    new: BTreeSet<String>,
    /// What all of these, and images of other people, are built on.
    below: BTreeSet<String>,
}

impl Used {
    /// Looks at what there is; `contained` are the ids of what containers are made of.
    pub(super) fn of(asked: &CleaningOptions<'_>, stock: &Stock, contained: BTreeSet<String>) -> Self {
        let configured = configured_names(asked.config);
        let ids = |found: &dyn Fn(&StoredImage) -> bool| -> BTreeSet<String> {
            let ours = stock.images().filter(|image| is_ours(image));
            ours.filter(|image| found(image))
                .map(|image| image.id.clone())
                .collect()
        };
        let mut used = Self {
            configured: ids(&|image| image.references.iter().any(|reference| configured.contains(reference))),
            contained,
            foreign: ids(&|image| users(image).any(|user| user != asked.repository)),
            unknown: ids(&|image| users(image).next().is_none() && is_described(image)),
            new: ids(&|image| {
                let age = asked.now.as_second().saturating_sub(image.created);
                users(image).next().is_none() && age < NEW_SECONDS
            }),
            below: BTreeSet::new(),
        };
        // A step of a build that has our label keeps nothing: whether it stays depends on what is built on it.
        let is_step = |image: &StoredImage| image.references.is_empty() && is_labelled(image);
        let is_kept = |image: &&StoredImage| !is_ours(image) && !is_step(image) || used.why(image).is_some();
        used.below = stock
            .images()
            .filter(is_kept)
            .flat_map(|image| stock.below(image))
            .collect();
        used
    }

    /// Returns why an image of ours stays; `None` where it does not.
    pub(super) fn why(&self, image: &StoredImage) -> Option<&'static str> {
        let reasons = [
            (&self.configured, "the configuration uses it"),
            (&self.contained, "a container is made of it"),
            (&self.foreign, "another repository uses it"),
            (&self.unknown, "it is not known which repository it was built for"),
            (&self.new, "it is less than an hour old, so that a build may need it"),
            (&self.below, "an image that stays is built on it"),
        ];
        let reason = reasons.iter().find(|(ids, _)| ids.contains(&image.id));
        reason.map(|(_, why)| *why)
    }

    /// Returns whether another repository uses an image, and the configuration does not.
    pub(super) fn is_anothers_alone(&self, image: &StoredImage) -> bool {
        self.foreign.contains(&image.id) && !self.configured.contains(&image.id)
    }

    /// Returns whether anything that stays needs a step of a build.
    pub(super) fn is_needed(&self, step: &StoredImage) -> bool {
        self.contained.contains(&step.id) || self.below.contains(&step.id)
    }
}

/// Returns the repositories that say that they use an image.
fn users(image: &StoredImage) -> impl Iterator<Item = &str> {
    image.references.iter().filter_map(|reference| user(reference))
}

/// Returns whether an image has the name of one that a configuration describes.
fn is_described(image: &StoredImage) -> bool {
    image
        .references
        .iter()
        .any(|reference| [BUILT, SERVICE].contains(&name(reference)))
}

/// Returns the names by which this configuration, and this version without any, find images.
fn configured_names(config: &Config) -> Vec<String> {
    let services = config.services.iter().map(|(_, service)| service.image.name.clone());
    let latest = format!("{NAME}:latest");
    services
        .chain([config.image.name.clone(), latest, tag(&BuildOptions::default())])
        .collect()
}
