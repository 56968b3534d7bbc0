//! Credentials from variables and files of every kind.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;
use crate::base::error::Error;
use crate::base::redact::Redactor;

const TOKEN: &str = "sk-ant-oat01-dummy-of-a-test";

fn now() -> Timestamp {
    "2026-11-21T09:30:00Z".parse().unwrap()
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn document(token: &str, expires_in: i64) -> String {
    let expires_at = now().as_millisecond() + expires_in;
    format!(r#"{{"claudeAiOauth":{{"accessToken":"{token}","refreshToken":"r","expiresAt":{expires_at}}},"other":1}}"#)
}

fn token(source: &CredentialSource) -> Result<String, String> {
    match source.current(now()) {
        Ok(Credential::OAuth(token)) => Ok(token.expose_secret().to_owned()),
        Ok(Credential::ApiKey(key)) => Ok(format!("key {}", key.expose_secret())),
        Err(problem) => Err(problem.to_string()),
    }
}

#[test]
fn the_configuration_chooses() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("claude.json");
    let choose = |credentials, key: Option<&str>, oauth: Option<&str>| {
        CredentialSource::choose(
            credentials,
            key.map(secret),
            oauth.map(secret),
            &path,
            &Redactor::default(),
        )
        .map(|source| token(&source))
    };
    let missing = Err(format!("there is no token file `{}`", path.display()));
    assert_eq!(choose(Credentials::None, Some("k"), Some("t")), None);
    assert_eq!(
        choose(Credentials::ApiKey, Some("k"), Some("t")),
        Some(Ok("key k".into()))
    );
    let unset = Some(Err("ANTHROPIC_API_KEY is not set".into()));
    assert_eq!(choose(Credentials::ApiKey, None, Some("t")), unset);
    assert_eq!(
        choose(Credentials::Subscription, Some("k"), Some("t")),
        Some(Ok("t".into()))
    );
    assert_eq!(choose(Credentials::Subscription, Some("k"), None), Some(missing));
    fs::write(&path, document(TOKEN, 1000)).unwrap();
    assert_eq!(
        choose(Credentials::Subscription, Some("k"), None),
        Some(Ok(TOKEN.into()))
    );
    let wrong = "the given credential contains characters that no credential contains";
    for given in ["", "two words", "a\nb", "ä"] {
        assert_eq!(choose(Credentials::ApiKey, Some(given), None), Some(Err(wrong.into())));
    }
}

#[test]
fn a_file_is_read_again_when_it_changes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("claude.json");
    let source = CredentialSource::token_file(path.clone());
    assert!(token(&source).is_err());
    fs::write(&path, document("one", 1)).unwrap();
    assert_eq!(token(&source), Ok("one".into()));
    // Renamed over, with the same length.
    fs::write(folder.path().join("new"), document("two", 1)).unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    assert_eq!(token(&source), Ok("two".into()));
    fs::write(&path, document("three", 0)).unwrap();
    let expired = format!("the login in `{}` has expired (2026-11-21T09:30:00Z)", path.display());
    assert_eq!(token(&source), Err(expired));
    fs::write(&path, document("fourth", -7)).unwrap();
    assert!(token(&source).unwrap_err().contains("has expired"));
    fs::write(&path, r#"{"claudeAiOauth":{"accessToken":"for-ever"}}"#).unwrap();
    assert_eq!(token(&source), Ok("for-ever".into()));
    fs::remove_file(&path).unwrap();
    assert!(token(&source).unwrap_err().starts_with("there is no token file"));
}

#[test]
fn what_is_no_token_file_is_told_without_its_content() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("claude.json");
    let source = CredentialSource::token_file(path.clone());
    let check = |expect: &str| {
        let problem = source.current(now()).unwrap_err();
        let error = Error::from(problem.clone());
        assert!(error.to_string().contains(expect), "{error}");
        assert!(
            error.hint_text().is_some_and(|hint| hint.contains("claude.json")),
            "{error:?}"
        );
        assert!(!format!("{problem:?}{error:?}").contains("dummy"), "{problem:?}");
    };
    for content in [
        "",
        "dummy",
        "{}",
        r#"{"claudeAiOauth":"dummy"}"#,
        r#"{"claudeAiOauth":{"accessToken":7}}"#,
        r#"{"claudeAiOauth":{"accessToken":"dummy","expiresAt":"dummy"}}"#,
    ] {
        fs::write(&path, content).unwrap();
        check("does not have the form");
    }
    fs::write(&path, document("dummy dummy", 1)).unwrap();
    check("has an invalid `accessToken`");
    fs::write(&path, r#"{"claudeAiOauth":{"accessToken":"dummy","expiresAt":1e30}}"#).unwrap();
    check("has an `expiresAt` that is not a time");
    fs::write(&path, "x".repeat((1 << 20) + 1)).unwrap();
    check("is longer than 1 MiB");
    fs::remove_file(&path).unwrap();
    symlink("elsewhere.json", &path).unwrap();
    fs::write(folder.path().join("elsewhere.json"), document(TOKEN, 1)).unwrap();
    check("is a symbolic link");
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    check("is not a regular file");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    check("is not a regular file");
}

#[test]
fn others_who_may_read_are_a_warning() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("claude.json");
    let source = CredentialSource::token_file(path.clone());
    assert_eq!(source.warning(), None);
    fs::write(&path, document(TOKEN, 1)).unwrap();
    for (mode, expect) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let warned = source.warning().is_some_and(|warning| warning.contains("claude.json"));
        assert_eq!(warned, expect, "{mode:o}");
    }
    assert_eq!(token(&source), Ok(TOKEN.into()));
    assert_eq!(CredentialSource::api_key(secret("k")).warning(), None);
}

#[test]
fn no_secret_is_in_a_debug_form() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("claude.json");
    fs::write(&path, document(TOKEN, 1)).unwrap();
    let sources = [
        CredentialSource::api_key(secret(TOKEN)),
        CredentialSource::oauth_token(secret(TOKEN)),
        CredentialSource::token_file(path),
    ];
    for source in sources {
        let credential = source.current(now()).unwrap();
        assert!(!format!("{source:?}{credential:?}").contains("dummy-of-a-test"));
    }
}
