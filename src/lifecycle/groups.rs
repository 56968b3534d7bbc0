//! Groups of a generation that is built from documents: their plan, before any of their tasks is asked for.

use super::run::Begun;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::issues::issue::GroupStanding;
use crate::lifecycle::{Generator, StartOptions, exit};
use crate::model::Role;
use crate::record::recorder::EventSender;
use crate::run::driver;
use crate::run::phase::group::Planning;
use crate::run::phase::measure::FiledAs;
use crate::run::prompt_inputs;
use crate::run::recover::Recovery;

impl Generator {
    /// Plans the groups of the selected generation by one call, or for documents that changed since the last plan, further ones;
    /// with `one_group`, all that is new is one group, and no call is made. Returns all groups.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::measure`]; of kind [`ErrorKind::Usage`] where its mode has no groups, and of kind
    /// [`ErrorKind::NothingToDo`] where there are groups, and no document changed.
    pub async fn plan_groups(
        &self,
        one_group: bool,
        events: EventSender,
        interruption: impl Into<Interruption>,
    ) -> Result<Vec<GroupStanding>> {
        let this = self.in_its_mode()?;
        this.refuse_needless_plan()?;
        let begun = this.begin(events, interruption.into(), false)?;
        let how = if one_group { Planning::OneGroup } else { Planning::Asked };
        let done = Box::pin(this.plan_begun(&begun, how)).await;
        begun.recorder.end_observers().await;
        done?;
        Ok(this.store()?.read()?.group_standings())
    }

    async fn plan_begun(&self, begun: &Begun, how: Planning) -> Result<usize> {
        let interruption = &begun.control.interruption;
        let phases = self.phases(begun, FiledAs::Open).await?;
        let recovery = Recovery::in_run(&phases.sessions.context)?;
        if how == Planning::Asked {
            // One that is being asked for is as good as one that would be.
            if let Some(step) = driver::recover_but_for_a_plan(&phases, &recovery).await? {
                return exit::measured(phases.groups.go_on(step, interruption).await?, interruption);
            }
        } else {
            driver::recover(&phases, &recovery).await?;
        }
        if how == Planning::Asked {
            phases.sessions.pauses.refuse(Role::Measure)?;
            phases.gates.see_that_they_run(interruption).await?;
        }
        interruption.unless_asked()?;
        exit::measured(phases.groups.plan(1, how, interruption).await?, interruption)
    }

    /// Fails where the selected generation works in a mode without groups.
    pub(crate) fn refuse_without_groups(&self) -> Result<()> {
        let this = self.in_its_mode()?;
        let mode = &this.project.config.mode;
        if mode.kind.has_groups() {
            return Ok(());
        }
        let generation = this.generation()?;
        let message = format!("`{generation}` works in the mode `{}`, which has no groups", mode.name);
        Err(Error::new(ErrorKind::Usage, message).hint("`cordwainer plan SPEC` begins a generation with groups"))
    }

    /// Fails where a generation that the options begin would work in a mode without groups.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it would, or where no mode has the name.
    pub fn refuse_to_plan_in(&self, options: &StartOptions) -> Result<()> {
        let mode = self.in_mode_of(options)?.project.config.mode;
        if mode.kind.has_groups() {
            return Ok(());
        }
        let message = format!("the mode `{}` has no groups, so there is nothing to plan", mode.name);
        Err(Error::new(ErrorKind::Usage, message)
            .hint("name a mode that extends `build`, or leave `--mode` out, which means `build`"))
    }

    /// Fails where there is nothing to plan.
    fn refuse_needless_plan(&self) -> Result<()> {
        let generation = self.generation()?;
        self.refuse_without_groups()?;
        let issues = self.store()?.read()?;
        let tip = self.project.tip(&generation)?;
        if issues.build().is_planned()
            && prompt_inputs::changed_documents(&self.project, issues.build(), tip)?.is_empty()
        {
            let message = "nothing is new: the documents are as they were when the groups were planned";
            return Err(Error::new(ErrorKind::NothingToDo, message).hint(
                "`cordwainer issues group list` lists the groups, and `cordwainer issues group edit` changes one; documents are read from the generation's branch",
            ));
        }
        Ok(())
    }

    /// Returns the prompt that the plan of groups would get, for a generation that the options begin or that is open for them. No
    /// call is made, and nothing begins.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::measure_prompt`].
    pub fn plan_prompt(&self, options: &StartOptions) -> Result<(String, Vec<String>)> {
        let mut left_out = Vec::new();
        let (this, issues, tip) = self.looked_at(options)?;
        let told = prompt_inputs::plan_context(&this.project, &issues, tip, &mut |what| left_out.push(what))?;
        Ok((prompt_inputs::plan_prompt(&this.project, &told)?, left_out))
    }
}
