//! The part of the API that a container can reach.

use hyper::Method;

use super::super::refusal::Refusal;

/// What a request asks the API for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// An answer of the model, which is metered and billed.
    Messages,
    /// Something that costs nothing.
    Free,
}

impl Endpoint {
    /// Reads a method and a path. The rest of the API, such as batches and files, belongs to the account: its use would
    /// not be metered, and it shows what other calls left there.
    pub(super) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        match (method, path) {
            (&Method::POST, "/v1/messages") => Ok(Self::Messages),
            (&Method::POST, "/v1/messages/count_tokens") | (&Method::GET, "/v1/models") => Ok(Self::Free),
            (&Method::GET, path) if path.strip_prefix("/v1/models/").is_some_and(is_name) => Ok(Self::Free),
            _ => Err(Refusal::unknown("this part of the API is not reachable from here")),
        }
    }
}

/// The longest name of a model: each is recorded.
const LONGEST_NAME: usize = 200;

/// Returns whether a part of a path is a plain name: no escapes, no slashes, and no dots that lead elsewhere.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
    text.len() <= LONGEST_NAME
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, paths: &[&str], expect: Option<Endpoint>) {
        for path in paths {
            assert_eq!(Endpoint::of(method, path).ok(), expect, "{method} {path}");
        }
    }

    #[test]
    fn only_what_is_metered_or_free_is_reachable() {
        check(&Method::POST, &["/v1/messages"], Some(Endpoint::Messages));
        check(&Method::POST, &["/v1/messages/count_tokens"], Some(Endpoint::Free));
        let models = ["/v1/models", "/v1/models/claude-opus-5-5", "/v1/models/a:b@1.0_c"];
        check(&Method::GET, &models, Some(Endpoint::Free));
        let others = [
            "/v1/",
            "/v1/messages/",
            "/v1/messages/batches",
            "/v1/messages/batches/b1/results",
            "/v1/complete",
            "/v1/files",
            "/v1/organizations/users",
            "/v1/models/",
            "/v1/models/a/b",
            "/v1/models/..",
            "/v1/models/.hidden",
            "/v1/models/../files",
            "/v1/models/%2e%2e",
            "/v1/models/a%2Fb",
            "/v1/models/a\\b",
            "/v1/models/a%00",
            "/v1//messages",
            "//v1/messages",
            "/v1/./messages",
            "/v1/x/../messages",
            "/v1/%6dessages",
            "/V1/messages",
            "/v1/messages;a",
        ];
        let overlong = format!("/v1/models/{}", "a".repeat(LONGEST_NAME + 1));
        check(&Method::GET, &[&overlong], None);
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::HEAD] {
            check(&method, &others, None);
        }
        check(&Method::GET, &["/v1/messages", "/v1/messages/count_tokens"], None);
        check(&Method::POST, &models, None);
        check(&Method::DELETE, &models, None);
    }
}
