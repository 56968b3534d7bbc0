//! The live lines of a terminal: those of a run, and one for something that is waited for.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::clock::Clock;
use crate::record::event::Event;
use crate::report::picture::{Picture, since};
use crate::report::screen::{Part, Screen};

/// The lines of a run, which change as events come in and time passes.
pub(super) struct LiveLines {
    picture: Arc<Mutex<Picture>>,
    _shown: Part,
}

impl LiveLines {
    pub(super) fn new(screen: &Screen) -> Self {
        let picture = Arc::<Mutex<Picture>>::default();
        let drawn = Arc::clone(&picture);
        let shown = screen.show(move |now, size| drawn.lock().unwrap_or_else(PoisonError::into_inner).lines(now, size));
        Self { picture, _shown: shown }
    }

    /// Takes in what happened: it is on the screen when that is drawn next.
    pub(super) fn update(&mut self, event: &Event) {
        self.picture
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .update(event);
    }
}

/// A live line for something that is waited for, until this is dropped.
pub(crate) struct Waiting(#[expect(dead_code, reason = "the line is there as long as this is")] Part);

impl Waiting {
    /// Shows what is waited for, and how long.
    pub(crate) fn begin(screen: &Screen, what: &str) -> Self {
        let (what, begun) = (what.to_owned(), Clock::machine().now());
        Self(screen.show(move |now, _| vec![format!("{what}, {}", since(begun, now))]))
    }
}
