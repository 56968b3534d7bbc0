//! Reports in SARIF, against the schema of its standard.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../data/sarif/sarif-schema-2.1.0.json");

/// Panics with all that is wrong with a report.
#[track_caller]
pub(crate) fn expect_valid(sarif: &Value) {
    // A pattern of languages is not a regular expression by Unicode's rules.
    let pattern = r#""pattern": "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$""#;
    assert_eq!(SCHEMA.matches(pattern).count(), 2);
    let schema = serde_json::from_str(&SCHEMA.replace(pattern, r#""minLength": 2"#)).unwrap();
    let options = jsonschema::options().should_validate_formats(true);
    let validator = options.build(&schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(sarif)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{sarif:#}");
}
