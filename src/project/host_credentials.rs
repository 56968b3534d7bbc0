//! The secrets of `network.credentials`: read once, when the repository is opened, and given to nobody but gateways.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::redact::{Redactor, SHORTEST_SECRET};
use crate::sandbox::gateway::egress::HeldCredential;
use crate::sandbox::network::{Caller, HostCredential, SecretSource};

/// The longest secret, in bytes: a header has no room for more.
const LONGEST: u64 = 16 << 10;

type Find = dyn Fn(&str) -> Option<SecretString> + Send + Sync;

/// Looks up the variables that the configuration names for secrets. The library reads no environment itself.
#[derive(Clone)]
pub struct SecretVariables(Arc<Find>);

impl SecretVariables {
    /// Looks variables up with `find`, which returns nothing for one that is unset or empty.
    pub fn new(find: impl Fn(&str) -> Option<SecretString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }
}

impl Default for SecretVariables {
    /// Knows no variable.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for SecretVariables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretVariables").finish_non_exhaustive()
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostCredentials {
    held: Vec<HeldCredential>,
    /// What is wrong with the others.
    problems: Vec<String>,
}

impl HostCredentials {
    /// Reads each secret, and gives it to the redactor. Relative files are in `folder`.
    pub(crate) fn read(
        credentials: &[HostCredential],
        variables: &SecretVariables,
        folder: &Path,
        redactor: &Redactor,
    ) -> Self {
        let mut all = Self::default();
        for credential in credentials {
            match secret(&credential.source, variables, folder) {
                Ok(secret) => {
                    redactor.learn(&secret);
                    all.held.push(HeldCredential {
                        credential: credential.clone(),
                        secret,
                    });
                }
                Err(why) => {
                    let (place, authority) = (&credential.written_at, credential.authority());
                    all.problems
                        .push(format!("{place}: `{authority}`: {}: {why}", credential.source));
                }
            }
        }
        all
    }

    /// Returns those for `caller`.
    pub(crate) fn of(&self, caller: Caller) -> Vec<HeldCredential> {
        let held = self.held.iter().filter(|held| held.credential.is_for(caller));
        held.cloned().collect()
    }

    /// Returns for which hosts there is a credential, in words.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Precondition`], naming each that cannot be used.
    pub(crate) fn check(&self) -> Result<String> {
        if !self.problems.is_empty() {
            let message = format!("`network.credentials` cannot be used: {}", self.problems.join("; "));
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint("set the variable where you call `cordwainer run`, or write the file; or remove the entry"));
        }
        let one =
            |held: &HeldCredential| format!("`{}` (from {})", held.credential.authority(), held.credential.source);
        let all: Vec<String> = self.held.iter().map(one).collect();
        Ok(if all.is_empty() {
            "none are configured".to_owned()
        } else {
            all.join(", ")
        })
    }
}

/// Reads a secret; returns what is wrong with it in words that do not show it.
fn secret(source: &SecretSource, variables: &SecretVariables, folder: &Path) -> Result<SecretString, String> {
    let secret = match source {
        SecretSource::Variable(name) => (variables.0)(name).ok_or("it is not set")?,
        SecretSource::File(path) => read(&folder.join(path))?,
    };
    let text = secret.expose_secret().trim();
    if text.len() < SHORTEST_SECRET {
        return Err(format!(
            "it has fewer than {SHORTEST_SECRET} characters, and could not be kept out of what hosts return"
        ));
    }
    if HeaderValue::from_str(text).is_err() || !text.is_ascii() {
        return Err("it is not one line of ASCII".to_owned());
    }
    Ok(SecretString::from(text))
}

fn read(path: &PathBuf) -> Result<SecretString, String> {
    let failed = |error: std::io::Error| format!("it cannot be read: {error}");
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.len() > LONGEST {
        return Err(format!("it is larger than {LONGEST} bytes"));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not one line of ASCII")?;
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;
    use crate::sandbox::network::{Authentication, Host, Limits, Target};

    fn credential(source: SecretSource) -> HostCredential {
        HostCredential {
            target: Target {
                host: Host::Name("registry.example".to_owned()),
                port: 443,
            },
            authentication: Authentication::Bearer,
            source,
            limits: Limits {
                roles: vec![Caller::Gates],
                ..Limits::default()
            },
            written_at: "configuration.yaml:7".to_owned(),
        }
    }

    #[test]
    fn what_is_missing_or_unusable_is_told_at_once_and_no_secret_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("good", "secret-of-the-file\n");
        write("two", "secret-of-line-one\nsecret-of-line-two\n");
        write("short", "secret\n");
        let variables = SecretVariables::new(|name| (name == "SET").then(|| SecretString::from("secret-of-variable")));
        let sources = ["good", "two", "short", "gone"].map(|name| SecretSource::File(PathBuf::from(name)));
        let named = ["SET", "UNSET"].map(|name| SecretSource::Variable(name.to_owned()));
        let all: Vec<_> = sources.into_iter().chain(named).map(credential).collect();
        let redactor = Redactor::default();
        let read = HostCredentials::read(&all, &variables, folder.path(), &redactor);
        let error = read.check().unwrap_err().to_string();
        for part in [
            "the file `two`: it is not one line of ASCII",
            "the file `short`: it has fewer than 8 characters",
            "the file `gone`: it cannot be read: No such file",
            "configuration.yaml:7: `registry.example`: the variable `UNSET`: it is not set",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("secret-of") && !error.contains("good"), "{error}");
        assert_eq!(
            (
                read.of(Caller::Gates).len(),
                read.of(Caller::Agent(Role::Measure)).len()
            ),
            (2, 0)
        );
        for known in ["secret-of-the-file", "secret-of-variable"] {
            assert_eq!(redactor.text(known), "[redacted credential]");
        }
    }
}
