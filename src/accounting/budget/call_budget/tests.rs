//! The budget of a call: what it grants, lowers and refuses, and that what was granted never sums up to more than was allowed.

use proptest::prelude::*;

use super::*;

const OPUS: &str = "claude-opus-5-5";

fn call_budget(usd: Option<f64>, tokens: Option<u64>) -> CallBudget {
    CallBudget::new(Allowance { usd, tokens }, BTreeMap::new())
}

/// Builds a request with so much input, which the API has counted.
fn asked(input: u64, max_tokens: u64, thinking: u64) -> AskedAnswer {
    AskedAnswer {
        model: OPUS.to_owned(),
        input,
        known_by: KnownBy::Count,
        max_tokens,
        thinking,
        ..AskedAnswer::default()
    }
}

fn told(input: u64, output: u64) -> AnswerReading {
    let usage = Usage {
        input,
        output,
        ..Usage::default()
    };
    AnswerReading {
        model: Some(OPUS.to_owned()),
        counts: AnswerCounts {
            usage,
            ..AnswerCounts::default()
        },
        complete: true,
        begun: true,
    }
}

/// Returns what one request gets: its `max_tokens`, or the end of the refusal.
fn check(call_budget: &mut CallBudget, asked: &AskedAnswer, expect: Result<u64, &str>) -> Option<Hold> {
    let granted = call_budget.reserve(asked.clone());
    match (granted, expect) {
        (Ok(hold), Ok(max_tokens)) => {
            assert_eq!(hold.max_tokens, max_tokens, "{asked:?}");
            Some(hold)
        }
        (Err(Short::Spent(reason)), Err(expect)) => {
            assert_eq!(reason, format!("this call's budget is spent ({expect})"));
            None
        }
        (granted, expect) => panic!("{asked:?}: {granted:?} instead of {expect:?}"),
    }
}

#[test]
fn answers_are_bounded_by_what_is_left_of_the_tokens() {
    let mut call_budget = call_budget(None, Some(2000));
    let hold = check(&mut call_budget, &asked(500, 1000, 0), Ok(1000)).unwrap();
    assert_eq!(call_budget.settle(hold, &told(250, 700)).tokens(), 950);
    let hold = check(&mut call_budget, &asked(500, 1000, 0), Ok(550)).unwrap();
    call_budget.release(hold);
    let hold = check(&mut call_budget, &asked(500, 1000, 549), Ok(550)).unwrap();
    call_budget.release(hold);
    check(
        &mut call_budget,
        &asked(500, 1000, 550),
        Err("950 of 2000 tokens; the next answer may take 1051 tokens"),
    );
    let hold = check(&mut call_budget, &asked(500, 1000, 0), Ok(550)).unwrap();
    call_budget.settle(hold, &told(400, 550));
    check(
        &mut call_budget,
        &asked(125, 1, 0),
        Err("1900 of 2000 tokens; the next answer may take 126 tokens"),
    );
}

#[test]
fn what_may_not_fit_at_its_worst_or_tells_nothing_is_counted_first() {
    let mut limited = call_budget(None, Some(1000));
    let request = |input, known_by| AskedAnswer {
        known_by,
        ..asked(input, 100, 0)
    };
    let by_length = |input| request(input, KnownBy::Length);
    for uncounted in [by_length(901), by_length(5000), request(10, KnownBy::Nothing)] {
        assert_eq!(limited.reserve(uncounted).unwrap_err(), Short::Uncounted);
    }
    // Also where there may be more room later, so that a request waits no longer than it must.
    let other = check(&mut limited, &by_length(900), Ok(100)).unwrap();
    assert_eq!(limited.reserve(by_length(1)).unwrap_err(), Short::Uncounted);
    assert_eq!(limited.reserve(asked(1, 1, 0)).unwrap_err(), Short::Held);
    limited.release(other);
    let mut unlimited = call_budget(None, None);
    let hold = check(&mut unlimited, &request(1 << 40, KnownBy::Nothing), Ok(100)).unwrap();
    unlimited.release(hold);
}

#[test]
fn answers_are_bounded_by_what_is_left_of_the_money() {
    // 4 dollars read, 5 written to the cache, 8 for an hour, 20 produced.
    let mut call_budget = call_budget(Some(0.03), None);
    let hour = AskedAnswer {
        hour: true,
        ..asked(1000, 5000, 0)
    };
    let fast = AskedAnswer {
        fast: true,
        ..asked(1000, 5000, 0)
    };
    for (asked, expect) in [(asked(1000, 5000, 0), 1250), (hour, 1100), (fast, 0)] {
        match call_budget.reserve(asked.clone()) {
            Ok(hold) => {
                assert_eq!(hold.max_tokens, expect, "{asked:?}");
                call_budget.release(hold);
            }
            Err(Short::Spent(_)) if expect == 0 => {}
            short => panic!("{asked:?}: {short:?}"),
        }
    }
    let hold = check(&mut call_budget, &asked(1000, 1000, 0), Ok(1000)).unwrap();
    let used = call_budget.settle(hold, &told(1000, 1000));
    assert!((used.cost_usd - 0.024).abs() < 1e-12, "{used:?}");
    check(
        &mut call_budget,
        &asked(1250, 1, 0),
        Err("0.0240 of 0.0300 USD; the next answer may take 0.0063 USD"),
    );
}

#[test]
fn a_request_for_no_output_is_bounded_too() {
    let mut call_budget = call_budget(Some(0.03), Some(20_000));
    let hold = check(&mut call_budget, &asked(1000, 0, 0), Ok(0)).unwrap();
    call_budget.release(hold);
    check(
        &mut call_budget,
        &asked(1_000_000, 0, 0),
        Err("0.00 of 0.0300 USD; the next answer may take 5.00 USD"),
    );
}

#[test]
fn what_others_hold_is_waited_for() {
    let mut call_budget = call_budget(None, Some(1000));
    let one = check(&mut call_budget, &asked(200, 600, 0), Ok(600)).unwrap();
    let other = check(&mut call_budget, &asked(50, 50, 0), Ok(50)).unwrap();
    assert_eq!(call_budget.reserve(asked(200, 600, 0)).unwrap_err(), Short::Held);
    call_budget.release(other);
    assert_eq!(call_budget.reserve(asked(200, 600, 0)).unwrap_err(), Short::Held);
    call_budget.settle(one, &told(100, 100));
    let rest = check(&mut call_budget, &asked(200, 600, 0), Ok(600)).unwrap();
    call_budget.release(rest);
}

#[test]
fn what_was_not_told_counts_as_it_was_set_aside() {
    let mut call_budget = call_budget(None, None);
    let settle = |call_budget: &mut CallBudget, reading: &AnswerReading| {
        let hold = check(call_budget, &asked(200, 600, 0), Ok(600)).unwrap();
        let used = call_budget.settle(hold, reading);
        (used.input, used.output, (used.cost_usd * 1e9).round())
    };
    // Nothing: all of the input may have been written to the cache.
    assert_eq!(
        settle(&mut call_budget, &AnswerReading::default()),
        (200, 600, 13_000_000.0)
    );
    // The beginning: the output is not known yet.
    let begun = AnswerReading {
        complete: false,
        ..told(100, 1)
    };
    assert_eq!(settle(&mut call_budget, &begun), (100, 600, 12_400_000.0));
    assert_eq!(settle(&mut call_budget, &told(100, 1)), (100, 1, 420_000.0));
}

#[test]
fn other_models_that_may_answer_instead_and_one_region_are_paid_for() {
    let mut call_budget = call_budget(None, None);
    let plain = asked(1_000_000, 1_000_000, 0);
    let regional = AskedAnswer {
        regional: true,
        ..plain.clone()
    };
    let fallbacks = AskedAnswer {
        fallbacks: 2,
        ..plain.clone()
    };
    for (asked, dollars) in [(plain, 25.0), (regional, 27.5), (fallbacks, 3.0 * 93.75)] {
        let hold = call_budget.reserve(asked).unwrap();
        assert!((hold.worst().cost_usd - dollars).abs() < 1e-6, "{hold:?}");
        call_budget.release(hold);
    }
}

#[test]
fn what_an_hour_a_search_and_speed_cost_is_in_the_cost() {
    let counts = AnswerCounts {
        usage: Usage {
            cache_write: 1000,
            output: 100,
            ..Usage::default()
        },
        hour_writes: 400,
        searches: 3,
    };
    let call_budget = call_budget(None, None);
    let tokens = (600.0 * 5.0 + 400.0 * 8.0 + 100.0 * 20.0) / 1e6;
    for (times, expect) in [(1.0, tokens + 0.03), (6.0, tokens * 6.0 + 0.03)] {
        let cost = call_budget.cost(OPUS, &counts, times);
        assert!((cost - expect).abs() < 1e-12, "{cost}, not {expect}");
    }
}

#[test]
fn learned_rates_count_and_unknown_models_are_dear() {
    let cheap = Rates {
        input: 1.0,
        cache_write: 1.0,
        cache_read: 1.0,
        output: 1.0,
    };
    let names = [OPUS, "local"].map(|name| (name.to_owned(), cheap));
    let call_budget = CallBudget::new(Allowance::default(), BTreeMap::from(names));
    let cost = |model: &str| call_budget.cost(model, &told(0, 1_000_000).counts, 1.0);
    assert!((cost("claude-opus-5-5[1m]") - 1.0).abs() < 1e-9);
    assert!((cost("local") - 1.0).abs() < 1e-9);
    assert!((cost("claude-sonnet-4-5") - 15.0).abs() < 1e-9);
    assert!((cost("unheard-of") - 75.0).abs() < 1e-9);
    let worst = |model: &str| {
        let model = model.to_owned();
        let asked = AskedAnswer {
            model,
            ..AskedAnswer::default()
        };
        call_budget.worst(&asked).amount(0, 1_000_000).usd / 1_000_000_000
    };
    assert_eq!([OPUS, "local", "unheard-of"].map(worst), [20, 1, 75]);
}

proptest! {
    #[test]
    fn the_sum_never_passes_the_allowance(
        usd in prop::option::of(0..2_000_u32),
        tokens in prop::option::of(0..100_000_u64),
        // How many tokens a hundred bytes have: never more than that.
        density in 0..=100_u64,
        requests in prop::collection::vec((1..20_000_u64, 1..20_000_u64, 0..2_000_u64, 0..=100_u64, 0..6_u32), 1..60),
    ) {
        let usd = usd.map(|thousandths| f64::from(thousandths) / 1000.0);
        let mut call_budget = call_budget(usd, tokens);
        let mut billed = Amount::default();
        let mut out: Vec<(Hold, u64)> = Vec::new();
        for (bytes, max_tokens, thinking, share, end) in requests {
            let actual = bytes * density / 100;
            let uncounted = AskedAnswer { known_by: KnownBy::Length, ..asked(bytes, max_tokens, thinking) };
            let reserved = match call_budget.reserve(uncounted) {
                Err(Short::Uncounted) => call_budget.reserve(asked(actual, max_tokens, thinking)),
                other => other,
            };
            match reserved {
                Ok(hold) => out.push((hold, actual)),
                Err(Short::Held) => prop_assert!(!out.is_empty()),
                Err(Short::Spent(_)) => prop_assert!(out.is_empty()),
                Err(Short::Uncounted) => panic!("it was counted"),
            }
            if end > 0 && !out.is_empty() {
                let (hold, actual) = out.remove(0);
                let told = told(actual, hold.max_tokens * share / 100);
                let cost = call_budget.cost(OPUS, &told.counts, 1.0);
                billed = billed.plus(Amount::of(&Usage { cost_usd: cost, ..told.counts.usage }));
                // Whatever becomes of the answer, the API bills it.
                let reading = match end {
                    1 => AnswerReading::default(),
                    2 => AnswerReading { complete: false, counts: AnswerCounts { usage: Usage { output: 1, ..told.counts.usage }, ..told.counts }, ..told },
                    _ => told,
                };
                call_budget.settle(hold, &reading);
            }
            prop_assert!(!call_budget.used.plus(call_budget.held).passes(call_budget.allowed));
        }
        for (hold, actual) in out {
            let reading = told(actual, hold.max_tokens);
            call_budget.settle(hold, &reading);
        }
        prop_assert!(!call_budget.used.passes(call_budget.allowed), "{:?} of {:?}", call_budget.used, call_budget.allowed);
        prop_assert!(!billed.passes(call_budget.allowed), "{:?} of {:?}", billed, call_budget.allowed);
        prop_assert_eq!(call_budget.held, Amount::default());
    }
}
