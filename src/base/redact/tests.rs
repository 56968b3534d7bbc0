//! Nothing that must not be recorded gets through, nothing else is touched, and JSON stays JSON.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
    Redactor::new(&secrets)
}

fn check(text: &str, expect: &str) {
    let redactor = redactor(&["correct-horse-battery", "short"]);
    assert_eq!(redactor.text(text), expect, "{text:?}");
    assert_eq!(redactor.text(expect), expect, "a second time");
}

/// Letters and digits enough for any token.
const MANY: &str = "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z0a1B2c3D4e5F6g7H8i9J0k1L";

#[test]
fn tokens_of_known_forms_are_taken_out() {
    let upper = "Q3EGRZTTW2K5YV7M";
    for (token, kind) in [
        (format!("sk-ant-oat01-{MANY}"), "Anthropic token"),
        (format!("sk-ant-api03-cordwainer-{}", &MANY[..20]), "Anthropic token"),
        (format!("sk-proj-{MANY}"), "OpenAI token"),
        (format!("sk-{}T3BlbkFJ{}", &MANY[..20], &MANY[20..40]), "OpenAI token"),
        (format!("ghp_{}", &MANY[..36]), "GitHub token"),
        (format!("gho_{}", &MANY[..36]), "GitHub token"),
        (format!("ghu_{}", &MANY[..36]), "GitHub token"),
        (format!("ghs_{}", &MANY[..36]), "GitHub token"),
        (format!("ghr_{}", &MANY[..36]), "GitHub token"),
        (format!("github_pat_{}_{}", &MANY[..22], &MANY[..59]), "GitHub token"),
        (format!("glpat-{}", &MANY[..20]), "GitLab token"),
        (format!("AKIA{upper}"), "AWS key id"),
        (format!("ASIA{upper}"), "AWS key id"),
        (format!("xoxb-123456789012-{}", &MANY[..24]), "Slack token"),
        (format!("AIza{}", &MANY[..35]), "Google key"),
        (format!("npm_{}", &MANY[..36]), "npm token"),
        (format!("pypi-AgEIcHlwaS5vcmc{}", &MANY[..60]), "PyPI token"),
        (format!("cio{}", &MANY[..32]), "crates.io token"),
        (format!("sk_live_{}", &MANY[..24]), "Stripe key"),
        (format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", &MANY[..43]), "JWT"),
    ] {
        let marked = format!("[redacted {kind}]");
        check(&token, &marked);
        check(&format!("a {token} b"), &format!("a {marked} b"));
        check(&format!("\"{token}\""), &format!("\"{marked}\""));
        check(&format!(r"line\n{token}\n"), &format!(r"line\n{marked}\n"));
        check(&format!("KEY={token};"), &format!("KEY={marked};"));
    }
}

#[test]
fn what_stands_before_a_token_tells_what_it_is() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYZ0a1B2c3D4";
    for (before, after) in [
        ("aws_secret_access_key = ", ""),
        ("AWS_SECRET_ACCESS_KEY=", "\n"),
        ("\"SecretAccessKey\": \"", "\""),
        (r#"{\"secretAccessKey\": \""#, r#"\"}"#),
    ] {
        check(
            &format!("{before}{secret}{after}"),
            &format!("{before}[redacted AWS secret]{after}"),
        );
    }
    for before in [
        "Authorization: Bearer ",
        "authorization\\\": \\\"bearer ",
        "Proxy-Authorization: Bearer ",
    ] {
        check(
            &format!("{before}{}", &MANY[..30]),
            &format!("{before}[redacted bearer token]"),
        );
    }
}

#[test]
fn private_keys_are_taken_out_whole() {
    let body = format!("{}\n{}\n", &MANY[..64], &MANY[..64]);
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let key = format!("-----BEGIN {label}-----\n{body}-----END {label}-----");
        check(&format!("a\n{key}\nb"), "a\n[redacted private key]\nb");
        let line = serde_json::json!({ "text": format!("a\n{key}\nb") }).to_string();
        check(&line, r#"{"text":"a\n[redacted private key]\nb"}"#);
        // What is left of one that was cut off.
        check(&format!("-----BEGIN {label}-----\n{body}"), "[redacted private key]");
    }
    for harmless in [
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\n0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z0a1B2c3D4e5F6g7H8i9J0k1L\n-----END CERTIFICATE-----",
    ] {
        check(harmless, harmless);
    }
}

#[test]
fn credentials_in_use_are_taken_out_however_they_are_written() {
    check("correct-horse-battery", "[redacted credential]");
    check("xcorrect-horse-batteryy", "x[redacted credential]y");
    check("Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", "[redacted credential]");
    // `user:correct-horse-battery`: the last letter of `user:` shares one with the first of the secret.
    check("dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=", "dXNlcjp[redacted credential]k=");
    check("a%2Fb correct%2Dhorse", "a%2Fb correct%2Dhorse");
    check("short", "short");
    let within = format!("sk-ant-{}correct-horse-battery", &MANY[..20]);
    check(
        &format!("{within}+"),
        "[redacted credential]+"
            .replace("credential", "Anthropic token")
            .as_str(),
    );
}

#[test]
fn a_credential_that_goes_beyond_a_token_goes_whole() {
    let redactor = redactor(&["0123456789/rest/of/it"]);
    let text = format!("glpat-{}0123456789/rest/of/it!", &MANY[..20]);
    assert_eq!(redactor.text(&text), "[redacted GitLab token]!");
    // One that begins like a known form is not hidden by it.
    let redactor = self::redactor(&["github_p", "sk-ant-short-1"]);
    assert_eq!(
        redactor.text("github_pat_x sk-ant-short-1!"),
        "[redacted credential]at_x [redacted credential]!"
    );
}

#[test]
fn what_is_no_token_stays() {
    for text in [
        "",
        "the task-list of a disk-based risk-assessment sk-",
        "ghp_ and ghp_short, github_pat_ is a prefix",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "AKIA0123 xAKIAQ3EGRZTTW2K5YV7M AKIAQ3EGRZTTW2K5YV7MX",
        "npm_config_registry_0a1B2c3D4e5F6g7H8i9J0k1L2m",
        "speciosity0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P",
        "eyJhbGciOiJIUzI1NiJ9",
        "Bearer of good news: bearer 0a1B2c3D4e5F6g7H8i9J0k1L",
        "Authorization: Bearer $TOKEN_OF_THE_CURRENT_USER",
        "secret_access_key = 'see the documentation of the provider'",
        "[redacted credential] [redacted GitHub token]",
    ] {
        check(text, text);
    }
}

#[test]
fn clones_learn_together_and_short_or_foolish_secrets_are_left_out() {
    let redactor = Redactor::default();
    let clone = redactor.clone();
    for secret in ["1234567", "redacted", "  \n", "[redacted credential]"] {
        redactor.learn(&SecretString::from(secret));
    }
    assert_eq!(clone.text("1234567 redacted"), "1234567 redacted");
    redactor.learn(&SecretString::from("12345678\n"));
    assert_eq!(clone.text("12345678"), "[redacted credential]");
    assert!(!format!("{clone:?}").contains("12345678"));
}

fn check_line(secret: &str, line: &str, expect: &str) {
    let redacted = redactor(&[secret]);
    let redacted = redacted.line(line.as_bytes());
    assert_eq!(String::from_utf8_lossy(&redacted), expect, "{secret:?} in {line:?}");
}

#[test]
fn json_stays_json() {
    check_line("nabcdefgh", r#"{"a":"\nabcdefgh"}"#, r#"{"a":"[redacted credential]"}"#);
    check_line(
        "0041abcde",
        r#"{"a":"\u0041abcde"}"#,
        r#"{"a":"[redacted credential]"}"#,
    );
    check_line(
        r"abcdefgh\",
        r#"{"a":"abcdefgh\\","b":1}"#,
        r#"{"a":"[redacted credential]","b":1}"#,
    );
    check_line(r#"a":12,"b"#, r#"{"a":12,"b":1}"#, r#"{"[redacted credential]":1}"#);
    check_line(r#"":[12,34"#, r#"{"a":[12,34]}"#, r#"{"type":"redacted"}"#);
    check_line(
        "12345678",
        r#"{"a":12345678,"b":"12345678"}"#,
        r#"{"a":"[redacted credential]","b":"[redacted credential]"}"#,
    );
    check_line("12345678", "not { json 12345678", "not { json [redacted credential]");
}

#[test]
fn names_and_figures_of_our_own_json_stay() {
    let redactor = redactor(&["12345678", "session_id", r#"", "b": ""#]);
    for (json, expect) in [
        (r#"{"tokens": 12345678}"#, r#"{"tokens": 12345678}"#),
        (
            r#"{"session_id" : "session_id", "n": 12345678, "list": ["a\\\"12345678"]}"#,
            r#"{"session_id" : "[redacted credential]", "n": 12345678, "list": ["a\\\"[redacted credential]"]}"#,
        ),
        (r#"{"a": "x", "b": "y"}"#, r#"{"a": "x", "b": "y"}"#),
    ] {
        assert_eq!(String::from_utf8_lossy(&redactor.own_json(json.as_bytes())), expect);
    }
}

#[test]
fn a_mebibyte_of_anything_is_quick() {
    let secrets = redactor(&["correct-horse-battery"]);
    for unit in [
        "sk-",
        "sk-ant-",
        "-sk-ant-",
        // Forms of two classes in one run.
        "sk-cio",
        "npm_AIza",
        "eyJ",
        "eyJ.",
        "eyJhbGciOiJIUzI1.",
        "Bearer ",
        "authorization bearer ",
        "\\",
        "\\\\cio",
        "\\n",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n=",
        "github_pat_",
        "ecret_access_key=",
        "a",
        "\0",
        "correct-horse-batter",
        "correct-horse-battery",
        "AKIA",
        "0",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let begun = Instant::now();
        let _ = secrets.line(text.as_bytes());
        // A tenth of a second without optimization; what grows with the square would take hours.
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{unit:?}: {:?}",
            begun.elapsed()
        );
    }
}

/// Generates secrets and texts that meet often: few letters, many of them special.
fn secret() -> impl Strategy<Value = String> {
    let letters = r#"[ab\\"n1:,\[\]{}é/+u0]{8,12}"#;
    prop_oneof![
        letters.prop_map(|text: String| text.trim().to_owned()),
        "[0-9]{8}".prop_map(|text| text)
    ]
    .prop_filter("long enough", |text| text.len() >= SHORTEST_SECRET)
}

fn text(secrets: Vec<String>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => proptest::sample::select(secrets),
        3 => r#"[ab\\"n1:,\[\]{}é/+u0]{0,12}"#.prop_map(|text: String| text),
        1 => Just(format!("ghp_{}", &MANY[..36])),
        1 => Just("-----BEGIN PRIVATE KEY-----\n".to_owned()),
        1 => Just("[redacted credential]".to_owned()),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn scenes() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let secrets = proptest::collection::vec(secret(), 1..4);
    secrets.prop_flat_map(|secrets| {
        let texts = proptest::collection::vec(text(secrets.clone()), 1..4);
        (Just(secrets), texts)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_secret_is_left_and_a_second_time_changes_nothing((secrets, texts) in scenes()) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redactor = redactor(&secrets);
        for text in &texts {
            let once = redactor.text(text);
            for secret in secrets.iter().filter(|secret| !patterns::is_in_a_marker(secret)) {
                prop_assert!(!once.contains(*secret), "{secret:?} in {once:?}");
            }
            prop_assert_eq!(redactor.text(&once), once.as_ref());
            prop_assert!(redactor.find(once.as_bytes()).is_empty());
        }
    }

    #[test]
    fn json_stays_json_whatever_the_secrets_are((secrets, texts) in scenes(), number in 0_u64..100_000_000) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redactor = redactor(&secrets);
        let line = serde_json::json!({ "texts": texts, "number": number, "nested": { "text": texts.first() } }).to_string();
        let redacted = redactor.line(line.as_bytes());
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&redacted).is_ok(), "{}", String::from_utf8_lossy(&redacted));
        prop_assert!(redactor.find(&redacted).is_empty());
        prop_assert_eq!(redactor.line(&redacted).into_owned(), redacted.to_vec());
    }
}
