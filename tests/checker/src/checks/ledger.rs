//! What calls used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Outcome;
use crate::facts::Facts;
use crate::records::{added, served, tokens};

/// More money than this is no rounding.
const ROUNDING: f64 = 1e-6;

/// What tells a call from all others of its generation.
fn name(entry: &Value) -> String {
    let task = entry["task"].as_str().unwrap_or("no task");
    let [run, role] = ["run", "role"].map(|field| entry[field].as_str().unwrap_or_default());
    let round = entry["round"].as_u64().unwrap_or_default();
    format!(
        "{role} of {task}, attempt {}, round {round}, of {run}",
        entry["attempt"]
    )
}

pub(super) fn once(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let mut known: BTreeMap<String, &Value> = BTreeMap::new();
    for (entry, _) in facts.ledger() {
        if known.insert(name(entry), entry).is_some() && entry["task"].is_string() {
            found.push(format!("the call {} is in the ledger twice", name(entry)));
        }
    }
    for event in facts
        .runs
        .iter()
        .flat_map(|run| &run.events)
        .filter(|event| event["type"] == "agent_ended")
    {
        let entry = &event["entry"];
        match known.get(&name(entry)) {
            None => found.push(format!("the call {} ended, and is not in the ledger", name(entry))),
            Some(_) if entry["task"].is_null() => {}
            Some(kept) if tokens(&kept["usage"]) != tokens(&entry["usage"]) => {
                found.push(format!(
                    "the call {} used {}, and the ledger has {}",
                    name(entry),
                    entry["usage"],
                    kept["usage"]
                ));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

pub(super) fn as_served(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let mut counted = BTreeSet::new();
    for (entry, records) in facts.ledger() {
        let Some(records) = records else { continue };
        counted.insert(facts.repository.state.join(records));
        let transcript = facts.repository.state.join(records).join("transcript.jsonl");
        // `gc` removes old records, and what they showed is in the ledger.
        if transcript.exists() {
            found.extend(differs(entry, &transcript)?);
        }
    }
    for folder in facts.runs.iter().flat_map(|run| &run.calls) {
        let of_a_measure = folder
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("measure-"));
        let served = served(&folder.join("transcript.jsonl"))?;
        if served.messages > 0 && !of_a_measure && !counted.contains(folder) {
            found.push(format!(
                "`{}` has {} messages, and no call of the ledger is of it",
                folder.display(),
                served.messages
            ));
        }
    }
    Ok(found)
}

/// How the ledger and a transcript differ. Without a result line, what was produced is estimated, and no less than what the
/// transcript shows.
fn differs(entry: &Value, transcript: &Path) -> Outcome<Option<String>> {
    let served = served(transcript)?;
    let kept = tokens(&entry["usage"]);
    let same = match served.result {
        Some(result) => kept == result,
        None => kept[..3] == served.sum[..3] && kept[3] >= served.sum[3],
    };
    let expected = served.result.unwrap_or(served.sum);
    Ok((!same).then(|| {
        format!(
            "the call {} used {expected:?} tokens, and the ledger has {kept:?}",
            name(entry)
        )
    }))
}

/// US dollars that count against budgets: what the gateway metered, else what the client reported.
fn charged(entry: &Value) -> f64 {
    let usage = if entry["metered"].is_object() {
        &entry["metered"]
    } else {
        &entry["usage"]
    };
    usage["cost_usd"].as_f64().unwrap_or_default()
}

pub(super) fn budgets(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let mut tasks: BTreeMap<&str, f64> = BTreeMap::new();
    let mut all = 0.0;
    for (entry, _) in facts.ledger() {
        all += charged(entry);
        if let Some(task) = entry["task"].as_str() {
            *tasks.entry(task).or_default() += charged(entry);
        }
    }
    let is_beyond = |spent: f64, most: Option<f64>| most.is_some_and(|most| spent > most + ROUNDING);
    if is_beyond(all, facts.options.usd) {
        found.push(format!("the generation used ${all} of {:?}", facts.options.usd));
    }
    let beyond = tasks
        .iter()
        .filter(|(_, spent)| is_beyond(**spent, facts.options.task_usd));
    found.extend(beyond.map(|(task, spent)| format!("{task} used ${spent} of {:?}", facts.options.task_usd)));
    Ok(found)
}

pub(super) fn status(facts: &Facts) -> Outcome<Vec<String>> {
    let Some(file) = &facts.options.status else {
        return Ok(Vec::new());
    };
    let told: Value = serde_json::from_slice(&fs::read(file)?)?;
    let mut found = Vec::new();
    for state in ["open", "in_progress", "blocked", "closed"] {
        let count = facts.issues.iter().filter(|issue| issue["status"] == state).count();
        if told["tasks"][state].as_u64() != u64::try_from(count).ok() {
            found.push(format!(
                "it counts {} tasks as {state}, and the store has {count}",
                told["tasks"][state]
            ));
        }
    }
    let ledger = facts.ledger();
    let used = ledger
        .iter()
        .fold([0; 4], |sum, (entry, _)| added(sum, tokens(&entry["usage"])));
    let calls = u64::try_from(ledger.len()).ok();
    if tokens(&told["usage"]) != used || told["usage"]["calls"].as_u64() != calls {
        found.push(format!(
            "it reports {}, and the ledger has {} calls with {used:?} tokens",
            told["usage"],
            ledger.len()
        ));
    }
    Ok(found)
}
