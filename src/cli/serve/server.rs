//! From a request to its answer: who is let in, which route it is, and what is found there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, Response, StatusCode, header};
use axum::routing::{MethodFilter, get, on};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::answer::{Answer, Problem};
use super::asked::{Asked, Words};
use super::fields::Parameter;
use super::follow::Place;
use super::guard::{self, Door, Guard, Refusal};
use super::pages::{ASSETS, Asset, PAGES, Page};
use super::routes::ROUTES;
use super::site::Site;
use super::table::{Does, Route};
use super::{actions, follow, openapi, pages, places, watching};
use crate::base::error::{Error, ErrorKind, Result};

/// How long the body of a request may be, in bytes.
const LONGEST_BODY: usize = 256 << 10;
/// How long a client may take to send it.
const BODY: Duration = Duration::from_secs(15);

/// Answers requests.
pub(super) struct Server {
    site: Arc<Site>,
    router: Router,
}

/// Why a request is not answered.
enum Failure {
    Refused(Refusal),
    ReadOnly,
    Slow,
    TooLong,
    Failed(Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Server {
    /// Builds the server of a site.
    pub(super) fn new(site: Arc<Site>) -> Arc<Self> {
        let mut router = Router::new();
        for route in &ROUTES {
            let filter = if route.changes() {
                MethodFilter::POST
            } else {
                MethodFilter::GET
            };
            let of_site = Arc::clone(&site);
            let handler = move |request: Request| api(Arc::clone(&of_site), route, request);
            router = router.route(route.path, on(filter, handler));
        }
        for page in &PAGES {
            let of_site = Arc::clone(&site);
            let handler = move |request: Request| show(Arc::clone(&of_site), page, request);
            router = router.route(page.path, get(handler));
        }
        for asset in &ASSETS {
            router = router.route(asset.path, get(move || async { file(asset) }));
        }
        let of_site = Arc::clone(&site);
        let unknown = move |request: Request| {
            let answered = missing(&of_site, &request);
            async { answered }
        };
        let of_site = Arc::clone(&site);
        let wrong = move || async move {
            refused(
                &of_site,
                StatusCode::METHOD_NOT_ALLOWED,
                "this address does not take this method",
            )
        };
        let router = router.fallback(unknown).method_not_allowed_fallback(wrong);
        Arc::new(Self { site, router })
    }

    /// Answers a request of a connection that came in by a door and has a place.
    pub(super) async fn answer(
        &self,
        (door, place): (Door, Arc<places::Place>),
        request: axum::http::Request<Incoming>,
    ) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(place);
        let mut response = if let Err(refusal) = self.site.guard.check(door, &parts) {
            Failure::Refused(refusal).into_response(&self.site)
        } else {
            let request = Request::from_parts(parts, Body::new(body));
            let routed = TowerToHyperService::new(self.router.clone()).call(request).await;
            routed.unwrap_or_else(|never| match never {})
        };
        guard::add_headers(response.headers_mut());
        response
    }
}

impl Failure {
    fn into_response(self, site: &Site) -> Response<Body> {
        match self {
            Self::Failed(error) => Answer::problem(&site.context.output, &error).into_response(),
            Self::Refused(refusal) => {
                let (status, what) = refusal.answer();
                let mut response = refused(site, status, what);
                refusal.add_headers(response.headers_mut());
                response
            }
            Self::ReadOnly => refused(
                site,
                StatusCode::FORBIDDEN,
                "this server only shows: it was started with `--read-only`",
            ),
            Self::Slow => refused(site, StatusCode::REQUEST_TIMEOUT, "the body was not sent in time"),
            Self::TooLong => refused(site, StatusCode::PAYLOAD_TOO_LARGE, "the body has more than 256 KiB"),
        }
    }
}

/// Checks that a request has the token, by which its connection keeps its place.
fn authenticate(site: &Site, headers: &HeaderMap, extensions: &Extensions) -> Result<(), Refusal> {
    site.guard.authenticate(headers)?;
    if let Some(place) = extensions.get::<Arc<places::Place>>() {
        place.keep();
    }
    Ok(())
}

/// Returns the answer that refuses a request.
fn refused(site: &Site, status: StatusCode, what: &str) -> Response<Body> {
    let problem = Problem::refused(what);
    let answer = Answer::json(&site.context.output, &problem);
    let answer = answer.unwrap_or_else(|error| Answer::problem(&site.context.output, &error));
    Answer { status, ..answer }.into_response()
}

async fn api(site: Arc<Site>, route: &'static Route, request: Request) -> Response<Body> {
    let answered = answered(&site, route, request).await;
    answered.unwrap_or_else(|failure| failure.into_response(&site))
}

async fn answered(site: &Arc<Site>, route: &'static Route, request: Request) -> Result<Response<Body>, Failure> {
    let (mut parts, body) = request.into_parts();
    if !matches!(route.does, Does::Public(_)) {
        authenticate(site, &parts.headers, &parts.extensions)?;
    }
    Guard::check_content(&parts.method, &parts.headers)?;
    if route.changes() && site.is_read_only {
        return Err(Failure::ReadOnly);
    }
    let mut words = words(&mut parts, route.query).await?;
    if route.changes() {
        words.body = Words::body(&received(body).await?, route.body)?;
    }
    let answer = match route.does {
        Does::Public(answer) | Does::Look(answer) | Does::Act(answer) => {
            let answered = site.blocking(move |site| answer(&Asked { site, words: &words }));
            answered.await?
        }
        Does::Describe => Answer::json(&site.context.output, &openapi::document(&ROUTES))?,
        Does::Stop => {
            let opened = site.blocking(move |site| {
                let asked = Asked { site, words: &words };
                Ok((asked.request()?, asked.part("run").to_owned(), asked.is_set("now")))
            });
            let (generator, run, now) = opened.await?;
            actions::stop(site, (generator, run), now).await?
        }
        Does::FollowAll => return Ok(watching::watch(site).await),
        Does::FollowRun => return followed(site, &parts, words).await,
    };
    Ok(answer.into_response())
}

async fn followed(site: &Arc<Site>, parts: &Parts, words: Words) -> Result<Response<Body>, Failure> {
    let last = parts
        .headers
        .get("last-event-id")
        .map(|id| id.to_str().unwrap_or("?").to_owned());
    let found = site.blocking(move |site| {
        let asked = Asked { site, words: &words };
        let after = last
            .as_deref()
            .filter(|id| !id.is_empty())
            .or_else(|| asked.query("after"));
        let after = after.map(Place::parse).transpose()?;
        Ok((asked.repository()?, asked.part("run").to_owned(), after))
    });
    let (repository, run, after) = found.await?;
    Ok(follow::run(site, repository, run, after).await?)
}

/// Reads the path and the query.
async fn words(parts: &mut Parts, query: &'static [Parameter]) -> Result<Words, Failure> {
    let not_text = || Error::new(ErrorKind::Usage, "the address is not UTF-8");
    let named = RawPathParams::from_request_parts(parts, &()).await;
    let named = named.map_err(|_| not_text())?;
    let path: BTreeMap<String, String> = named
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(Words {
        path,
        query: Words::query(parts.uri.query().unwrap_or_default(), query)?,
        ..Words::default()
    })
}

async fn received(body: Body) -> Result<Bytes, Failure> {
    let collected = tokio::time::timeout(BODY, Limited::new(body, LONGEST_BODY).collect()).await;
    match collected.map_err(|_| Failure::Slow)? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Failure::TooLong),
        Err(_) => Err(Error::new(ErrorKind::Usage, "the body could not be received").into()),
    }
}

/// Answers with a page: its content for who has the token, else the shell that asks for it.
async fn show(site: Arc<Site>, page: &'static Page, request: Request) -> Response<Body> {
    let (mut parts, _) = request.into_parts();
    if !parts.headers.contains_key(header::AUTHORIZATION) {
        return pages::shell(StatusCode::OK).into_response();
    }
    let shown = async {
        authenticate(&site, &parts.headers, &parts.extensions)?;
        let words = words(&mut parts, page.query).await?;
        let shown = site.blocking(move |site| pages::content(&Asked { site, words: &words }, page));
        Ok(shown.await?.into_response())
    };
    shown
        .await
        .unwrap_or_else(|failure: Failure| failure.into_response(&site))
}

fn file(asset: &Asset) -> Response<Body> {
    Answer::new(asset.kind, asset.content).into_response()
}

/// Answers where there is nothing. A browser gets the shell, which says so.
fn missing(site: &Site, request: &Request) -> Response<Body> {
    let is_page = request.method() == Method::GET && !request.uri().path().starts_with("/api/");
    if is_page && !request.headers().contains_key(header::AUTHORIZATION) {
        return pages::shell(StatusCode::NOT_FOUND).into_response();
    }
    match authenticate(site, request.headers(), request.extensions()) {
        Ok(()) => refused(site, StatusCode::NOT_FOUND, "there is nothing at this address"),
        Err(refusal) => Failure::Refused(refusal).into_response(site),
    }
}
