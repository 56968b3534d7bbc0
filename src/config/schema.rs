//! The JSON Schema of the file, for editors: made from the table of keys.

use serde_json::{Map, Value, json};

use super::keys::{
    CREDENTIAL, GATE, IMAGE, Key, MCP_SERVER, MCP_TOOLS, MODE, MOUNT, NETWORK_ENTRY, PREPARE, RULE, SERVICE, STAGE,
    Shape, TOP,
};
use super::toolchain::TOOLS;
use super::values::LEAST_NUMBER;
use crate::model::StageName;

/// Returns the JSON Schema (draft 2020-12) of `configuration.yaml`, with a newline at its end; checked in as
/// `configuration.schema.json`.
pub fn schema() -> String {
    let mut schema = object(TOP, &[]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("configuration.yaml of cordwainer");
    // A file without any key is valid.
    schema["type"] = json!(["object", "null"]);
    format!("{schema:#}\n")
}

fn object(keys: &[Key], required: &[&str]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        properties.insert(key.name.to_owned(), property(key));
        if let Some(alias) = key.alias {
            let mut older = property(key);
            older["description"] = json!(format!("The older name of `{}`.", key.name));
            older["deprecated"] = json!(true);
            properties.insert(alias.to_owned(), older);
        }
    }
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Returns the schema of a key: what it accepts, or nothing at all, which leaves it unset.
fn property(key: &Key) -> Value {
    let mut schema = json!({"anyOf": [accepted(key.shape), {"type": "null"}]});
    schema["description"] = json!(key.about.replace('\n', " "));
    schema
}

fn accepted(shape: Shape) -> Value {
    const DURATION: &str = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$";
    let duration = || json!({"type": "string", "minLength": 2, "pattern": DURATION});
    let text = || json!({"type": "string"});
    let list = |items: Value| json!({"type": "array", "items": items});
    match shape {
        Shape::Text => text(),
        Shape::User => json!({"type": ["string", "integer"]}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Count => json!({"type": "integer", "minimum": 1}),
        Shape::CountOrOff => or_off(&json!({"type": "integer", "minimum": 1})),
        Shape::CountOr(word) => json!({"anyOf": [{"enum": [word]}, {"type": "integer", "minimum": 1}]}),
        Shape::Number => json!({"type": "number", "minimum": 1}),
        Shape::NumberOrOff => or_off(&json!({"type": "number", "minimum": LEAST_NUMBER})),
        Shape::SizeOrOff => or_off(&json!({"anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^[0-9]+ *([bB]|[kKmMgGtT]([iI]?[bB])?)?$"},
        ]})),
        Shape::Duration => duration(),
        Shape::DurationOrOff => or_off(&duration()),
        Shape::Wait => json!({"anyOf": [{"enum": ["never", "always"]}, duration()]}),
        Shape::Choice(words) => json!({"enum": words}),
        Shape::List => list(text()),
        Shape::Rules => list(object(RULE, &["when"])),
        Shape::Stages => list(json!({"anyOf": [
            {"enum": ["stitch", "review"]},
            object(STAGE, &["name", "prompt", "may_change"]),
        ]})),
        Shape::StageNames => list(json!({"anyOf": [{"enum": ["stitch", "review"]}, stage_name()]})),
        Shape::Modes => json!({"type": "object", "additionalProperties": object(MODE, &[])}),
        Shape::Priorities => list(json!({"type": "integer", "minimum": 0, "maximum": 4})),
        Shape::Callers(words) => list(json!({"anyOf": [{"enum": words}, stage_name()]})),
        Shape::ServerTools => {
            let mut tools = object(MCP_TOOLS, &[]);
            tools["additionalProperties"] = list(text());
            let roles = MCP_TOOLS.iter().map(|key| key.name).collect::<Vec<_>>();
            tools["propertyNames"] = json!({"anyOf": [{"enum": roles}, stage_name()]});
            tools
        }
        Shape::Choices(words) => list(json!({"enum": words})),
        Shape::Words => json!({"anyOf": [text(), list(json!({"type": ["string", "number"]}))]}),
        Shape::Map => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Shape::Assignments => json!({"anyOf": [
            {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
            {"type": "array", "items": {"type": "string", "pattern": "="}},
        ]}),
        Shape::Mounts => list(json!({"anyOf": [text(), object(MOUNT, &["source", "target"])]})),
        Shape::Gates => list(json!({"anyOf": [text(), gate()]})),
        Shape::Credentials => list(object(CREDENTIAL, &["host", "from"])),
        Shape::NetworkEntries => list(json!({"anyOf": [text(), object(NETWORK_ENTRY, &["host"])]})),
        Shape::Prepare => json!({"anyOf": [text(), object(PREPARE, &["command"])]}),
        Shape::Image => json!({"anyOf": [text(), object(IMAGE, &["build"]), object(IMAGE, &["devcontainer"])]}),
        Shape::Tools => tools(),
        Shape::Port => port(),
        Shape::Ports => list(port()),
        Shape::Services => json!({"type": "object", "additionalProperties": object(SERVICE, &["image", "ports"])}),
        Shape::Servers => json!({"type": "object", "additionalProperties": object(MCP_SERVER, &["tools"])}),
        Shape::Section(keys) => object(keys, &[]),
    }
}

/// Returns the schema of a gate that is a mapping: it runs a command, looks for files, or names a command.
fn gate() -> Value {
    let mut gate = object(GATE, &[]);
    gate["anyOf"] = json!([{"required": ["command"]}, {"required": ["files"]}, {"required": ["name"]}]);
    gate["properties"]["serve"]["anyOf"][0]["required"] = json!(["command", "port"]);
    gate
}

/// Returns the schema of the name of a stage of the project's own.
fn stage_name() -> Value {
    let taken = StageName::TAKEN;
    json!({"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": StageName::LONGEST, "not": {"enum": taken}})
}

fn port() -> Value {
    json!({"type": "integer", "minimum": 1024, "maximum": 65535})
}

/// Returns the schema of tools and their versions.
fn tools() -> Value {
    let version = |_| json!({"type": ["string", "number"]});
    let properties: Map<String, Value> = TOOLS.iter().map(|tool| (tool.name.to_owned(), version(tool))).collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// Returns the schema of `off` as YAML 1.2 reads it, and as YAML 1.1 does.
fn or_off(accepted: &Value) -> Value {
    json!({"anyOf": [accepted, {"enum": ["off", false]}]})
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checked_in_schema_is_fresh() {
        let stored = include_str!("../../configuration.schema.json");
        assert!(
            stored == super::schema(),
            "configuration.schema.json is stale: run `cargo xtask codegen`"
        );
    }
}
