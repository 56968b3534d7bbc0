//! A scripted Messages API, for the real client: it speaks `POST /v1/messages` (as server-sent events where the
//! request says `"stream": true`), `POST /v1/messages/count_tokens` and `HEAD /`, and plays the model by a script.
//!
//! # The script
//!
//! A text of three depths, two spaces each: conversations, replies, and settings of a reply. Words are parted by
//! spaces; a text with spaces in it, and whatever else a word cannot hold, is written as JSON. `#` begins a comment.
//!
//! ```text
//! later "did not pass it"              # a later turn of a session, whose own message has this text: before its `about`
//!   write /workspace/a.txt "Better."
//! about "The task: cw-1"               # the conversations whose first message has this text in it
//!   refuse 529 overloaded_error twice     # before the first answer
//!   write /workspace/a.txt "one"
//!     unified status allowed_warning      # anthropic-ratelimit-unified-status: allowed_warning
//!     unified reset in 5h                 # the same with the Unix time of then
//!   limit five_hour in 5h
//!   edit /workspace/a.txt "one" "two"
//!     tokens 120 30 900 40                # input, written to the cache, read from it, output
//!   say "That is all."
//! about "What to propose"
//!   answer {"proposals": []}
//! ```
//!
//! Answers, played one after the other: `read PATH`, `write PATH TEXT`, `edit PATH OLD NEW`, `bash COMMAND`, `background COMMAND`
//! (the same beside what follows), `tool NAME JSON` (of a server), `answer JSON`
//! (to `--json-schema`), and `say TEXT`, which ends a conversation: where none is written the model says `Done.` at the
//! end. The client edits only files that it has read or written.
//!
//! Troubles, met before the answer that follows them, once, or as often as the last word says (`twice`, `5 times`,
//! `always`):
//!
//! - `refuse STATUS TYPE [MESSAGE]`: an error of the API;
//! - `limit KIND [in TIME]`: a usage limit, as a subscription meets it, which is lifted after that time (`30s`, `5h`);
//! - `reset`: the connection is torn down instead of an answer;
//! - `hang`: nothing comes, not even a head;
//! - `cut`, `stall`: the answer begins, and then its connection is closed, or nothing more comes. Whether the client
//!   still gets the beginning of one that is cut is certain only with a `pause`.
//!
//! Settings of answers and troubles: `header NAME VALUE`, `unified NAME VALUE`; of answers alone: `tokens …`, `model NAME`
//! (another one than was asked for), `pause TIME` (between two events of the stream: a slow API).
//!
//! Which answer is meant is known by the number of tool results that a request brings, so that a request that is
//! repeated meets the next trouble or gets the same answer. What no script foresees is answered with an error and kept
//! in [`MessagesApi::surprises`].
//!
//! # The client
//!
//! It needs no account: `ANTHROPIC_BASE_URL` is [`MessagesApi::base_url`], `CLAUDE_CODE_OAUTH_TOKEN` any text that begins
//! with `sk-ant-oat01-`, `CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1`, and a HOME that it may write.
//!
//! From a sealed container it is reached through the gateway, whose upstream is [`MessagesApi::base_url`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;

use self::model::Model;
pub(crate) use self::model::Served;
pub(crate) use self::script::Script;

mod connection;
mod model;
mod parse;
mod reply;
mod script;
mod server;
mod words;

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

/// A running API; it ends when it is dropped.
pub(crate) struct MessagesApi {
    address: Option<SocketAddr>,
    model: Arc<Mutex<Model>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MessagesApi {
    /// Starts the API on a thread of its own; it listens when this returns. Panics with every error of the script.
    pub(crate) fn start(listen: Listen, script: &str) -> Self {
        let script = Script::parse(script).unwrap_or_else(|errors| panic!("the script is wrong:\n{errors}"));
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
                            connection::tcp(listener, played).await;
                        }
                        Listen::Unix(path) => {
                            let listener = UnixListener::bind(path).unwrap();
                            ready.send(None).unwrap();
                            connection::unix(listener, played).await;
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

    /// A base URL of this machine at which nobody listens: the API has the port, on another address.
    pub(crate) fn refusing_url(&self) -> String {
        format!("http://127.0.0.77:{}", self.port())
    }

    /// What it has served so far in all.
    pub(crate) fn served(&self) -> Served {
        self.model.lock().unwrap().served()
    }

    /// What it has served so far in the conversations about this.
    pub(crate) fn served_about(&self, about: &str) -> Served {
        self.model.lock().unwrap().conversation(about).served
    }

    /// How many tool results each request of the conversations about this brought, in order.
    pub(crate) fn results_brought(&self, about: &str) -> Vec<usize> {
        self.model.lock().unwrap().conversation(about).results_brought.clone()
    }

    /// The messages of the last request of the conversations about this, as JSON.
    pub(crate) fn last_messages(&self, about: &str) -> String {
        self.model.lock().unwrap().conversation(about).last_messages.clone()
    }

    /// How many requests of the conversations about this did not begin with all that the one before them had, which an API
    /// that caches would have had to read anew.
    pub(crate) fn rewritten(&self, about: &str) -> usize {
        self.model.lock().unwrap().conversation(about).rewritten
    }

    /// What requests have shown as their credential: `Bearer …`, or a key.
    pub(crate) fn credentials(&self) -> BTreeSet<String> {
        self.model.lock().unwrap().credentials.clone()
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
