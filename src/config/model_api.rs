//! Keeps `network` from being a way around the budgets: nothing but the gateway reaches the model's API.

use super::field::Field;
use super::section::{Section, subsection};
use super::{Config, MODEL_API};
use crate::model::Role;
use crate::sandbox::network::{Authority, Target};

/// Refuses entries of `network` by which a container would reach the API of some role: no gateway would count what is asked
/// there, or add it to a budget. The API of Anthropic is one, whatever address the roles have.
pub(super) fn check(top: &Section<'_>, config: &Config) {
    let urls = Role::ALL.map(|role| config.api(role)).into_iter().flatten();
    let apis: Vec<Target> = urls.chain([MODEL_API]).filter_map(target).collect();
    let (allow, credentials) = (config.network.allow.entries(), &config.network.credentials);
    let reaches = |api: &Target| {
        let allowed = allow.iter().any(|entry| entry.covers(&api.host, api.port));
        allowed || credentials.iter().any(|credential| credential.target == *api)
    };
    // A section that is opened again reports its unknown keys again.
    let section = apis.iter().any(reaches).then(|| subsection(top, "network")).flatten();
    let Some(section) = section else { return };
    each(section.field("allow"), allow.len(), |index, item| {
        let entry = &allow[index];
        if let Some(api) = apis.iter().find(|api| entry.covers(&api.host, api.port)) {
            refuse(
                item,
                entry.as_str(),
                api,
                "name the other hosts one by one, or leave it out",
            );
        }
    });
    each(section.field("credentials"), credentials.len(), |index, item| {
        let target = &credentials[index].target;
        if apis.contains(target) {
            refuse(item, &credentials[index].authority(), target, "leave it out");
        }
    });
}

/// Passes each item of a list that was read to `look`; none where some of it could not be read, which is reported.
fn each(field: Option<&Field<'_>>, read: usize, look: impl Fn(usize, &Field<'_>)) {
    let items = field.and_then(|field| field.items("a list")).unwrap_or_default();
    if items.len() == read {
        items.iter().enumerate().for_each(|(index, item)| look(index, item));
    }
}

fn refuse(item: &Field<'_>, written: &str, api: &Target, fix: &str) {
    let host = &api.host;
    let what = if written == host.to_string() {
        "is the host of the model's API".to_owned()
    } else {
        format!("includes `{host}`, the host of the model's API")
    };
    item.refuse_with::<()>(
        format!("`{written}` {what}: what is asked there beside the gateway would count against no budget"),
        format!("{fix}: agents reach the model's API through the gateway, whatever `network` has"),
    );
}

/// Returns the host and the port of an address of an API; `None` for one that is refused elsewhere.
fn target(url: &str) -> Option<Target> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let port = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    let Authority { host, port } = Authority::parse(authority, Some(port)).ok()?;
    Some(Target { host, port })
}
