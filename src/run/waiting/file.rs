//! `<state_dir>/pause.json`: the pauses of all accounts, so that a restart does not forget them. A person may lift them
//! while a run is at work: the last change counts, and at worst an account is asked once too early.

use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::run::waiting::list;
use crate::run::waiting::pause::Pause;

/// Returns the pauses that are written down, over or not; none when there is no file.
pub(crate) fn load(state_dir: &Path) -> Result<Vec<Pause>> {
    list::read(
        &path(state_dir),
        "it lists which accounts are paused, and until when: fix it, or move it elsewhere to call the API again now",
    )
}

/// Writes a pause down, in place of an earlier one of the same account.
pub(crate) fn note(state_dir: &Path, pause: Pause) -> Result<()> {
    let mut pauses = load(state_dir)?;
    pauses.retain(|other| other.account != pause.account);
    pauses.push(pause);
    list::write(&path(state_dir), &pauses)
}

/// Ends all pauses; returns those that there were.
pub(crate) fn clear(state_dir: &Path) -> Result<Vec<Pause>> {
    // What cannot be read holds nobody up any more, either.
    let pauses = load(state_dir);
    if !matches!(&pauses, Ok(pauses) if pauses.is_empty()) {
        list::write::<Pause>(&path(state_dir), &[])?;
    }
    Ok(pauses.unwrap_or_default())
}

/// Ends the pause of one account, if it has one.
pub(crate) fn forget(state_dir: &Path, account: Option<&str>) -> Result<()> {
    let mut pauses = load(state_dir)?;
    let before = pauses.len();
    pauses.retain(|pause| pause.account.as_deref() != account);
    if pauses.len() < before {
        list::write(&path(state_dir), &pauses)?;
    }
    Ok(())
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("pause.json")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use std::time::Duration;

    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::run::waiting::pause::{LimitMet, PauseCause};

    fn pause(account: Option<&str>, second: i64) -> Pause {
        let limit = LimitMet {
            resets_at: Some(Timestamp::from_second(second + 1800).unwrap()),
            reason: "You've hit your limit · resets 3pm".into(),
            cause: [PauseCause::Limit, PauseCause::Overage][usize::from(second % 2 == 1)],
        };
        let now = Timestamp::from_second(second).unwrap();
        Pause::new(account.map(str::to_owned), limit, 0, Duration::from_secs(60), now)
    }

    #[test]
    fn each_account_has_one_pause_at_most() {
        let folder = TempDir::new().unwrap();
        let state = folder.path().join("not/made/yet");
        assert_eq!(load(&state).unwrap(), []);
        assert_eq!(clear(&state).unwrap(), []);
        forget(&state, None).unwrap();
        assert!(!state.exists(), "nothing to note, and yet something was written");

        let (own, gateway) = (pause(None, 100), pause(Some("http://gateway"), 201));
        note(&state, own.clone()).unwrap();
        note(&state, gateway.clone()).unwrap();
        assert_eq!(load(&state).unwrap(), [own, gateway.clone()]);
        let later = pause(None, 300);
        note(&state, later.clone()).unwrap();
        assert_eq!(load(&state).unwrap(), [gateway.clone(), later.clone()]);

        forget(&state, Some("http://another")).unwrap();
        forget(&state, None).unwrap();
        assert_eq!(load(&state).unwrap(), std::slice::from_ref(&gateway));
        note(&state, later.clone()).unwrap();
        assert_eq!(clear(&state).unwrap(), [gateway, later]);
        assert_eq!(load(&state).unwrap(), []);
    }

    #[test]
    fn a_damaged_file_is_an_error_until_a_person_lifts_all_pauses() {
        for damaged in ["", "[", "{}", "[{\"until\": \"soon\"}]", "null"] {
            let folder = TempDir::new().unwrap();
            let state = folder.path();
            fs::write(path(state), damaged).unwrap();
            let errors = [
                load(state).unwrap_err(),
                note(state, pause(None, 1)).unwrap_err(),
                forget(state, None).unwrap_err(),
            ];
            for error in errors {
                assert!(error.to_string().ends_with("pause.json`"), "{error}");
                assert!(error.hint_text().is_some_and(|hint| hint.contains("fix it")), "{error}");
            }
            assert_eq!(fs::read_to_string(path(state)).unwrap(), damaged);
            assert_eq!(clear(state).unwrap(), []);
            assert_eq!(load(state).unwrap(), []);
        }
    }
}
