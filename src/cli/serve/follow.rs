//! The events of a run as a stream that nothing is lost from: each line has the byte offset after it as its id, and whoever names
//! the last one goes on there. A run that died is followed by the one that goes on with its generation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::Problem;
use super::asked::parsed;
use super::events::{self, ALIVE, RETRY, SIGN_OF_LIFE, event};
use super::repositories::Repository;
use super::site::Site;
use super::successors::Successors;
use crate::base::error::{Error, ErrorKind, Result};
use crate::model::RunId;
use crate::record::event::EventKind;
use crate::record::event_lines::{EventLine, EventLines};
use crate::record::history::events_of;
use crate::record::overview::RunOutcome;
use crate::report::output::Output;

/// How much is read before it is sent, in bytes: one line more at most.
const PART: usize = 64 << 10;
/// How often it is looked whether a run is at work still.
const LOOK: Duration = Duration::from_secs(1);

/// Where somebody goes on: an offset in the events of the run of the address, or in those of one that went on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) run: Option<RunId>,
    pub(super) offset: u64,
}

impl Place {
    /// Reads the id of the last event: `OFFSET`, or `RUN/OFFSET`.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it is neither.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (run, offset) = match text.split_once('/') {
            Some((run, offset)) => (Some(parsed::<RunId>(run)?), offset),
            None => (None, text),
        };
        let offset = offset.parse().map_err(|_| {
            let message = format!("`{}` is not the id of an event", text.escape_debug());
            Error::new(ErrorKind::Usage, message)
        })?;
        Ok(Self { run, offset })
    }

    fn in_words(&self) -> String {
        match &self.run {
            Some(run) => format!("{run}/{}", self.offset),
            None => self.offset.to_string(),
        }
    }
}

/// Somebody who follows a run.
struct Following {
    site: Arc<Site>,
    repository: Repository,
    run: RunId,
    path: PathBuf,
    place: Place,
    /// `None` while the file is not there, or is being read.
    lines: Option<EventLines>,
    beats: watch::Receiver<u64>,
    /// What is sent before anything is read.
    before: Option<String>,
    /// When it was looked whether the run is at work, or which one goes on after it.
    looked: Option<Instant>,
    /// Where the run has died: what is known of those that may go on after it.
    successors: Option<Successors>,
    wrote: Instant,
    has_ended: bool,
}

/// What is read at once.
struct Part {
    lines: Option<EventLines>,
    text: String,
    offset: u64,
}

/// Answers with the events of a run from a place on.
///
/// # Errors
///
/// Where the run is not known, no line begins at the place, or its events cannot be read.
pub(super) async fn run(
    site: &Arc<Site>,
    repository: Repository,
    named: String,
    after: Option<Place>,
) -> Result<Response<Body>> {
    let beats = site.pulse.beats();
    let begin = Arc::clone(site);
    let found = site.blocking(move |site| {
        let generator = repository.look(&site.context, None)?;
        let of_address = generator.find_run(Some(&named))?;
        // A generation's name is that of another run later on: then ids say which run they are of.
        let is_exact = of_address.as_str() == named;
        let place = after.unwrap_or_else(|| Place {
            run: (!is_exact).then(|| of_address.clone()),
            offset: 0,
        });
        let run = place.run.clone().unwrap_or(of_address);
        let path = events_of(&repository.state_dir, &run);
        let lines = EventLines::open_at(&path, place.offset)?;
        let is_at_end = lines.as_ref().is_none_or(|lines| lines.length() <= place.offset);
        if is_at_end && place.offset > 0 {
            let (outcome, _) = site.folds.standing(&generator, &run)?;
            if !matches!(outcome, RunOutcome::AtWork | RunOutcome::Died) {
                return Ok(None);
            }
        }
        let _ = site.pulse.add(&path);
        Ok(Some(Following {
            site: begin,
            repository,
            run,
            path,
            place,
            lines,
            beats,
            before: Some(RETRY.to_owned()),
            looked: None,
            successors: None,
            wrote: Instant::now(),
            has_ended: false,
        }))
    });
    Ok(match found.await? {
        Some(following) => events::response(unfold(following, Following::next)),
        None => events::nothing_more(),
    })
}

impl Following {
    /// Returns what is sent next, once there is anything; it is asked for when the client has taken what was before.
    async fn next(mut self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        if self.has_ended {
            return None;
        }
        let text = match self.text().await {
            Ok(text) => text,
            Err(error) => {
                self.has_ended = true;
                let problem = serde_json::to_vec(&Problem::of(&error)).unwrap_or_default();
                event(Some("failed"), None, &self.site.context.output.json_line(&problem))
            }
        };
        self.wrote = Instant::now();
        Some((Ok(Bytes::from(text)), self))
    }

    async fn text(&mut self) -> Result<String> {
        if let Some(before) = self.before.take() {
            return Ok(before);
        }
        loop {
            // Before the file is looked at: a change after that look is the next beat.
            self.beats.mark_unchanged();
            let text = self.read().await?;
            if !text.is_empty() {
                return Ok(text);
            }
            if let Some(text) = self.after_the_last().await? {
                return Ok(text);
            }
            let alive = self.wrote + SIGN_OF_LIFE;
            tokio::select! {
                beat = self.beats.changed() => if beat.is_err() {
                    return Err(Error::new(ErrorKind::Unexpected, "the server is ending"));
                },
                () = tokio::time::sleep_until(alive) => return Ok(ALIVE.to_owned()),
            }
        }
    }

    /// Reads what is there by now, a part at a time.
    async fn read(&mut self) -> Result<String> {
        let has_grown = |lines: &EventLines| lines.length() > lines.offset() + lines.torn();
        if self.lines.as_ref().is_some_and(|lines| !has_grown(lines)) {
            return Ok(String::new());
        }
        let (lines, path, place) = (self.lines.take(), self.path.clone(), self.place.clone());
        let part = self.site.blocking(move |site| {
            let lines = match lines {
                Some(lines) => Some(lines),
                None => EventLines::open_at(&path, place.offset)?,
            };
            let Some(mut lines) = lines else {
                let (text, offset) = (String::new(), place.offset);
                return Ok(Part {
                    lines: None,
                    text,
                    offset,
                });
            };
            let text = read(&mut lines, &place, &site.context.output)?;
            lines.give_back();
            let offset = lines.offset();
            let lines = Some(lines);
            Ok(Part { lines, text, offset })
        });
        let part = part.await?;
        if self.lines.is_none() && part.lines.is_some() {
            let _ = self.site.pulse.add(&self.path);
        }
        (self.lines, self.place.offset) = (part.lines, part.offset);
        if !part.text.is_empty() {
            self.successors = None;
        }
        Ok(part.text)
    }

    /// Returns what is told after the last line by now: the end, or the run that goes on; `None` while more may come.
    async fn after_the_last(&mut self) -> Result<Option<String>> {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(None);
        }
        self.looked = Some(Instant::now());
        let (repository, run, known) = (self.repository.clone(), self.run.clone(), self.successors.take());
        let found = self.site.blocking(move |site| after(site, (repository, run), known));
        let (after, successors) = found.await?;
        self.successors = successors;
        let Some(after) = after else { return Ok(None) };
        // What it wrote last may have come after the last line was read.
        let text = self.read().await?;
        if !text.is_empty() {
            self.looked = None;
            return Ok(Some(text));
        }
        Ok(Some(match after {
            After::End => {
                self.has_ended = true;
                let data = serde_json::json!({ "run": self.run.as_str() });
                event(Some("end"), Some(&self.place.in_words()), &data.to_string())
            }
            After::Run(next) => self.go_on_with(next),
        }))
    }

    fn go_on_with(&mut self, next: RunId) -> String {
        let data = serde_json::json!({ "run": next.as_str(), "after": self.run.as_str() });
        self.path = events_of(&self.repository.state_dir, &next);
        self.place = Place {
            run: Some(next.clone()),
            offset: 0,
        };
        (self.run, self.lines, self.looked) = (next, None, None);
        event(Some("run"), Some(&self.place.in_words()), &data.to_string())
    }
}

/// What follows the last line of a run.
enum After {
    /// Nothing.
    End,
    /// Another run of its generation.
    Run(RunId),
}

/// Returns what follows the last line of a run; `None` while more lines may come, and where it has died another run may begin: what
/// is known of those, for the next look. Nothing else is looked at then.
fn after(
    site: &Site,
    (repository, run): (Repository, RunId),
    known: Option<Successors>,
) -> Result<(Option<After>, Option<Successors>)> {
    let mut successors = if let Some(known) = known {
        known
    } else {
        let holder = repository.place().at_work()?;
        if holder.is_some_and(|holder| holder.id == run.as_str()) {
            return Ok((None, None));
        }
        let generator = repository.look(&site.context, None)?;
        let (outcome, generation) = site.folds.standing(&generator, &run)?;
        match outcome {
            // It holds the lock by now.
            RunOutcome::AtWork => return Ok((None, None)),
            RunOutcome::Died => Successors::new(repository.state_dir, run, generation),
            RunOutcome::Ended | RunOutcome::NotBegun | RunOutcome::Unreadable => {
                return Ok((Some(After::End), None));
            }
        }
    };
    Ok(match successors.look()? {
        Some(next) => (Some(After::Run(next)), None),
        None => (None, Some(successors)),
    })
}

/// Reads lines up to a part, each as the event that is sent.
fn read(lines: &mut EventLines, place: &Place, output: &Output) -> Result<String> {
    let mut text = String::new();
    while text.len() < PART {
        let (name, data, is_end) = match lines.next_event()? {
            None => break,
            Some(EventLine::Event(found, json)) => {
                let is_end = matches!(found.kind, EventKind::RunEnded { .. });
                (None, output.json_line(json), is_end)
            }
            Some(EventLine::Unreadable(unread)) => {
                let data = serde_json::json!({ "why": unread.why });
                (Some("unreadable"), data.to_string(), false)
            }
        };
        let at = Place {
            run: place.run.clone(),
            offset: lines.offset(),
        };
        text.push_str(&event(name, Some(&at.in_words()), &data));
        if is_end {
            break;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_where_to_go_on() {
        let run: RunId = "20261130-120000000-1".parse().unwrap();
        for (text, place) in [
            ("0", Place { run: None, offset: 0 }),
            ("17", Place { run: None, offset: 17 }),
            (
                "20261130-120000000-1/9",
                Place {
                    run: Some(run),
                    offset: 9,
                },
            ),
        ] {
            assert_eq!(Place::parse(text).unwrap(), place);
            assert_eq!(place.in_words(), text);
        }
        for wrong in [
            "",
            "-1",
            "1.5",
            "x",
            "../../x/1",
            "20261130-120000000-1/",
            "/1",
            "99999999999999999999999",
        ] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }
}
