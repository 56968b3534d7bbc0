//! Headers: which of the container's are sent to the API, and which of the API's to the container.

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;

use super::super::refusal::Refusal;
use super::super::scrub::Forms;
use crate::sandbox::credential::Credential;

/// Headers of one connection alone, by RFC 9110, and those that older programs send.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// The headers that only the gateway sets.
const OURS: [&str; 7] = [
    "host",
    "content-length",
    "accept-encoding",
    "expect",
    "forwarded",
    "via",
    "x-real-ip",
];
/// Parts of the names of headers with which a sender identifies himself.
const CREDENTIALS: [&str; 7] = [
    "authorization",
    "api-key",
    "apikey",
    "auth-token",
    "access-token",
    "cookie",
    "secret",
];
/// The beta that a subscription's requests must name.
const OAUTH_BETA: &str = "oauth-2025-04-20";
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Returns the headers for the API: the container's, without those that identify it, and with the credential.
pub(super) fn of_request(mut headers: HeaderMap, credential: Option<&Credential>) -> Result<HeaderMap, Refusal> {
    strip_connection(&mut headers);
    let foreign = |name: &str| {
        OURS.contains(&name) || name.starts_with("x-forwarded-") || CREDENTIALS.iter().any(|part| name.contains(part))
    };
    strip(&mut headers, foreign);
    // An encoded answer cannot be metered.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    match credential {
        None => {}
        Some(Credential::ApiKey(key)) => {
            headers.insert(API_KEY, secret(key.expose_secret())?);
        }
        Some(Credential::OAuth(token)) => {
            headers.insert(
                header::AUTHORIZATION,
                secret(&format!("Bearer {}", token.expose_secret()))?,
            );
            add_beta(&mut headers);
        }
    }
    Ok(headers)
}

/// Turns the headers of an answer into those for the container: the API's, without those of the connection, and without
/// the credential, wherever the API repeats it.
pub(super) fn of_answer(headers: &mut HeaderMap, forms: Option<&Forms>) {
    strip_connection(headers);
    strip(headers, |name| {
        matches!(
            name,
            "set-cookie" | "set-cookie2" | "content-length" | "location" | "alt-svc"
        )
    });
    if let Some(forms) = forms {
        forms.strip(headers);
    }
}

/// Removes the headers of the connection, and those that its `connection` header names.
fn strip_connection(headers: &mut HeaderMap) {
    let named = headers.get_all(header::CONNECTION).iter();
    let named = named
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let named: Vec<String> = named.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    strip(headers, |name| {
        HOP_BY_HOP.contains(&name) || named.iter().any(|other| other == name)
    });
}

/// Removes every header with a name that meets the condition.
fn strip(headers: &mut HeaderMap, condition: impl Fn(&str) -> bool) {
    let met = headers.keys().filter(|name| condition(name.as_str()));
    let met: Vec<HeaderName> = met.cloned().collect();
    for name in met {
        headers.remove(name);
    }
}

fn secret(text: &str) -> Result<HeaderValue, Refusal> {
    // The sources return only credentials that fit into a header.
    let unusable = |_| Refusal::unauthenticated("the credential of the model's API cannot be used");
    let mut value = HeaderValue::from_str(text).map_err(unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Adds the beta of subscriptions to the header of betas, where it is missing. The client sends it by itself when it
/// has such a token.
fn add_beta(headers: &mut HeaderMap) {
    let lists = headers.get_all(&BETA).iter().filter_map(|value| value.to_str().ok());
    let mut betas: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
    betas.retain(|beta| !beta.is_empty());
    if !betas.contains(&OAUTH_BETA) {
        betas.push(OAUTH_BETA);
    }
    if let Ok(value) = HeaderValue::from_str(&betas.join(",")) {
        headers.insert(BETA, value);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = headers.iter();
        let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    fn shown(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    fn key() -> Credential {
        Credential::ApiKey(SecretString::from("real".to_owned()))
    }

    fn oauth() -> Credential {
        Credential::OAuth(SecretString::from("real".to_owned()))
    }

    const OF_A_CLIENT: [(&str, &str); 16] = [
        ("accept", "application/json"),
        ("accept-encoding", "gzip, br"),
        ("anthropic-version", "2023-06-01"),
        ("authorization", "Bearer dummy"),
        ("x-api-key", "dummy"),
        ("proxy-authorization", "Basic dummy"),
        ("cookie", "a=dummy"),
        ("x-goog-api-key", "dummy"),
        ("connection", "keep-alive, X-Once"),
        ("x-once", "dummy"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("host", "127.0.0.1:8080"),
        ("content-length", "7"),
        ("expect", "100-continue"),
        ("x-forwarded-for", "10.0.0.1"),
    ];

    #[test]
    fn the_api_gets_the_credential_and_nothing_that_identifies_the_container() {
        let kept = [
            "accept-encoding: identity",
            "accept: application/json",
            "anthropic-version: 2023-06-01",
        ];
        let of = |credential: Option<Credential>| shown(&of_request(map(&OF_A_CLIENT), credential.as_ref()).unwrap());
        assert_eq!(of(None), kept);
        assert_eq!(of(Some(key())), [&kept[..], &["x-api-key: real"]].concat());
        let bearer = ["authorization: Bearer real"];
        let beta = ["anthropic-beta: oauth-2025-04-20"];
        let expect = [&kept[..2], &beta, &kept[2..], &bearer].concat();
        assert_eq!(of(Some(oauth())), expect);
    }

    #[test]
    fn the_beta_of_subscriptions_is_there_once() {
        for (sent, expect) in [
            (&[][..], "oauth-2025-04-20"),
            (&[("anthropic-beta", "a, b")], "a,b,oauth-2025-04-20"),
            (&[("anthropic-beta", "a,oauth-2025-04-20,b")], "a,oauth-2025-04-20,b"),
            (
                &[("anthropic-beta", "a"), ("anthropic-beta", "b")],
                "a,b,oauth-2025-04-20",
            ),
        ] {
            let headers = of_request(map(sent), Some(&oauth())).unwrap();
            assert_eq!(headers.get_all(BETA).iter().collect::<Vec<_>>(), [expect]);
        }
        let headers = of_request(map(&[("anthropic-beta", "a, b")]), Some(&key())).unwrap();
        assert_eq!(headers[BETA], "a, b");
    }

    #[test]
    fn the_container_gets_neither_cookies_nor_the_credential() {
        let mut headers = map(&[
            ("content-type", "text/event-stream"),
            ("anthropic-ratelimit-unified-status", "allowed"),
            ("set-cookie", "a=b"),
            ("connection", "close, x-once"),
            ("x-once", "1"),
            ("x-echo", "key=the real one!"),
            ("content-length", "7"),
            ("location", "http://elsewhere"),
        ]);
        let secret = SecretString::from("the real one".to_owned());
        of_answer(&mut headers, Forms::of(&secret).as_ref());
        let expect = [
            "anthropic-ratelimit-unified-status: allowed",
            "content-type: text/event-stream",
        ];
        assert_eq!(shown(&headers), expect);
    }
}
