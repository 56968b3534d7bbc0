//! One entry of `network.allow`: how it is written, and what it matches.

use std::net::IpAddr;
use std::str::FromStr;

use hyper::Method;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::authority::{port_number, split};
use super::path::{PathPattern, RequestPath};
use super::preset::Preset;
use super::{AddressClass, Caller, Host, Scheme, classify};
use crate::base::text;

/// One entry: a host, everything below a suffix, an address with its port, or a preset; and what of it is allowed, in which
/// roles. Serialized, it is what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    written: String,
    patterns: Vec<Pattern>,
    /// `None` selects the default port of the scheme that is used.
    port: Option<u16>,
    limits: Limits,
}

/// What of a host an entry allows, and in which roles. Each list that is empty limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The methods of requests. `GET` includes `HEAD`.
    pub methods: Vec<Method>,
    /// The paths of requests.
    pub paths: Vec<PathPattern>,
    /// The roles that the entry is there for.
    pub roles: Vec<Caller>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(Host),
    /// A suffix with the dot before it: names below it, never itself.
    Below(String),
}

/// What is wrong with an entry, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EntryError {
    message: String,
    hint: Option<String>,
}

impl EntryError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns what to write instead, where that is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl Limits {
    /// Returns whether they let a method through.
    pub(super) fn have_method(&self, method: &Method) -> bool {
        let same = |known: &Method| known == method || *known == Method::GET && *method == Method::HEAD;
        self.methods.is_empty() || self.methods.iter().any(same)
    }

    /// Returns whether they let a path through, as a request writes it; one that servers read in different ways is only
    /// where all are.
    pub(super) fn have_path(&self, path: &str) -> bool {
        self.paths.is_empty() || RequestPath::read(path).is_ok_and(|path| path.fits_one_of(&self.paths))
    }

    /// Returns whether they are for `caller`.
    pub(super) fn are_for(&self, caller: Caller) -> bool {
        self.roles.is_empty() || self.roles.contains(&caller)
    }

    /// Returns whether some request of somebody is within both.
    pub(super) fn meet(&self, other: &Self) -> bool {
        fn common<T>(one: &[T], other: &[T], meet: impl Fn(&T, &T) -> bool) -> bool {
            let any = |item: &T| other.iter().any(|known| meet(item, known));
            one.is_empty() || other.is_empty() || one.iter().any(any)
        }
        common(&self.roles, &other.roles, PartialEq::eq)
            && common(&self.methods, &other.methods, PartialEq::eq)
            && common(&self.paths, &other.paths, PathPattern::meets)
    }

    /// Returns the keys that they are written with, each with its values.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'static str, Vec<&str>)> {
        let lists = [
            ("methods", self.methods.iter().map(Method::as_str).collect::<Vec<_>>()),
            ("paths", self.paths.iter().map(PathPattern::as_str).collect()),
            ("roles", self.roles.iter().map(|caller| caller.name()).collect()),
        ];
        lists.into_iter().filter(|(_, values)| !values.is_empty())
    }
}

impl Entry {
    /// Returns its host as it was written, or the name of its preset.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Returns it as YAML in one line, for a person to paste into the list.
    pub fn to_yaml(&self) -> String {
        let list = |words: Vec<String>| format!("[{}]", words.join(", "));
        let Limits { methods, paths, roles } = &self.limits;
        let methods: Vec<_> = methods.iter().map(|method| yaml_word(method.as_str())).collect();
        let paths: Vec<_> = paths.iter().map(|path| yaml_word(path.as_str())).collect();
        let roles: Vec<_> = roles.iter().map(|role| role.name().to_owned()).collect();
        let host = yaml_word(&self.written);
        let lists = [("methods", methods), ("paths", paths), ("roles", roles)];
        let limits: Vec<String> = lists
            .into_iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(name, words)| format!(", {name}: {}", list(words)))
            .collect();
        if limits.is_empty() {
            return host;
        }
        format!("{{host: {host}{}}}", limits.concat())
    }

    /// Limits what it allows.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns what of its host it allows, and in which roles.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the hosts that it names; for a suffix, the name that everything it matches is below.
    pub(super) fn hosts(&self) -> impl Iterator<Item = Host> {
        self.patterns.iter().map(|pattern| match pattern {
            Pattern::Exactly(host) => host.clone(),
            Pattern::Below(suffix) => Host::Name(suffix.trim_start_matches('.').to_owned()),
        })
    }

    /// Returns whether it allows only some requests, so that each of them has to be looked at.
    pub fn is_narrow(&self) -> bool {
        !self.limits.methods.is_empty() || !self.limits.paths.is_empty()
    }

    /// Returns whether one of the two allows only some requests of a host of which the other one allows everything.
    pub fn contradicts(&self, other: &Self) -> bool {
        let shared = |pattern: &Pattern| other.patterns.iter().any(|known| pattern.overlaps(known));
        let [roles, others] = [&self.limits.roles, &other.limits.roles];
        let same_role = roles.is_empty() || others.is_empty() || roles.iter().any(|role| others.contains(role));
        self.is_narrow() != other.is_narrow()
            && same_role
            && self.ports().iter().any(|port| other.ports().contains(port))
            && self.patterns.iter().any(shared)
    }

    /// Returns whether it is there for `caller`.
    pub(super) fn is_for(&self, caller: Caller) -> bool {
        self.limits.are_for(caller)
    }

    /// Returns whether it has `host` at `port`, by whatever scheme.
    pub(crate) fn covers(&self, host: &Host, port: u16) -> bool {
        self.ports().contains(&port) && self.names(host)
    }

    /// Returns whether a request with this method and path is one that it allows.
    pub(super) fn permits_request(&self, method: &Method, path: &RequestPath) -> bool {
        let paths = &self.limits.paths;
        self.limits.have_method(method) && (paths.is_empty() || path.fits_one_of(paths))
    }

    fn ports(&self) -> Vec<u16> {
        match self.port {
            Some(port) => vec![port],
            None => [Scheme::Tunnel, Scheme::Http].map(Scheme::default_port).to_vec(),
        }
    }

    /// Returns whether the entry lets a request through to `host` at `port`.
    pub(super) fn permits(&self, host: &Host, port: u16, scheme: Scheme) -> bool {
        port == self.port.unwrap_or_else(|| scheme.default_port()) && self.names(host)
    }

    /// Returns whether the entry has `host`, at whatever port.
    pub(super) fn names(&self, host: &Host) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(host))
    }
}

impl Pattern {
    fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Exactly(known) => known == host,
            // A name does not begin with a dot, so there is a part before the suffix.
            Self::Below(suffix) => host.name().is_some_and(|name| name.ends_with(suffix.as_str())),
        }
    }

    /// Returns whether there is a host that both match.
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exactly(host), pattern) | (pattern, Self::Exactly(host)) => pattern.matches(host),
            (Self::Below(one), Self::Below(another)) => {
                one.ends_with(another.as_str()) || another.ends_with(one.as_str())
            }
        }
    }
}

impl FromStr for Entry {
    type Err = EntryError;

    fn from_str(written: &str) -> Result<Self, EntryError> {
        let (patterns, port) = read(written)?;
        Ok(Self {
            written: written.to_owned(),
            patterns,
            port,
            limits: Limits::default(),
        })
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self.limits() == Limits::default() {
            return serializer.serialize_str(&self.written);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("host", &self.written)?;
        for (name, list) in self.limits.written() {
            map.serialize_entry(name, &list)?;
        }
        map.end()
    }
}

/// Returns a text as a scalar of YAML, in quotes unless it can only be read as text.
fn yaml_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._/-".contains(letter);
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/');
    if begins && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

fn read(written: &str) -> Result<(Vec<Pattern>, Option<u16>), EntryError> {
    refuse_urls(written)?;
    let (host, port) = split(written);
    if let Some(preset) = Preset::named(host) {
        return match port {
            None => Ok((preset_patterns(preset), None)),
            Some(_) => Err(EntryError::new("a preset has no port").hint(format!("write `{host}`"))),
        };
    }
    let port = port.map(read_port).transpose()?;
    let pattern = match host.strip_prefix("*.") {
        Some(suffix) => read_suffix(suffix)?,
        None => read_host(host, port)?,
    };
    Ok((vec![pattern], port))
}

fn preset_patterns(preset: Preset) -> Vec<Pattern> {
    let hosts = preset.hosts.iter();
    hosts
        .map(|host| Pattern::Exactly(Host::Name((*host).to_owned())))
        .collect()
}

fn refuse_urls(written: &str) -> Result<(), EntryError> {
    let Some(slash) = written.find('/') else { return Ok(()) };
    let after_scheme = written.split_once("://").map_or(&written[..slash], |(_, rest)| rest);
    let host = after_scheme.split('/').next().unwrap_or_default();
    let error = EntryError::new("expected a host name, found a URL");
    Err(if Host::parse(split(host).0).is_ok() {
        error.hint(format!(
            "write `{host}`, or a mapping of `host` and `paths` to allow only some paths"
        ))
    } else {
        error
    })
}

fn read_port(digits: &str) -> Result<u16, EntryError> {
    port_number(digits).ok_or_else(|| {
        let digits = text::one_line(digits, 20);
        EntryError::new(format!(
            "expected a port from 1 to 65535 after the colon, found `{digits}`"
        ))
    })
}

fn read_suffix(suffix: &str) -> Result<Pattern, EntryError> {
    let expected = "expected a suffix of two parts or more after `*.`, such as `*.example.org`";
    match Host::parse(suffix) {
        Ok(Host::Name(name)) if name.contains('.') => Ok(Pattern::Below(format!(".{name}"))),
        Ok(_) => Err(EntryError::new(expected)),
        Err(why) => Err(EntryError::new(format!("{expected}: {why}"))),
    }
}

fn read_host(host: &str, port: Option<u16>) -> Result<Pattern, EntryError> {
    match Host::parse(host) {
        Ok(Host::Address(address)) => read_address(address, port),
        Ok(Host::Name(name)) if name.contains('.') => Ok(Pattern::Exactly(Host::Name(name))),
        Ok(Host::Name(name)) => Err(unknown_word(&name)),
        Err(why) => Err(malformed(host, &why.to_string())),
    }
}

/// Reads a literal address. A person wrote it explicitly, so it may be a private one; but it must belong to one
/// machine, and be in its own notation.
fn read_address(address: IpAddr, port: Option<u16>) -> Result<Pattern, EntryError> {
    let host = Host::Address(address);
    let IpAddr::V6(sixth) = address else {
        return with_port(host, port);
    };
    match sixth.to_ipv4_mapped() {
        Some(fourth) => {
            Err(EntryError::new("an IPv4 address is written as an IPv6 one")
                .hint(format!("write `{fourth}` and its port")))
        }
        None => with_port(host, port),
    }
}

fn with_port(host: Host, port: Option<u16>) -> Result<Pattern, EntryError> {
    let Host::Address(address) = host else {
        return Ok(Pattern::Exactly(host));
    };
    let class = classify(address);
    if matches!(
        class,
        AddressClass::Unspecified | AddressClass::Multicast | AddressClass::Broadcast
    ) {
        return Err(EntryError::new(format!(
            "`{host}` is not the address of a single machine ({class})"
        )));
    }
    if port.is_none() {
        return Err(EntryError::new("an address needs a port").hint(format!("write `{host}:443`, or another port")));
    }
    Ok(Pattern::Exactly(host))
}

fn unknown_word(word: &str) -> EntryError {
    let word_shown = text::one_line(word, 60);
    let error = EntryError::new(format!(
        "expected a host with a dot, `*.suffix`, an address with its port, or one of {}, found `{word_shown}`",
        Preset::names()
    ));
    match Preset::nearest(word) {
        _ if word == "localhost" => error.hint("write the address and its port: `127.0.0.1:8080`"),
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error,
    }
}

fn malformed(host: &str, why: &str) -> EntryError {
    let shown = text::one_line(host, 60);
    let error = EntryError::new(format!("expected a host, found `{shown}`: {why}"));
    if host.contains('*') {
        return error.hint("write a `*` at the beginning, followed by a dot: `*.example.org`");
    }
    match host.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>() {
        Ok(address) => error.hint(format!("write `[{address}]` and its port")),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests;
