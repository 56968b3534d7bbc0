//! Names to addresses, on the host.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How names are resolved.
#[derive(Clone, Debug, Default)]
pub enum Resolver {
    /// The host's own resolver.
    #[default]
    System,
    /// A table, for tests: nothing else has an address.
    Table(Table),
}

/// Names with their results, lookup by lookup; the last result stays.
#[derive(Clone, Debug, Default)]
pub struct Table(Arc<Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>>);

impl Table {
    /// Creates a table of names, each with its results in turn.
    pub fn new<'a>(names: impl IntoIterator<Item = (&'a str, Vec<Vec<IpAddr>>)>) -> Self {
        let names = names.into_iter();
        let table = names.map(|(name, answers)| (name.to_owned(), answers.into()));
        Self(Arc::new(Mutex::new(table.collect())))
    }

    fn answer(&self, name: &str) -> Vec<IpAddr> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(answers) = table.get_mut(name) else {
            return Vec::new();
        };
        if answers.len() > 1 {
            answers.pop_front().unwrap_or_default()
        } else {
            answers.front().cloned().unwrap_or_default()
        }
    }
}

impl Resolver {
    /// Returns the addresses of a name; none where it cannot be resolved.
    pub(super) async fn lookup(&self, name: &str) -> Vec<IpAddr> {
        match self {
            Self::Table(table) => table.answer(name),
            Self::System => match tokio::net::lookup_host((name, 0)).await {
                Ok(found) => found.map(|address| address.ip()).collect(),
                Err(error) => {
                    tracing::debug!(name, %error, "a name could not be resolved");
                    Vec::new()
                }
            },
        }
    }
}
