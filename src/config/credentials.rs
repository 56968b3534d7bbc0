//! Reads `network.credentials`. No value is quoted that could be a secret in the wrong place.

use hyper::header::HeaderName;

use super::field::Field;
use super::keys::{CREDENTIAL, SECRET};
use super::node::Kind;
use super::section::Section;
use crate::model::StageName;
use crate::sandbox::network::{Authentication, Authority, Entry, Host, HostCredential, SecretSource, Target};

/// The port where none is written.
const TLS_PORT: u16 = 443;
/// What to write instead of a secret.
const ELSEWHERE: &str = "write `from: {env: NAME}` or `from: {file: PATH}`: a secret must not be in this file";
/// The keys of which an entry has one.
const KINDS: [&str; 6] = ["header", "basic", "bearer", "cargo", "npm", "pip"];
/// Headers that the gateway needs for itself.
const TAKEN: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "cookie",
];

/// Reads the list, and notes entries that contradict each other. `stages` are those of the project's own.
pub(super) fn read(field: &Field<'_>, stages: &[StageName]) -> Option<Vec<HostCredential>> {
    let mut all: Vec<HostCredential> = Vec::new();
    for item in field.items("a list of credentials")? {
        let Some(credential) = read_one(&item, stages) else {
            continue;
        };
        let contradicted = all.iter().find(|other| other.contradicts(&credential));
        if let Some(other) = contradicted {
            item.refuse_with::<()>(
                format!(
                    "a second credential for some requests to `{}`, beside that at {}",
                    other.authority(),
                    other.written_at
                ),
                "keep one, or tell them apart by `roles`, `methods` or `paths`",
            );
        } else {
            all.push(credential);
        }
    }
    Some(all)
}

fn read_one(field: &Field<'_>, stages: &[StageName]) -> Option<HostCredential> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        return field.refuse_with("expected a mapping with a `host`", ELSEWHERE);
    }
    let problems = field.report.count();
    let section = Section::open(field, CREDENTIAL)?;
    let (mut target, mut source) = (None, None);
    section.set_some("host", &mut target, read_host);
    section.set_some("from", &mut source, read_source);
    let authentication = read_kind(field, &section);
    let limits = super::network_limits::read(&section, stages);
    for name in ["host", "from"] {
        if section.field(name).is_none() {
            field.refuse::<()>(format!("expected `{name}`"));
        }
    }
    if field.report.count() > problems {
        return None;
    }
    Some(HostCredential {
        target: target?,
        authentication: authentication?,
        source: source?,
        limits,
        written_at: field.report.origin(field.place()).to_string(),
    })
}

fn read_host(field: &Field<'_>) -> Option<Target> {
    let text = field.text()?;
    if let Err(error) = text.parse::<Entry>() {
        return match error.hint_text() {
            Some(hint) => field.refuse_with(error.to_string(), hint),
            None => field.refuse(error.to_string()),
        };
    }
    match Authority::parse(&text, Some(TLS_PORT)) {
        Ok(Authority { host, port }) if matches!(&host, Host::Address(_)) || host.to_string().contains('.') => {
            Some(Target { host, port })
        }
        _ => field.expected("one host, such as `registry.example.org` or `registry.example.org:8443`"),
    }
}

fn read_source(field: &Field<'_>) -> Option<SecretSource> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        return field.refuse_with("expected where the secret is", ELSEWHERE);
    }
    let section = Section::open(field, SECRET)?;
    match (section.field("env"), section.field("file")) {
        (Some(name), None) => read_variable(name).map(SecretSource::Variable),
        (None, Some(path)) => path.host_path().map(SecretSource::File),
        _ => field.refuse_with("expected one of `env` and `file`", ELSEWHERE),
    }
}

fn read_variable(field: &Field<'_>) -> Option<String> {
    let name = field.scalar().unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        Some(name.to_owned())
    } else {
        field.refuse_with("expected the name of a variable", ELSEWHERE)
    }
}

fn read_kind(field: &Field<'_>, section: &Section<'_>) -> Option<Authentication> {
    let mut given = KINDS.iter().filter_map(|kind| Some((*kind, section.field(kind)?)));
    let (Some((kind, value)), None) = (given.next(), given.next()) else {
        let kinds: Vec<String> = KINDS.iter().map(|kind| format!("`{kind}`")).collect();
        return field.refuse(format!("expected exactly one of {}", kinds.join(", ")));
    };
    match kind {
        "header" => read_header(value).map(Authentication::Header),
        "basic" => read_user(value).map(Authentication::Basic),
        "pip" => read_user(value).map(Authentication::Pip),
        "cargo" => read_registry(value).map(Authentication::Cargo),
        "npm" => read_true(value).map(|()| Authentication::Npm),
        _ => read_true(value).map(|()| Authentication::Bearer),
    }
}

fn read_header(field: &Field<'_>) -> Option<String> {
    let name = field.scalar().and_then(|text| text.parse::<HeaderName>().ok());
    let usable = |name: &HeaderName| !TAKEN.contains(&name.as_str()) && !name.as_str().starts_with("proxy-");
    match name.filter(usable) {
        Some(_) => field.scalar().map(str::to_owned),
        None => field.refuse_with("expected the name of a header that is free to be set", ELSEWHERE),
    }
}

fn read_user(field: &Field<'_>) -> Option<String> {
    let name = field.scalar().unwrap_or_default();
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != ':') {
        return Some(name.to_owned());
    }
    field.refuse_with("expected the name of a user, without a colon", ELSEWHERE)
}

fn read_registry(field: &Field<'_>) -> Option<String> {
    let name = field.scalar().unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if is_name {
        return Some(name.to_owned());
    }
    field.refuse_with(
        "expected the name of a registry, as cargo's configuration has it",
        ELSEWHERE,
    )
}

fn read_true(field: &Field<'_>) -> Option<()> {
    match field.plain() {
        Some("true") => Some(()),
        _ => field.refuse_with("expected `true`", ELSEWHERE),
    }
}
