//! A tunnel: its first bytes are checked, then bytes pass both ways until both sides have ended, or neither sends.

use std::io;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::answer::{Body, EgressRefusal, empty};
use super::attempt::Attempt;
use super::state::EgressState;
use super::terminate;
use super::termination::Termination;
use super::watched::Watched;
use crate::sandbox::network::client_hello::{self, Beginning};
use crate::sandbox::network::{Denial, Scheme, Target};

/// The port on which only TLS is permitted.
const TLS_PORT: u16 = 443;

/// Bytes in transit in one direction.
const BUFFER: usize = 32 << 10;

impl EgressState {
    /// Opens a tunnel for a `CONNECT`, if its target may be reached.
    pub(super) async fn open_tunnel(
        self: &Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, EgressRefusal> {
        let mut attempt = Attempt::new(self, &request);
        let reached = self.reach(&mut attempt, &request).await;
        let (target, place, way) = reached.inspect_err(|refusal| attempt.failed(refusal))?;
        let upgrade = hyper::upgrade::on(&mut request);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            run(&shared, &mut attempt, &target, upgrade, way).await;
            drop(place);
        });
        Ok(Response::new(empty()))
    }

    /// Connects to the target of a `CONNECT`, if it may be reached.
    async fn reach(
        &self,
        attempt: &mut Attempt,
        request: &Request<Incoming>,
    ) -> Result<(Target, OwnedSemaphorePermit, Way), EgressRefusal> {
        let uri = request.uri();
        let is_authority = uri.scheme().is_none() && uri.path_and_query().is_none();
        if request.method() != Method::CONNECT || !is_authority {
            return Err(attempt.deny(Denial::Form));
        }
        let target = attempt.target(&uri.to_string(), None, Scheme::Tunnel)?;
        let ends = self.ends_tls(&target).cloned();
        if ends.is_none() && self.policy.ends_tls(&target) {
            return Err(attempt.deny(Denial::Unseen));
        }
        let place = attempt.place().await?;
        let way = match ends {
            Some(ends) => Way::Here(ends),
            None => Way::Through(self.dial(attempt, &target).await?),
        };
        Ok((target, place, way))
    }
}

/// Where a tunnel leads.
enum Way {
    /// To the host, as it is.
    Through(TcpStream),
    /// To the gateway itself, which ends its TLS.
    Here(Arc<Termination>),
}

/// Runs a tunnel to its end, or that of the egress.
async fn run(shared: &Arc<EgressState>, attempt: &mut Attempt, target: &Target, upgrade: OnUpgrade, way: Way) {
    let tunnel = async {
        match way {
            Way::Through(stream) => carry(shared, attempt, target, upgrade, stream).await,
            Way::Here(ends) => {
                let upgraded = timeout(shared.bounds.hello, upgrade).await?.map_err(io::Error::other)?;
                terminate::serve(shared, &ends, attempt, target, TokioIo::new(upgraded)).await
            }
        }
    };
    if let Some(Err(error)) = shared.ending.run_until_cancelled(tunnel).await {
        tracing::debug!(host = %target.host, port = target.port, %error, "a tunnel ended");
    }
}

async fn carry(
    shared: &EgressState,
    attempt: &mut Attempt,
    target: &Target,
    upgrade: OnUpgrade,
    stream: TcpStream,
) -> io::Result<()> {
    let upgraded = timeout(shared.bounds.hello, upgrade).await?.map_err(io::Error::other)?;
    let mut client = TokioIo::new(upgraded);
    let begun = timeout(shared.bounds.hello, begin(target, &mut client, &stream)).await;
    let first = match begun.unwrap_or(Ok(Err(Denial::Silent)))? {
        Ok(first) => first,
        Err(why) => {
            attempt.deny(why);
            return Ok(());
        }
    };
    let mut stream = Watched::new(stream);
    let activity = stream.activity();
    attempt.counts(activity.clone());
    stream.write_all(&first).await?;
    tokio::select! {
        () = shared.is_idle(&activity) => Ok(()),
        copied = copy_bidirectional_with_sizes(&mut client, &mut stream, BUFFER, BUFFER) => copied.map(|_| ()),
    }
}

/// Reads the client's first bytes until they show their kind; returns them to be passed on, or why not.
///
/// Where the server may speak first, which no server of TLS does, its first bytes end the wait.
async fn begin(
    target: &Target,
    client: &mut (impl AsyncRead + Unpin),
    server: &TcpStream,
) -> io::Result<Result<Vec<u8>, Denial>> {
    let tls_alone = target.port == TLS_PORT;
    let mut server_may_begin = !tls_alone;
    let mut first = Vec::new();
    let mut peeked = [0];
    loop {
        let mut room = client.take(room_left(&first));
        let read = tokio::select! {
            read = room.read_buf(&mut first) => read?,
            heard = server.peek(&mut peeked), if server_may_begin && first.is_empty() => {
                if heard? > 0 {
                    return Ok(Ok(first));
                }
                server_may_begin = false;
                continue;
            }
        };
        if read == 0 {
            let is_good = first.is_empty() && !tls_alone;
            return Ok(if is_good { Ok(first) } else { Err(Denial::NotTls) });
        }
        match judge(target, &first) {
            None => {}
            Some(Ok(())) => return Ok(Ok(first)),
            Some(Err(why)) => return Ok(Err(why)),
        }
    }
}

/// Returns how many bytes may still be read; the reader of the hello refuses before there is no room left.
fn room_left(first: &[u8]) -> u64 {
    client_hello::LONGEST.saturating_sub(first.len()) as u64
}

/// Checks the first bytes; `None` while there are too few.
fn judge(target: &Target, first: &[u8]) -> Option<Result<(), Denial>> {
    match client_hello::read(first) {
        Ok(Beginning::Incomplete) => None,
        Ok(Beginning::Other) if target.port == TLS_PORT => Some(Err(Denial::NotTls)),
        Ok(Beginning::Other) => Some(Ok(())),
        Ok(Beginning::Hello(name)) => Some(target.accepts_server_name(name.as_deref())),
        Err(why) => Some(Err(why.into())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::sandbox::network::{HelloError, Host};

    /// Starts a server, and a connection to it.
    async fn server() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = TcpStream::connect(listener.local_addr().unwrap());
        let (connected, accepted) = tokio::join!(connecting, listener.accept());
        (accepted.unwrap().0, connected.unwrap())
    }

    /// Checks what becomes of a client that sends `bytes` and ends, to a server that greets with `greeting`.
    async fn check(port: u16, greeting: &[u8], bytes: &[u8], expect: Result<&[u8], Denial>) {
        let (mut server, stream) = server().await;
        server.write_all(greeting).await.unwrap();
        if !greeting.is_empty() {
            stream.readable().await.unwrap();
        }
        let target = Target {
            host: Host::Name("tools.example".to_owned()),
            port,
        };
        let mut client = bytes;
        let begun = begin(&target, &mut client, &stream).await.unwrap();
        assert_eq!(begun, expect.map(<[u8]>::to_vec), "{port} {bytes:?}");
    }

    #[tokio::test]
    async fn nothing_but_tls_passes_on_its_port() {
        let http = b"GET / HTTP/1.1\r\n\r\n";
        check(443, b"", http, Err(Denial::NotTls)).await;
        check(443, b"", b"", Err(Denial::NotTls)).await;
        check(443, b"", &[22], Err(Denial::NotTls)).await;
        check(443, b"", &[22, 3, 1, 0, 0], Err(Denial::Hello(HelloError::Record))).await;
        check(443, b"220 welcome", http, Err(Denial::NotTls)).await;
        check(8443, b"", http, Ok(http)).await;
        check(8443, b"", b"", Ok(b"")).await;
        check(8443, b"", &[22, 3, 1, 0, 0], Err(Denial::Hello(HelloError::Record))).await;
    }
}
