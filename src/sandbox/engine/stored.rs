//! The images that an engine has: listed, and removed one reference at a time.

use std::collections::{BTreeMap, BTreeSet};

use bollard::query_parameters::RemoveImageOptionsBuilder;
use serde::Deserialize;

use crate::base::error::Result;
use crate::sandbox::engine::Engine;
use crate::sandbox::engine::deadline::CHANGE;

/// An image that an engine has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredImage {
    /// Its id, without the name of the hash.
    pub(crate) id: String,
    /// All its names; none for the steps of builds.
    pub(crate) references: Vec<String>,
    /// Its labels, among them those of what it is built on.
    pub(crate) labels: BTreeMap<String, String>,
    /// Bytes, with the layers that it shares with others.
    pub(crate) size: u64,
    /// When it was built, in seconds since 1970.
    pub(crate) created: i64,
}

/// One of `GET /images/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    created: i64,
}

/// One of `GET /containers/json`.
#[derive(Deserialize)]
struct Container {
    #[serde(rename = "ImageID", default)]
    image: String,
}

/// One of `GET /images/NAME/history`: a step of a build.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BuildStep {
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    created: i64,
    /// Its command.
    #[serde(default)]
    created_by: String,
}

impl Engine {
    /// Lists the images, also those without a name, among which are the steps of builds.
    pub(crate) async fn images(&self) -> Result<Vec<StoredImage>> {
        let listed: Vec<Listed> = self.get("list images", "/images/json?all=true").await?;
        let image = |listed: Listed| StoredImage {
            id: bare(&listed.id).to_owned(),
            references: named(listed.repo_tags),
            labels: listed.labels.unwrap_or_default(),
            created: listed.created,
            size: u64::try_from(listed.size).unwrap_or_default(),
        };
        Ok(listed.into_iter().map(image).collect())
    }

    /// Returns the ids of the images of all containers, running or not, whoever made them.
    pub(crate) async fn images_of_containers(&self) -> Result<BTreeSet<String>> {
        let containers: Vec<Container> = self.containers("").await?;
        Ok(containers
            .iter()
            .map(|container| bare(&container.image).to_owned())
            .collect())
    }

    /// Returns the steps that led to an image, the first one first. What is built on an image
    /// begins with the steps of that. (The ids that podman returns with them are of layers: an image that only sets
    /// variables has none of its own.)
    pub(crate) async fn steps(&self, id: &str) -> Result<Vec<BuildStep>> {
        let path = format!("/images/{id}/history");
        let steps: Vec<BuildStep> = self.get("look at an image's history", &path).await?;
        Ok(steps.into_iter().rev().collect())
    }

    /// Removes a name of an image, and with its last name, or by its id, the image, and nothing of what it is built on.
    /// Returns whether it is gone: the engine refuses where a container or another image needs it.
    pub(crate) async fn remove_image(&self, reference: &str) -> Result<bool> {
        let options = RemoveImageOptionsBuilder::new().force(false).noprune(true).build();
        let call = self.api().remove_image(reference, Some(options), None);
        match self.call(&format!("remove image `{reference}`"), CHANGE, call).await {
            Ok(_) => Ok(true),
            Err(error) if error.status == Some(404) => Ok(true),
            Err(error) => Ok(error.unless_status(&[409]).map(|()| false)?),
        }
    }
}

/// Returns an id without the name of its hash, which some answers of podman leave out.
fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn named(tags: Option<Vec<String>>) -> Vec<String> {
    let is_name = |tag: &String| !tag.contains("<none>");
    tags.unwrap_or_default().into_iter().filter(is_name).collect()
}
