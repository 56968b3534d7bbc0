//! The proxy through which this machine reaches the model's API, from the environment.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::redact::Redactor;

/// A proxy for HTTPS, and the hosts that are reached without it.
///
/// Hosts, domains and networks in the exceptions are compared as in curl. As in most programs, this machine itself is
/// never reached through a proxy.
#[derive(Clone)]
pub struct Proxy {
    variable: &'static str,
    address: SecretString,
    exceptions: String,
}

impl Proxy {
    /// Takes the value of a variable such as `HTTPS_PROXY`, and that of `NO_PROXY`. A password in the address is
    /// redacted from now on.
    pub fn new(variable: &'static str, address: SecretString, exceptions: String, redactor: &Redactor) -> Self {
        if let Some(user) = user_information(address.expose_secret()) {
            let password = user.split_once(':').map_or(user, |(_, password)| password);
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            // The header that sends them to the proxy contains both.
            for secret in [password.to_owned(), decoded(password), decoded(user)] {
                redactor.learn(&SecretString::from(secret));
            }
        }
        Self {
            variable,
            address,
            exceptions,
        }
    }

    /// Returns the variable that names it.
    pub(crate) fn variable(&self) -> &'static str {
        self.variable
    }

    /// Returns how an API is reached: through this proxy, or, for `None`, without it.
    ///
    /// Fails with [`ErrorKind::Precondition`] where the API must be reached through it, and the gateway cannot use it.
    pub(crate) fn way_to(&self, api: &Uri) -> Result<Option<Intercept>> {
        let address = self.address.expose_secret();
        if api.scheme_str() != Some("https") || api.host().is_none_or(is_this_machine) {
            return Ok(None);
        }
        let excepted = Matcher::builder()
            .https("http://proxy.invalid")
            .no(self.exceptions.as_str());
        if excepted.build().intercept(api).is_none() {
            return Ok(None);
        }
        let found = Matcher::builder().https(address).build().intercept(api);
        match found {
            Some(proxy) if matches!(proxy.uri().scheme_str(), Some("http" | "https")) => Ok(Some(proxy)),
            // The address may contain a password, so it is not quoted.
            Some(_) => Err(self.unusable("is of a kind that is not supported")),
            None => Err(self.unusable("has no valid address")),
        }
    }

    /// Returns whether a host, with or without a port, is reached without it.
    pub(crate) fn excepts(&self, host: &str) -> bool {
        let uri = format!("https://{host}").parse::<Uri>();
        uri.is_ok_and(|uri| matches!(self.way_to(&uri), Ok(None)))
    }

    fn unusable(&self, why: &str) -> Error {
        let variable = self.variable;
        Error::new(
            ErrorKind::Precondition,
            format!("the proxy that `{variable}` names {why}"),
        )
        .hint("give it as `http://host:port`, or name the host of the model's API in `NO_PROXY`")
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("variable", &self.variable)
            .finish_non_exhaustive()
    }
}

/// Returns the part before the host in an address, as `user:password`.
fn user_information(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map(|(user, _)| user)
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks how an API is reached where `HTTPS_PROXY` has this value, and `NO_PROXY` that one; the error's end where
    /// it is not.
    fn check(address: &str, exceptions: &str, api: &str, expect: Result<Option<&str>, &str>) {
        let redactor = Redactor::default();
        let proxy = Proxy::new(
            "HTTPS_PROXY",
            address.to_owned().into(),
            exceptions.to_owned(),
            &redactor,
        );
        match (proxy.way_to(&api.parse().unwrap()), expect) {
            (Ok(way), Ok(expect)) => {
                let way = way.map(|way| way.uri().to_string());
                assert_eq!(way.as_deref(), expect, "{address} {exceptions} {api}");
            }
            (Err(error), Err(expect)) => {
                assert_eq!(error.kind(), ErrorKind::Precondition);
                assert!(error.to_string().ends_with(expect), "{error}");
                assert!(!error.in_a_line().contains("pass"), "{error}");
            }
            (found, expect) => panic!("{address} {exceptions} {api}: {found:?} instead of {expect:?}"),
        }
        assert!(!format!("{proxy:?}").contains("pass"));
    }

    #[test]
    fn what_is_reached_through_a_proxy() {
        let (proxy, api) = ("http://proxy.example:3128", "https://api.example");
        let through = Ok(Some("http://proxy.example:3128/"));
        check(proxy, "", api, through);
        check("proxy.example:3128", "", api, through);
        check("http://user:pass@proxy.example:3128/", "", api, through);
        check(
            "https://proxy.example:3128",
            "",
            api,
            Ok(Some("https://proxy.example:3128/")),
        );
        // Exceptions, as curl reads them.
        for exceptions in ["api.example", ".example", "a, api.example", "*", "example"] {
            check(proxy, exceptions, api, Ok(None));
        }
        for exceptions in ["pi.example", "api.example.org", "10.0.0.0/8", ","] {
            check(proxy, exceptions, api, through);
        }
        check(proxy, "10.0.0.0/8", "https://10.1.2.3:8443/v", Ok(None));
        // This machine, and what is not HTTPS.
        for api in [
            "https://localhost:1",
            "https://LOCALHOST",
            "https://127.0.0.1:1",
            "https://[::1]:1",
        ] {
            check(proxy, "", api, Ok(None));
        }
        check(proxy, "", "http://api.example", Ok(None));
        // What cannot be asked is reported where it is to be asked.
        check(
            "socks5://user:pass@proxy.example",
            "",
            api,
            Err("is of a kind that is not supported"),
        );
        check("ftp://pass.example", "", api, Err("has no valid address"));
        check("http://user:pass word@", "", api, Err("has no valid address"));
        check("socks5://proxy.example", "*", api, Ok(None));
    }

    #[test]
    fn its_password_is_redacted() {
        let redactor = Redactor::default();
        let address = "http://user:a%20pass-word-of%20it@proxy.example:3128/@";
        Proxy::new("HTTPS_PROXY", address.to_owned().into(), String::new(), &redactor);
        for text in [
            "a%20pass-word-of%20it",
            "a pass-word-of it",
            "dXNlcjphIHBhc3Mtd29yZC1vZiBpdA==",
        ] {
            let shown = redactor.text(text);
            assert!(!shown.contains(text), "{shown}");
        }
    }
}
