//! Reads the values that a container may have by `container` and by `podman_args`: memory, cores, network, hosts, user.

use super::field::Field;
use super::values::OrOff;

/// Container engines refuse less.
const LEAST_MEMORY: u64 = 6 << 20;
/// Less than the client's own files and a small change need.
const LEAST_DISK: u64 = 16 << 20;

pub(super) fn read_memory(field: &Field<'_>) -> Option<OrOff<u64>> {
    field.size_or_off(LEAST_MEMORY)
}

pub(super) fn read_disk(field: &Field<'_>) -> Option<OrOff<u64>> {
    field.size_or_off(LEAST_DISK)
}

pub(super) fn read_cpus(field: &Field<'_>) -> Option<OrOff<f64>> {
    field.number_or_off(1024.0)
}

pub(super) fn read_network(field: &Field<'_>) -> Option<String> {
    if field.is_off() {
        return field.refuse_with(
            "expected the name of a network or a mode",
            "`none` means without a network",
        );
    }
    let name = field.word("the name of a network or a mode")?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-:".contains(c));
    if plain {
        Some(name)
    } else {
        field.expected("the name of a network or a mode")
    }
}

pub(super) fn read_host(field: &Field<'_>) -> Option<String> {
    let text = field.word("`NAME:ADDRESS`")?;
    match text.split_once(':') {
        Some((name, address)) if !name.is_empty() && is_address(address) => Some(text),
        _ => field.expected("`NAME:ADDRESS`"),
    }
}

fn is_address(text: &str) -> bool {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text == "host-gateway" || bare.parse::<std::net::IpAddr>().is_ok()
}

/// Reads whose rights a container of agents and gates has.
pub(super) fn read_user(field: &Field<'_>) -> Option<String> {
    read_user_but_root(field, |field| {
        field.refuse("expected a user other than root: the client refuses to work unattended as root")
    })
}

/// Reads whose rights the container of a service has.
pub(super) fn read_user_of_service(field: &Field<'_>) -> Option<String> {
    read_user_but_root(field, |field| {
        field.refuse_with(
            "expected a user other than root: no container has the rights of root",
            "name the user that its program runs as in the end, such as `postgres`, and have `command` begin that program \
             itself; what an entrypoint does as root beforehand belongs into `image: {build: {run: […]}}`",
        )
    })
}

fn read_user_but_root(field: &Field<'_>, refuse_root: impl Fn(&Field<'_>) -> Option<String>) -> Option<String> {
    // `1000` is a number to YAML and a user to everyone else.
    let Some(user) = field.scalar() else {
        return field.expected("`UID[:GID]` or a name");
    };
    let (name, group) = user.split_once(':').unwrap_or((user, "0"));
    let good = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if !good(name) || !good(group) || name.starts_with('-') {
        return field.expected("`UID[:GID]` or a name");
    }
    if name == "root" || name.bytes().all(|byte| byte == b'0') {
        return refuse_root(field);
    }
    Some(user.to_owned())
}
