//! A page as a browser reads it.

use std::collections::{BTreeMap, BTreeSet};

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use crate::base::text::is_ignorable;

/// An element as a browser reads it.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
}

/// What a browser reads: the elements, and the text outside of tags.
pub(super) struct Read {
    pub(super) elements: Vec<Element>,
    pub(super) text: String,
}

fn read(page: &str) -> Read {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut read = Read {
        elements: Vec::new(),
        text: String::new(),
    };
    let mut open: Vec<String> = Vec::new();
    for token in Tokenizer::new_with_emitter(page, emitter).flatten() {
        match token {
            Token::StartTag(tag) => {
                let attributes = tag.attributes.iter();
                let attributes = attributes.map(|(name, value)| (text(name), text(value)));
                let name = text(&tag.name);
                if !tag.self_closing && !["meta", "link"].contains(&name.as_str()) {
                    open.push(name.clone());
                }
                read.elements.push(Element {
                    name,
                    attributes: attributes.collect(),
                });
            }
            Token::EndTag(tag) => assert_eq!(open.pop(), Some(text(&tag.name)), "elements are closed in order"),
            Token::String(string) => read.text.push_str(&text(&string)),
            Token::Doctype(_) => {}
            Token::Comment(comment) => panic!("a comment: {comment:?}"),
            Token::Error(error) => panic!("a browser has to guess: {error:?}"),
        }
    }
    assert_eq!(open, [""; 0], "elements are closed");
    read
}

/// The elements of the templates.
const ELEMENTS: &str = "a body caption code dd details div dl dt figcaption figure footer h1 h2 h3 h4 head header html li \
    main meta nav ol p path pre rect section span strong style summary svg table tbody td th thead title \
    tr ul";
/// The attributes of the templates.
const ATTRIBUTES: &str = "aria-hidden aria-label aria-labelledby charset class content d height href http-equiv id lang name \
    preserveaspectratio role scope tabindex viewbox width x y";

/// Checks what holds of every page, whatever is in it.
pub(super) fn check(page: &str) -> Read {
    let read = read(page);
    for element in &read.elements {
        assert!(ELEMENTS.split(' ').any(|name| name == element.name), "{element:?}");
        for (name, value) in &element.attributes {
            assert!(ATTRIBUTES.split(' ').any(|known| known == name), "{element:?}");
            assert!(
                name != "href" || value.starts_with('#'),
                "nothing is asked for: {element:?}"
            );
        }
    }
    check_links(&read);
    check_headings(&read);
    let is_harmless = |letter: char| letter == '\n' || letter == '\t' || !letter.is_control();
    assert!(page.chars().all(is_harmless));
    assert!(!page.chars().any(is_ignorable));
    read
}

fn level(name: &str) -> Option<u8> {
    let digit = name.strip_prefix('h')?;
    digit.parse().ok()
}

/// Checks that each id is there once, and that what refers to one leads somewhere.
fn check_links(read: &Read) {
    let ids: Vec<&String> = read
        .elements
        .iter()
        .filter_map(|one| one.attributes.get("id"))
        .collect();
    let unique: BTreeSet<&String> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "each id is there once");
    for element in &read.elements {
        let labelled = element.attributes.get("aria-labelledby");
        let linked = element.attributes.get("href").map(|target| target[1..].to_owned());
        for id in labelled.into_iter().cloned().chain(linked) {
            assert!(unique.contains(&id), "{element:?} leads nowhere");
        }
    }
}

/// Checks that headings are in order, and that tables and pictures say what they are.
fn check_headings(read: &Read) {
    let levels: Vec<u8> = read.elements.iter().filter_map(|one| level(&one.name)).collect();
    assert!(!levels[1..].contains(&1), "one h1: {levels:?}");
    assert_eq!(levels.first(), Some(&1));
    let leaps = levels.windows(2).filter(|pair| pair[1] > pair[0] + 1);
    assert_eq!(leaps.count(), 0, "no heading leaves out a level: {levels:?}");
    for cell in read.elements.iter().filter(|one| one.name == "th") {
        assert!(cell.attributes.contains_key("scope"), "{cell:?}");
    }
    for picture in read.elements.iter().filter(|one| one.name == "svg") {
        let is_named = picture.attributes.contains_key("aria-label");
        assert!(
            is_named != picture.attributes.contains_key("aria-hidden"),
            "{picture:?}"
        );
    }
}
