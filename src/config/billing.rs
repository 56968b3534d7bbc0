//! Who pays: the variables that change it, and which of them may be set in a container's environment.
//!
//! The names are those that client 2.1.329 reads. Of the families where a new name would rather change who pays than
//! not, only the names that are known to be harmless pass.

use super::Credentials;

/// The effect of a variable on who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It has the effect of `--bare`: no subscription is read any more.
    Bare,
    /// It carries an API key or another credential, or names where one is.
    Key,
    /// It sends the client to another address.
    Address,
    /// It makes the client call, and bill, a cloud provider or a gateway.
    Cloud,
    /// It configures an account of a cloud provider, which is used only with a variable of [`Effect::Cloud`].
    Account,
    /// It makes the client read other settings, which may have any of these effects.
    Settings,
}

impl Effect {
    /// Returns the effect in words, as the end of a sentence that begins with the variable.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Bare => "does what `--bare` does: the client reads no subscription then, and bills an API key",
            Self::Key => "may bill somebody other than the subscription",
            Self::Address => "sends the client's requests, and their costs, elsewhere",
            Self::Cloud => "makes the client call, and bill, a cloud provider or a gateway",
            Self::Account => "is an account of a cloud provider",
            Self::Settings => "makes the client read other settings, which may change who pays",
        }
    }
}

/// The names with one exact meaning.
const NAMES: &[(&str, Effect)] = &[
    ("CLAUDE_CODE_SIMPLE", Effect::Bare),
    ("ANTHROPIC_BASE_URL", Effect::Address),
    ("ANTHROPIC_UNIX_SOCKET", Effect::Address),
    ("CLAUDE_CODE_API_BASE_URL", Effect::Address),
    ("CLAUDE_CODE_CUSTOM_OAUTH_URL", Effect::Address),
    ("ANTHROPIC_CONFIG_DIR", Effect::Settings),
    ("CLAUDE_CONFIG_DIR", Effect::Settings),
    ("CLAUDE_ENV_FILE", Effect::Settings),
    ("CLAUDE_CODE_MANAGED_SETTINGS_PATH", Effect::Settings),
    ("CLAUDE_CODE_REMOTE_SETTINGS_PATH", Effect::Settings),
    ("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION", Effect::Account),
    ("CLAUDE_CODE_CLIENT_DATA_URL", Effect::Settings),
    ("CLAUDE_CODE_MODEL_CATALOG", Effect::Settings),
    ("CLAUDE_CODE_MODEL_CATALOG_URL", Effect::Settings),
    ("CLAUDE_CODE_PROXY_URL", Effect::Address),
    ("CLAUDE_CODE_REMOTE_SDK_URL", Effect::Address),
    ("CLAUDE_CODE_RUNNER_MODEL_SOCKET", Effect::Address),
    ("CLAUDE_RUNNER_API_BASE_URL", Effect::Address),
    ("CLAUDE_CODE_OAUTH_REFRESH_TOKEN", Effect::Key),
    ("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", Effect::Key),
    ("CLAUDE_CODE_SESSIONS_OAUTH_TOKEN", Effect::Key),
    ("CLAUDE_CODE_SESSION_ACCESS_TOKEN", Effect::Key),
    ("CLAUDE_CODE_WEBSOCKET_AUTH_FILE_DESCRIPTOR", Effect::Key),
    ("CLAUDE_SESSION_INGRESS_TOKEN_FILE", Effect::Key),
    ("CLAUDE_TRUSTED_DEVICE_TOKEN", Effect::Key),
    ("CLAUDE_API_KEY", Effect::Key),
    ("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", Effect::Key),
    ("CLAUDE_CODE_HFI_BEARER_TOKEN", Effect::Key),
    ("CLAUDE_CODE_HOST_AUTH_ENV_VAR", Effect::Key),
    ("CLAUDE_CODE_HOST_CREDS_FILE", Effect::Key),
    ("CLAUDE_CODE_LAUNCHER_RUNS_API_KEY_HELPER", Effect::Key),
    ("CLAUDE_CODE_GATEWAY_TOKEN", Effect::Cloud),
    ("CLAUDE_CODE_GATEWAY_TOKEN_FILE_DESCRIPTOR", Effect::Cloud),
    ("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST", Effect::Cloud),
    ("CLOUD_ML_REGION", Effect::Account),
    ("GCLOUD_PROJECT", Effect::Account),
];

/// Names of the families below that do not change who pays: models, logs, tools.
const HARMLESS: &[&str] = &[
    "ANTHROPIC_BETAS",
    "ANTHROPIC_CUSTOM_MODEL_OPTION",
    "ANTHROPIC_LOG",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_CODE_USE_CCR_V2",
    "CLAUDE_CODE_USE_COWORK_PLUGINS",
    "CLAUDE_CODE_USE_NATIVE_FILE_SEARCH",
    "CLAUDE_CODE_USE_POWERSHELL_TOOL",
];

/// Whole families of variables that are harmless.
const HARMLESS_FAMILIES: &[&str] = &["ANTHROPIC_CUSTOM_MODEL_OPTION_", "ANTHROPIC_DEFAULT_"];

/// The beginnings of names; the first that fits counts.
const FAMILIES: &[(&str, Effect)] = &[
    ("ANTHROPIC_BEDROCK_", Effect::Cloud),
    ("ANTHROPIC_VERTEX_", Effect::Cloud),
    ("ANTHROPIC_FOUNDRY_", Effect::Cloud),
    ("ANTHROPIC_AWS_", Effect::Cloud),
    ("ANTHROPIC_GOOGLE_CLOUD_", Effect::Cloud),
    ("CLAUDE_CODE_USE_", Effect::Cloud),
    ("ANTHROPIC_", Effect::Key),
    ("CLAUDE_BG_", Effect::Key),
    ("CLAUDE_BRIDGE_", Effect::Address),
    ("CLAUDE_CODE_USER_DELEGATED_SESSION", Effect::Key),
    ("CLAUDE_LOCAL_OAUTH_", Effect::Address),
    ("AWS_", Effect::Account),
    ("AZURE_", Effect::Account),
    ("GOOGLE_", Effect::Account),
    ("VERTEX_REGION_", Effect::Account),
];

/// Returns the effect of a variable on who pays; `None` for all others.
pub(crate) fn effect(name: &str) -> Option<Effect> {
    if let Some((_, effect)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*effect);
    }
    let harmless = HARMLESS.contains(&name) || HARMLESS_FAMILIES.iter().any(|family| name.starts_with(family));
    if harmless {
        return None;
    }
    if name.starts_with("CLAUDE_CODE_SKIP_") && name.ends_with("_AUTH") {
        return Some(Effect::Cloud);
    }
    let family = FAMILIES.iter().find(|(family, _)| name.starts_with(family));
    family.map(|(_, effect)| *effect)
}

/// Returns whether a setting that a person wrote has an effect that `agent.credentials` allows.
pub(crate) fn agrees(credentials: Credentials, effect: Effect) -> bool {
    match (credentials, effect) {
        (_, Effect::Bare) => false,
        (Credentials::None, _) | (_, Effect::Account) => true,
        (Credentials::ApiKey, effect) => effect != Effect::Cloud,
        (Credentials::Subscription, _) => false,
    }
}

/// Returns why a variable may not be written in the configuration, and the fix; `None` when it may. With an empty value
/// a person removes a variable of the image: the client reads it as unset.
pub(super) fn refusal(credentials: Credentials, name: &str, value: &str) -> Option<(String, String)> {
    let effect = effect(name).filter(|effect| !value.is_empty() && !agrees(credentials, *effect))?;
    let payer = match credentials {
        _ if effect == Effect::Bare => "",
        Credentials::ApiKey => ", and `agent.credentials` is `api_key`",
        _ => ", and `agent.credentials` is `subscription`",
    };
    Some((format!("`{name}` {}{payer}", effect.words()), fix(name, effect)))
}

fn fix(name: &str, effect: Effect) -> String {
    let fix = match effect {
        Effect::Bare => "leave it out",
        Effect::Address if name == "ANTHROPIC_BASE_URL" => "write `agent.base_url`",
        Effect::Key => "leave it out, or write `agent.credentials: api_key` if it is to pay",
        _ => "leave it out, or write `agent.credentials: none`, with which nothing checks who pays",
    };
    fix.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_effects() {
        let cases = [
            ("CLAUDE_CODE_SIMPLE", Some(Effect::Bare)),
            ("CLAUDE_CODE_SIMPLE_SYSTEM_PROMPT", None),
            ("ANTHROPIC_API_KEY", Some(Effect::Key)),
            ("ANTHROPIC_AUTH_TOKEN", Some(Effect::Key)),
            ("ANTHROPIC_CUSTOM_HEADERS", Some(Effect::Key)),
            ("ANTHROPIC_SOMETHING_NEW", Some(Effect::Key)),
            ("ANTHROPIC_BASE_URL", Some(Effect::Address)),
            ("ANTHROPIC_BEDROCK_BASE_URL", Some(Effect::Cloud)),
            ("ANTHROPIC_VERTEX_PROJECT_ID", Some(Effect::Cloud)),
            ("ANTHROPIC_FOUNDRY_API_KEY", Some(Effect::Cloud)),
            ("ANTHROPIC_AWS_API_KEY", Some(Effect::Cloud)),
            ("CLAUDE_CODE_USE_BEDROCK", Some(Effect::Cloud)),
            ("CLAUDE_CODE_USE_SOMETHING_NEW", Some(Effect::Cloud)),
            ("CLAUDE_CODE_USE_POWERSHELL_TOOL", None),
            ("CLAUDE_CODE_SKIP_VERTEX_AUTH", Some(Effect::Cloud)),
            ("CLAUDE_CODE_SKIP_PROMPT_HISTORY", None),
            ("CLAUDE_CONFIG_DIR", Some(Effect::Settings)),
            ("AWS_PROFILE", Some(Effect::Account)),
            ("GOOGLE_APPLICATION_CREDENTIALS", Some(Effect::Account)),
            ("ANTHROPIC_MODEL", None),
            ("ANTHROPIC_DEFAULT_OPUS_MODEL", None),
            ("CLAUDE_CODE_OAUTH_TOKEN", None),
            ("CLAUDE_CODE_MAX_RETRIES", None),
            ("PATH", None),
            ("anthropic_api_key", None),
        ];
        for (name, expect) in cases {
            assert_eq!(effect(name), expect, "{name}");
        }
    }

    #[test]
    fn credentials_say_which_effects_are_meant() {
        use Credentials::{ApiKey, None, Subscription};
        let cases = [
            (Effect::Bare, [false, false, false]),
            (Effect::Key, [false, true, true]),
            (Effect::Address, [false, true, true]),
            (Effect::Cloud, [false, false, true]),
            (Effect::Account, [true, true, true]),
            (Effect::Settings, [false, true, true]),
        ];
        for (effect, expect) in cases {
            assert_eq!(
                [Subscription, ApiKey, None].map(|who| agrees(who, effect)),
                expect,
                "{effect:?}"
            );
        }
    }
}
