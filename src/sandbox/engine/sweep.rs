//! Containers found by their labels alone.

use std::collections::BTreeMap;

use crate::base::error::{Error, ErrorKind, Result};
use crate::sandbox::engine::lookup::Summary;
use crate::sandbox::engine::{Engine, forgotten};

/// A container with the requested labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundContainer {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// All of its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it runs.
    pub running: bool,
}

impl Engine {
    /// Lists the containers, running or not, that have all of `labels`.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] when `labels` is empty: that would select everybody's containers.
    pub async fn list(&self, labels: &BTreeMap<String, String>) -> Result<Vec<FoundContainer>> {
        if labels.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "containers can be looked up only by a label",
            ));
        }
        let found = self.summaries(labels).await?;
        // Checked again here: an engine that misreads the filter must not cost anybody a container.
        let has_all = |container: &FoundContainer| {
            labels
                .iter()
                .all(|(name, value)| container.labels.get(name) == Some(value))
        };
        Ok(found.into_iter().map(read).filter(has_all).collect())
    }

    /// Kills and removes the containers that have all of `labels`, and returns them.
    pub async fn sweep(&self, labels: &BTreeMap<String, String>) -> Result<Vec<FoundContainer>> {
        let found = self.list(labels).await?;
        for container in &found {
            self.remove(container).await?;
        }
        Ok(found)
    }

    /// Kills and removes a container that was found, with what its engine has forgotten of it.
    pub(crate) async fn remove(&self, container: &FoundContainer) -> Result<()> {
        self.remove_by_id(&container.id).await?;
        forgotten::end(&container.id).await;
        Ok(())
    }
}

fn read(summary: Summary) -> FoundContainer {
    let name = summary.names.into_iter().flatten().next().unwrap_or_default();
    FoundContainer {
        name: name.trim_start_matches('/').to_owned(),
        labels: summary.labels.unwrap_or_default(),
        running: summary.state == "running",
        id: summary.id,
    }
}
