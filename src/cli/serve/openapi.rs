//! The description of the API for programs (<https://spec.openapis.org/oas/v3.1.0>), made from the table of routes.

use serde_json::{Map, Value, json};

use super::answer::{ContentKind, KINDS};
use super::fields::{Field, Kind};
use super::table::{Does, Route};

/// Returns the document of some routes.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method().as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "cordwainer",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What `cordwainer serve` shows and does. Documents are those that the commands print with `--json`.",
        },
        "paths": paths,
        "security": [{ "token": [] }],
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Problem": problem() },
            "responses": {
                "Problem": {
                    "description": "Why it failed",
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let of_path = route
        .parts()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let of_query = route.query.iter().map(|parameter| {
        let text = json!({ "type": "string" });
        let schema = if parameter.is_repeated {
            json!({ "type": "array", "items": text })
        } else {
            text
        };
        json!({ "name": parameter.name, "in": "query", "description": parameter.what, "schema": schema })
    });
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.summary,
        "parameters": of_path.chain(of_query).collect::<Vec<_>>(),
        "responses": responses(route),
    });
    if route.changes() {
        operation["requestBody"] = body(route.body);
    }
    if matches!(route.does, Does::Public(_)) {
        operation["security"] = json!([]);
    }
    operation
}

fn responses(route: &Route) -> Value {
    let kind = route.answers();
    let schema = if kind == ContentKind::Json {
        json!({})
    } else {
        json!({ "type": "string" })
    };
    let media_type = kind.media_type();
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({ "description": route.summary, "content": { media_type: { "schema": schema } } }),
    );
    let refusals = if route.changes() {
        &[401, 403, 415, 421, 429][..]
    } else {
        &[401, 403, 421, 429]
    };
    let of_kinds = KINDS.iter().map(|(.., status)| status.as_u16());
    for status in refusals.iter().copied().chain(of_kinds) {
        responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    Value::Object(responses)
}

fn body(fields: &[Field]) -> Value {
    let property = |field: &Field| {
        let mut schema = match field.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Texts => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
            Kind::Yes => json!({ "type": "boolean" }),
        };
        schema["description"] = json!(field.what);
        (field.name.to_owned(), schema)
    };
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.is_required)
        .map(|field| field.name)
        .collect();
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn problem() -> Value {
    let kinds: Vec<&str> = KINDS.iter().map(|(_, word, _)| *word).chain(["refused"]).collect();
    json!({
        "type": "object",
        "properties": {
            "error": { "type": "string" },
            "causes": { "type": "array", "items": { "type": "string" } },
            "hint": { "type": ["string", "null"] },
            "kind": { "enum": kinds },
            "exit_code": { "type": ["integer", "null"] },
        },
        "required": ["error", "causes", "hint", "kind", "exit_code"],
    })
}
