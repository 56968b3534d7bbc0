//! The narrowest entries of `network.allow` for what a run was refused, for a person to accept.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Method;
use serde::Serialize;

use super::NetworkRecord;
use crate::base::text::one_line;
use crate::sandbox::network::{AddressClass, Caller, Entry, Host, Limits, classify, narrowest};

/// The most entries, and the most remarks. What a container asks for is its own choice.
const MOST: usize = 200;

/// The most paths of one entry; with more it is for the person to find a pattern.
const MOST_PATHS: usize = 50;

/// The code of a request to a host of `network.credentials` for which that has no rule.
const NOT_COVERED: &str = "not_covered";

/// What a person could add, and what it is not wise to add.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suggestions {
    /// The entries.
    pub allow: Vec<Suggested>,
    /// Remarks about what was refused and has no entry.
    pub remarks: Vec<String>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggested {
    /// The entry.
    pub entry: Entry,
    /// How many requests were refused that it would have let through.
    pub requests: u64,
    /// What to think of before it is accepted.
    pub warning: Option<String>,
}

/// What the entries are gathered by: a host, a port, and a method where requests were seen.
type Place = (Host, u16, Option<String>);

#[derive(Default)]
struct Gathered {
    paths: BTreeSet<String>,
    roles: BTreeSet<Caller>,
    requests: u64,
    /// Whether a credential is configured for other requests to the host.
    has_credential: bool,
}

/// Returns the narrowest entries that would have let through what was refused because no entry allows it.
pub fn suggest(records: &[NetworkRecord]) -> Suggestions {
    let mut gathered: BTreeMap<Place, Gathered> = BTreeMap::new();
    let mut remarks = BTreeSet::new();
    for record in records.iter().filter(|record| record.outcome == "refused") {
        match place(record) {
            Ok(place) => {
                let found = gathered.entry(place).or_default();
                found.requests += 1;
                found.has_credential |= record.code.as_deref() == Some(NOT_COVERED);
                found.paths.extend(record.path.clone());
                match Caller::named(&record.role) {
                    Some(caller) => found.roles.extend([caller]),
                    // Nobody that an entry can name: only one that names no role is for it.
                    None => found.roles.extend(Caller::NAMED.map(|(_, caller)| caller)),
                }
            }
            Err(remark) => remarks.extend(remark),
        }
    }
    let gathered = merged(gathered);
    let seen: BTreeSet<Host> = gathered
        .keys()
        .filter(|(_, _, method)| method.is_some())
        .map(|(host, ..)| host.clone())
        .collect();
    let mut suggestions = Suggestions::default();
    for (place, found) in gathered {
        if suggestions.allow.len() < MOST {
            let is_seen = seen.contains(&place.0);
            suggestions.allow.extend(entry(&place, &found, is_seen));
        }
    }
    suggestions.remarks = remarks.into_iter().take(MOST).collect();
    suggestions
}

/// Drops what is seen of a host and port to which tunnels are asked for, too: those have to be allowed as a whole.
fn merged(gathered: BTreeMap<Place, Gathered>) -> BTreeMap<Place, Gathered> {
    let tunnels: BTreeSet<(Host, u16)> = gathered
        .keys()
        .filter(|(_, _, method)| method.is_none())
        .map(|(host, port, _)| (host.clone(), *port))
        .collect();
    let mut merged: BTreeMap<Place, Gathered> = BTreeMap::new();
    for ((host, port, method), found) in gathered {
        let is_whole = tunnels.contains(&(host.clone(), port));
        let into = merged.entry((host, port, method.filter(|_| !is_whole))).or_default();
        into.paths.extend(found.paths);
        into.roles.extend(found.roles);
        into.requests += found.requests;
        into.has_credential |= found.has_credential;
    }
    merged
}

/// Returns where an entry would have to be, or else what there is to remark.
fn place(record: &NetworkRecord) -> Result<Place, Option<String>> {
    let shown = format!(
        "{}:{}",
        one_line(&record.host, 80),
        record.port.map_or("?".to_owned(), |port| port.to_string())
    );
    match record.code.as_deref() {
        Some("not_allowed" | "port_not_allowed" | "request_not_allowed" | NOT_COVERED) => {}
        Some("address" | "unresolved" | "unseen" | "path") => {
            let reason = one_line(record.reason.as_deref().unwrap_or_default(), 120);
            return Err(Some(format!("{shown}: {reason}")));
        }
        // Busy, or malformed: no entry changes that.
        _ => return Err(None),
    }
    let (Ok(host), Some(port)) = (Host::parse(&record.host), record.port) else {
        return Err(None);
    };
    if let Host::Address(address) = host
        && !matches!(
            classify(address),
            AddressClass::Public | AddressClass::Private | AddressClass::Loopback | AddressClass::Shared
        )
    {
        let class = classify(address);
        return Err(Some(format!(
            "{shown}: a {class} address, which containers have no business with"
        )));
    }
    if narrowest(&host, port, None).is_none() {
        return Err(Some(format!("{shown}: no entry can name this host")));
    }
    Ok((host, port, record.method.clone()))
}

/// Returns the entry for a place. Where requests by plain HTTP were seen, TLS gets its port: an entry without one would
/// allow all of plain HTTP, too.
fn entry((host, port, method): &Place, found: &Gathered, is_seen: bool) -> Option<Suggested> {
    let mut entry = narrowest(host, *port, None)?;
    let mut limits = Limits::default();
    match method {
        None if is_seen => entry = format!("{host}:{port}").parse().ok()?,
        None => {}
        Some(method) => {
            let method: Method = method.parse().ok()?;
            let exact = |path: &String| Some(narrowest(host, *port, Some((&method, path)))?.limits().paths.clone());
            let paths: Vec<_> = found.paths.iter().filter_map(exact).collect();
            let all_known = paths.iter().all(|paths| !paths.is_empty()) && paths.len() <= MOST_PATHS;
            limits.paths = if all_known { paths.concat() } else { Vec::new() };
            limits.methods = vec![method];
        }
    }
    if !Caller::NAMED.iter().all(|(_, caller)| found.roles.contains(caller)) {
        limits.roles = found.roles.iter().copied().collect();
    }
    let warning = match host {
        _ if found.has_credential => Some(
            "without the credential of the host: to have that sent, extend `methods` or `paths` of it in \
             `network.credentials` instead"
                .to_owned(),
        ),
        Host::Address(address) if classify(*address) != AddressClass::Public => Some(format!(
            "a {} address: whatever listens there can be reached by agents, then",
            classify(*address)
        )),
        _ if method.is_some() && limits.paths.is_empty() => {
            Some("of all paths: those asked for have no pattern, or are too many".to_owned())
        }
        _ => None,
    };
    Some(Suggested {
        entry: entry.limited(limits),
        requests: found.requests,
        warning,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn refused(role: &str, host: &str, port: u16, request: Option<(&str, &str)>, code: &str) -> NetworkRecord {
        NetworkRecord {
            at: Timestamp::UNIX_EPOCH,
            role: role.to_owned(),
            task: None,
            attempt: 1,
            host: host.to_owned(),
            port: Some(port),
            method: request.map(|(method, _)| method.to_owned()),
            path: request.map(|(_, path)| path.to_owned()),
            outcome: "refused".to_owned(),
            code: Some(code.to_owned()),
            reason: Some("the reason".to_owned()),
            sent: 0,
            received: 0,
            milliseconds: 0,
        }
    }

    fn check(records: &[NetworkRecord], allow: &[&str], remarks: &[&str]) {
        let found = suggest(records);
        let entries: Vec<_> = found.allow.iter().map(|one| one.entry.to_yaml()).collect();
        assert_eq!(entries, allow);
        assert_eq!(found.remarks, remarks);
        // What is printed is a configuration without contradictions.
        for (index, one) in found.allow.iter().enumerate() {
            assert!(
                found.allow[..index]
                    .iter()
                    .all(|other| !one.entry.contradicts(&other.entry))
            );
        }
    }

    #[test]
    fn requests_are_gathered_by_host_and_method() {
        let no = "not_allowed";
        check(
            &[
                refused("stitch", "b.example.org", 443, None, no),
                refused("gates", "b.example.org", 443, None, no),
                refused("stitch", "a.example.org", 80, Some(("GET", "/x")), no),
                refused(
                    "stitch",
                    "a.example.org",
                    80,
                    Some(("GET", "/y")),
                    "request_not_allowed",
                ),
                refused("stitch", "a.example.org", 80, Some(("POST", "/z")), no),
                refused("stitch", "a.example.org", 443, None, "port_not_allowed"),
            ],
            &[
                "{host: \"a.example.org:80\", methods: [GET], paths: [/x, /y], roles: [stitch]}",
                "{host: \"a.example.org:80\", methods: [POST], paths: [/z], roles: [stitch]}",
                "{host: \"a.example.org:443\", roles: [stitch]}",
                "{host: b.example.org, roles: [stitch, gates]}",
            ],
            &[],
        );
        check(
            &[
                refused("stitch", "a.example.org", 8080, Some(("GET", "/x")), no),
                refused("stitch", "a.example.org", 8080, None, no),
            ],
            &["{host: \"a.example.org:8080\", roles: [stitch]}"],
            &[],
        );
        let everybody = ["measure", "stitch", "review", "gates"];
        let everybody = everybody.map(|role| refused(role, "c.example.org", 443, None, no));
        check(&everybody, &["c.example.org"], &[]);
        // A stage of the project's own is named as roles are; what no entry can name has one without roles.
        let others = ["docs", "stitch"].map(|role| refused(role, "c.example.org", 443, None, no));
        check(&others, &["{host: c.example.org, roles: [stitch, docs]}"], &[]);
        check(
            &[refused("optimize", "c.example.org", 443, None, no)],
            &["c.example.org"],
            &[],
        );
    }

    #[test]
    fn what_no_credential_covers_can_be_allowed_without_it() {
        let put = Some(("PUT", "/own/package"));
        let found = suggest(&[refused("gates", "npm.example.org", 443, put, NOT_COVERED)]);
        let [one] = found.allow.as_slice() else {
            panic!("{found:?}");
        };
        let entry = "{host: npm.example.org, methods: [PUT], paths: [/own/package], roles: [gates]}";
        assert_eq!(one.entry.to_yaml(), entry);
        let warning = one.warning.as_deref().unwrap();
        assert!(warning.starts_with("without the credential of the host"), "{warning}");
    }

    #[test]
    fn what_must_not_be_allowed_is_not_suggested() {
        let hostile = "\u{1b}[2J\u{202e}evil.example";
        check(
            &[
                refused("stitch", "169.254.169.254", 80, Some(("GET", "/latest")), "not_allowed"),
                refused("stitch", hostile, 443, None, "not_allowed"),
                refused("stitch", "db.example.org", 5432, None, "address"),
                refused("stitch", "localhost", 80, None, "not_allowed"),
                refused("stitch", "a.example.org", 443, None, "busy"),
                refused("stitch", "evil.example\n- \"*.com\"", 443, None, "not_allowed"),
            ],
            &[],
            &[
                "169.254.169.254:80: a link-local address, which containers have no business with",
                "db.example.org:5432: the reason",
                "localhost:80: no entry can name this host",
            ],
        );
        let inside = suggest(&[refused("stitch", "10.0.0.7", 5432, None, "not_allowed")]);
        let warning = inside.allow[0].warning.as_deref();
        assert_eq!(
            warning,
            Some("a private address: whatever listens there can be reached by agents, then")
        );
        let star = suggest(&[refused(
            "stitch",
            "a.example.org",
            80,
            Some(("GET", "/*")),
            "not_allowed",
        )]);
        assert!(star.allow[0].warning.is_some() && star.allow[0].entry.limits().paths.is_empty());
    }
}
