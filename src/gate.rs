//! Gates: the project's own commands, run on what an agent left, in a container of the same kind.

use tokio_util::sync::CancellationToken;

use crate::call::seal::{self, Sealed};
use crate::call::{Call, specification};
use crate::config::Gate;
use crate::engine::{Container, Engine, Exit};
use crate::error::Result;
use crate::event::Happening;
use crate::issue::IssueId;
use crate::record::Recorder;
use crate::redact::Redactor;

/// How much of a gate's output is kept, in bytes: its end, where the verdict is.
const OUTPUT_KEPT: usize = 256 * 1024;

/// What a gate said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It exited with 0.
    Passed,
    /// It did not, or it could not be run: not run is not passed.
    Failed {
        /// Why, in a line.
        reason: String,
    },
    /// The run ended first.
    Cancelled,
}

/// Runs every gate until one says no. Gates see the slot as the agent left it; what they write there is never committed.
pub(crate) async fn run_all(
    call: &Call<'_>,
    task: &IssueId,
    engine: &Engine,
    recorder: &Recorder,
    cancel: &CancellationToken,
) -> Result<Verdict> {
    for (index, gate) in call.config.gates.iter().enumerate() {
        let mut spec = specification(call, recorder.run())?;
        spec.name = format!("{}-gate-{}", spec.name, index + 1);
        spec.command = vec!["sh".to_owned(), "-c".to_owned(), gate.command.clone()];
        let (spec, mut sealed) = seal::for_gate(call, engine, recorder, spec)?;
        let mut container = engine.start(&spec, b"").await?;
        let mut output = Vec::new();
        let judged = judge(
            gate,
            &mut container,
            &mut sealed,
            &mut output,
            &call.folder.redactor,
            cancel,
        )
        .await;
        let removed = container.remove().await;
        sealed.close_gate().await?;
        call.folder.write(&format!("gate-{}.txt", index + 1), &output)?;
        let verdict = judged?;
        removed?;
        let passed = verdict == Verdict::Passed;
        recorder.emit(Happening::GateEnded {
            task: task.clone(),
            gate: gate.name.clone(),
            passed,
        });
        if !passed {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Passed)
}

async fn judge(
    gate: &Gate,
    container: &mut Container,
    sealed: &mut Sealed<'_>,
    output: &mut Vec<u8>,
    redactor: &Redactor,
    cancel: &CancellationToken,
) -> Result<Verdict> {
    let ended = tokio::select! {
        () = cancel.cancelled() => return Ok(Verdict::Cancelled),
        refused = sealed.refused() => return Err(refused),
        ended = tokio::time::timeout(gate.timeout, listen(container, output, redactor)) => ended,
    };
    let Ok(exit) = ended else {
        return Ok(failed(gate, "ran past its time limit"));
    };
    let exit = exit?;
    Ok(match exit.code {
        _ if exit.oom => failed(gate, "ran out of memory"),
        Some(0) => Verdict::Passed,
        Some(code) => failed(gate, &format!("exited with {code}")),
        None => failed(gate, "ended without an exit code"),
    })
}

/// Reads a gate's output to its end, keeping the last of it.
async fn listen(container: &mut Container, output: &mut Vec<u8>, redactor: &Redactor) -> Result<Exit> {
    while let Some(line) = container.next_output().await {
        // Before anything is cut: half a credential would not be known for one.
        output.extend_from_slice(&redactor.bytes(&line.line.bytes));
        output.push(b'\n');
        let excess = output.len().saturating_sub(OUTPUT_KEPT);
        output.drain(..excess);
    }
    container.exit().await
}

fn failed(gate: &Gate, how: &str) -> Verdict {
    Verdict::Failed {
        reason: format!("the gate `{}` {how}", gate.name),
    }
}
