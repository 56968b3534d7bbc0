//! Credentials in the configuration: a committed file may not contain one, at any key.

use super::field::Field;
use super::node::Kind;
use super::problems::Place;
use crate::base::redact::Redactor;

/// Where the credential of the model's API belongs.
const OWN: &str = "set it in your own environment, or put a token file into `secrets_dir`";
/// The fix for any other credential.
const LEAVE_OUT: &str = "leave it out: agents, and everyone who reads this file, could use it";

/// Variables that the gateway sets in every container, and where to set their values instead.
const OF_THE_GATEWAY: [(&str, &str); 8] = [
    ("ANTHROPIC_API_KEY", OWN),
    ("ANTHROPIC_AUTH_TOKEN", "leave it out"),
    ("CLAUDE_CODE_OAUTH_TOKEN", OWN),
    ("ANTHROPIC_BASE_URL", "write `agent.base_url`"),
    ("HTTP_PROXY", PROXY),
    ("HTTPS_PROXY", PROXY),
    ("ALL_PROXY", PROXY),
    ("NO_PROXY", PROXY),
];
const PROXY: &str = "leave it out: `network.allow` lists the hosts that containers may reach";

/// Notes every value and name that has the form of a token; returns whether there was one. The token is not shown.
pub(super) fn check(field: &Field<'_>) -> bool {
    let redactor = Redactor::default();
    let mut found = false;
    walk(&redactor, field, &mut found);
    found
}

fn walk(redactor: &Redactor, field: &Field<'_>, found: &mut bool) {
    match &field.node.kind {
        Kind::Plain(text) | Kind::Quoted(text) => note(redactor, field, field.place(), text, found),
        Kind::List(items) => {
            for (index, node) in items.iter().enumerate() {
                walk(redactor, &field.below(format!("{}[{index}]", field.key), node), found);
            }
        }
        Kind::Map(entries) => {
            for (key, node) in entries {
                let (Kind::Plain(name) | Kind::Quoted(name)) = &key.kind else {
                    continue;
                };
                note(redactor, field, key.place, name, found);
                let dot = if field.key.is_empty() { "" } else { "." };
                walk(
                    redactor,
                    &field.below(format!("{}{dot}{}", field.key, redactor.text(name)), node),
                    found,
                );
            }
        }
        Kind::Null | Kind::Alias | Kind::Tagged => {}
    }
}

fn note(redactor: &Redactor, field: &Field<'_>, place: Place, text: &str, found: &mut bool) {
    if let Some(first) = redactor.find(text.as_bytes()).first() {
        *found = true;
        let fix = if first.kind == "Anthropic token" {
            OWN
        } else {
            LEAVE_OUT
        };
        let message = format!("this is a credential (its form: {})", first.kind);
        field.report.note(place, &field.key, message, Some(fix.to_owned()));
    }
}

/// Returns why the configuration may not set a variable, and the fix; an empty value only removes a variable of the
/// image.
pub(super) fn refusal(name: &str, value: &str) -> Option<(String, String)> {
    let (_, fix) = OF_THE_GATEWAY.iter().find(|(known, fix)| {
        // Programs read the names of proxies in both cases.
        name == *known || *fix == PROXY && name.eq_ignore_ascii_case(known)
    })?;
    (!value.is_empty()).then(|| (format!("`{name}` is set by the gateway"), (*fix).to_owned()))
}
