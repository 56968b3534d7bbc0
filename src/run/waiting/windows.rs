//! `<state_dir>/windows.json`: how much of each account's windows is used, as the API reported it last, so that a restart
//! does not forget it. Losing it costs at most that calls begin which would have waited.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounting::metering::WindowUse;
use crate::base::error::Result;
use crate::run::waiting::list;
use crate::run::waiting::pause::{Pause, PauseCause};

/// How much of a window of an account is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownWindow {
    /// The account, by the base URL of its API; `None` is the client's default.
    pub(crate) account: Option<String>,
    #[serde(rename = "is")]
    pub(crate) seen: WindowUse,
    /// When the API reported it.
    pub(crate) noted_at: Timestamp,
}

impl KnownWindow {
    /// Returns the pause of an account of which less is left than `reserve`, in percent: until the reset.
    pub(crate) fn pause(&self, reserve: u32) -> Option<Pause> {
        let resets_at = self.seen.resets_at;
        let is_reached = u32::from(self.seen.left()) < reserve.saturating_mul(10);
        is_reached.then(|| Pause {
            account: self.account.clone(),
            until: resets_at,
            resets_at: Some(resets_at),
            reason: format!("{}, and `limits.reserve` leaves {reserve} %", self.in_words()),
            cause: PauseCause::Reserve,
            noted_at: self.noted_at,
        })
    }

    /// Returns it in a sentence: `92 % of the account's 5-hour window is used`.
    pub(crate) fn in_words(&self) -> String {
        let percent = f64::from(self.seen.used) / 10.0;
        format!("{percent} % of the account's {} is used", self.seen.window.in_words())
    }
}

/// Returns what is written down and holds at a moment; nothing where there is no file.
pub(crate) fn load(state_dir: &Path, now: Timestamp) -> Result<Vec<KnownWindow>> {
    let mut known = read(state_dir)?;
    known.retain(|one| one.seen.holds(now));
    Ok(known)
}

/// Writes down what the API reported of an account's windows, if it can hold. The caller sees to it that nobody
/// else does so meanwhile.
pub(crate) fn note(state_dir: &Path, account: Option<&str>, seen: &[WindowUse], now: Timestamp) -> Result<()> {
    let before = read(state_dir)?;
    let mut known = before.clone();
    for one in seen.iter().filter(|one| one.holds(now)) {
        let is_it = |other: &KnownWindow| other.account.as_deref() == account && other.seen.window == one.window;
        if known.iter().any(|other| is_it(other) && other.seen == *one) {
            continue;
        }
        known.retain(|other| !is_it(other));
        known.push(KnownWindow {
            account: account.map(str::to_owned),
            seen: *one,
            noted_at: now,
        });
    }
    if known == before {
        return Ok(());
    }
    known.retain(|one| one.seen.holds(now));
    list::write(&path(state_dir), &known)
}

/// Forgets all of it, until the API reports it again.
pub(crate) fn clear(state_dir: &Path) -> Result<()> {
    // What cannot be read holds nobody up any more, either.
    if read(state_dir).is_ok_and(|known| known.is_empty()) {
        return Ok(());
    }
    list::write::<KnownWindow>(&path(state_dir), &[])
}

fn read(state_dir: &Path) -> Result<Vec<KnownWindow>> {
    list::read(
        &path(state_dir),
        "it holds how much of each account's windows is used: delete it, the API's next answer tells it again",
    )
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("windows.json")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::SignedDuration;
    use tempfile::TempDir;

    use super::*;
    use crate::accounting::metering::Window;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_257_035 + second).unwrap()
    }

    fn used(window: Window, used: u16, resets_in: i64) -> WindowUse {
        WindowUse {
            window,
            used,
            resets_at: at(resets_in),
        }
    }

    fn loaded(state: &Path, now: i64) -> Vec<(Option<String>, WindowUse)> {
        let known = load(state, at(now)).unwrap();
        known.into_iter().map(|one| (one.account, one.seen)).collect()
    }

    #[test]
    fn each_window_of_an_account_is_known_once_until_its_reset() {
        let folder = TempDir::new().unwrap();
        let state = folder.path().join("not/made/yet");
        assert_eq!(loaded(&state, 0), []);
        clear(&state).unwrap();
        let garbage = [used(Window::FiveHour, 950, -1), used(Window::FiveHour, 950, 90_000)];
        note(&state, None, &garbage, at(0)).unwrap();
        assert!(!state.exists(), "nothing holds, and yet something was written");

        let (near, far) = (used(Window::FiveHour, 800, 60), used(Window::SevenDay, 300, 90_000));
        let other = Some("http://other".to_owned());
        note(&state, None, &[near, far], at(0)).unwrap();
        note(&state, other.as_deref(), &[near], at(0)).unwrap();
        let more = used(Window::FiveHour, 850, 60);
        note(&state, None, &[more], at(5)).unwrap();
        assert_eq!(loaded(&state, 10), [(None, far), (other.clone(), near), (None, more)]);
        assert_eq!(loaded(&state, 60), [(None, far)]);
        // What is known already is not written again, and what is over not kept.
        let is_written = || fs::metadata(path(&state)).unwrap().modified().unwrap();
        let before = is_written();
        note(&state, None, &[more, far], at(20)).unwrap();
        assert_eq!(is_written(), before);
        note(&state, other.as_deref(), &[far], at(70)).unwrap();
        assert_eq!(read(&state).unwrap().len(), 2);
        clear(&state).unwrap();
        assert_eq!(loaded(&state, 10), []);
    }

    #[test]
    fn a_damaged_file_is_an_error_until_a_person_lifts_all_pauses() {
        let folder = TempDir::new().unwrap();
        let state = folder.path();
        for damaged in ["", "[", "{}", "[{\"account\": 7}]"] {
            fs::write(path(state), damaged).unwrap();
            let near = used(Window::FiveHour, 800, 60);
            let errors = [
                load(state, at(0)).unwrap_err(),
                note(state, None, &[near], at(0)).unwrap_err(),
            ];
            for error in errors {
                assert!(error.to_string().ends_with("windows.json`"), "{error}");
                assert!(
                    error.hint_text().is_some_and(|hint| hint.contains("delete it")),
                    "{error}"
                );
            }
            assert_eq!(fs::read_to_string(path(state)).unwrap(), damaged);
            clear(state).unwrap();
            assert_eq!(loaded(state, 0), []);
        }
    }

    #[test]
    fn calls_pause_until_the_reset_while_less_than_the_reserve_is_left() {
        for (share, reserve, pauses) in [
            (900, 10, false),
            (901, 10, true),
            (1000, 1, true),
            (0, 99, false),
            (11, 99, true),
        ] {
            let known = KnownWindow {
                account: None,
                seen: used(Window::SevenDay, share, 3600),
                noted_at: at(0),
            };
            let pause = known.pause(reserve);
            assert_eq!(pause.is_some(), pauses, "{share} {reserve}");
            let Some(pause) = pause else { continue };
            assert_eq!(
                (pause.until, pause.remaining(at(600))),
                (at(3600), SignedDuration::from_secs(3000))
            );
            assert!(pause.reason.contains("7-day window"), "{}", pause.reason);
        }
        let known = KnownWindow {
            account: None,
            seen: used(Window::FiveHour, 925, 3600),
            noted_at: at(0),
        };
        let reason = known.pause(10).map(|pause| pause.reason);
        let expect = "92.5 % of the account's 5-hour window is used, and `limits.reserve` leaves 10 %";
        assert_eq!(reason.as_deref(), Some(expect));
    }
}
