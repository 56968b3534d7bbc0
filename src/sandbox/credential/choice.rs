//! Who pays for calls.

use serde::Serialize;

/// `agent.credentials`: the credential that pays for calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// A Claude subscription.
    #[default]
    Subscription,
    /// An API key.
    ApiKey,
    /// No credential: a local model server, a scripted agent.
    None,
}
