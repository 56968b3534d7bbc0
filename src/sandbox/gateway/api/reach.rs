//! Requests that make the API reach other hosts on the container's behalf: fetching from an address is a way out that
//! no `network.allow` knows of, and an address can carry any data. The same pass finds out whether the length of a
//! request shows how many tokens it has.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::base::serialization::pass_over_scalars;

use super::super::refusal::Refusal;

/// Refuses a request in which something is to be fetched from an address, or servers of tools are to be called. One
/// that cannot be read to its end, because it is nested too deep or is not JSON, is refused, too: the API may be able
/// to read it.
///
/// Returns whether the request has parts with a length that does not show their tokens: documents and images, files
/// that the API has, and tools that the API itself describes to the model.
pub(super) fn check(body: &[u8]) -> Result<bool, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let is_opaque = Cell::new(false);
    let search = ReferenceSearch {
        place: RequestPlace::Request,
        is_opaque: &is_opaque,
    };
    let searched = search.deserialize(&mut reader);
    searched.map(|()| is_opaque.get()).map_err(|error| {
        if error.is_data() {
            Refusal::forbidden("the request would make the API reach other hosts, which this container may not")
        } else {
            Refusal::invalid(format!("the request cannot be read: {error}"))
        }
    })
}

/// The kind of a place in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestPlace {
    /// The request itself.
    Request,
    /// A definition of a tool.
    Tools,
    /// A source of content.
    Source,
    /// The type of a tool.
    Tool,
    /// The type of a source of content.
    Kind,
    /// The name of something that the API has.
    Opaque,
    /// A list of servers of tools.
    Servers,
    /// Anywhere else.
    Other,
}

impl RequestPlace {
    /// Returns the place of a field's value; `None` where nothing in it is relevant.
    fn below(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Request, "mcp_servers") => Some(Self::Servers),
            (Self::Request, "tools") => Some(Self::Tools),
            (Self::Request, "container") | (_, "file_id") => Some(Self::Opaque),
            (Self::Source, "type") => Some(Self::Kind),
            (Self::Tools, "type") => Some(Self::Tool),
            // The input that a model gave to a tool, and the schema of a tool's input.
            (_, "input" | "input_schema") => None,
            (_, "source") => Some(Self::Source),
            _ => Some(Self::Other),
        }
    }
}

/// Searches for references to other hosts, and fails if there is one.
#[derive(Clone, Copy)]
struct ReferenceSearch<'a> {
    place: RequestPlace,
    is_opaque: &'a Cell<bool>,
}

impl ReferenceSearch<'_> {
    fn at(self, place: RequestPlace) -> Self {
        if place == RequestPlace::Opaque {
            self.is_opaque.set(true);
        }
        Self { place, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for ReferenceSearch<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ReferenceSearch<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nothing that leads to other hosts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if self.place == RequestPlace::Servers {
                return Err(A::Error::custom("a server of tools"));
            }
            match self.place.below(&name) {
                Some(place) => map.next_value_seed(self.at(place))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(self)?.is_some() {
            if self.place == RequestPlace::Servers {
                return Err(A::Error::custom("a server of tools"));
            }
        }
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let (leads_out, is_plain) = match self.place {
            RequestPlace::Kind => (text.starts_with("url"), matches!(text, "text" | "content")),
            RequestPlace::Tool => (text.starts_with("web_fetch"), text == "custom"),
            _ => (false, true),
        };
        if leads_out {
            return Err(E::custom("an address"));
        }
        self.is_opaque.set(self.is_opaque.get() || !is_plain);
        Ok(())
    }

    pass_over_scalars!();
}

#[cfg(test)]
mod tests {
    fn refuses(body: &str, expect: bool) {
        assert_eq!(super::check(body.as_bytes()).is_err(), expect, "{body}");
    }

    #[test]
    fn what_has_the_api_reach_other_hosts_is_refused() {
        for body in [
            r#"{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://a.example/?x"}}]}]}"#,
            r#"{"messages":[{"content":[{"source":{"type":"text","\u0074ype":"\u0075rl"}}]}]}"#,
            r#"{"messages":[{"content":[{"type":"tool_result","content":[{"source":{"type":"url"}}]}]}]}"#,
            r#"{"system":[{"type":"document","source":{"type":"content","content":[{"source":{"type":"url"}}]}}]}"#,
            r#"{"tools":[{"name":"a"},{"type":"web_fetch_20250910","name":"web_fetch"}]}"#,
            r#"{"mcp_servers":[{"type":"url","url":"https://a.example/sse"}]}"#,
            r#"{"mcp_servers":{"a":{"type":"url","url":"https://a.example/sse"}}}"#,
        ] {
            refuses(body, true);
        }
    }

    #[test]
    fn everything_else_passes() {
        for body in [
            r#"{"messages":[{"content":[{"type":"image","source":{"type":"base64","data":"AA=="}}]}],"mcp_servers":[]}"#,
            r#"{"messages":[{"content":[{"type":"tool_use","input":{"source":{"type":"url","url":"a"}}}]}]}"#,
            r#"{"messages":[{"content":"{\"source\":{\"type\":\"url\"}}"}],"max_tokens":1,"a":[null,true,-1,1.5,1e99]}"#,
            r#"{"tools":[{"type":"web_search_20250305"},{"input_schema":{"properties":{"source":{"type":"url"}}}}]}"#,
            "[]",
        ] {
            refuses(body, false);
        }
        let deep = format!(
            r#"{{"messages":[{{"input":{}1{}}}]}}"#,
            "[".repeat(1000),
            "]".repeat(1000)
        );
        refuses(&deep, false);
    }

    #[test]
    fn what_has_more_tokens_than_bytes_is_seen() {
        for (body, expect) in [
            (
                r#"{"messages":[{"content":[{"source":{"type":"base64","data":"AA=="}}]}]}"#,
                true,
            ),
            (
                r#"{"messages":[{"content":[{"source":{"type":"file","file_id":"f"}}]}]}"#,
                true,
            ),
            (
                r#"{"messages":[{"content":[{"type":"container_upload","file_id":"f"}]}]}"#,
                true,
            ),
            (
                r#"{"tools":[{"name":"a"},{"type":"bash_20250124","name":"bash"}]}"#,
                true,
            ),
            (r#"{"container":{"skills":[]}}"#, true),
            (
                r#"{"messages":[{"content":[{"source":{"type":"text","data":"a"}}]}],"tools":[{"type":"custom"}]}"#,
                false,
            ),
            (
                r#"{"messages":[{"content":[{"input":{"file_id":"f","source":{"type":"base64"}}}]}]}"#,
                false,
            ),
        ] {
            assert_eq!(super::check(body.as_bytes()).unwrap(), expect, "{body}");
        }
    }

    #[test]
    fn what_cannot_be_read_to_its_end_is_refused() {
        let deep = format!(r#"{{"metadata":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        for body in [deep.as_str(), "no JSON", "", r#"{"mcp_servers":"#] {
            refuses(body, true);
        }
    }
}
