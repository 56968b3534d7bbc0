//! The tree of a file with the keys that the caller sets beside it, and where each value in it comes from.

use std::collections::BTreeMap;

use super::keys::{Key, Shape, TOP};
use super::node::{self, Kind, Node};
use super::problems::{Place, Report};
use super::source::{Origin, Setting};

/// Sets keys in the tree of a file. Each setting notes what is wrong with it under its own name.
pub(super) fn apply(file: Option<Node>, settings: &[Setting], report: &Report<'_>) -> Option<Node> {
    let mut root = file;
    for (index, setting) in settings.iter().enumerate() {
        let start = Place::start_of(index + 1);
        let problems = report.count();
        let value = node::read(&setting.value, start.source, report);
        if report.count() > problems {
            continue;
        }
        // No value at all unsets the key, as in a file.
        let value = value.unwrap_or(Node {
            place: start,
            kind: Kind::Null,
        });
        put(&mut root, &setting.key, value, report);
    }
    root
}

/// Puts a value at a dotted key, into mappings that are made where there are none.
fn put(root: &mut Option<Node>, dotted: &str, value: Node, report: &Report<'_>) {
    let place = value.place;
    let mut keys = TOP;
    let mut here = root.get_or_insert_with(|| Node::empty_map(place));
    let mut parts = dotted.split('.').peekable();
    while let Some(part) = parts.next() {
        if let Kind::List(_) = here.kind {
            let fix = "set the whole list: `KEY=[…]`".to_owned();
            return report.note(place, dotted, "cannot set one entry of a list", Some(fix));
        }
        if !matches!(here.kind, Kind::Map(_)) {
            *here = Node::empty_map(place);
        }
        let known = keys.iter().find(|key| key.is(part));
        let Some(below) = here.entry_or_null(place, part, |name| known.is_some_and(|key| key.is(name))) else {
            return;
        };
        if parts.peek().is_none() {
            *below = value;
            return;
        }
        keys = match known.map(|key| key.shape) {
            Some(Shape::Section(keys)) => keys,
            _ => &[],
        };
        here = below;
    }
}

/// Returns where the value of each key comes from, by dotted key; keys that are set nowhere are left out.
pub(super) fn origins(root: &Node, report: &Report<'_>) -> BTreeMap<String, Origin> {
    let mut found = BTreeMap::new();
    let set = |keys: &'static [Key], section: &Node, name: &dyn Fn(&Key) -> String, found: &mut BTreeMap<_, _>| {
        let values = keys
            .iter()
            .filter_map(|key| Some((key, section.value(|name| key.is(name))?)));
        let values = values.filter(|(key, _)| !matches!(key.shape, Shape::Section(_)));
        found.extend(values.map(|(key, value)| (name(key), report.origin(value.place))));
    };
    set(TOP, root, &|key| key.name.to_owned(), &mut found);
    for section in TOP {
        if let (Shape::Section(below), Some(values)) = (section.shape, root.value(|name| section.is(name))) {
            set(
                below,
                values,
                &|key| format!("{}.{}", section.name, key.name),
                &mut found,
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, paths};

    const FILE: &str =
        "# A comment.\nmax_issues: 3\nstitch:\n  model: opus\ncontainer:\n  env: {A: '1', B: '2'}\ngates:\n";

    fn setting(text: &str) -> Setting {
        Setting::parse(text).expect("a key and a value")
    }

    fn read(file: &str, settings: &[&str]) -> Result<(Config, BTreeMap<String, Origin>), String> {
        let settings: Vec<Setting> = settings.iter().map(|text| setting(text)).collect();
        let resolve = |path: &Path| paths::lexical(path);
        Config::default()
            .read_all(file, "c.yaml", &settings, &resolve)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_setting_holds_whatever_the_file_says() {
        let (config, _) = read(
            FILE,
            &[
                "stitch.model=haiku",
                "max_issues=7",
                "container.env.B=3",
                "gates=[a x, b x]",
            ],
        )
        .unwrap();
        assert_eq!(config.stitch.model.as_deref(), Some("haiku"));
        assert_eq!((config.max_issues, config.gates.len()), (7, 2));
        let env: Vec<_> = config
            .container
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(env, [("A", "1"), ("B", "3")]);
        // Of two the later one holds; nothing at all unsets.
        let (config, _) = read(FILE, &["max_issues=7", "max_issues=8", "stitch.model="]).unwrap();
        assert_eq!((config.max_issues, config.stitch.model), (8, None));
        let (config, _) = read("", &["stitch.model=haiku"]).unwrap();
        assert_eq!(config.stitch.model.as_deref(), Some("haiku"));
    }

    #[test]
    fn a_setting_takes_the_place_of_an_alias() {
        let (config, _) = read("go_source_dirs: [a]\n", &["source_dirs=[b]"]).unwrap();
        assert_eq!(config.source_dirs, ["b"]);
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let (_, origins) = read(FILE, &["stitch.model=haiku", "budget.run_usd=5"]).unwrap();
        let file = |line| Origin::File {
            file: "c.yaml".to_owned(),
            line,
        };
        let option = Origin::Option { option: "--set" };
        let expect = [
            ("budget.run_usd", option.clone()),
            ("container.env", file(6)),
            ("max_issues", file(2)),
            ("stitch.model", option),
        ];
        assert_eq!(origins, expect.map(|(key, origin)| (key.to_owned(), origin)).into());
    }

    #[test]
    fn what_is_wrong_with_a_setting_is_told_under_its_own_name_without_its_value() {
        let wrong = |settings: &[&str]| read(FILE, settings).map(|_| ()).unwrap_err();
        assert_eq!(
            wrong(&["stitch.modle=opus"]),
            "--set stitch.modle: stitch.modle: unknown key (did you mean `model`?)"
        );
        assert_eq!(
            wrong(&["max_issues=many", "image=two words"]),
            "--set max_issues: max_issues: expected a whole number from 1 to 1000, found `many`\n\
             --set image: image: expected the name of an image, found `two words`"
        );
        assert_eq!(
            wrong(&["gates=[a x]", "gates.0=b"]),
            "--set gates.0: gates.0: cannot set one entry of a list (set the whole list: `KEY=[…]`)"
        );
        let secret = wrong(&["container.env.A B=sk-hush", "container.env.C=[sk-hush"]);
        assert!(!secret.contains("sk-hush"), "{secret}");
    }
}
