//! What all connections of a gateway share.

use std::path::PathBuf;

use super::egress::Egress;
use super::model_api::ModelApi;
use super::notice::Notices;
use super::options::Options;
use super::record::Record;
use super::seal::SealState;
use super::token::Token;
use crate::base::error::Result;
use crate::base::world::World;

/// What all connections of a gateway share.
pub(super) struct Shared {
    pub(super) token: Token,
    pub(super) api: Option<ModelApi>,
    pub(super) egress: Option<Egress>,
    pub(super) seal: SealState,
    pub(super) notices: Notices,
    pub(super) record: Record,
    pub(super) world: World,
}

impl Shared {
    /// Takes the options apart; returns the folder of the socket, too.
    pub(super) fn new(options: Options) -> Result<(PathBuf, Self)> {
        let shared = Self {
            token: Token::new(options.token),
            api: options.api.map(ModelApi::new).transpose()?,
            egress: options.egress,
            seal: SealState::new(options.seal),
            notices: Notices::default(),
            record: Record::open(options.record, options.redactor)?,
            world: options.world,
        };
        Ok((options.folder, shared))
    }
}
