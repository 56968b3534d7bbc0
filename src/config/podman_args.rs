//! `podman_args`: the documented flags of `podman run` become settings of `container`; every other is a problem.

use super::field::Field;
use super::limits::{read_cpus, read_host, read_memory, read_network, read_user};
use super::mounts::Hidden;
use super::node::{Kind, Node};
use super::section::Section;
use super::values::OrOff;
use super::{ContainerConfig, Credentials, maps};
use crate::base::text;

mod flags;
mod volumes;

/// Folds the flags in `field` into the settings of `container`.
pub(super) fn fold(
    field: &Field<'_>,
    section: Option<&Section<'_>>,
    hidden: &Hidden<'_>,
    payer: Credentials,
    container: &mut ContainerConfig,
) {
    let mut folding = Folding {
        section,
        hidden,
        payer,
        container,
        given: Vec::new(),
    };
    let mut words = words(field).into_iter().peekable();
    while let Some(word) = words.next() {
        let known = flags::split(&word.text);
        let attached = known.and_then(|(_, value)| value).map(str::to_owned);
        // An unknown flag skips its value, too.
        let apart = attached.is_none() && word.text.starts_with('-') && !word.text.contains('=');
        let next = apart
            .then(|| words.next_if(|next| !next.text.starts_with('-')))
            .flatten();
        match (known, attached.or(next.map(|next| next.text))) {
            (Some((flag, _)), Some(value)) => folding.apply(&word.field, flag, &value),
            (Some((flag, _)), None) => {
                word.field.refuse::<()>(format!("expected a value after `{flag}`"));
            }
            (None, _) => {
                word.field.refuse::<()>(flags::unknown(&word.text));
            }
        }
    }
}

/// A word and the item that it stands in.
struct Word<'a> {
    field: Field<'a>,
    text: String,
}

/// Returns all words of the field.
fn words<'a>(field: &Field<'a>) -> Vec<Word<'a>> {
    let is_list = matches!(field.node.kind, Kind::List(_));
    let items = if is_list {
        field.items("a list of flags").unwrap_or_default()
    } else {
        vec![field.again()]
    };
    let mut words = Vec::new();
    for item in items {
        let parts = match item.scalar() {
            None => item.expected("flags of `podman run`"),
            Some(text) if is_list && is_whole(text) => Some(vec![text.to_owned()]),
            Some(text) => split_words(text).or_else(|| item.refuse("expected every quote to be closed")),
        };
        let parts = parts.into_iter().flatten();
        words.extend(parts.map(|text| Word {
            field: item.again(),
            text,
        }));
    }
    words
}

/// Returns whether an item of a list is one word, spaces or not: a value, or a flag with its value attached
/// (`-eNAME=two words`). Any other item is split, for those who write `-v /a:/b` or a whole line into one item.
fn is_whole(text: &str) -> bool {
    let mut parts = text.split_whitespace();
    let attached = parts
        .next()
        .and_then(flags::split)
        .is_some_and(|(_, value)| value.is_some());
    let value_goes_on = parts.next().is_some_and(|next| !next.starts_with('-'));
    !text.starts_with('-') || (attached && value_goes_on)
}

/// Splits at spaces as a shell does, with single and double quotes; `None` when a quote stays open.
pub(super) fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            None if character == '"' || character == '\'' => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// The settings so far, and where they came from.
struct Folding<'a> {
    section: Option<&'a Section<'a>>,
    hidden: &'a Hidden<'a>,
    payer: Credentials,
    container: &'a mut ContainerConfig,
    given: Vec<&'static str>,
}

impl Folding<'_> {
    fn apply(&mut self, field: &Field<'_>, flag: &'static str, value: &str) {
        let node = Node {
            place: field.place(),
            kind: match flag {
                // Numbers to YAML, but not to podman.
                "--memory" | "--cpus" => Kind::Plain(value.to_owned()),
                _ => Kind::Quoted(value.to_owned()),
            },
        };
        let value_field = Field {
            key: field.key.clone(),
            files: field.files,
            node: &node,
            report: field.report,
        };
        match flag {
            "--env" => self.add_pair(field, value, &Pairs::Env),
            "--label" => self.add_pair(field, value, &Pairs::Labels),
            "--tmpfs" => self.add_tmpfs(field, value),
            "--add-host" => self.container.hosts.extend(read_host(&value_field)),
            "--volume" | "--mount" => self.add_mount(field, flag, value),
            _ => self.set(&value_field, flag),
        }
    }

    /// Sets a setting that exists once.
    fn set(&mut self, field: &Field<'_>, flag: &'static str) {
        let name = flag.trim_start_matches("--");
        if self.section.is_some_and(|section| section.field(name).is_some()) {
            field.refuse::<()>(format!("`{flag}` sets the same value as `container.{name}`"));
            return;
        }
        if self.given.contains(&flag) {
            field.refuse::<()>(format!("`{flag}` is given twice"));
            return;
        }
        self.given.push(flag);
        let container = &mut *self.container;
        match flag {
            "--memory" => container.memory = read_memory(field).map_or(container.memory, OrOff::limit),
            "--cpus" => container.cpus = read_cpus(field).map_or(container.cpus, OrOff::limit),
            "--network" => container.network = read_network(field),
            _ => container.user = read_user(field),
        }
    }

    fn add_pair(&mut self, field: &Field<'_>, value: &str, pairs: &Pairs) {
        let payer = self.payer;
        let variable = |name: &str, value: &str| maps::variable(payer, name, value);
        let (flag, check, map): (_, maps::Check<'_>, _) = match pairs {
            Pairs::Env => ("-e", &variable, &mut self.container.env),
            Pairs::Labels => ("--label", &maps::label, &mut self.container.labels),
        };
        let Some((name, value)) = value.split_once('=') else {
            field.refuse::<()>(format!(
                "expected `NAME=VALUE` after `{flag}` (no value is taken from your own environment)"
            ));
            return;
        };
        if let Some(wrong) = check(name, value) {
            field.refuse_wrong(wrong);
        } else if map.insert(name.to_owned(), value.to_owned()).is_some() {
            field.refuse::<()>(format!("`{}` is given twice", text::one_line(name, 60)));
        }
    }

    fn add_tmpfs(&mut self, field: &Field<'_>, value: &str) {
        let (path, options) = value.split_once(':').unwrap_or((value, ""));
        if let Some(why) = maps::tmpfs_path(&self.hidden.targets, path) {
            field.refuse::<()>(why);
        } else if self
            .container
            .tmpfs
            .insert(path.to_owned(), options.to_owned())
            .is_some()
        {
            field.refuse::<()>(format!("`{path}` is given twice"));
        }
    }

    fn add_mount(&mut self, field: &Field<'_>, flag: &str, value: &str) {
        let mount = if flag == "--volume" {
            volumes::volume(value)
        } else {
            volumes::mount(value)
        };
        match mount {
            Ok(volumes::Mounted::Bind(mount)) => field.add_mount(mount, self.hidden, &mut self.container.mounts),
            Ok(volumes::Mounted::Tmpfs(path, options)) => self.add_tmpfs(field, &format!("{path}:{options}")),
            Err(why) => {
                field.refuse::<()>(why);
            }
        }
    }
}

/// The mapping that a pair belongs to.
enum Pairs {
    Env,
    Labels,
}
