//! Pauses: noted when a call meets a limit, looked at before each call, waited out, or lifted by a person.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::accounting::metering::WindowUse;
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::duration;
use crate::model::Role;
use crate::project::Project;
use crate::record::event::EventKind;
use crate::run::context::RunContext;
use crate::run::waiting::pause::{LimitMet, Pause, PauseCause};
use crate::run::waiting::windows::KnownWindow;
use crate::run::waiting::{file, standing, windows};
use crate::sandbox::credential::{CredentialProblem, CredentialSource};

/// How often a waiting run looks whether somebody has lifted the pause.
const LOOK: Duration = Duration::from_millis(500);

/// Lifts every pause of a project; returns those lifted. What is known of the account's windows is forgotten: those that
/// keep a reserve come back when the API reports it again. What a killed run waited for is forgotten, too.
pub(crate) fn lift(project: &Project) -> Result<Vec<Pause>> {
    // What cannot be read keeps no reserve.
    let mut lifted = of_reserve(project).unwrap_or_default();
    windows::clear(&project.state_dir)?;
    lifted.extend(file::clear(&project.state_dir)?);
    standing::clear(&project.state_dir)?;
    Ok(lifted)
}

/// Returns the pauses that keep the reserve, if one is configured.
fn of_reserve(project: &Project) -> Result<Vec<Pause>> {
    let Some(reserve) = project.config.limits.reserve else {
        return Ok(Vec::new());
    };
    let known = windows::load(&project.state_dir, project.clock().now())?;
    Ok(known.iter().filter_map(|one| one.pause(reserve)).collect())
}

/// Returns the pauses that hold up calls now, the longest first.
pub(crate) fn in_force(project: &Project) -> Result<Vec<Pause>> {
    let now = project.clock().now();
    let mut pauses = file::load(&project.state_dir)?;
    pauses.extend(of_reserve(project)?);
    let forbidden = !project.config.limits.allow_overage;
    pauses.retain(|pause| !pause.remaining(now).is_zero() && (pause.cause != PauseCause::Overage || forbidden));
    pauses.sort_by_key(|pause| std::cmp::Reverse(pause.until));
    Ok(pauses)
}

/// Returns what to do about a pause. One more call would cost money at once where overage was being used.
fn way_out(pause: &Pause) -> &'static str {
    match pause.cause {
        PauseCause::Limit => "`cordwainer resume --now` continues at once",
        PauseCause::Overage => "wait for the reset, or allow paid overage: `limits.overage: allow`",
        PauseCause::Reserve => "wait for the reset, or leave less: `limits.reserve`",
        PauseCause::Login => {
            "log in again on the machine that the token file comes from, or set a new CLAUDE_CODE_OAUTH_TOKEN"
        }
    }
}

/// Returns whether a pause holds calls up at least as long, and as surely, as another one of its account.
fn covers(one: &Pause, other: &Pause) -> bool {
    let is_as_sure = one.cause == other.cause || one.cause == PauseCause::Overage;
    is_as_sure && one.until >= other.until
}

/// The pauses of a run: what its calls met, and how often in a row.
pub(crate) struct Pauses {
    context: Arc<RunContext>,
    /// Where gateways have the credential from; `None` where nobody asks for one.
    credential: Option<CredentialSource>,
    /// What calls met so far; locked while the file is changed.
    met: Mutex<Met>,
}

/// The limits that calls met. One that several calls meet at the same time is one.
#[derive(Debug, Default)]
struct Met {
    /// Limits in a row.
    in_a_row: u32,
    /// Limits in all.
    all: u64,
}

/// How many limits a run had met when a call began: one that was met since then is not another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LimitsSeen(u64);

impl Pauses {
    pub(crate) fn new(context: Arc<RunContext>, credential: Option<CredentialSource>) -> Self {
        Self {
            context,
            credential,
            met: Mutex::default(),
        }
    }

    /// Returns the one of these pauses that holds up the calls of a role.
    pub(crate) fn holding_up<'p>(&self, role: Role, pauses: &'p [Pause]) -> Option<&'p Pause> {
        let account = self.context.project.config.base_url(role);
        pauses.iter().find(|pause| pause.account.as_deref() == account)
    }

    /// Returns the pause that holds up the calls of a role now, if one does: another call may have met a limit.
    pub(crate) fn now(&self, role: Role) -> Result<Option<Pause>> {
        let pauses = in_force(&self.context.project)?;
        Ok(self.holding_up(role, &pauses).cloned())
    }

    /// Fails while a pause holds up the calls of a role.
    pub(crate) fn refuse(&self, role: Role) -> Result<()> {
        let pauses = self.of(&[role])?;
        let Some(pause) = self.holding_up(role, &pauses) else {
            return Ok(());
        };
        let left = pause.remaining(self.context.project.clock().now());
        // People's times are for those who know their zone; how long it lasts is the same everywhere.
        let left = duration(left.unsigned_abs().max(Duration::from_secs(1)));
        let message = format!("calls pause for another {left}: {}", pause.reason);
        Err(Error::new(ErrorKind::Limit, message).hint(way_out(pause)))
    }

    /// Returns the pauses that hold up the calls of these roles now, that of a login among them: one that has expired
    /// is a pause like that of a limit, which is noted here, and ended when the login is renewed.
    pub(crate) fn of(&self, roles: &[Role]) -> Result<Vec<Pause>> {
        let mut pauses = in_force(&self.context.project)?;
        let problem = self.login_problem();
        for role in roles {
            match (&problem, self.holding_up(*role, &pauses)) {
                (Some(problem), None) => self.note_login(*role, problem)?,
                (None, Some(pause)) if pause.cause == PauseCause::Login => self.end(pause)?,
                _ => continue,
            }
            pauses = in_force(&self.context.project)?;
        }
        Ok(pauses)
    }

    fn note_login(&self, role: Role, problem: &CredentialProblem) -> Result<()> {
        let limit = LimitMet {
            resets_at: None,
            reason: format!("{problem}: {}", problem.hint()),
            cause: PauseCause::Login,
        };
        self.note(role, &limit, self.seen())
    }

    /// Returns why there is no login now, if there is none.
    fn login_problem(&self) -> Option<CredentialProblem> {
        self.credential.as_ref()?.current(self.context.now()).err()
    }

    /// Returns which limits are known, for a call that begins now.
    pub(crate) fn seen(&self) -> LimitsSeen {
        LimitsSeen(self.met().all)
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that a call met a limit, before anything else is done about it. Those that were at work when one was
    /// met meet the same one: it is paused for once, for the longest time that one of them reported.
    pub(crate) fn note(&self, role: Role, limit: &LimitMet, seen: LimitsSeen) -> Result<()> {
        let mut met = self.met();
        let is_known = seen.0 < met.all;
        if !is_known {
            met.in_a_row = met.in_a_row.saturating_add(1);
            met.all += 1;
        }
        let earlier = met.in_a_row.saturating_sub(1);
        let config = &self.context.project.config;
        let account = config.base_url(role).map(str::to_owned);
        let pause = Pause::new(
            account,
            limit.clone(),
            earlier,
            config.limits.default_wait,
            self.context.now(),
        );
        let state_dir = &self.context.project.state_dir;
        let is_covered = |other: &Pause| other.account == pause.account && covers(other, &pause);
        if is_known && file::load(state_dir)?.iter().any(is_covered) {
            return Ok(());
        }
        file::note(state_dir, pause)?;
        crash_point!("pause.noted");
        Ok(())
    }

    /// Notes that a call got through, of those that had seen these limits: no limit is the last word any more.
    pub(crate) fn got_through(&self, seen: LimitsSeen) {
        let mut met = self.met();
        if seen.0 == met.all {
            met.in_a_row = 0;
        }
    }

    /// Writes down what the API reported of the windows of a role's account.
    pub(crate) fn note_windows(&self, role: Role, seen: &[WindowUse]) -> Result<()> {
        let _changing = self.met();
        let Project { config, state_dir, .. } = &*self.context.project;
        windows::note(state_dir, config.base_url(role), seen, self.context.now())
    }

    /// Returns the window of which least is left, of the accounts of these roles; `None` where nothing is known, or its end
    /// is none, since overage may be used.
    pub(crate) fn scarcest(&self, roles: &[Role]) -> Result<Option<KnownWindow>> {
        let Project { config, state_dir, .. } = &*self.context.project;
        if config.limits.allow_overage {
            return Ok(None);
        }
        let is_asked = |one: &KnownWindow| {
            roles
                .iter()
                .any(|role| config.base_url(*role) == one.account.as_deref())
        };
        let known = windows::load(state_dir, self.context.now())?;
        Ok(known.into_iter().filter(is_asked).min_by_key(|one| one.seen.left()))
    }

    /// Notes that a pause is over.
    pub(crate) fn end(&self, pause: &Pause) -> Result<()> {
        if pause.cause == PauseCause::Reserve {
            // It was never written down.
            return Ok(());
        }
        let _changing = self.met();
        file::forget(&self.context.project.state_dir, pause.account.as_deref())
    }

    /// Returns when somebody has lifted a pause, and reports that.
    pub(crate) async fn lifted(&self, pause: &Pause) -> Result<()> {
        while self.is_made(pause)? {
            if pause.cause == PauseCause::Login && self.login_problem().is_none() {
                self.end(pause)?;
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let reason = match pause.cause {
            PauseCause::Login => "the login is renewed, or the pause was lifted".to_owned(),
            PauseCause::Limit | PauseCause::Overage | PauseCause::Reserve => "the pause was lifted".to_owned(),
        };
        self.context.recorder.emit(EventKind::PauseLifted { reason });
        Ok(())
    }

    /// Returns whether a pause is there that nobody has lifted.
    fn is_made(&self, pause: &Pause) -> Result<bool> {
        let Project { config, state_dir, .. } = &*self.context.project;
        if pause.cause != PauseCause::Reserve {
            return Ok(file::load(state_dir)?.contains(pause));
        }
        let known = windows::load(state_dir, pause.noted_at)?;
        let reserve = config.limits.reserve.unwrap_or_default();
        Ok(known.iter().any(|one| one.pause(reserve).as_ref() == Some(pause)))
    }
}
