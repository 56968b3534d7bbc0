//! The connections to the model's API.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Response, Uri};
use tower_service::Service as _;

use crate::error::{Error, ErrorKind, Result};

mod line;
mod lines;
mod tls;

pub(super) use lines::Flow;

use line::Line;
use lines::Lines;
use tls::Connector;

/// How long the head of an answer may take: answers that are not streamed come when all of it is written.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// What is said of an API that cannot be connected to.
const OUT_OF_REACH: &str = "the API is out of reach";
/// What is said of a connection that ends too soon.
const BROKEN: &str = "the connection to the API broke off before it answered";

/// The model's API, and the connections to it that are kept open.
pub(super) struct Upstream {
    connector: Connector,
    lines: Lines,
    scheme: Scheme,
    authority: Authority,
    /// What the API is told of the authority.
    host: HeaderValue,
    /// What comes before `/v1`, without a slash at its end.
    prefix: String,
}

impl Upstream {
    /// Makes the client of an API. Nothing is connected yet.
    pub(super) fn new(base_url: &str) -> Result<Self> {
        let uri: Uri = base_url.parse().map_err(|error| wrong("it is no URL").because(error))?;
        let scheme = uri.scheme().ok_or_else(|| wrong("it has no scheme"))?.clone();
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?.clone();
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(wrong("its scheme is neither `https` nor `http`"));
        }
        if authority.as_str().contains('@') || uri.query().is_some() || base_url.contains('#') {
            return Err(wrong("it has more than a host, a port and a path"));
        }
        Ok(Self {
            connector: tls::connector(&scheme)?,
            lines: Lines::default(),
            host: host(&scheme, &authority)?,
            scheme,
            authority,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Where the API has a path.
    pub(super) fn uri(&self, path_and_query: &PathAndQuery) -> Result<Uri, hyper::http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path_and_query}", self.prefix))
            .build()
    }

    /// Sends a request and waits for the head of its answer. Redirections are not followed. The error is for the
    /// container, too: it names neither hosts nor headers.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Flow>, &'static str> {
        let answered = tokio::time::timeout(HEAD_TIMEOUT, self.ask(request)).await;
        answered.unwrap_or(Err("the API did not answer in time"))
    }

    /// Sends a request on a connection that is open, or else on a new one.
    async fn ask(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Flow>, &'static str> {
        let uri = request.uri().clone();
        // The host stands in a header, and the request's line has the path alone.
        request.headers_mut().insert(HOST, self.host.clone());
        *request.uri_mut() = uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from);
        while let Some(mut line) = self.lines.take().await {
            match line.send(request).await {
                Ok(response) => return Ok(self.lines.flow(line, response)),
                // It ended before anything was sent on it: that is no answer of the API's.
                Err(mut error) => request = error.take_message().ok_or(BROKEN)?,
            }
        }
        let mut line = self.connect(uri).await?;
        let response = line.send(request).await.map_err(|_| BROKEN)?;
        Ok(self.lines.flow(line, response))
    }

    async fn connect(&self, uri: Uri) -> Result<Line, &'static str> {
        let stream = self.connector.clone().call(uri).await.map_err(|_| OUT_OF_REACH)?;
        Line::begin(stream).await.map_err(|_| OUT_OF_REACH)
    }
}

/// The header that names the API: a port stands there only where it is not the scheme's own.
fn host(scheme: &Scheme, authority: &Authority) -> Result<HeaderValue> {
    let own = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let text = match authority.port_u16() {
        Some(port) if port != own => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    HeaderValue::try_from(text).map_err(|error| wrong("its host is none").because(error))
}

fn wrong(why: &str) -> Error {
    // The URL may hold a password, so it is not quoted.
    Error::new(
        ErrorKind::Configuration,
        format!("the base URL of the model's API cannot be used: {why}"),
    )
    .hint("give it as `https://host` or `http://host:port/path` in `base_url`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `/v1/messages?beta=true` is behind a base URL; the error's end where it is none.
    fn check(base_url: &str, expect: Result<&str, &str>) {
        let path = PathAndQuery::from_static("/v1/messages?beta=true");
        match (Upstream::new(base_url), expect) {
            (Ok(upstream), Ok(expect)) => assert_eq!(upstream.uri(&path).unwrap().to_string(), expect),
            (Err(error), Err(expect)) => {
                assert_eq!(error.kind(), ErrorKind::Configuration);
                assert!(error.to_string().ends_with(expect), "{base_url}: {error}");
                assert!(!error.in_a_line().contains("pass"), "{error}");
            }
            (Ok(_), Err(expect)) => panic!("{base_url} is taken, instead of: {expect}"),
            (Err(error), Ok(_)) => panic!("{base_url}: {error}"),
        }
    }

    #[test]
    fn base_urls() {
        check(
            "http://127.0.0.1:8080",
            Ok("http://127.0.0.1:8080/v1/messages?beta=true"),
        );
        check("http://router/", Ok("http://router/v1/messages?beta=true"));
        check("http://router:1/a/b/", Ok("http://router:1/a/b/v1/messages?beta=true"));
        check("http://[::1]:1/a", Ok("http://[::1]:1/a/v1/messages?beta=true"));
        check("ftp://router", Err("its scheme is neither `https` nor `http`"));
        check("router", Err("it has no scheme"));
        check("/a", Err("it has no scheme"));
        check("", Err("it is no URL"));
        check(
            "http://user:pass@router",
            Err("it has more than a host, a port and a path"),
        );
        check(
            "http://router/?a=pass",
            Err("it has more than a host, a port and a path"),
        );
        check("http://router/#a", Err("it has more than a host, a port and a path"));
    }
}
