//! What a gateway is to be, and the model's API behind it.

use std::path::PathBuf;

use secrecy::SecretString;

use super::egress::Egress;
use super::proxy::Proxy;
use super::seal::Seal;
use crate::accounting::budget::CallBudget;
use crate::base::clock::Clock;
use crate::base::redact::Redactor;
use crate::sandbox::credential::CredentialSource;

/// What a gateway is to be.
pub struct Options {
    /// The folder in which it makes its socket, `gateway.sock`; made with mode 0755 if it is not there.
    pub folder: PathBuf,
    /// What the container shows to be let through to the model's API. No other gateway takes it.
    pub token: SecretString,
    /// The model's API; `None` refuses all requests to it.
    pub api: Option<Api>,
    /// The hosts that it tunnels and forwards to; `None` refuses them all.
    pub egress: Option<Egress>,
    /// What must allow the container before anything else is answered; `None` asks for nothing, and lets the container
    /// report what it wants.
    pub seal: Option<Seal>,
    /// Where each answer of the API is written down, as a line of JSON; see [`read_back`](super::read_back).
    pub record: Option<PathBuf>,
    /// What is written down passes it.
    pub redactor: Redactor,
    /// The clock.
    pub clock: Clock,
}

/// The model's API behind a gateway.
pub struct Api {
    /// Where it is, such as `https://api.anthropic.com`; a path in front of `/v1` is possible.
    pub base_url: String,
    /// The credential that is added to requests; `None` adds none.
    pub credential: Option<CredentialSource>,
    /// The proxy through which it is reached; `None` connects directly.
    pub proxy: Option<Proxy>,
    /// What the call may use.
    pub call_budget: CallBudget,
}
