//! Signals, as a terminal sends them to every process of the command: each press of Ctrl-C goes one step further.
//!
//! A thread of its own waits for them, so that the last signal takes effect whatever the command is busy with. Messages
//! about them are written at once, by further threads, so that a terminal that blocks delays nothing.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::base::error::{Context as _, Result, exit};
use crate::base::interruption::Interruption;
use crate::cli::{Context, raw_terminal};
use crate::report::time::duration;

/// How long the last message may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a command that works on nobody's tasks has to end its containers.
pub(crate) const GRACE: Duration = Duration::from_secs(20);

/// What a command does when it is asked to stop.
#[derive(Clone, Debug)]
pub(crate) enum OnSignal {
    /// It begins nothing new; asked again, or after the grace, it suspends what is in progress, which takes a moment;
    /// asked a third time it ends.
    Suspend {
        /// Passes the request on to the run.
        interruption: Interruption,
        /// `stop_grace`.
        grace: Duration,
    },
    /// It finishes if it can; asked again, or after the grace, it ends at once, and can be run again.
    Finish {
        /// Ends what takes long and changes nothing.
        interruption: Interruption,
        /// `stop_grace`.
        grace: Duration,
    },
    /// It only reads, or can be run again as a whole: it ends at once.
    End,
    /// It only shows what another process does: it ends at once, and nothing is to be said of that.
    Leave,
}

/// The reaction to a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Ask,
    Insist,
    Exit,
}

impl OnSignal {
    /// Returns what the `presses`th signal calls for.
    fn deed(&self, presses: u32) -> Deed {
        match (self, presses) {
            (Self::Suspend { .. } | Self::Finish { .. }, ..=1) => Deed::Ask,
            (Self::Suspend { .. }, 2) => Deed::Insist,
            _ => Deed::Exit,
        }
    }

    /// Returns how long the command has after the first signal before it ends by itself.
    fn limit(&self) -> Option<Duration> {
        match self {
            Self::Finish { grace, .. } => Some(*grace),
            Self::Suspend { .. } | Self::End | Self::Leave => None,
        }
    }
}

/// Listens for SIGINT, SIGTERM and SIGHUP from now on. A press of Ctrl-C is a signal of its own each time; SIGTERM and
/// SIGHUP count as the first one, however often they come, because closing a terminal or stopping a service often sends
/// them twice.
pub(crate) fn listen(on_signal: OnSignal, context: &Context) -> Result<()> {
    let failed = "cannot listen for signals";
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context(failed)?;
    let signals = {
        let _entered = runtime.enter();
        Signals::hear()?
    };
    let context = context.clone();
    let hearing = thread::Builder::new().name("signals".to_owned());
    hearing
        .spawn(move || runtime.block_on(obey(signals, &on_signal, &context)))
        .context(failed)?;
    Ok(())
}

/// Begins to listen for SIGINT, SIGTERM and SIGHUP, for a command that ends at the first of them, and has something to remove then.
/// What is returned waits for that.
#[cfg(feature = "serve")]
pub(crate) fn ending() -> Result<impl Future<Output = ()>> {
    let mut signals = Signals::hear()?;
    Ok(async move {
        signals.next(0).await;
    })
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Begins to listen, in the runtime that is entered.
    fn hear() -> Result<Self> {
        let hear = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hangup: hear(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal; returns how many there have been with it, where `presses` came before it.
    async fn next(&mut self, presses: u32) -> u32 {
        tokio::select! {
            _ = self.interrupt.recv() => presses + 1,
            _ = self.terminate.recv() => presses.max(1),
            _ = self.hangup.recv() => presses.max(1),
        }
    }
}

async fn obey(mut signals: Signals, on_signal: &OnSignal, context: &Context) {
    let mut presses = 0;
    let mut limit = None;
    loop {
        let heard = match limit {
            None => signals.next(presses).await,
            Some(at) => tokio::time::timeout_at(at, signals.next(presses))
                .await
                .unwrap_or(u32::MAX),
        };
        // A second SIGTERM or SIGHUP asks for nothing new.
        if heard == presses {
            continue;
        }
        presses = heard;
        match on_signal.deed(presses) {
            Deed::Ask => {
                limit = on_signal.limit().map(|grace| Instant::now() + grace);
                match on_signal {
                    OnSignal::Suspend { interruption, .. } => interruption.ask(),
                    OnSignal::Finish { interruption, .. } => interruption.insist(),
                    OnSignal::End | OnSignal::Leave => {}
                }
                say(context, first_words(on_signal));
            }
            Deed::Insist => {
                if let OnSignal::Suspend { interruption, .. } = on_signal {
                    interruption.insist();
                }
                let text = "Interrupted again: what is in progress is suspended now. A third interrupt ends the program at once.";
                say(context, text.to_owned());
            }
            Deed::Exit => end(context, matches!(on_signal, OnSignal::Leave)),
        }
    }
}

fn first_words(on_signal: &OnSignal) -> String {
    match on_signal {
        OnSignal::Suspend { grace, .. } => format!(
            "Interrupted: nothing new begins, and what is in progress has {} before its session is suspended. \
             Press Ctrl-C again to suspend it now.",
            duration(*grace)
        ),
        OnSignal::Finish { grace, .. } => format!(
            "Interrupted: the command has {} to finish. Press Ctrl-C again to end it now.",
            duration(*grace)
        ),
        OnSignal::End | OnSignal::Leave => String::new(),
    }
}

/// Writes a message without waiting for it; returns a receiver that is notified when it is written.
fn say(context: &Context, text: String) -> mpsc::Receiver<()> {
    let (written, told) = mpsc::channel();
    let context = context.clone();
    // Without a thread there is nothing to print it with, and what is done counts more than what is printed.
    let _ = thread::Builder::new().spawn(move || {
        context.output.say(&text);
        let _ = written.send(());
    });
    told
}

/// Ends the process at once, and reports what remains unless it is to be `silent`: `kill -9` might come at any moment, too.
#[expect(
    clippy::disallowed_methods,
    reason = "the person's last word, wherever the command stands"
)]
fn end(context: &Context, silent: bool) {
    raw_terminal::restore();
    let (cleared, told) = mpsc::channel();
    let screen = context.output.screen.clone();
    let _ = thread::Builder::new().spawn(move || {
        screen.end();
        let _ = cleared.send(());
    });
    let _ = told.recv_timeout(LAST_WORDS);
    if silent {
        std::process::exit(exit::INTERRUPTED.into());
    }
    let left = &context.environment.leftovers;
    let _ = say(context, last_words(&left.names(), &left.lasting())).recv_timeout(LAST_WORDS);
    std::process::exit(exit::INTERRUPTED.into());
}

fn last_words(swept: &[String], lasting: &[String]) -> String {
    if swept.is_empty() && lasting.is_empty() {
        return "Interrupted: ended at once; nothing is left to clean up.".to_owned();
    }
    let mut text = "Interrupted: ended at once.".to_owned();
    for sentence in lasting {
        text.push(' ');
        text.push_str(sentence);
    }
    if !swept.is_empty() {
        // Commands that only look, such as `status`, clean up nothing.
        text.push_str(" The next `cordwainer run` cleans up what remains:");
    }
    for name in swept {
        text.push_str("\n  ");
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_tell_what_is_cleaned_up_and_what_is_not() {
        let (swept, lasting) = (["the container `a`".to_owned()], ["The log is `b`.".to_owned()]);
        assert_eq!(
            last_words(&[], &[]),
            "Interrupted: ended at once; nothing is left to clean up."
        );
        assert_eq!(last_words(&[], &lasting), "Interrupted: ended at once. The log is `b`.");
        assert_eq!(
            last_words(&swept, &lasting),
            "Interrupted: ended at once. The log is `b`. The next `cordwainer run` cleans up what remains:\n  \
             the container `a`"
        );
    }

    #[test]
    fn each_word_goes_one_step_further() {
        use Deed::{Ask, Exit, Insist};
        let grace = Duration::from_secs(20);
        let interruption = Interruption::default();
        let deeds = |on_signal: &OnSignal| [1, 2, 3, 4, u32::MAX].map(|presses| on_signal.deed(presses));
        let suspends = OnSignal::Suspend {
            interruption: interruption.clone(),
            grace,
        };
        assert_eq!(deeds(&suspends), [Ask, Insist, Exit, Exit, Exit]);
        assert_eq!(suspends.limit(), None, "the run itself counts the grace");
        let finishes = OnSignal::Finish { interruption, grace };
        assert_eq!(deeds(&finishes), [Ask, Exit, Exit, Exit, Exit]);
        assert_eq!(finishes.limit(), Some(grace));
        assert_eq!(deeds(&OnSignal::End), [Exit; 5]);
        assert_eq!(deeds(&OnSignal::Leave), [Exit; 5]);
    }
}
