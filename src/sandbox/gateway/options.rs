//! The options of a gateway, and the model's API behind it.

use std::path::PathBuf;

use secrecy::SecretString;

use super::egress::Egress;
use super::proxy::Proxy;
use super::seal::Seal;
use crate::accounting::budget::CallBudget;
use crate::base::clock::Clock;
use crate::base::redact::Redactor;
use crate::sandbox::credential::CredentialSource;

/// The options of a gateway.
pub struct Options {
    /// The folder in which it creates its socket, `gateway.sock`; created with mode 0755 if it does not exist.
    pub folder: PathBuf,
    /// The token with which the container identifies itself for the model's API. No other gateway accepts it.
    pub token: SecretString,
    /// The model's API; `None` refuses all requests to it.
    pub api: Option<Api>,
    /// The hosts that it tunnels and forwards to; `None` refuses all.
    pub egress: Option<Egress>,
    /// Must accept the container before anything else is answered; `None` requires nothing, and lets the container
    /// report anything.
    pub seal: Option<Seal>,
    /// Where each answer of the API is recorded, as a line of JSON; see [`read_back`](super::read_back).
    pub record: Option<PathBuf>,
    /// Redacts everything that is recorded.
    pub redactor: Redactor,
    /// The clock.
    pub clock: Clock,
}

/// The model's API behind a gateway.
pub struct Api {
    /// Its address, such as `https://api.anthropic.com`; a path before `/v1` is possible.
    pub base_url: String,
    /// The credential that is added to requests; `None` adds none.
    pub credential: Option<CredentialSource>,
    /// The proxy through which it is reached; `None` connects directly.
    pub proxy: Option<Proxy>,
    /// The budget of the call.
    pub call_budget: CallBudget,
}
