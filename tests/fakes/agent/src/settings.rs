//! Steps that hold for the whole call, wherever in the script they stand.

use crate::script::{Deed, Step};

/// What the script says of the client itself.
#[derive(Default)]
pub(crate) struct Settings {
    /// The model that is bound, whatever was asked for.
    pub(crate) model: Option<String>,
    pub(crate) client: Client,
}

/// How the client differs from the one that is imitated otherwise.
#[derive(Default)]
pub(crate) struct Client {
    /// An API key pays.
    pub(crate) api_key: bool,
    /// Cost and tokens by model are those of the call, as in 2.1.220.
    pub(crate) per_call_cost: bool,
    /// SIGTERM changes nothing.
    pub(crate) deaf: bool,
}

impl Settings {
    /// Takes the settings out of the steps.
    pub(crate) fn take(steps: &mut Vec<&Step>) -> Self {
        let mut settings = Self::default();
        steps.retain(|step| !settings.note(&step.deed));
        settings
    }

    /// Whether the deed is a setting.
    fn note(&mut self, deed: &Deed) -> bool {
        match deed {
            Deed::Model { name } => self.model = Some(name.clone()),
            Deed::ApiKey => self.client.api_key = true,
            Deed::PerCallCost => self.client.per_call_cost = true,
            Deed::Deaf => self.client.deaf = true,
            _ => return false,
        }
        true
    }
}
