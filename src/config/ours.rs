//! Whether a file under the common name `configuration.yaml` is one of cordwainer at all: other programs, such as Home
//! Assistant, use that name, too.

use super::keys::TOP;
use super::node::{self, Kind};
use super::problems::Report;
use crate::base::text;

/// Keys that files of other programs have, too: one of them alone says nothing.
const COMMON: [&str; 14] = [
    "agent",
    "budget",
    "commands",
    "commits",
    "container",
    "cycles",
    "git",
    "image",
    "limits",
    "measure",
    "module_path",
    "network",
    "retry",
    "state_dir",
];

/// Returns whether the text of a file is a configuration of cordwainer: it has a key that no other program would have,
/// or no key that is neither one of ours nor a misspelt one, or no key at all.
pub fn is_ours(text: &str) -> bool {
    let keys = keys(text);
    let is_known = |name: &str| TOP.iter().any(|key| key.is(name));
    let is_own = |name: &str| is_known(name) && !COMMON.contains(&name);
    let names = || TOP.iter().map(|key| key.name);
    let is_near = |name: &str| is_known(name) || text::nearest(name, names()).is_some();
    match keys {
        Some(keys) => keys.iter().any(|key| is_own(key)) || keys.iter().all(|key| is_near(key)),
        None => false,
    }
}

/// Returns the keys of the top level; `None` where the text is something other than a mapping. Of a text that is not
/// YAML, the lines count that begin with a name and a colon.
fn keys(text: &str) -> Option<Vec<String>> {
    let report = Report::new("", &[]);
    let name = |node: node::Node| match node.kind {
        Kind::Plain(name) | Kind::Quoted(name) => Some(name),
        _ => None,
    };
    let Some(node) = node::read(text, 0, &report) else {
        let lines = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
        let keys = lines.filter_map(|line| line.split_once(':'));
        return Some(keys.map(|(key, _)| key.trim_end().to_owned()).collect());
    };
    match node.kind {
        Kind::Map(entries) => Some(entries.into_iter().filter_map(|(key, _)| name(key)).collect()),
        Kind::Null => Some(Vec::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_cordwainer_and_of_others() {
        for (text, expect) in [
            ("", true),
            ("# nothing yet\n", true),
            ("base_branch: main\n", true),
            ("go_source_dirs: [cmd]\n", true),
            ("image: localhost/x\nnetwork: {allow: [npm]}\n", true),
            ("{image: x}", true),
            ("image: x\ngatse: [make test]\n", true),
            ("homeassistant:\n  name: Home\nimage: !include images.yaml\n", false),
            (
                "default_config:\nautomation: !include automations.yaml\nnetwork:\n",
                false,
            ),
            ("homeassistant:\nbase_branch: main\n", true),
            ("- a\n- b\n", false),
            ("just words", false),
            ("base_branch: [main\n", true),
            ("homeassistant: [x\nimage: y\n", false),
        ] {
            assert_eq!(is_ours(text), expect, "{text}");
        }
        assert!(is_ours(&super::super::example()));
    }

    #[test]
    fn common_keys_are_keys() {
        for name in COMMON {
            assert!(TOP.iter().any(|key| key.is(name)), "{name}");
        }
    }
}
