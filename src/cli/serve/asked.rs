//! What a request asks: the parts of its path, its query and its body, checked against the table of routes.

use std::collections::BTreeMap;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::fields::{Field, Kind, Parameter};
use super::repositories::Repository;
use super::site::Site;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::issues::issue::Issues;
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::{IssueId, RunId, TypedId};

/// How much of a wrong word an error repeats, in characters.
const WORD: usize = 60;

/// A request.
pub(super) struct Asked<'a> {
    pub(super) site: &'a Site,
    pub(super) words: &'a Words,
}

/// The words of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// The parts of the path that the route names.
    pub(super) path: BTreeMap<String, String>,
    /// The query.
    pub(super) query: Vec<(String, String)>,
    /// The body.
    pub(super) body: Map<String, Value>,
}

impl Words {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it has anything that the route does not know, or twice what may be there once.
    pub(super) fn query(text: &str, known: &[Parameter]) -> Result<Vec<(String, String)>> {
        let mut found: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                let message = format!("the query has an unknown `{}`", one_line(&name, WORD));
                return Err(Error::new(ErrorKind::Usage, message).hint(names(known.iter().map(|one| one.name))));
            };
            if !parameter.is_repeated && found.iter().any(|(known, _)| *known == name) {
                return Err(Error::new(ErrorKind::Usage, format!("the query has `{name}` twice")));
            }
            found.push((name, value));
        }
        Ok(found)
    }

    /// Reads a body; an empty one is an object without fields.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it is not an object with the fields that the route knows.
    pub(super) fn body(bytes: &[u8], known: &[Field]) -> Result<Map<String, Value>> {
        let body: Map<String, Value> = if bytes.is_empty() {
            Map::new()
        } else {
            let read = serde_json::from_slice(bytes);
            read.with_context(ErrorKind::Usage, || "the body is not a JSON object".to_owned())?
        };
        for (name, value) in &body {
            let Some(field) = known.iter().find(|field| field.name == name) else {
                let message = format!("the body has an unknown field `{}`", one_line(name, WORD));
                return Err(Error::new(ErrorKind::Usage, message).hint(names(known.iter().map(|one| one.name))));
            };
            if !field.kind.fits(value) {
                let message = format!("`{name}` of the body is not {}", field.kind.in_words());
                return Err(Error::new(ErrorKind::Usage, message));
            }
        }
        match known
            .iter()
            .find(|field| field.is_required && !body.contains_key(field.name))
        {
            Some(field) => Err(Error::new(
                ErrorKind::Usage,
                format!("the body has no `{}`", field.name),
            )),
            None => Ok(body),
        }
    }
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Yes => value.is_boolean(),
            Self::Texts => value
                .as_array()
                .is_some_and(|all| !all.is_empty() && all.iter().all(Value::is_string)),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Yes => "`true` or `false`",
            Self::Texts => "an array of strings with at least one",
        }
    }
}

impl Asked<'_> {
    /// Returns a part of the path.
    pub(super) fn part(&self, name: &str) -> &str {
        self.words.path.get(name).map_or("", String::as_str)
    }

    /// Returns a value of the query; an empty one counts as none.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.words.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns all values of the query with this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.words.query.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns whether the query has a word that says yes.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it says neither.
    pub(super) fn says(&self, name: &str) -> Result<bool> {
        match self.query(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let message = format!("`{name}={}` is neither `true` nor `false`", one_line(other, WORD));
                Err(Error::new(ErrorKind::Usage, message))
            }
        }
    }

    /// Returns a number of the query.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>> {
        let read = |text: &str| {
            text.parse().map_err(|_| {
                let message = format!("`{name}={}` is not a number", one_line(text, WORD));
                Error::new(ErrorKind::Usage, message)
            })
        };
        self.query(name).map(read).transpose()
    }

    /// Returns a text of the body.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.words.body.get(name)?.as_str()
    }

    /// Returns a text of the body that is there.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it is not.
    pub(super) fn required(&self, name: &str) -> Result<&str> {
        let missing = || Error::new(ErrorKind::Usage, format!("the body has no `{name}`"));
        self.text(name).ok_or_else(missing)
    }

    /// Returns the texts of a list of the body.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let all = self.words.body.get(name).and_then(Value::as_array);
        let texts = all.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// Returns whether a field of the body is `true`.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.words.body.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Returns the repository of the path.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it is not served.
    pub(super) fn repository(&self) -> Result<Repository> {
        self.site.scope.find(self.part("repository"), &self.site.context)
    }

    /// Returns the generation of the query.
    fn generation(&self) -> Option<String> {
        self.query("generation").map(str::to_owned)
    }

    /// Opens the repository to look at it.
    ///
    /// # Errors
    ///
    /// Those of [`Self::repository`], and of opening it.
    pub(super) fn look(&self) -> Result<Generator> {
        self.repository()?.look(&self.site.context, self.generation())
    }

    /// Opens the repository to change a task.
    ///
    /// # Errors
    ///
    /// Those of [`Self::repository`], and of opening it.
    pub(super) fn open(&self) -> Result<Generator> {
        self.repository()?.open(&self.site.context, self.generation())
    }

    /// Opens the repository to request something of its run.
    ///
    /// # Errors
    ///
    /// Those of [`Self::repository`], and of opening it.
    pub(super) fn request(&self) -> Result<Generator> {
        self.repository()?.request(&self.site.context)
    }

    /// Opens the tasks to read them: of the generation that is named, ended or not, else of the current one.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub(super) fn tasks(&self) -> Result<Store> {
        let generator = self.look()?;
        let store = match self.generation() {
            Some(_) => generator.store_to_read()?.1,
            None => generator.store()?,
        };
        Ok(store.sharing(&self.site.tasks))
    }

    /// Returns the task of the path.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where there is none.
    pub(super) fn task(&self, issues: &Issues) -> Result<IssueId> {
        issues.find(&parsed::<TypedId>(self.part("task"))?)
    }

    /// Returns the run of the path: its name, the first letters of it, or a generation, for its last run.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub(super) fn run(&self, generator: &Generator) -> Result<RunId> {
        generator.find_run(Some(self.part("run")))
    }
}

/// Reads a word of an address or of a body.
///
/// # Errors
///
/// Of kind [`ErrorKind::Usage`], with what is wrong with it.
pub(super) fn parsed<T: FromStr<Err = String>>(text: &str) -> Result<T> {
    text.parse().map_err(|why| Error::new(ErrorKind::Usage, why))
}

fn decoded(text: &str) -> Result<String> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    let decoded = decoded.map_err(|_| Error::new(ErrorKind::Usage, "the query is not UTF-8"))?;
    Ok(decoded.into_owned())
}

fn names<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    if known.is_empty() {
        "it takes none".to_owned()
    } else {
        format!("it takes {}", known.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 2] = [Parameter::once("task", ""), Parameter::repeated("status", "")];

    #[test]
    fn a_query_has_what_the_route_knows_and_nothing_else() {
        let read = |text: &str| Words::query(text, &KNOWN).map_err(|error| error.to_string());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(
            read("status=open&task=a%20b+c&status=held"),
            Ok(vec![
                pair("status", "open"),
                pair("task", "a b c"),
                pair("status", "held")
            ])
        );
        for (text, why) in [
            ("x=1", "the query has an unknown `x`"),
            ("task=1&task=2", "the query has `task` twice"),
            ("task=%ff", "the query is not UTF-8"),
        ] {
            assert_eq!(read(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_body_has_the_fields_of_the_route_and_their_kinds() {
        let field = |name, kind, is_required| Field {
            name,
            kind,
            is_required,
            what: "",
        };
        let known = [
            field("text", Kind::Text, true),
            field("now", Kind::Yes, false),
            field("texts", Kind::Texts, false),
        ];
        let read = |text: &str| Words::body(text.as_bytes(), &known).map_err(|error| error.to_string());
        assert!(read(r#"{"text":"a","now":true,"texts":["b"]}"#).is_ok());
        for (text, why) in [
            ("", "the body has no `text`"),
            ("[]", "the body is not a JSON object"),
            ("{", "the body is not a JSON object"),
            (r#"{"text":1}"#, "`text` of the body is not a string"),
            (r#"{"text":"a","now":1}"#, "`now` of the body is not `true` or `false`"),
            (
                r#"{"text":"a","texts":[]}"#,
                "`texts` of the body is not an array of strings with at least one",
            ),
            (r#"{"text":"a","other":1}"#, "the body has an unknown field `other`"),
        ] {
            assert_eq!(read(text), Err(why.to_owned()), "{text}");
        }
        assert!(Words::body(b"", &[]).unwrap().is_empty());
    }
}
