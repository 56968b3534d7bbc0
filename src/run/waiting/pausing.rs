//! Pauses: noted when a call meets a limit, looked at before each call, waited out, or lifted by a person.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::duration;
use crate::model::Role;
use crate::project::Project;
use crate::record::event::EventKind;
use crate::run::context::RunContext;
use crate::run::waiting::file;
use crate::run::waiting::pause::{LimitMet, Pause, PauseCause};
use crate::sandbox::credential::{CredentialProblem, CredentialSource};

/// How often a waiting run looks whether somebody has lifted the pause.
const LOOK: Duration = Duration::from_millis(500);

/// Lifts every pause of a project; returns those lifted.
pub(crate) fn lift(project: &Project) -> Result<Vec<Pause>> {
    file::clear(&project.state_dir)
}

/// Returns the pauses that hold up calls now, the longest first.
pub(crate) fn in_force(project: &Project) -> Result<Vec<Pause>> {
    let now = project.clock().now();
    let mut pauses = file::load(&project.state_dir)?;
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
        PauseCause::Login => {
            "log in again on the machine that the token file comes from, or set a new CLAUDE_CODE_OAUTH_TOKEN"
        }
    }
}

/// The pauses of a run: what its calls met, and how often in a row.
pub(crate) struct Pauses {
    context: Arc<RunContext>,
    /// Where gateways have the credential from; `None` where nobody asks for one.
    credential: Option<CredentialSource>,
    /// Usage limits met in a row.
    limits_in_a_row: AtomicU32,
}

impl Pauses {
    pub(crate) fn new(context: Arc<RunContext>, credential: Option<CredentialSource>) -> Self {
        Self {
            context,
            credential,
            limits_in_a_row: AtomicU32::new(0),
        }
    }

    /// Returns the one of these pauses that holds up the calls of a role.
    pub(crate) fn holding_up<'p>(&self, role: Role, pauses: &'p [Pause]) -> Option<&'p Pause> {
        let account = self.context.project.config.base_url(role);
        pauses.iter().find(|pause| pause.account.as_deref() == account)
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
        self.note(role, &limit)
    }

    /// Returns why there is no login now, if there is none.
    fn login_problem(&self) -> Option<CredentialProblem> {
        self.credential.as_ref()?.current(self.context.now()).err()
    }

    /// Writes down that a call met a limit, before anything else is done about it.
    pub(crate) fn note(&self, role: Role, limit: &LimitMet) -> Result<()> {
        let earlier = self.limits_in_a_row.fetch_add(1, Ordering::Relaxed);
        let config = &self.context.project.config;
        let account = config.base_url(role).map(str::to_owned);
        let pause = Pause::new(
            account,
            limit.clone(),
            earlier,
            config.limits.default_wait,
            self.context.now(),
        );
        file::note(&self.context.project.state_dir, pause)?;
        crash_point!("pause.noted");
        Ok(())
    }

    /// Notes that a call got through: no limit is the last word any more.
    pub(crate) fn got_through(&self) {
        self.limits_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Notes that a pause is over.
    pub(crate) fn end(&self, pause: &Pause) -> Result<()> {
        file::forget(&self.context.project.state_dir, pause.account.as_deref())
    }

    /// Returns when somebody has lifted a pause, and reports that.
    pub(crate) async fn lifted(&self, pause: &Pause) -> Result<()> {
        while file::load(&self.context.project.state_dir)?.contains(pause) {
            if pause.cause == PauseCause::Login && self.login_problem().is_none() {
                self.end(pause)?;
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let reason = match pause.cause {
            PauseCause::Login => "the login is renewed, or the pause was lifted".to_owned(),
            PauseCause::Limit | PauseCause::Overage => "the pause was lifted".to_owned(),
        };
        self.context.recorder.emit(EventKind::PauseLifted { reason });
        Ok(())
    }
}
