//! The shared state of all connections of a gateway.

use std::path::PathBuf;

use super::egress::Egress;
use super::event::GatewayEvents;
use super::model_api::ModelApi;
use super::options::Options;
use super::record::Record;
use super::seal::SealState;
use super::token::Token;
use crate::base::clock::Clock;
use crate::base::error::Result;

/// The shared state of all connections of a gateway.
pub(super) struct GatewayState {
    pub(super) token: Token,
    pub(super) api: Option<ModelApi>,
    pub(super) egress: Option<Egress>,
    pub(super) seal: SealState,
    pub(super) events: GatewayEvents,
    pub(super) record: Record,
    pub(super) clock: Clock,
}

impl GatewayState {
    /// Takes the options apart; also returns the folder of the socket.
    pub(super) fn new(options: Options) -> Result<(PathBuf, Self)> {
        let shared = Self {
            token: Token::new(options.token),
            api: options.api.map(ModelApi::new).transpose()?,
            egress: options.egress,
            seal: SealState::new(options.seal),
            events: GatewayEvents::default(),
            record: Record::open(options.record, options.redactor)?,
            clock: options.clock,
        };
        Ok((options.folder, shared))
    }
}
