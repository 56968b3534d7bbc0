//! What the programs in a container are told where TLS ends at the gateway: the certificates to trust, and what they show
//! in the place of credentials. Each program has a variable of its own:
//!
//! - OpenSSL, and with it curl as Debian has it, Ruby, PHP and .NET; Go; uv: `SSL_CERT_FILE`, which replaces the usual
//!   file, so that the bundle has what the machine trusts, too.
//! - curl: `CURL_CA_BUNDLE`. git: `GIT_SSL_CAINFO`, which comes before its setting `http.sslCAInfo`. cargo:
//!   `CARGO_HTTP_CAINFO`, which is its `http.cainfo`.
//! - Node, and with it npm, pnpm, yarn and the client: `NODE_EXTRA_CA_CERTS`, beside its own; npm's `cafile`; yarn's
//!   `httpsCaFilePath`.
//! - pip: `PIP_CERT`; requests, and with it poetry: `REQUESTS_CA_BUNDLE`. Deno: `DENO_CERT`. Bundler:
//!   `BUNDLE_SSL_CA_CERT`. Hex: `HEX_CACERTS_PATH`. AWS's clients: `AWS_CA_BUNDLE`.
//! - Java reads a store of its own form, which replaces its own: the properties `javax.net.ssl.trustStore` and
//!   `javax.net.ssl.trustStoreType` (JSSE Reference Guide), which every JVM takes from `JAVA_TOOL_OPTIONS`.

use super::{Authentication, HostCredential};

/// The variables that name a file with certificates.
const TRUST: [&str; 13] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "YARN_HTTPS_CA_FILE_PATH",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "DENO_CERT",
    "BUNDLE_SSL_CA_CERT",
    "HEX_CACERTS_PATH",
    "AWS_CA_BUNDLE",
];
/// The file with certificates.
const BUNDLE: &str = "trusted.pem";
/// A store of these certificates, as Java reads one.
const JAVA_STORE: &str = "trusted.jks";
/// Options that every JVM reads.
pub const JAVA_OPTIONS: &str = "JAVA_TOOL_OPTIONS";
/// The settings of npm.
const NPMRC: &str = "npmrc";
/// What requests, and with it pip, shows to hosts.
const NETRC: &str = "netrc";

/// All files that a container may find.
pub const CLIENT_FILES: [&str; 4] = [BUNDLE, JAVA_STORE, NPMRC, NETRC];

/// The certificates that a container trusts, in the forms that its programs read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedCertificates {
    /// As PEM.
    pub pem: String,
    /// As a store of Java, in the form JKS.
    pub java: Vec<u8>,
}

/// Files and variables for the programs in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFiles {
    /// Names of files and their content.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// Variables of the environment.
    pub variables: Vec<(String, String)>,
}

/// Returns what a container is told that trusts these certificates and has `placeholder` in the place of these credentials; its
/// files are in `folder` there.
pub fn client_files<'a>(
    credentials: impl IntoIterator<Item = &'a HostCredential>,
    placeholder: &str,
    trusted: TrustedCertificates,
    folder: &str,
) -> ClientFiles {
    let place = |file: &str| format!("{folder}/{file}");
    let trust = TRUST.iter().map(|name| ((*name).to_owned(), place(BUNDLE)));
    let mut told = ClientFiles {
        variables: trust.collect(),
        files: vec![(BUNDLE, trusted.pem.into_bytes()), (JAVA_STORE, trusted.java)],
    };
    let store = place(JAVA_STORE);
    let options = format!("-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStoreType=JKS");
    told.variables.push((JAVA_OPTIONS.to_owned(), options));
    let (mut npmrc, mut netrc) = (String::new(), String::new());
    for credential in credentials {
        match &credential.authentication {
            Authentication::Cargo(registry) => {
                let variable = (cargo_variable(registry), placeholder.to_owned());
                if !told.variables.contains(&variable) {
                    told.variables.push(variable);
                }
            }
            Authentication::Npm => npmrc.push_str(&format!("//{}/:_authToken={placeholder}\n", credential.authority())),
            Authentication::Pip(user) => {
                let host = credential.target.host.to_string();
                let host = host.trim_matches(['[', ']']);
                netrc.push_str(&format!("machine {host} login {user} password {placeholder}\n"));
            }
            Authentication::Header(_) | Authentication::Basic(_) | Authentication::Bearer => {}
        }
    }
    for (variable, file, content) in [("NPM_CONFIG_USERCONFIG", NPMRC, npmrc), ("NETRC", NETRC, netrc)] {
        if !content.is_empty() {
            told.variables.push((variable.to_owned(), place(file)));
            told.files.push((file, content.into_bytes()));
        }
    }
    told
}

/// Returns the variable in which cargo looks for the token of a registry.
fn cargo_variable(registry: &str) -> String {
    if registry == "crates-io" {
        return "CARGO_REGISTRY_TOKEN".to_owned();
    }
    let name = registry.to_ascii_uppercase().replace('-', "_");
    format!("CARGO_REGISTRIES_{name}_TOKEN")
}

#[cfg(test)]
mod tests {
    use super::super::{Host, Limits, SecretSource, Target};
    use super::*;

    fn credential(host: &str, port: u16, authentication: Authentication) -> HostCredential {
        HostCredential {
            target: Target {
                host: Host::parse(host).unwrap(),
                port,
            },
            authentication,
            source: SecretSource::Variable("TOKEN".to_owned()),
            limits: Limits::default(),
            written_at: String::new(),
        }
    }

    #[test]
    fn each_program_is_told_in_its_own_way() {
        let all = [
            credential("cargo.example", 443, Authentication::Cargo("my-own".to_owned())),
            credential("files.example", 443, Authentication::Cargo("my-own".to_owned())),
            credential("crates.example", 443, Authentication::Cargo("crates-io".to_owned())),
            credential("npm.example", 8443, Authentication::Npm),
            credential("[::1]", 8443, Authentication::Pip("agent".to_owned())),
            credential("api.example", 443, Authentication::Bearer),
        ];
        let trusted = TrustedCertificates {
            pem: "BUNDLE".to_owned(),
            java: b"STORE".to_vec(),
        };
        let told = client_files(&all, "PLACEHOLDER", trusted, "/run/x");
        let value = |name: &str| {
            let mut found = told.variables.iter().filter(|(known, _)| known == name);
            let value = found.next().map(|(_, value)| value.as_str());
            assert_eq!(found.next(), None, "{name}");
            value
        };
        assert_eq!(value("GIT_SSL_CAINFO"), Some("/run/x/trusted.pem"));
        assert_eq!(value("CARGO_REGISTRIES_MY_OWN_TOKEN"), Some("PLACEHOLDER"));
        assert_eq!(value("CARGO_REGISTRY_TOKEN"), Some("PLACEHOLDER"));
        assert_eq!(value("NPM_CONFIG_USERCONFIG"), Some("/run/x/npmrc"));
        assert_eq!(value("NETRC"), Some("/run/x/netrc"));
        let expect = [
            ("trusted.pem", "BUNDLE"),
            ("trusted.jks", "STORE"),
            ("npmrc", "//npm.example:8443/:_authToken=PLACEHOLDER\n"),
            ("netrc", "machine ::1 login agent password PLACEHOLDER\n"),
        ];
        assert_eq!(
            told.files,
            expect.map(|(name, content)| (name, content.as_bytes().to_vec()))
        );
        let store = "-Djavax.net.ssl.trustStore=/run/x/trusted.jks -Djavax.net.ssl.trustStoreType=JKS";
        assert_eq!(value("JAVA_TOOL_OPTIONS"), Some(store));
        let none = client_files(&all[5..], "PLACEHOLDER", TrustedCertificates::default(), "/run/x");
        assert!(!none.variables.iter().any(|(_, value)| value.contains("PLACEHOLDER")));
    }
}
