//! A scripted Messages API, for the real client: it speaks `POST /v1/messages` (as server-sent events where the
//! request says `"stream": true`), `POST /v1/messages/count_tokens` and `HEAD /`, and plays the model by a script.
//!
//! ```ignore
//! let api = MessagesApi::start(
//!     Listen::loopback(),
//!     vec![
//!         Conversation::about("## What to propose", vec![Step::structured(json!({"proposals": []}))]),
//!         Conversation::about("The task: cw-1", vec![
//!             Step::read("/workspace/src/lib.rs"),
//!             Step::edit("/workspace/src/lib.rs", "old", "new"),
//!             Step::write("/workspace/NOTES.md", "notes\n"),
//!             Step::bash("git status --short"),
//!         ]),
//!     ],
//! );
//! let base_url = api.base_url();
//! ```
//!
//! A conversation is known by a piece of its first message, so that measure and each task have a script of their own;
//! the step to play is known by the number of tool results that the request brings, so that a repeated request gets
//! the same answer. After the last step the model says `Done.` The client edits only files that it has read or written.
//! What no script foresees is answered with an error and kept in [`MessagesApi::surprises`].
//!
//! The client needs no account: `ANTHROPIC_BASE_URL` is [`MessagesApi::base_url`], `CLAUDE_CODE_OAUTH_TOKEN` any text
//! that begins with `sk-ant-oat01-`, `CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1`, and a HOME that it may write.
//!
//! From a container, on podman and Docker alike: simplest is `container.network: host` with [`Listen::loopback`], where
//! the base URL holds as it is. On a network of its own listen on [`Listen::everywhere`] and name the network's gateway
//! address and [`MessagesApi::port`]. Without any network, [`Listen::Unix`] in a mounted folder, and a relay inside.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;

pub(crate) use self::script::{Conversation, Step};
use self::server::Model;

mod reply;
mod script;
mod server;

/// Where the API listens.
pub(crate) enum Listen {
    /// On an address; port 0 is any free one.
    Tcp(SocketAddr),
    /// On a socket, which must not be there yet.
    Unix(PathBuf),
}

impl Listen {
    /// Any free port of this machine's own address.
    pub(crate) fn loopback() -> Self {
        Self::Tcp(([127, 0, 0, 1], 0).into())
    }

    /// Any free port of every address.
    pub(crate) fn everywhere() -> Self {
        Self::Tcp(([0, 0, 0, 0], 0).into())
    }
}

/// What the API has served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Served {
    /// Answers of the model.
    pub(crate) messages: u64,
    /// Tokens it counted as read, the cache's included.
    pub(crate) input: u64,
    /// Tokens it counted as written.
    pub(crate) output: u64,
}

/// A running API; it ends when it is dropped.
pub(crate) struct MessagesApi {
    address: Option<SocketAddr>,
    model: Arc<Mutex<Model>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MessagesApi {
    /// Starts the API on a thread of its own; it listens when this returns.
    pub(crate) fn start(listen: Listen, script: Vec<Conversation>) -> Self {
        let model = Arc::new(Mutex::new(Model::new(script)));
        let (end, ended) = oneshot::channel();
        let (ready, listening) = std::sync::mpsc::channel();
        let played = Arc::clone(&model);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let serving = async {
                    match listen {
                        Listen::Tcp(address) => {
                            let listener = TcpListener::bind(address).await.unwrap();
                            ready.send(Some(listener.local_addr().unwrap())).unwrap();
                            server::tcp(listener, played).await;
                        }
                        Listen::Unix(path) => {
                            let listener = UnixListener::bind(path).unwrap();
                            ready.send(None).unwrap();
                            server::unix(listener, played).await;
                        }
                    }
                };
                tokio::select! {
                    () = serving => {}
                    _ = ended => {}
                }
            });
        });
        Self {
            address: listening.recv().unwrap(),
            model,
            end: Some(end),
            thread: Some(thread),
        }
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.unwrap().port()
    }

    /// What `ANTHROPIC_BASE_URL` is on this machine.
    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// What it has served so far.
    pub(crate) fn served(&self) -> Served {
        self.model.lock().unwrap().served
    }

    /// What no script foresaw, in sentences.
    pub(crate) fn surprises(&self) -> Vec<String> {
        self.model.lock().unwrap().surprises.clone()
    }
}

impl Drop for MessagesApi {
    fn drop(&mut self) {
        // Sending fails only where the thread has died, which joining shows.
        let _ = self.end.take().unwrap().send(());
        let died = self.thread.take().unwrap().join().is_err();
        assert!(!died || std::thread::panicking(), "the scripted Messages API died");
    }
}
