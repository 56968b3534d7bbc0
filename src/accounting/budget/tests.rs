//! Budgets as calls meet them, one by one, many at once, and in any order.

use std::sync::Mutex;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::accounting::ledger::tests::entry;
use crate::model::{IssueId, Role, RunId, Usage};

const NONE: BudgetConfig = BudgetConfig {
    usd: None,
    tokens: None,
    run_usd: None,
    run_tokens: None,
    cycle_usd: None,
    cycle_tokens: None,
    task_usd: None,
    task_tokens: None,
    warn: BudgetWarning::On,
};

fn usd(usd: f64) -> BudgetConfig {
    BudgetConfig { usd: Some(usd), ..NONE }
}

fn run(number: u32) -> RunId {
    format!("run-{number}").parse().unwrap()
}

/// Builds a stitch of the task `cw-1` in cycle 1.
fn stitch() -> Request {
    Request {
        role: Role::Stitch,
        task: Some(IssueId::new(1)),
        cycle: 1,
        run: run(1),
        call: Allowance::default(),
        parallel: 1,
        beside: 1,
    }
}

fn parallel(parallel: u32) -> Request {
    Request { parallel, ..stitch() }
}

/// Builds a stitch call that cost this much in so many turns, about this task in this cycle.
fn made(task: u32, cycle: u32, cost: f64, turns: u32) -> Entry {
    Entry {
        turns,
        ..entry(Role::Stitch, task, cycle, 100, cost)
    }
}

fn allowed(usd: Option<f64>, tokens: Option<u64>) -> Allowance {
    Allowance { usd, tokens }
}

#[test]
fn a_call_gets_what_the_narrowest_budget_leaves() {
    let ledger = [made(1, 1, 1.0, 10), made(2, 1, 1.0, 10), made(2, 2, 1.0, 10)];
    let wide = BudgetConfig {
        usd: Some(10.0),
        tokens: Some(1000),
        ..NONE
    };
    let own = |usd, tokens| Request {
        call: allowed(usd, tokens),
        ..stitch()
    };
    for (config, request, expect) in [
        (NONE, stitch(), allowed(None, None)),
        (wide, stitch(), allowed(Some(7.0), Some(700))),
        (wide, own(Some(2.0), None), allowed(Some(2.0), Some(700))),
        (wide, own(Some(20.0), Some(50)), allowed(Some(7.0), Some(50))),
        (NONE, own(Some(2.0), Some(50)), allowed(Some(2.0), Some(50))),
        (
            BudgetConfig {
                cycle_usd: Some(4.0),
                ..wide
            },
            stitch(),
            allowed(Some(2.0), Some(700)),
        ),
        (
            BudgetConfig {
                task_usd: Some(2.5),
                task_tokens: Some(130),
                ..wide
            },
            stitch(),
            allowed(Some(1.5), Some(30)),
        ),
    ] {
        let reserved = Budgets::new(config).reserve(&request, ledger.iter()).unwrap();
        assert_eq!(reserved.allowance(), expect, "{config:?}");
    }
}

#[test]
fn what_is_spent_says_whose_and_why() {
    let ledger = [made(1, 1, 1.0, 10), made(2, 2, 3.98, 199)];
    let cycle = BudgetConfig {
        cycle_tokens: Some(100),
        task_usd: Some(1.0),
        ..NONE
    };
    let task = BudgetConfig {
        cycle_tokens: None,
        ..cycle
    };
    for (config, request, scope, reason) in [
        (
            usd(4.98),
            stitch(),
            Scope::Generation,
            "the generation's budget is spent (4.98 of 4.98 USD)",
        ),
        (
            usd(2.0),
            stitch(),
            Scope::Generation,
            "the generation's budget is spent (4.98 of 2.00 USD)",
        ),
        (
            usd(5.0),
            stitch(),
            Scope::Generation,
            "the generation's budget is spent (4.98 of 5.00 USD; a turn of stitch takes 0.0238 USD)",
        ),
        (
            usd(f64::NAN),
            stitch(),
            Scope::Generation,
            "the generation's budget is spent (4.98 of 0.00 USD)",
        ),
        (
            cycle,
            stitch(),
            Scope::Cycle,
            "the cycle's budget is spent (100 of 100 tokens)",
        ),
        (
            BudgetConfig {
                run_usd: Some(4.0),
                ..NONE
            },
            stitch(),
            Scope::Run,
            "the run's budget is spent (4.98 of 4.00 USD)",
        ),
        (task, stitch(), Scope::Task, "cw-1's budget is spent (1.00 of 1.00 USD)"),
    ] {
        let spent = Budgets::new(config).spent(&request, ledger.iter()).unwrap();
        let expect = Spent {
            scope,
            held: false,
            reason: reason.to_owned(),
        };
        assert_eq!(spent, expect);
    }
    assert_eq!(Budgets::new(usd(5.01)).spent(&stitch(), ledger.iter()), None);
    assert_eq!(
        Budgets::new(task).spent(&Request { task: None, ..stitch() }, ledger.iter()),
        None
    );
    // What another run used is not this one's.
    let of_run = BudgetConfig {
        run_usd: Some(4.0),
        ..NONE
    };
    let other = Request {
        run: run(2),
        ..stitch()
    };
    assert_eq!(Budgets::new(of_run).spent(&other, ledger.iter()), None);
}

#[test]
fn a_reservation_holds_its_share_until_it_is_dropped() {
    let budgets = Budgets::new(usd(10.0));
    let none = || std::iter::empty();
    let first = budgets.reserve(&stitch(), none()).unwrap();
    assert_eq!(first.allowance(), allowed(Some(10.0), None));
    let refused = budgets.reserve(&stitch(), none()).unwrap_err();
    let reason = "the generation's budget is spent (0.00 of 10.00 USD; calls in progress hold 10.00 USD)";
    assert_eq!((refused.held, refused.reason.as_str()), (true, reason));
    drop(first);
    assert_eq!(budgets.spent(&stitch(), none()), None);
}

#[test]
fn a_settled_call_counts_once_whether_or_not_the_store_has_it() {
    let budgets = Budgets::new(usd(10.0));
    let reservation = budgets.reserve(&stitch(), std::iter::empty()).unwrap();
    let used = made(1, 1, 4.0, 40);
    reservation.settle(&used);
    reservation.settle(&used);
    let left = |ledger: &[Entry]| budgets.reserve(&stitch(), ledger.iter()).unwrap().allowance().usd;
    assert_eq!(left(&[]), Some(6.0));
    assert_eq!(left(std::slice::from_ref(&used)), Some(6.0));
    drop(reservation);
    assert_eq!(left(&[]), Some(6.0), "the store was read before the call was recorded");
    assert_eq!(left(std::slice::from_ref(&used)), Some(6.0));
    let later = Entry {
        ended_at: Timestamp::MAX,
        ..used.clone()
    };
    assert_eq!(left(&[used, later]), Some(2.0));
}

#[test]
fn calls_at_once_share_and_no_first_takes_everything() {
    let share = |budgets: &Budgets, request: &Request, ledger: &[Entry]| {
        let reservation = budgets.reserve(request, ledger.iter()).unwrap();
        let share = reservation.allowance().usd.unwrap();
        (reservation, share)
    };
    let budgets = Budgets::new(usd(12.0));
    let (_one, first) = share(&budgets, &parallel(3), &[]);
    let (_two, second) = share(&budgets, &parallel(3), &[]);
    let (_three, third) = share(&budgets, &parallel(3), &[]);
    assert_eq!((first, second, third), (4.0, 4.0, 4.0));
    // The dearest so far took 4 dollars: less than 6 would cut the next such call short.
    let dear = [made(1, 1, 4.0, 40)];
    let budgets = Budgets::new(usd(14.0));
    let (_one, first) = share(&budgets, &parallel(4), &dear);
    let (_two, second) = share(&budgets, &parallel(4), &dear);
    assert_eq!((first, second), (6.0, 4.0));
    assert!(budgets.spent(&parallel(4), dear.iter()).unwrap().held);
    // Candidates share what is left of their task's budget, and otherwise a task's calls are made one by one.
    let config = BudgetConfig {
        task_usd: Some(9.0),
        ..BudgetConfig::default()
    };
    let beside = |beside| Request { beside, ..stitch() };
    let budgets = Budgets::new(config);
    let (_one, first) = share(&budgets, &beside(3), &[]);
    let (_two, second) = share(&budgets, &beside(3), &[]);
    assert_eq!((first, second), (3.0, 3.0));
    let (_alone, alone) = share(&Budgets::new(config), &beside(1), &[]);
    assert_eq!((alone, first), (9.0, 3.0));
    // A role's own limit is what its calls may have.
    let own = Request {
        call: allowed(Some(5.0), None),
        ..parallel(4)
    };
    let reserved = Budgets::new(usd(12.0)).reserve(&own, std::iter::empty()).unwrap();
    assert_eq!(reserved.allowance(), allowed(Some(5.0), None));
}

#[test]
fn money_that_is_no_number_leaves_nothing() {
    let ledger = [made(1, 1, f64::NAN, 1)];
    assert!(Budgets::new(usd(1e9)).spent(&stitch(), ledger.iter()).is_some());
    assert_eq!(Budgets::new(NONE).spent(&stitch(), ledger.iter()), None);
}

#[test]
fn the_client_gets_less_by_what_a_turn_may_cost() {
    let ledger = [made(1, 1, 2.0, 10)];
    let reserved = Budgets::new(usd(10.0)).reserve(&stitch(), ledger.iter()).unwrap();
    assert_eq!(reserved.for_client(), Some(7.7));
    let unlimited = Budgets::new(NONE).reserve(&stitch(), ledger.iter()).unwrap();
    assert_eq!(unlimited.for_client(), None);
}

/// What calls do to the reservations, each about one of three tasks in one of two cycles and runs.
#[derive(Clone, Debug)]
enum Deed {
    Begin {
        task: u32,
        cycle: u32,
        run_number: u32,
        own: Option<u64>,
        parallel: u32,
        /// How much of what was settled the store shows already, in percent.
        seen: usize,
    },
    /// Ends a call under way that used this much of its allowance, in percent.
    End { which: usize, used: u64 },
    /// Gives up a call that was never made.
    Forget { which: usize },
}

fn deed() -> impl Strategy<Value = Deed> {
    let own = prop::option::of(0..600_u64);
    let begin = (0..=3_u32, 1..=2_u32, 1..=2_u32, own, 1..5_u32, 0..=100_usize);
    prop_oneof![
        3 => begin.prop_map(|(task, cycle, run_number, own, parallel, seen)| Deed::Begin { task, cycle, run_number, own, parallel, seen }),
        2 => (0..8_usize, 0..=100_u64).prop_map(|(which, used)| Deed::End { which, used }),
        1 => (0..8_usize).prop_map(|which| Deed::Forget { which }),
    ]
}

/// Returns what a call used that took so many percent of its allowance; what has no limit is used freely.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn used(allowance: Allowance, percent: u64) -> Usage {
    Usage {
        input: allowance.tokens.map_or(percent * 10, |tokens| tokens * percent / 100),
        cost_usd: allowance.usd.map_or(1.0, |usd| usd * percent as f64 / 100.0),
        calls: 1,
        ..Usage::default()
    }
}

/// Asserts that no limit is passed by these calls together; a nanodollar a call is a matter of rounding.
#[track_caller]
fn assert_within(config: &BudgetConfig, entries: &[Entry]) {
    let most = |tokens: Option<u64>, usd: Option<f64>, what: &str, of: &dyn Fn(&Entry) -> bool| {
        let sum: Usage = entries.iter().filter(|entry| of(entry)).map(|entry| entry.usage).sum();
        assert!(tokens.is_none_or(|most| sum.tokens() <= most), "{what}: {sum:?}");
        assert!(usd.is_none_or(|most| sum.cost_usd <= most + 1e-7), "{what}: {sum:?}");
    };
    most(config.tokens, config.usd, "generation", &|_| true);
    for number in 1..=2 {
        most(config.run_tokens, config.run_usd, "run", &|entry| {
            entry.run == run(number)
        });
    }
    for cycle in 1..=2 {
        most(config.cycle_tokens, config.cycle_usd, "cycle", &|entry| {
            entry.cycle == cycle
        });
    }
    for task in 1..=3 {
        let task = Some(IssueId::new(task));
        most(config.task_tokens, config.task_usd, "task", &|entry| entry.task == task);
    }
}

fn config() -> impl Strategy<Value = BudgetConfig> {
    let tokens = || prop::option::of(0..2000_u64);
    let usd = || prop::option::of(0.0..5.0_f64);
    let both = || (usd(), tokens());
    (both(), both(), both(), both()).prop_map(|(whole, run, cycle, task)| BudgetConfig {
        usd: whole.0,
        tokens: whole.1,
        run_usd: run.0,
        run_tokens: run.1,
        cycle_usd: cycle.0,
        cycle_tokens: cycle.1,
        task_usd: task.0,
        task_tokens: task.1,
        ..NONE
    })
}

proptest! {
    #[test]
    fn no_order_of_things_passes_a_limit(config in config(), deeds in prop::collection::vec(deed(), 1..60)) {
        let budgets = Budgets::new(config);
        let mut entries: Vec<Entry> = Vec::new();
        let mut out: Vec<(Request, Reservation)> = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Begin { task, cycle, run_number, own, parallel, seen } => {
                    let role = if task == 0 { Role::Measure } else { Role::Stitch };
                    let task = (task > 0).then(|| IssueId::new(task));
                    let request = Request { role, task, cycle, run: run(run_number), call: allowed(None, own), parallel, beside: 1 };
                    let seen = &entries[..entries.len() * seen / 100];
                    if let Ok(reservation) = budgets.reserve(&request, seen.iter()) {
                        out.push((request, reservation));
                    }
                }
                Deed::End { which, used: percent } if which < out.len() => {
                    let (request, reservation) = out.remove(which);
                    let ended_at = Timestamp::from_second(i64::try_from(entries.len()).unwrap()).unwrap();
                    let ended = Entry {
                        task: request.task,
                        run: request.run,
                        usage: used(reservation.allowance(), percent),
                        ended_at,
                        ..entry(request.role, 0, request.cycle, 0, 0.0)
                    };
                    reservation.settle(&ended);
                    entries.push(ended);
                }
                Deed::Forget { which } if which < out.len() => drop(out.remove(which)),
                Deed::End { .. } | Deed::Forget { .. } => {}
            }
            // All that are under way may yet use everything they were allowed.
            let worst = out.iter().map(|(request, reservation)| Entry {
                task: request.task.clone(),
                run: request.run.clone(),
                usage: Usage { cost_usd: reservation.allowance().usd.unwrap_or(0.0), ..used(reservation.allowance(), 100) },
                ..entry(request.role, 0, request.cycle, 0, 0.0)
            });
            let all: Vec<_> = entries.iter().cloned().chain(worst).collect();
            assert_within(&config, &all);
        }
    }
}

#[test]
fn threads_that_spend_all_they_may_never_pass_a_limit_and_use_it_up() {
    let config = BudgetConfig {
        usd: Some(3.0),
        tokens: Some(3000),
        task_tokens: Some(1500),
        ..NONE
    };
    let budgets = Budgets::new(config);
    let store: Mutex<Vec<Entry>> = Mutex::default();
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let (budgets, store) = (&budgets, &store);
            scope.spawn(move || {
                let request = Request {
                    task: Some(IssueId::new(thread % 3 + 1)),
                    ..parallel(8)
                };
                for turn in 0..200_i64 {
                    let seen = store.lock().unwrap().clone();
                    let Ok(reservation) = budgets.reserve(&request, seen.iter()) else {
                        continue;
                    };
                    let percent = u64::from(thread) * 7 + 40;
                    let ended = Entry {
                        task: request.task.clone(),
                        usage: used(reservation.allowance(), percent),
                        attempt: thread,
                        ended_at: Timestamp::from_second(turn).unwrap(),
                        ..entry(Role::Stitch, 0, 1, 0, 0.0)
                    };
                    reservation.settle(&ended);
                    drop(reservation);
                    store.lock().unwrap().push(ended);
                }
            });
        }
    });
    let entries = store.into_inner().unwrap();
    assert_within(&config, &entries);
    let spent: Usage = entries.iter().map(|entry| entry.usage).sum();
    assert!(spent.tokens() > 1500, "{spent:?}");
}
