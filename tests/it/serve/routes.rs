//! The routes, and the document that describes them.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use super::{api, served, with_tasks};

/// Everything that the API has, as people know it. The router and the document are made from one table, and this is another hand's.
const ROUTES: [(&str, &str); 28] = [
    ("GET", "/health"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/repositories"),
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/events"),
    ("GET", "/status"),
    ("GET", "/generations"),
    ("GET", "/runs"),
    ("GET", "/runs/{run}"),
    ("GET", "/runs/{run}/events"),
    ("GET", "/tasks"),
    ("GET", "/tasks/{task}"),
    ("GET", "/tasks/{task}/diff"),
    ("GET", "/transcript"),
    ("GET", "/usage"),
    ("GET", "/stats/tasks"),
    ("GET", "/stats/models"),
    ("POST", "/tasks/{task}/hold"),
    ("POST", "/tasks/{task}/release"),
    ("POST", "/tasks/{task}/comment"),
    ("POST", "/tasks/{task}/answer"),
    ("POST", "/tasks/{task}/close"),
    ("POST", "/tasks/{task}/accept"),
    ("POST", "/tasks/{task}/revert"),
    ("POST", "/tasks/{task}/say"),
    ("POST", "/runs/{run}/pause"),
    ("POST", "/runs/{run}/resume"),
    ("POST", "/runs/{run}/stop"),
];

fn documented(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, operations): (&String, &Value)| {
        let methods = operations.as_object().unwrap().keys();
        methods
            .map(|method| (method.to_uppercase(), path.clone()))
            .collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

#[test]
fn the_document_has_all_routes_and_no_other_and_each_of_them_answers() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let document = served.json("/api/v1/openapi.json");
    let known: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, path)| {
            let of_site = path.starts_with("/api/") || *path == "/health";
            let before = if of_site {
                ""
            } else {
                "/api/v1/repositories/{repository}"
            };
            ((*method).to_owned(), format!("{before}{path}"))
        })
        .collect();
    assert_eq!(documented(&document), known);
    let api = api(&served);
    for (method, path) in &known {
        let path = path
            .replace("/api/v1/repositories/{repository}", &api)
            .replace("{task}", "cw-1")
            .replace("{run}", "none");
        let method: Method = method.parse().unwrap();
        if path != "/health" {
            // So many without a token are slowed down after some.
            let refused = served.asking(method.clone(), &path).ask().status;
            assert!([401, 429].contains(&refused), "{path}: {refused}");
        }
        let other = if method == Method::GET {
            Method::POST
        } else {
            Method::GET
        };
        served.asking(other, &path).with_token(&served.token).ask().expect(405);
        if path.ends_with("/events") {
            continue;
        }
        let asking = served
            .asking(method, &path)
            .with_token(&served.token)
            .header("content-type", "application/json");
        let answered = asking.ask();
        assert_eq!(answered.header("content-type"), "application/json", "{path}");
        assert!(
            answered.json().is_object() || answered.json().is_array(),
            "{path}: {}",
            answered.body
        );
    }
    for path in ["/api/v1", "/api/v1/", "/api/v2/runs", "/api/v1/repositories/x/y"] {
        served.get(path).ask().expect(404);
    }
}

#[test]
fn the_document_says_what_each_route_takes() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let document = served.json("/api/v1/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations_seen = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(
                operations_seen.insert(operation["operationId"].clone().to_string()),
                "{path}"
            );
            let parameters = operation["parameters"].as_array().unwrap();
            let of_path = parameters.iter().filter(|one| one["in"] == "path");
            let named: BTreeSet<String> = of_path
                .map(|one| format!("{{{}}}", one["name"].as_str().unwrap()))
                .collect();
            let parts: BTreeSet<String> = path
                .split('/')
                .filter(|part| part.starts_with('{'))
                .map(str::to_owned)
                .collect();
            assert_eq!(named, parts, "{path}");
            assert_eq!(operation["requestBody"].is_object(), method == "post", "{path}");
            let is_open = operation["security"] == json!([]);
            assert_eq!(is_open, path == "/health", "{path}");
        }
    }
    let hold = &document["paths"]["/api/v1/repositories/{repository}/tasks/{task}/hold"]["post"];
    let schema = &hold["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(
        (&schema["required"], &schema["additionalProperties"]),
        (&json!(["reason"]), &json!(false))
    );
    // What an error is described as is what errors are.
    let validator = jsonschema::validator_for(&document["components"]["schemas"]["Problem"]).unwrap();
    let api = api(&served);
    for path in [
        format!("{api}/tasks/cw-9"),
        format!("{api}/runs/none"),
        "/api/v1/repositories/none/status".to_owned(),
        "/api/v1/none".to_owned(),
    ] {
        let problem = served.get(&path).ask().json();
        assert!(validator.is_valid(&problem), "{problem:#}");
    }
}
