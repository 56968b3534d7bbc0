//! The gateway of a container whose run died, opened again where the container looks for it.

use secrecy::SecretString;
use tokio::sync::mpsc;

use super::{Sealed, api};
use crate::accounting::metering::Metered;
use crate::base::error::Result;
use crate::model::RunId;
use crate::record::recorder::GATEWAY_FILE;
use crate::run::call::forwarder::EventForwarder;
use crate::run::call::request::Call;
use crate::run::call::services::Services;
use crate::sandbox::engine::Engine;
use crate::sandbox::gateway::egress::{Bounds, Egress, Resolver};
use crate::sandbox::gateway::{Gateway, Judged, Options};
use crate::sandbox::network::Caller;

impl<'a> Sealed<'a> {
    /// Opens the gateway of a call's container again, for what shows `token`; `before` is what gateways of the call metered.
    pub(in crate::run::call) fn again(
        call: &'a Call<'a>,
        engine: &'a Engine,
        services: Services<'a>,
        (token, before): (&str, Metered),
    ) -> Result<Self> {
        let sandbox = &call.sandbox;
        let caller = Caller::Agent(sandbox.name.role);
        let recorder = services.recorder();
        let api = api(call);
        let has_api = api.is_some();
        let allowed = sandbox.config.network.of(caller);
        let (sender, egress) = mpsc::unbounded_channel();
        let options = Options {
            folder: sandbox.mounts.gateway.clone(),
            token: SecretString::from(token),
            api,
            egress: Some(Egress::new(&allowed, Resolver::System, Bounds::default(), sender, None)),
            seal: None,
            record: has_api.then(|| sandbox.folder.path.join(GATEWAY_FILE)),
            redactor: sandbox.folder.redactor.clone(),
            clock: recorder.clock().clone(),
        };
        Ok(Self {
            gateway: Gateway::open_again(options, before)?,
            egress,
            forwarder: EventForwarder {
                sandbox,
                engine,
                recorder,
                judged: Judged::default(),
                caller,
            },
            token: token.to_owned(),
            stands_alone: true,
            has_api,
            services,
        })
    }

    /// Returns the run that its container is of.
    pub(in crate::run::call) fn run(&self) -> &RunId {
        self.forwarder.recorder.run()
    }

    /// Returns by what another run can open its gateway again; `None` where that is not all that the container needs, or it is
    /// not accepted yet.
    pub(in crate::run::call) fn lasting_token(&self) -> Option<&str> {
        let is_accepted = self.forwarder.judged.report().is_some();
        (self.stands_alone && is_accepted).then_some(self.token.as_str())
    }
}
