//! Volumes: those that an engine has by labels of ours, and that no container uses.

use std::collections::BTreeMap;

use bollard::query_parameters::RemoveVolumeOptionsBuilder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::base::error::Result;
use crate::sandbox::engine::Engine;
use crate::sandbox::engine::deadline::CHANGE;

/// The answer to `GET /volumes`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Engine {
    /// Lists the names of the volumes that have this label, and that no container has.
    pub(crate) async fn unused_volumes(&self, (label, value): (&str, &str)) -> Result<Vec<String>> {
        let filters = serde_json::json!({ "dangling": ["true"], "label": [format!("{label}={value}")] }).to_string();
        let path = format!("/volumes?filters={}", utf8_percent_encode(&filters, NON_ALPHANUMERIC));
        let listed: Listed = self.get("list volumes", &path).await?;
        // Checked again here: an engine that misreads the filter must not cost anybody a volume.
        let has_it = |volume: &Volume| {
            let labels = volume.labels.as_ref();
            labels
                .and_then(|labels| labels.get(label))
                .is_some_and(|found| found == value)
        };
        let found = listed.volumes.unwrap_or_default().into_iter().filter(has_it);
        Ok(found.map(|volume| volume.name).collect())
    }

    /// Removes a volume; returns whether it is gone: the engine refuses where a container has it.
    pub(crate) async fn remove_volume(&self, name: &str) -> Result<bool> {
        let options = RemoveVolumeOptionsBuilder::new().force(false).build();
        let call = self.api().remove_volume(name, Some(options));
        match self.call(&format!("remove volume `{name}`"), CHANGE, call).await {
            Ok(()) => Ok(true),
            Err(error) if error.status == Some(404) => Ok(true),
            Err(error) => Ok(error.unless_status(&[409]).map(|()| false)?),
        }
    }
}
