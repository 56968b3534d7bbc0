//! The account's limits in the heads of the API's answers, in the form in which the client writes them.

use serde_json::{Map, Value};

/// The prefix of the headers.
pub(super) const PREFIX: &str = "anthropic-ratelimit-unified-";

/// Reads the limits from an answer's headers, in the form of the client's `rate_limit_info`; `None` where the head does
/// not mention them, as with an API key. `header` looks one up by its lower-case name.
pub(crate) fn rate_limit_info<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Value> {
    let find = |name: &str| header(&format!("{PREFIX}{name}"));
    let status = find("status")?;
    let claim = find("representative-claim");
    let overage = find("overage-status");
    let mut info = Map::new();
    info.insert("status".into(), status.into());
    let mut set = |name: &str, value: Option<Value>| value.and_then(|value| info.insert(name.into(), value));
    set("resetsAt", find("reset").and_then(number));
    set("rateLimitType", claim.map(Value::from));
    let window = claim.and_then(window);
    let of_window = |name: &str| find(&format!("{}-{name}", window?)).and_then(number);
    set("utilization", of_window("utilization"));
    set("surpassedThreshold", of_window("surpassed-threshold"));
    set("overageStatus", overage.map(Value::from));
    set("overageResetsAt", find("overage-reset").and_then(number));
    set(
        "overageDisabledReason",
        find("overage-disabled-reason").map(Value::from),
    );
    // Overage pays for requests that the subscription refuses: the client distinguishes the two in this way.
    let paying = status == "rejected" && overage.is_some_and(|status| status.starts_with("allowed"));
    set("isUsingOverage", Some(paying.into()));
    Some(info.into())
}

/// Returns the abbreviation of a limit in the headers.
fn window(claim: &str) -> Option<&'static str> {
    match claim {
        "five_hour" => Some("5h"),
        "seven_day" => Some("7d"),
        _ => None,
    }
}

/// Reads a number, whole where it is written so.
fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<u64>().ok().map(Value::from);
    whole.or_else(|| serde_json::Number::from_f64(text.parse().ok()?).map(Value::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(headers: &[(&str, &str)], expect: Option<&Value>) {
        let find = |name: &str| {
            let name = name.strip_prefix(PREFIX)?;
            headers
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| *value)
        };
        assert_eq!(rate_limit_info(find).as_ref(), expect, "{headers:?}");
    }

    #[test]
    fn headers_say_what_the_client_says() {
        let limit = [
            ("status", "rejected"),
            ("reset", "1795257035"),
            ("representative-claim", "five_hour"),
        ];
        // The second and the third stand like this in recordings of the client.
        check(&[], None);
        check(
            &limit,
            Some(
                &json!({"status": "rejected", "resetsAt": 1_795_257_035, "rateLimitType": "five_hour",
                "isUsingOverage": false}),
            ),
        );
        let overage = [("overage-status", "allowed"), ("overage-reset", "1900000000")];
        check(
            &[&limit[..], &overage].concat(),
            Some(
                &json!({"status": "rejected", "resetsAt": 1_795_257_035, "rateLimitType": "five_hour",
                "overageStatus": "allowed", "overageResetsAt": 1_900_000_000, "isUsingOverage": true}),
            ),
        );
        let near = [
            ("status", "allowed_warning"),
            ("representative-claim", "seven_day"),
            ("7d-utilization", "0.91"),
            ("5h-utilization", "0.1"),
            ("overage-status", "rejected"),
            ("overage-disabled-reason", "org_level_disabled"),
            ("reset", "soon"),
        ];
        check(
            &near,
            Some(
                &json!({"status": "allowed_warning", "rateLimitType": "seven_day", "utilization": 0.91,
                "overageStatus": "rejected", "overageDisabledReason": "org_level_disabled", "isUsingOverage": false}),
            ),
        );
    }
}
