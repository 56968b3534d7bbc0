//! Every key with the value that is in effect, and where it comes from.

use std::path::Path;

use serde::Serialize;

use super::file::LoadedConfig;
use super::source::{ConfigSource, Origin, keys};
use crate::base::error::{Context as _, ErrorKind, Result};

/// The value of one key that is in effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EffectiveValue {
    /// The dotted key, such as `stitch.model`.
    pub key: String,
    /// Its value, as the configuration serializes it: values that may be secrets are not shown. Null where it is unset.
    pub value: serde_json::Value,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Returns every key of the configuration of the repository whose checkout is at `root`, in the order of the example. A
/// key that is an older way to set others is there only if something sets it, and has no value of its own.
///
/// # Errors
/// Those of [`Config::load`](super::Config::load), and of the same kind when both usual names are there.
pub fn effective(root: &Path, source: &ConfigSource) -> Result<Vec<EffectiveValue>> {
    let loaded = LoadedConfig::load(root, source)?;
    let all = serde_json::to_value(&loaded.config).with_context(ErrorKind::Unexpected, || {
        "cannot serialize the configuration".to_owned()
    })?;
    let one = |key: String| {
        let value = key.split('.').try_fold(&all, |value, part| value.get(part)).cloned();
        let origin = loaded.origins.get(&key).cloned();
        (value.is_some() || origin.is_some()).then(|| EffectiveValue {
            value: value.unwrap_or_default(),
            origin: origin.unwrap_or(Origin::Default),
            key,
        })
    };
    Ok(keys().into_iter().filter_map(one).collect())
}
