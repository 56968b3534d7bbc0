//! Rules between keys: nothing is cleared that must stay, and no two keys contradict each other.

use super::section::{Section, subsection};
use super::values::NO_NETWORK;
use super::{Config, Credentials, RoleConfig, model_api};
use crate::model::Role;
use crate::sandbox::guarantee::Item;
use crate::sandbox::network::{AddressClass, classify};

/// Reports keys that contradict each other.
pub(super) fn check(top: &Section<'_>, config: &Config) {
    check_lines(top, config);
    check_branches(top, config);
    check_network(top, config);
    check_runtime(top, config);
    check_base_urls(top, config);
    model_api::check(top, config);
    check_permissions(top, config);
}

fn check_lines(top: &Section<'_>, config: &Config) {
    let (least, most) = (config.estimated_lines_min, config.estimated_lines_max);
    if let Some(bound) = config.max_estimated_lines.filter(|bound| *bound < most)
        && let Some(field) = top.field("max_estimated_lines")
    {
        field.refuse::<()>(format!(
            "expected at least `estimated_lines_max` ({most}), found `{bound}`"
        ));
    }
    if least <= most {
        return;
    }
    // One of the two is in the file, since the defaults fit.
    if let Some(field) = top.field("estimated_lines_min") {
        field.refuse::<()>(format!(
            "expected at most `estimated_lines_max` ({most}), found `{least}`"
        ));
    } else if let Some(field) = top.field("estimated_lines_max") {
        field.refuse::<()>(format!(
            "expected at least `estimated_lines_min` ({least}), found `{most}`"
        ));
    }
}

fn check_branches(top: &Section<'_>, config: &Config) {
    if !config.base_branch.starts_with(&config.gen_prefix) {
        return;
    }
    if let Some(field) = top.field("base_branch").or_else(|| top.field("gen_prefix")) {
        let (base, prefix) = (&config.base_branch, &config.gen_prefix);
        field.refuse::<()>(format!(
            "`base_branch` (`{base}`) looks like a generation: it begins with `gen_prefix` (`{prefix}`)"
        ));
    }
}

/// Refuses a runtime that need not be the one that is named.
fn check_runtime(top: &Section<'_>, config: &Config) {
    let container = &config.container;
    let Some(runtime) = container.runtime.filter(|_| container.relax.contains(&Item::Runtime)) else {
        return;
    };
    let section = subsection(top, "container");
    if let Some(field) = section.as_ref().and_then(|section| section.field("relax")) {
        field.refuse_with::<()>(
            format!("`runtime` cannot be missing where `container.runtime` asks for {runtime}"),
            "remove one of the two",
        );
    }
}

/// Refuses an open network unless `container.relax` names it, so that an open container is one on purpose.
fn check_network(top: &Section<'_>, config: &Config) {
    let network = config.container.network.as_deref().unwrap_or(NO_NETWORK);
    if network == NO_NETWORK || config.container.relax.contains(&Item::Network) {
        return;
    }
    let section = subsection(top, "container");
    let own = section.as_ref().and_then(|section| section.field("network"));
    if let Some(field) = own.or_else(|| top.field("podman_args")) {
        let network = network.escape_debug();
        field.refuse_with::<()>(
            format!("with the network `{network}` agents can reach more than the gateway"),
            "leave it at `none`, or add `network` to `container.relax`",
        );
    }
}

/// Checks that no credential leaves the person's own networks in clear text, whichever role it is of.
fn check_base_urls(top: &Section<'_>, config: &Config) {
    let of_role = |role: Role| (role.name(), config.role(role).base_url.as_deref());
    // Stages of one's own are checked where they are read.
    let all = [("agent", config.agent.base_url.as_deref())]
        .into_iter()
        .chain(Role::ALL.map(of_role));
    for (name, _) in all.filter(|(_, url)| exposes(*url, config)) {
        if let Some(section) = subsection(top, name) {
            refuse_clear_text(&section);
        }
    }
}

/// Returns whether a credential would go to an address in clear text.
fn exposes(url: Option<&str>, config: &Config) -> bool {
    config.agent.credentials != Credentials::None && url.is_some_and(is_far_in_clear_text)
}

fn refuse_clear_text(section: &Section<'_>) {
    if let Some(field) = section.field("base_url") {
        field.refuse_with::<()>(
            "the credential would be sent there in clear text",
            "write `https://`, an address of a network of your own, or `agent.credentials: none`",
        );
    }
}

/// Refuses a mode of permissions that the client's restricted mode refuses, of the roles that are called.
fn check_permissions(top: &Section<'_>, config: &Config) {
    let review = config.called_roles().contains(&Role::Review).then_some(Role::Review);
    for role in [Role::Measure, Role::Stitch].into_iter().chain(review) {
        if contradicts(config.role(role), config) {
            let section = subsection(top, role.name());
            refuse_bypass(section.as_ref(), (role.name(), config.role(role)), (top, config));
        }
    }
}

/// Reports what contradicts other keys in a stage of one's own.
pub(super) fn check_stage(section: &Section<'_>, (name, role): (&str, &RoleConfig), whole: (&Section<'_>, &Config)) {
    if exposes(role.base_url.as_deref(), whole.1) {
        refuse_clear_text(section);
    }
    if contradicts(role, whole.1) {
        refuse_bypass(Some(section), (name, role), whole);
    }
}

/// Returns whether arguments of the client set the mode of permissions in which everything is allowed.
fn bypasses(words: &[String]) -> bool {
    let beside = words
        .windows(2)
        .any(|pair| pair[0] == "--permission-mode" && pair[1] == BYPASS);
    beside
        || words
            .iter()
            .any(|word| word.strip_prefix("--permission-mode=") == Some(BYPASS))
}

/// Returns whether a role has a mode of permissions that the client's restricted mode refuses. The flag that skips
/// permissions is left out for a restricted role, and so it is accepted.
fn contradicts(role: &RoleConfig, config: &Config) -> bool {
    role.restricted && (bypasses(&role.args) || bypasses(&config.claude_args))
}

fn refuse_bypass(
    section: Option<&Section<'_>>,
    (name, role): (&str, &RoleConfig),
    (top, config): (&Section<'_>, &Config),
) {
    let own = section.and_then(|section| section.field("args"));
    let own = own.filter(|_| bypasses(&role.args));
    let common = top.field("claude_args").filter(|_| bypasses(&config.claude_args));
    if let Some(field) = own.or(common) {
        field.refuse_with::<()>(
            format!("`{BYPASS}` contradicts `{name}.restricted`: the client refuses both at once"),
            format!("write `--dangerously-skip-permissions`, which is left out for a restricted role, or `{name}: {{restricted: false}}`"),
        );
    }
}

/// The mode of permissions in which everything is allowed.
const BYPASS: &str = "bypassPermissions";

/// Returns whether an address is reached without TLS and is not known to be in a network of the person's own.
fn is_far_in_clear_text(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    match host.parse() {
        Ok(address) => classify(address) == AddressClass::Public,
        Err(_) => host.contains('.') && !OWN_SUFFIXES.iter().any(|suffix| host.ends_with(suffix)),
    }
}

/// Names that no public server has; see RFC 6761 and RFC 6762, and what ICANN keeps for private use.
const OWN_SUFFIXES: [&str; 3] = [".localhost", ".local", ".internal"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_goes_far_by_tls_alone() {
        for (url, expect) in [
            ("https://router.example.org", false),
            ("http://router.example.org", true),
            ("http://router.example.org:8080/prefix", true),
            ("http://93.184.215.14", true),
            ("http://[2606:2800::1]:80/", true),
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080", false),
            ("http://192.168.1.5", false),
            ("http://localhost:11434", false),
            ("http://router", false),
            ("http://router.local/x", false),
        ] {
            assert_eq!(is_far_in_clear_text(url), expect, "{url}");
        }
    }
}
