//! The purse: what it grants, lowers and refuses, and that what was granted never sums up to more than was allowed.

use proptest::prelude::*;

use super::*;

const OPUS: &str = "claude-opus-5-5";

fn purse(usd: Option<f64>, tokens: Option<u64>) -> Purse {
    Purse::new(Allowance { usd, tokens }, BTreeMap::new())
}

fn asked(bytes: u64, max_tokens: u64, thinking: u64) -> Asked {
    Asked {
        model: OPUS.to_owned(),
        bytes,
        max_tokens,
        thinking,
        ..Asked::default()
    }
}

fn told(input: u64, output: u64) -> Reading {
    let usage = Usage {
        input,
        output,
        ..Usage::default()
    };
    Reading {
        model: Some(OPUS.to_owned()),
        counts: Counts {
            usage,
            ..Counts::default()
        },
        complete: true,
        begun: true,
    }
}

/// What one request gets: its `max_tokens`, or the end of the refusal.
fn check(purse: &mut Purse, asked: &Asked, expect: Result<u64, &str>) -> Option<Hold> {
    let granted = purse.reserve(asked.clone());
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
    let mut purse = purse(None, Some(2000));
    let hold = check(&mut purse, &asked(1000, 1000, 0), Ok(1000)).unwrap();
    assert_eq!(purse.settle(hold, &told(250, 700)).tokens(), 950);
    // A quarter of a byte is a token by now, and a quarter of that is put on top.
    let hold = check(&mut purse, &asked(1600, 1000, 0), Ok(550)).unwrap();
    purse.release(hold);
    let hold = check(&mut purse, &asked(1600, 1000, 549), Ok(550)).unwrap();
    purse.release(hold);
    check(
        &mut purse,
        &asked(1600, 1000, 550),
        Err("950 of 2000 tokens; the next answer may take 1051 tokens"),
    );
    let hold = check(&mut purse, &asked(1600, 1000, 0), Ok(550)).unwrap();
    purse.settle(hold, &told(400, 550));
    check(
        &mut purse,
        &asked(400, 1, 0),
        Err("1900 of 2000 tokens; the next answer may take 126 tokens"),
    );
}

#[test]
fn answers_are_bounded_by_what_is_left_of_the_money() {
    // 4 dollars read, 5 written to the cache, 8 for an hour, 20 produced.
    let mut purse = purse(Some(0.03), None);
    let hour = Asked {
        hour: true,
        ..asked(2000, 5000, 0)
    };
    let fast = Asked {
        fast: true,
        ..asked(2000, 5000, 0)
    };
    for (asked, expect) in [(asked(2000, 5000, 0), 1250), (hour, 1100), (fast, 0)] {
        match purse.reserve(asked.clone()) {
            Ok(hold) => {
                assert_eq!(hold.max_tokens, expect, "{asked:?}");
                purse.release(hold);
            }
            Err(Short::Spent(_)) if expect == 0 => {}
            short => panic!("{asked:?}: {short:?}"),
        }
    }
    let hold = check(&mut purse, &asked(2000, 1000, 0), Ok(1000)).unwrap();
    let used = purse.settle(hold, &told(1000, 1000));
    assert!((used.cost_usd - 0.024).abs() < 1e-12, "{used:?}");
    check(
        &mut purse,
        &asked(2000, 1, 0),
        Err("0.0240 of 0.0300 USD; the next answer may take 0.0063 USD"),
    );
}

#[test]
fn a_request_for_no_output_is_bounded_too() {
    let mut purse = purse(Some(0.03), Some(20_000));
    let hold = check(&mut purse, &asked(2000, 0, 0), Ok(0)).unwrap();
    purse.release(hold);
    check(
        &mut purse,
        &asked(2_000_000, 0, 0),
        Err("0.00 of 0.0300 USD; the next answer may take 5.00 USD"),
    );
}

#[test]
fn what_others_hold_is_waited_for() {
    let mut purse = purse(None, Some(1000));
    let one = check(&mut purse, &asked(400, 600, 0), Ok(600)).unwrap();
    let other = check(&mut purse, &asked(100, 50, 0), Ok(50)).unwrap();
    assert_eq!(purse.reserve(asked(400, 600, 0)).unwrap_err(), Short::Held);
    purse.release(other);
    assert_eq!(purse.reserve(asked(400, 600, 0)).unwrap_err(), Short::Held);
    purse.settle(one, &told(100, 100));
    let rest = check(&mut purse, &asked(400, 600, 0), Ok(600)).unwrap();
    purse.release(rest);
}

#[test]
fn an_answer_that_tells_nothing_counts_as_it_was_reckoned() {
    let mut purse = purse(None, None);
    let hold = check(&mut purse, &asked(400, 600, 0), Ok(600)).unwrap();
    let nothing = Reading::default();
    let used = purse.settle(hold, &nothing);
    assert_eq!(used.tokens(), 200);
    assert!((used.cost_usd - 200.0 * 4e-6).abs() < 1e-12, "{used:?}");
}

#[test]
fn what_an_hour_a_search_and_speed_cost_is_in_the_cost() {
    let counts = Counts {
        usage: Usage {
            cache_write: 1000,
            output: 100,
            ..Usage::default()
        },
        hour_writes: 400,
        searches: 3,
    };
    let purse = purse(None, None);
    let tokens = (600.0 * 5.0 + 400.0 * 8.0 + 100.0 * 20.0) / 1e6;
    for (fast, expect) in [(false, tokens + 0.03), (true, tokens * 6.0 + 0.03)] {
        let cost = purse.cost(OPUS, &counts, fast);
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
    let purse = Purse::new(Allowance::default(), BTreeMap::from(names));
    let cost = |model: &str| purse.cost(model, &told(0, 1_000_000).counts, false);
    assert!((cost("claude-opus-5-5[1m]") - 1.0).abs() < 1e-9);
    assert!((cost("local") - 1.0).abs() < 1e-9);
    assert!((cost("claude-sonnet-4-5") - 15.0).abs() < 1e-9);
    assert!((cost("unheard-of") - 75.0).abs() < 1e-9);
    let worst = |model: &str| {
        let model = model.to_owned();
        let asked = Asked {
            model,
            ..Asked::default()
        };
        purse.worst(&asked).amount(0, 1_000_000).usd / 1_000_000_000
    };
    assert_eq!([OPUS, "local", "unheard-of"].map(worst), [20, 1, 75]);
}

proptest! {
    #[test]
    fn the_sum_never_passes_the_allowance(
        usd in prop::option::of(0..2_000_u32),
        tokens in prop::option::of(0..100_000_u64),
        // How many tokens two hundred bytes have: what the first guess allows for, at most.
        density in 0..=100_u64,
        requests in prop::collection::vec((1..20_000_u64, 1..20_000_u64, 0..2_000_u64, 0..=100_u64, any::<bool>()), 1..60),
    ) {
        let usd = usd.map(|thousandths| f64::from(thousandths) / 1000.0);
        let mut purse = purse(usd, tokens);
        let mut out: Vec<Hold> = Vec::new();
        for (bytes, max_tokens, thinking, share, settle) in requests {
            match purse.reserve(asked(bytes, max_tokens, thinking)) {
                Ok(hold) => out.push(hold),
                Err(Short::Held) => prop_assert!(!out.is_empty()),
                Err(Short::Spent(_)) => prop_assert!(out.is_empty()),
            }
            if settle && !out.is_empty() {
                let hold = out.remove(0);
                let reading = told(hold.asked.bytes * density / 200, hold.max_tokens * share / 100);
                purse.settle(hold, &reading);
            }
            prop_assert!(!purse.used.plus(purse.held).passes(purse.allowed));
        }
        for hold in out {
            let reading = told(hold.asked.bytes * density / 200, hold.max_tokens);
            purse.settle(hold, &reading);
        }
        prop_assert!(!purse.used.passes(purse.allowed), "{:?} of {:?}", purse.used, purse.allowed);
        prop_assert_eq!(purse.held, Amount::default());
    }
}
