// SPDX-License-Identifier: MPL-2.0
//! The document that describes the API, held against OpenAPI 3.1: what a generator of clients would
//! stumble over.

use std::collections::HashSet;

use super::*;

/// All members of an object; of nothing there are none.
fn members(value: &Value) -> Vec<(&str, &Value)> {
    let object = value.as_object().into_iter().flatten();
    object.map(|(name, value)| (name.as_str(), value)).collect()
}

/// A schema: known types, fields that are there, references that lead somewhere.
fn check_schema(document: &Value, at: &str, schema: &Value) {
    if schema.is_boolean() {
        return;
    }
    assert!(schema.is_object(), "{at}: {schema}");
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{at}: {reference}");
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        Value::Null => Vec::new(),
        other => panic!("{at}: the type is {other}"),
    };
    const KNOWN: [&str; 7] = [
        "string", "number", "integer", "boolean", "array", "object", "null",
    ];
    assert!(
        types.iter().all(|kind| KNOWN.contains(kind)),
        "{at}: {types:?}"
    );
    assert!(schema.get("nullable").is_none(), "{at}: that is of 3.0");
    let named = |part: &str| format!("{at}.{part}");
    for (name, property) in members(&schema["properties"]) {
        check_schema(document, &named(name), property);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        let name = required.as_str().expect("a name");
        assert!(!schema["properties"][name].is_null(), "{at}: {name}");
    }
    if types.contains(&"array") {
        let items = ["items", "prefixItems"].map(|part| !schema[part].is_null());
        assert!(items.contains(&true), "{at}: an array of what?");
    }
    for part in ["items", "additionalProperties"] {
        if !schema[part].is_null() {
            check_schema(document, &named(part), &schema[part]);
        }
    }
    for part in ["oneOf", "anyOf", "allOf", "prefixItems"] {
        for schema in schema[part].as_array().into_iter().flatten() {
            check_schema(document, &named(part), schema);
        }
    }
}

fn check_content(document: &Value, at: &str, content: &Value) {
    for (kind, body) in members(content) {
        assert!(kind.contains('/'), "{at}: {kind}");
        if !body["schema"].is_null() {
            check_schema(document, &format!("{at} {kind}"), &body["schema"]);
        }
    }
}

fn check_operation(document: &Value, path: &str, at: &str, operation: &Value) {
    let parameters = operation["parameters"].as_array().cloned();
    let parameters = parameters.unwrap_or_default();
    let mut seen = HashSet::new();
    for parameter in &parameters {
        let (name, place) = (&parameter["name"], &parameter["in"]);
        let place = place.as_str().expect("a place");
        let name = name.as_str().expect("a name");
        assert!(
            ["path", "query", "header"].contains(&place),
            "{at}: {place}"
        );
        assert!(seen.insert((place, name)), "{at}: {name} twice");
        if place == "path" {
            assert!(path.contains(&format!("{{{name}}}")), "{at}: {name}");
            assert_eq!(parameter["required"], true, "{at}: {name}");
        }
        check_schema(document, at, &parameter["schema"]);
    }
    for part in path.split('{').skip(1) {
        let name = part.split('}').next().expect("a name");
        assert!(
            seen.contains(&("path", name)),
            "{at}: {name} is not described"
        );
    }
    let body = &operation["requestBody"];
    assert!(
        body.is_null() || !members(&body["content"]).is_empty(),
        "{at}"
    );
    check_content(document, at, &body["content"]);
    let responses = members(&operation["responses"]);
    assert!(!responses.is_empty(), "{at}");
    for (status, response) in responses {
        let number: u16 = status.parse().expect("a status");
        assert!((100..600).contains(&number), "{at}: {status}");
        assert!(response["description"].is_string(), "{at}: {status}");
        check_content(document, &format!("{at} {status}"), &response["content"]);
    }
    let told = ["summary", "description"].map(|part| operation[part].is_string());
    assert!(told.contains(&true), "{at}: what does it do?");
}

#[test]
fn the_document_is_one_that_generators_of_clients_take() {
    let document = serde_json::to_value(sonicd::serve::openapi()).expect("JSON");
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|v| v.starts_with("3.1."))
    );
    for part in ["title", "version"] {
        assert!(document["info"][part].is_string(), "{part}");
    }
    let mut names = HashSet::new();
    for (path, operations) in members(&document["paths"]) {
        assert!(path.starts_with('/'), "{path}");
        for (method, operation) in members(operations) {
            let at = format!("{method} {path}");
            check_operation(&document, path, &at, operation);
            // Clients name a function by it.
            let name = operation["operationId"].as_str().expect("a name");
            assert!(
                names.insert(name.to_owned()),
                "{at}: {name} is another's, too"
            );
        }
    }
    assert!(names.len() > 15);
    for (name, schema) in members(&document["components"]["schemas"]) {
        check_schema(&document, name, schema);
    }
}
