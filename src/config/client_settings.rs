//! The settings files that the client reads from the work tree, and which of their keys determine who pays.

use serde_json::Value;

use super::billing::{self, Effect};
use super::{Config, Credentials};

/// Where the client looks in the folder that it works in. Measured on client 2.1.329: it follows links, it accepts a
/// byte order mark, and it ignores a file that is not plain JSON.
pub(crate) const FILES: [&str; 2] = [".claude/settings.json", ".claude/settings.local.json"];

/// Keys with a command that prints a credential, and their effect.
const HELPERS: [(&str, Effect); 4] = [
    ("apiKeyHelper", Effect::Key),
    ("awsAuthRefresh", Effect::Cloud),
    ("awsCredentialExport", Effect::Cloud),
    ("gcpAuthRefresh", Effect::Cloud),
];

/// Returns the keys of a settings file that would bill somebody other than the configuration determines, as `env.NAME`
/// where they are variables; empty for a file without any. Everything else in the file is the person's own.
///
/// # Errors
/// Fails when the file is not JSON and names no such key; the client ignores it then.
pub(crate) fn offending(text: &[u8], config: &Config) -> Result<Vec<String>, serde_json::Error> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match serde_json::from_slice(text) {
        Ok(settings) => Ok(offending_keys(&settings, config)),
        // JavaScript reads some texts that we do not: half a surrogate, numbers without bounds.
        Err(_) if config.agent.credentials != Credentials::None && !named(text).is_empty() => Ok(named(text)),
        Err(error) => Err(error),
    }
}

/// Returns the keys that a text which cannot be read names, or may name behind an escape.
fn named(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let words = HELPERS.iter().map(|(key, _)| *key);
    let words = words.chain(["forceLogin", "fastMode", "env", "\\u"]);
    words.filter(|word| text.contains(word)).map(str::to_owned).collect()
}

fn offending_keys(settings: &Value, config: &Config) -> Vec<String> {
    let credentials = config.agent.credentials;
    if credentials == Credentials::None {
        return bare(settings);
    }
    let mut found: Vec<String> = HELPERS
        .iter()
        .filter(|(key, effect)| is_set(&settings[*key]) && !billing::agrees(credentials, *effect))
        .map(|(key, _)| (*key).to_owned())
        .collect();
    found.extend(login(settings, credentials));
    // Fast mode is billed as extra usage, whatever is left of the plan.
    let fast = settings["fastMode"] == Value::Bool(true) && credentials == Credentials::Subscription;
    found.extend((fast && !config.limits.allow_overage).then(|| "fastMode".to_owned()));
    found.extend(variables(settings, |name| {
        billing::effect(name).is_some_and(|effect| match effect {
            Effect::Account => !config.container.env.contains_key(name),
            _ => !billing::agrees(credentials, effect),
        })
    }));
    found
}

/// Returns the keys that are refused even where nothing checks who pays.
fn bare(settings: &Value) -> Vec<String> {
    variables(settings, |name| billing::effect(name) == Some(Effect::Bare))
}

/// Returns the keys that choose a way to log in other than the configured one.
fn login(settings: &Value, credentials: Credentials) -> Vec<String> {
    let expected = match credentials {
        Credentials::ApiKey => "console",
        _ => "claudeai",
    };
    let method = &settings["forceLoginMethod"];
    let other = is_set(method) && method != expected;
    let mut found: Vec<String> = other.then(|| "forceLoginMethod".to_owned()).into_iter().collect();
    found.extend(is_set(&settings["forceLoginGatewayUrl"]).then(|| "forceLoginGatewayUrl".to_owned()));
    found
}

/// Returns the variables that the file sets to something and that `is_wrong` names, as dotted keys.
fn variables(settings: &Value, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let variables = settings["env"].as_object().into_iter().flatten();
    variables
        .filter(|(name, value)| is_set(value) && is_wrong(name))
        .map(|(name, _)| format!("env.{name}"))
        .collect()
}

/// Returns whether the client sees a value: it takes an empty text for none.
fn is_set(value: &Value) -> bool {
    !(value.is_null() || value == "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which keys are refused with `subscription`, `api_key` and `none`.
    fn check(text: &str, expect: [&[&str]; 3]) {
        let all = [Credentials::Subscription, Credentials::ApiKey, Credentials::None];
        for (credentials, expect) in all.into_iter().zip(expect) {
            let mut config = Config::default();
            config.agent.credentials = credentials;
            let found = offending(text.as_bytes(), &config).map_err(|error| error.to_string());
            assert_eq!(
                found,
                Ok(expect.iter().map(|key| (*key).to_owned()).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn keys_that_say_who_pays_are_found() {
        check(
            r#"{"model": "opus", "permissions": {"deny": ["x"]}, "env": {"A": "1"}}"#,
            [&[], &[], &[]],
        );
        check(r#"{"apiKeyHelper": "cat key"}"#, [&["apiKeyHelper"], &[], &[]]);
        check("\u{feff}{\"apiKeyHelper\": \"x\"}", [&["apiKeyHelper"], &[], &[]]);
        check(
            r#"{"apiKeyHelper": "", "env": {"ANTHROPIC_API_KEY": ""}}"#,
            [&[], &[], &[]],
        );
        check(
            r#"{"awsAuthRefresh": "x", "awsCredentialExport": "x", "gcpAuthRefresh": "x"}"#,
            [
                &["awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh"],
                &["awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh"],
                &[],
            ],
        );
        check(
            r#"{"env": {"ANTHROPIC_API_KEY": 5}}"#,
            [&["env.ANTHROPIC_API_KEY"], &[], &[]],
        );
        check(
            r#"{"env": {"CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_SIMPLE": "1"}}"#,
            [
                &["env.CLAUDE_CODE_SIMPLE", "env.CLAUDE_CODE_USE_BEDROCK"],
                &["env.CLAUDE_CODE_SIMPLE", "env.CLAUDE_CODE_USE_BEDROCK"],
                &["env.CLAUDE_CODE_SIMPLE"],
            ],
        );
        check(r#"{"forceLoginMethod": "claudeai"}"#, [&[], &["forceLoginMethod"], &[]]);
        check(r#"{"forceLoginMethod": "console"}"#, [&["forceLoginMethod"], &[], &[]]);
        check(r#"{"fastMode": true}"#, [&["fastMode"], &[], &[]]);
        check(r#"{"fastMode": false}"#, [&[], &[], &[]]);
        check("[]", [&[], &[], &[]]);
        check(r#"{"env": "x"}"#, [&[], &[], &[]]);
    }

    #[test]
    fn what_the_person_configured_is_meant() {
        let text = br#"{"env": {"AWS_PROFILE": "x"}, "fastMode": true}"#;
        let mut config = Config::default();
        assert_eq!(
            offending(text, &config).ok(),
            Some(vec!["fastMode".to_owned(), "env.AWS_PROFILE".to_owned()])
        );
        config.limits.allow_overage = true;
        config.container.env.insert("AWS_PROFILE".to_owned(), "x".to_owned());
        assert_eq!(offending(text, &config).ok(), Some(Vec::new()));
    }

    #[test]
    fn what_is_not_json_is_for_the_client_to_ignore() {
        assert!(offending(b"{\"model\": \"x\" // why\n}", &Config::default()).is_err());
        assert!(offending(b"", &Config::default()).is_err());
        let mut config = Config::default();
        config.agent.credentials = Credentials::None;
        assert!(offending(b"{\"apiKeyHelper\": \"x\",}", &config).is_err());
    }

    /// JavaScript reads both, as the client does.
    #[test]
    fn what_only_the_client_can_read_is_refused_for_its_words() {
        for (text, expect) in [
            (r#"{"apiKeyHelper": "x", "a": "\ud800"}"#, &["apiKeyHelper", "\\u"][..]),
            (r#"{"apiKey\u0048elper": "x", "a": 1e999}"#, &["\\u"]),
        ] {
            let found = offending(text.as_bytes(), &Config::default()).map_err(|error| error.to_string());
            assert_eq!(
                found,
                Ok(expect.iter().map(|key| (*key).to_owned()).collect()),
                "{text}"
            );
        }
    }
}
