//! From a permitted target to a connection.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::EgressRefusal;
use super::attempt::Attempt;
use super::state::EgressState;
use crate::sandbox::network::{Denial, Host, Target};

/// The number of addresses of a name that are tried.
const MOST_ADDRESSES: usize = 4;

impl EgressState {
    /// Connects to a target, at an address that the policy admits.
    pub(super) async fn dial(&self, attempt: &mut Attempt, target: &Target) -> Result<TcpStream, EgressRefusal> {
        let addresses = match &target.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.resolve(attempt, name).await?,
        };
        let admitted = self.admitted(target, addresses).map_err(|why| attempt.deny(why))?;
        let stream = self.connect_to_one(&admitted, target.port).await?;
        self.told().permitted(target);
        Ok(stream)
    }

    /// Resolves a name once. A lookup that takes too long runs on, and continues to count among those at once.
    async fn resolve(&self, attempt: &mut Attempt, name: &str) -> Result<Vec<IpAddr>, EgressRefusal> {
        let free = timeout(self.bounds.resolve, Arc::clone(&self.lookups).acquire_owned());
        let Ok(Ok(place)) = free.await else {
            return Err(attempt.deny(Denial::Busy));
        };
        let (resolver, name) = (self.resolver.clone(), name.to_owned());
        let lookup = tokio::spawn(async move {
            let found = resolver.lookup(&name).await;
            drop(place);
            found
        });
        match timeout(self.bounds.resolve, lookup).await {
            Ok(Ok(found)) if !found.is_empty() => Ok(found),
            Ok(_) => Err(attempt.deny(Denial::Unresolved)),
            Err(_) => Err(EgressRefusal::TooSlow),
        }
    }

    /// Returns those addresses to which a connection is permitted.
    fn admitted(&self, target: &Target, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Denial> {
        let mut admitted = Vec::new();
        let mut denial = None;
        for address in addresses {
            match self.admits(target, address) {
                Ok(()) => admitted.push(address),
                Err(why) => denial = Some(why),
            }
        }
        match denial {
            Some(why) if admitted.is_empty() => Err(why),
            _ => Ok(admitted),
        }
    }

    /// Tries the addresses in their order, each with its share of the time.
    async fn connect_to_one(&self, addresses: &[IpAddr], port: u16) -> Result<TcpStream, EgressRefusal> {
        let tried = addresses.iter().take(MOST_ADDRESSES);
        let share = self.bounds.connect / u32::try_from(tried.len()).unwrap_or(1).max(1);
        let mut refusal = EgressRefusal::Unreachable;
        for address in tried {
            match timeout(share, TcpStream::connect((*address, port))).await {
                Ok(Ok(stream)) => {
                    // Small records of a handshake should not wait for one another.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => tracing::debug!(%address, port, %error, "a connection could not be made"),
                Err(_) => refusal = EgressRefusal::TooSlow,
            }
        }
        Err(refusal)
    }
}
