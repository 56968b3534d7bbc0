//! What the one table of the HTTP API is made of: the router, the checks of queries and bodies, and the document for programs follow it.

use axum::http::Method;

use super::answer::{Answer, ContentKind};
use super::asked::Asked;
use super::fields::{Field, Parameter};
use crate::base::error::Result;

/// One thing that can be asked.
pub(super) struct Route {
    /// Its path, with the names of its parts in braces.
    pub(super) path: &'static str,
    /// What it is called in programs that are made from the document.
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Parameter],
    pub(super) body: &'static [Field],
    pub(super) does: Does,
}

/// How a request is answered.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// It reads, without the token.
    Public(fn(&Asked<'_>) -> Result<Answer>),
    /// It describes the API.
    Describe,
    /// It reads.
    Look(fn(&Asked<'_>) -> Result<Answer>),
    /// It changes something.
    Act(fn(&Asked<'_>) -> Result<Answer>),
    /// It stops a run, and waits until that has ended.
    Stop,
    /// It follows the events of a run.
    FollowRun,
    /// It follows everything that is served.
    FollowAll,
}

impl Route {
    /// Builds a route that reads.
    pub(super) const fn look(
        path: &'static str,
        names: [&'static str; 2],
        query: &'static [Parameter],
        answer: fn(&Asked<'_>) -> Result<Answer>,
    ) -> Self {
        Self::new(path, names, (query, &[]), Does::Look(answer))
    }

    /// Builds a route that changes something.
    pub(super) const fn act(
        path: &'static str,
        names: [&'static str; 2],
        body: &'static [Field],
        act: fn(&Asked<'_>) -> Result<Answer>,
    ) -> Self {
        Self::new(path, names, (&[], body), Does::Act(act))
    }

    /// Builds a route.
    pub(super) const fn new(
        path: &'static str,
        [name, summary]: [&'static str; 2],
        (query, body): (&'static [Parameter], &'static [Field]),
        does: Does,
    ) -> Self {
        Self {
            path,
            name,
            summary,
            query,
            body,
            does,
        }
    }

    /// Returns whether it changes something.
    pub(super) fn changes(&self) -> bool {
        matches!(self.does, Does::Act(_) | Does::Stop)
    }

    /// Returns what it answers with.
    pub(super) fn answers(&self) -> ContentKind {
        match self.does {
            Does::FollowRun | Does::FollowAll => ContentKind::Events,
            Does::Public(_) | Does::Describe | Does::Look(_) | Does::Act(_) | Does::Stop => ContentKind::Json,
        }
    }

    /// Returns the method by which it is asked.
    pub(super) fn method(&self) -> Method {
        if self.changes() { Method::POST } else { Method::GET }
    }

    /// Returns the names of the parts of its path.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}
