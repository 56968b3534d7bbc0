//! Gates side by side (`gates_parallel`). Those that run at the same time have a slot each, so that none sees what another
//! one writes, and a label each, so that what is left of one can be removed without the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::Runner;
use super::ran::GateRun;
use super::slot::GateSlot;
use crate::base::error::Result;
use crate::config::Gate;
use crate::git::Oid;
use crate::project::labels::LANE_LABEL;
use crate::project::layers::Layer;
use crate::record::recorder::CallFolder;
use crate::run::call::Sandbox;

/// A gate that is to be run.
#[derive(Clone, Copy)]
pub(super) struct Numbered<'a> {
    /// Its place among the gates, counted from 1: those of the configuration come first.
    pub(super) number: usize,
    pub(super) gate: &'a Gate,
}

/// The slots of gates that run side by side.
pub(super) struct Lanes(Vec<GateSlot>);

impl Lanes {
    /// Lays a commit out, with `branch` checked out, above a layer where there is one: as often as this number of `gates` can
    /// run side by side.
    ///
    /// # Errors
    ///
    /// Those of [`Runner::lay_out`].
    pub(super) fn lay_out(
        runner: &Runner<'_>,
        commit: Oid,
        branch: &str,
        layer: Option<&Arc<Layer>>,
        gates: usize,
    ) -> Result<Self> {
        let most = usize::try_from(runner.project.config.gates_parallel).unwrap_or(usize::MAX);
        let lanes = 0..most.min(gates).max(1);
        lanes
            .map(|_| runner.lay_out(commit, branch, layer, None))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Returns what the containers of gates in each of the slots are made of, for no task.
    pub(super) fn sandboxes<'a>(
        &'a self,
        runner: &'a Runner<'_>,
        labels: &BTreeMap<String, String>,
        folder: &'a CallFolder,
    ) -> Vec<Sandbox<'a>> {
        let of_lane = |(number, place): (usize, &'a GateSlot)| {
            let mut labels = labels.clone();
            labels.insert(LANE_LABEL.to_owned(), number.to_string());
            runner.sandbox(place, labels, folder)
        };
        self.0.iter().enumerate().map(of_lane).collect()
    }

    /// Gives the slots back.
    ///
    /// # Errors
    ///
    /// Those of [`GateSlot::give_back`].
    pub(super) fn give_back(self) -> Result<()> {
        self.0.into_iter().try_for_each(GateSlot::give_back)
    }
}

impl Runner<'_> {
    /// Runs gates side by side, each in the sandbox at its place here. Returns their results, in this order, when all of
    /// them have ended.
    pub(super) async fn run_together(
        &self,
        sandboxes: &[Sandbox<'_>],
        gates: &[Numbered<'_>],
        tree: Oid,
    ) -> Vec<Result<GateRun>> {
        let runs = gates.iter().zip(sandboxes);
        join_all(runs.map(|(one, sandbox)| Box::pin(self.run(sandbox, one.number, one.gate, tree)))).await
    }
}
