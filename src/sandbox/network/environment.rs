//! The variables with which the programs in a container find the gateway.
//!
//! - curl, and cargo, which hands the choice of a proxy to it: `https_proxy`, `HTTPS_PROXY`, `http_proxy` (libcurl's
//!   `CURLOPT_PROXY`; it does not read `HTTP_PROXY`).
//! - npm: `HTTPS_PROXY`, `HTTP_PROXY` and their lower-case forms (its documentation of the option `https-proxy`).
//! - pip: the variables of npm (requests, "Proxies").
//! - go: the variables of npm (`net/http`, `ProxyFromEnvironment`).
//! - apt: `http_proxy` and `https_proxy`, in lower case alone (apt-transport-http(1)).
//! - yarn from version 2 on reads its own settings alone, which variables that begin with `YARN_` set. One for hosts
//!   without the proxy is none of them, and an error to it.
//! - Bundler, Composer, Hex, `NuGet`, Deno and git, which fetches packages of Swift: `HTTPS_PROXY` or its lower-case form.
//! - Maven reads none of them, but the properties of Java's networking, from 3.9 on only when its resolver is told so
//!   (the resolver's option `aether.connector.http.useSystemProperties`). Gradle and its wrapper read these properties,
//!   too, from `GRADLE_OPTS`.

use super::{Authority, NetworkConfig};

/// Hosts that are reached without the gateway: the relay itself, and servers that a container starts for itself.
const DIRECT: &str = "127.0.0.1,localhost";

/// Returns the environment of a container whose relay is at `proxy`, such as `http://127.0.0.1:8080`; empty when
/// nothing may be reached.
pub fn environment(network: &NetworkConfig, proxy: &str) -> Vec<(String, String)> {
    if network.allow.is_empty() && network.credentials.is_empty() {
        return Vec::new();
    }
    let mut variables = Vec::new();
    for (name, value) in [("HTTPS_PROXY", proxy), ("HTTP_PROXY", proxy), ("NO_PROXY", DIRECT)] {
        variables.push((name.to_owned(), value.to_owned()));
        variables.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    for name in ["YARN_HTTP_PROXY", "YARN_HTTPS_PROXY"] {
        variables.push((name.to_owned(), proxy.to_owned()));
    }
    if let Some(properties) = java_properties(proxy) {
        let maven = format!("{properties} -Daether.connector.http.useSystemProperties=true");
        variables.push(("MAVEN_OPTS".to_owned(), maven));
        variables.push(("GRADLE_OPTS".to_owned(), properties));
    }
    variables
}

fn java_properties(proxy: &str) -> Option<String> {
    let authority = proxy.strip_prefix("http://")?.trim_end_matches('/');
    let Authority { host, port } = Authority::parse(authority, Some(80)).ok()?;
    let of = |scheme: &str| format!("-D{scheme}.proxyHost={host} -D{scheme}.proxyPort={port}");
    let (http, https) = (of("http"), of("https"));
    Some(format!("{http} {https}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_set_where_nothing_is_permitted() {
        assert_eq!(environment(&NetworkConfig::default(), "http://127.0.0.1:8080"), []);
    }

    #[test]
    fn both_letter_cases_and_java_are_set() {
        let network = NetworkConfig {
            allow: "cargo".parse().into_iter().collect(),
            ..NetworkConfig::default()
        };
        let found = environment(&network, "http://127.0.0.1:8080");
        let proxy = "http://127.0.0.1:8080";
        let java = "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=8080 -Dhttps.proxyHost=127.0.0.1 \
                    -Dhttps.proxyPort=8080";
        let maven = format!("{java} -Daether.connector.http.useSystemProperties=true");
        let expect = [
            ("HTTPS_PROXY", proxy),
            ("https_proxy", proxy),
            ("HTTP_PROXY", proxy),
            ("http_proxy", proxy),
            ("NO_PROXY", "127.0.0.1,localhost"),
            ("no_proxy", "127.0.0.1,localhost"),
            ("YARN_HTTP_PROXY", proxy),
            ("YARN_HTTPS_PROXY", proxy),
            ("MAVEN_OPTS", maven.as_str()),
            ("GRADLE_OPTS", java),
        ];
        assert_eq!(found, expect.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
