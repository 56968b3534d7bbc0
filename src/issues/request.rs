//! What a person asks of a generation: a text, and files such as a log or the output of a test.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::issues::scope::{Scope, Then};

/// The most bytes of a request's text.
pub const REQUEST_LIMIT: usize = 64 << 10;
/// The most bytes of the files beside it.
pub const FILES_LIMIT: usize = 256 << 10;
/// The most files beside it.
const MOST_FILES: usize = 20;
/// How much of a request names its generation.
const SLUG_LENGTH: usize = 40;

/// What a person asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// In their words.
    pub text: String,
    /// What they give along with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<RequestFile>,
    /// The files that an audit or a review reads; `None` where nothing was said about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// A file that a person gives along with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    /// Its name, as they gave it.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Request {
    /// Checks a request.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where there is no text, or too much of one, or too much in files.
    pub fn new(text: &str, files: Vec<RequestFile>) -> Result<Self> {
        let text = text.trim();
        let refuse = |message: String, hint: &str| Err(Error::new(ErrorKind::Usage, message).hint(hint.to_owned()));
        if text.is_empty() {
            return refuse(
                "the request is empty".to_owned(),
                "say in a few words what is to be done",
            );
        }
        if text.len() > REQUEST_LIMIT {
            return refuse(
                format!(
                    "the request has {} bytes, and at most {REQUEST_LIMIT} are read",
                    text.len()
                ),
                "commit what is longer as a document of the repository, and name that in the request",
            );
        }
        let bytes: usize = files.iter().map(|file| file.text.len()).sum();
        if bytes > FILES_LIMIT || files.len() > MOST_FILES {
            let (count, most) = (files.len(), MOST_FILES);
            return refuse(
                format!(
                    "{count} files with {bytes} bytes are given, and at most {most} with {FILES_LIMIT} bytes are read"
                ),
                "give the part that matters",
            );
        }
        let text = text.to_owned();
        Ok(Self {
            text,
            files,
            scope: None,
        })
    }

    /// Adds the files that are to be read to a request, or makes one of these alone.
    pub fn about(request: Option<Self>, scope: Scope) -> Self {
        Self {
            scope: Some(scope),
            ..request.unwrap_or_default()
        }
    }

    /// Returns whether another request asks for the same, whatever becomes of what is found.
    pub fn is_same(&self, other: &Self) -> bool {
        let asked = |request: &Self| {
            let scope = request.scope.clone().map(|scope| Scope {
                then: Then::default(),
                ..scope
            });
            Self {
                scope,
                ..request.clone()
            }
        };
        asked(self) == asked(other)
    }

    /// Returns whether files are to be read, and nothing is to become of what is found.
    pub fn only_reports(&self) -> bool {
        self.scope.as_ref().is_some_and(|scope| scope.then == Then::Report)
    }

    /// Returns what is asked for, in a line.
    pub fn in_words(&self) -> String {
        let text = one_line(&self.text, 200);
        match &self.scope {
            Some(scope) if text.is_empty() => scope.in_words(),
            Some(scope) => format!("{text} ({})", scope.in_words()),
            None => text,
        }
    }

    /// Returns the words of its first line that can be part of a branch's name; `None` where there are none.
    pub fn slug(&self) -> Option<String> {
        let line = self.text.lines().next().unwrap_or_default().to_lowercase();
        let words = line.split(|character: char| !character.is_ascii_alphanumeric());
        let mut slug = String::new();
        for word in words.filter(|word| !word.is_empty()) {
            let separator = usize::from(!slug.is_empty());
            if slug.len() + separator + word.len() > SLUG_LENGTH {
                break;
            }
            if separator > 0 {
                slug.push('-');
            }
            slug.push_str(word);
        }
        (!slug.is_empty()).then_some(slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Option<String> {
        Request::new(text, Vec::new()).unwrap().slug()
    }

    #[test]
    fn a_generation_is_named_after_the_first_words_of_a_request() {
        assert_eq!(slug("Fix: login fails\nwith UTF-8"), Some("fix-login-fails".into()));
        assert_eq!(
            slug("  Half sizes (42½) round down "),
            Some("half-sizes-42-round-down".into())
        );
        assert_eq!(slug("登录失败"), None);
        let long = slug("one two three four five six seven eight nine ten eleven").unwrap();
        assert_eq!(long, "one-two-three-four-five-six-seven-eight");
        assert_eq!(slug(&"x".repeat(60)), None);
    }

    #[test]
    fn what_is_no_request_is_told() {
        let refused = |text: &str, files: Vec<RequestFile>| Request::new(text, files).unwrap_err().to_string();
        assert!(refused(" \n", Vec::new()).contains("is empty"));
        assert!(refused(&"x".repeat(1 << 20), Vec::new()).contains("1048576 bytes"));
        let file = RequestFile {
            name: "log".into(),
            text: "x".repeat(FILES_LIMIT + 1),
        };
        assert!(refused("Look.", vec![file]).contains("1 files with 262145 bytes"));
    }
}
