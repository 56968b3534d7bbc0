//! YAML as a tree that knows places and keeps duplicate keys, so that a reader can report them all.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::problems::{Place, Report};
use crate::base::text;

/// The deepest nesting; nothing that a person writes is nested deeper.
const DEPTH_LIMIT: usize = 32;

/// One value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) place: Place,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar without quotes: text, number or boolean, whatever the key makes of it.
    Plain(String),
    /// A scalar in quotes, or a block: always text.
    Quoted(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of the file, duplicates included.
    Map(Vec<(Node, Node)>),
    /// `*name`.
    Alias,
    /// `!tag value`.
    Tagged,
}

impl Node {
    /// Returns a mapping without entries.
    pub(super) fn empty_map(place: Place) -> Self {
        Self {
            place,
            kind: Kind::Map(Vec::new()),
        }
    }

    /// Returns the value in a mapping at the first key that `is_it`; `None` where there is none, or nothing is set.
    pub(super) fn value(&self, is_it: impl Fn(&str) -> bool) -> Option<&Self> {
        let Kind::Map(entries) = &self.kind else { return None };
        let mut named = entries.iter().filter(|(key, _)| key.text().is_some_and(&is_it));
        let (_, value) = named.next()?;
        (!matches!(value.kind, Kind::Null)).then_some(value)
    }

    /// Returns the value in a mapping at `name`, or at a key that `is_it`; where there is none, adds one that is null.
    /// `None` when this is not a mapping.
    pub(super) fn entry_or_null(
        &mut self,
        place: Place,
        name: &str,
        is_it: impl Fn(&str) -> bool,
    ) -> Option<&mut Self> {
        let Kind::Map(entries) = &mut self.kind else {
            return None;
        };
        let named = |(key, _): &(Self, Self)| key.text().is_some_and(|text| text == name || is_it(text));
        let at = entries.iter().position(named).unwrap_or_else(|| {
            let node = |kind| Self { place, kind };
            entries.push((node(Kind::Quoted(name.to_owned())), node(Kind::Null)));
            entries.len() - 1
        });
        entries.get_mut(at).map(|(_, value)| value)
    }

    /// Returns a scalar as it is written.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plain(text) | Kind::Quoted(text) => Some(text),
            _ => None,
        }
    }

    /// Returns what was found, for the end of a sentence such as "expected a number, found …".
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Plain(value) => format!("`{}`", text::one_line(value, 60)),
            Kind::Quoted(value) if value.is_empty() => "an empty text".to_owned(),
            Kind::Quoted(value) => format!("the text `{}`", text::one_line(value, 60)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
            Kind::Alias => "an alias (write the value out)".to_owned(),
            Kind::Tagged => "a tag (leave it out)".to_owned(),
        }
    }
}

/// Reads the one document of a text, which is the source with this number; `None` when it is empty, or when a problem
/// was noted.
pub(super) fn read(text: &str, source: usize, report: &Report<'_>) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let place = |marker: Marker| Place {
        source,
        line: marker.line().max(1),
        column: marker.col() + 1,
    };
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let problem = match event {
            Ok((event, span)) => builder
                .take(event, place(span.start))
                .map(|why| (place(span.start), why)),
            Err(error) => Some((place(*error.marker()), format!("not YAML: {}", error.info()))),
        };
        if let Some((place, why)) = problem {
            report.note(place, "", why, None);
            return None;
        }
    }
    builder.root
}

/// A collection that is not yet closed, and the key that has no value yet.
struct Open {
    node: Node,
    key: Option<Node>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder {
    /// Processes one event of the parser; returns the reason when the file cannot be read further.
    fn take(&mut self, event: Event<'_>, place: Place) -> Option<String> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                return (self.documents > 1).then(|| "expected one YAML document, found a second".to_owned());
            }
            Event::Scalar(value, style, _, tag) => {
                let kind = if tag.is_some() {
                    Kind::Tagged
                } else {
                    scalar(&value, style)
                };
                self.add(Node { place, kind });
            }
            Event::Alias(_) => self.add(Node {
                place,
                kind: Kind::Alias,
            }),
            Event::SequenceStart(..) => return self.open(place, Kind::List(Vec::new())),
            Event::MappingStart(..) => return self.open(place, Kind::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(closed) = self.open.pop() {
                    self.add(closed.node);
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        None
    }

    fn open(&mut self, place: Place, kind: Kind) -> Option<String> {
        self.open.push(Open {
            node: Node { place, kind },
            key: None,
        });
        (self.open.len() > DEPTH_LIMIT).then(|| format!("nested more than {DEPTH_LIMIT} levels deep"))
    }

    fn add(&mut self, node: Node) {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut parent.node.kind {
            Kind::Map(entries) => match parent.key.take() {
                Some(key) => entries.push((key, node)),
                None => parent.key = Some(node),
            },
            Kind::List(items) => items.push(node),
            _ => {}
        }
    }
}

fn scalar(value: &str, style: ScalarStyle) -> Kind {
    match (style, value) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Kind::Null,
        (ScalarStyle::Plain, _) => Kind::Plain(value.to_owned()),
        _ => Kind::Quoted(value.to_owned()),
    }
}
