//! A connection that can be cut: between a browser and a server, on a port of its own.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What goes through it, and whether anything does.
#[derive(Default)]
struct State {
    is_cut: bool,
    streams: Vec<TcpStream>,
}

/// Passes on what reaches its port, until it is cut.
pub(crate) struct Cable {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Cable {
    /// Leads to a server on loopback.
    pub(crate) fn new() -> (Self, impl FnOnce(String)) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let lead_to = {
            let state = Arc::clone(&state);
            move |to: String| drop(thread::spawn(move || pass(&listener, &state, &to)))
        };
        (Self { port, state }, lead_to)
    }

    /// Cuts every connection, and takes no new one.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for stream in state.streams.drain(..) {
            // The other end may have closed it.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Takes connections again.
    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }
}

fn pass(listener: &TcpListener, state: &Mutex<State>, to: &str) {
    for here in listener.incoming() {
        let (here, mut state) = (here.unwrap(), state.lock().unwrap());
        if state.is_cut {
            continue;
        }
        let there = TcpStream::connect(to).unwrap();
        for (mut from, mut into) in
            [(&here, &there), (&there, &here)].map(|(a, b)| (a.try_clone().unwrap(), b.try_clone().unwrap()))
        {
            thread::spawn(move || {
                // Ended or cut: the other direction ends with it.
                let _ = io::copy(&mut from, &mut into);
                let _ = into.shutdown(Shutdown::Write);
            });
        }
        state.streams.extend([here, there]);
    }
}
