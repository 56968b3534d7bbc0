//! Requests that have the API reach other hosts on the container's behalf: what it fetches from an address is a way out
//! that no `network.allow` knows of, and in an address anything can be told.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::refusal::Refusal;

/// Refuses a request in which something is to be fetched from an address, or servers of tools are to be asked. One that
/// cannot be read to its end, since it is nested too deep or no JSON, is refused, too: the API may read on.
pub(super) fn check(body: &[u8]) -> Result<(), Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let looked = Look(Place::Request).deserialize(&mut reader);
    looked.map_err(|error| {
        if error.is_data() {
            Refusal::forbidden("the API is to reach other hosts, which this container may not")
        } else {
            Refusal::invalid(format!("the request cannot be read: {error}"))
        }
    })
}

/// Where in a request something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is the request itself.
    Request,
    /// It is a definition of a tool.
    Tools,
    /// It says where content is from.
    Source,
    /// It says what kind of thing it stands in.
    Type(&'static str),
    /// It lists servers of tools.
    Servers,
    /// Anywhere else.
    Other,
}

impl Place {
    /// Where the value of a field stands; `None` where nothing in it matters.
    fn below(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Request, "mcp_servers") => Some(Self::Servers),
            (Self::Request, "tools") => Some(Self::Tools),
            (Self::Source, "type") => Some(Self::Type("url")),
            (Self::Tools, "type") => Some(Self::Type("web_fetch")),
            // What a model gave to a tool, and what a tool may be given.
            (_, "input" | "input_schema") => None,
            (_, "source") => Some(Self::Source),
            _ => Some(Self::Other),
        }
    }
}

/// Looks for what leads to other hosts, and fails where something does.
struct Look(Place);

impl<'de> DeserializeSeed<'de> for Look {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nothing that leads to other hosts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.0.below(&name) {
                Some(place) => map.next_value_seed(Look(place))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(Look(self.0))?.is_some() {
            if self.0 == Place::Servers {
                return Err(A::Error::custom("a server of tools"));
            }
        }
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        match self.0 {
            Place::Type(outward) if text.starts_with(outward) => Err(E::custom("an address")),
            _ => Ok(()),
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
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
    fn what_cannot_be_read_to_its_end_is_refused() {
        let deep = format!(r#"{{"metadata":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        for body in [deep.as_str(), "no JSON", "", r#"{"mcp_servers":"#] {
            refuses(body, true);
        }
    }
}
