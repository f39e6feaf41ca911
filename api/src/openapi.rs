//! The OpenAPI 3.1 document of the models that are there, made of their manifests.

use model_package::{Field, FieldType, Manifest, Modality};
use serde_json::{Map, Value, json};

use crate::Settings;
use crate::model::{Model, Models};

/// The types of pictures that the component decodes.
const PICTURES: [&str; 5] = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];

pub(crate) fn document(models: &Models, settings: &Settings) -> Value {
    let mut paths = Map::new();
    let mut schemas = shared();
    for model in models.iter() {
        let Some(manifest) = model.manifest() else { continue };
        let name = model.name();
        schemas.insert(format!("{name}-instance"), instance(manifest));
        schemas.insert(format!("{name}-prediction"), prediction(manifest));
        paths.insert(format!("/models/{name}/predict"), predict(model, manifest, settings));
        paths.insert(format!("/models/{name}"), read(&format!("What {name} is"), "object", true));
        paths.insert(
            format!("/v2/models/{name}"),
            read(&format!("The tensors of {name}"), "object", false),
        );
        paths.insert(
            format!("/v2/models/{name}/ready"),
            read(&format!("Whether {name} is ready"), "object", false),
        );
        if manifest.ensemble.is_none() {
            paths.insert(format!("/v2/models/{name}/infer"), infer(name));
        }
    }
    if let Some(model) = models.default()
        && let Some(manifest) = model.manifest()
    {
        paths.insert("/predict".into(), predict_at("predict", model, manifest, settings));
    }
    for (path, summary, tagged) in [
        ("/health/live", "Whether the process answers", false),
        ("/health/ready", "Whether requests are wanted", false),
        ("/metadata", "The server and its models", true),
        ("/models", "The models", true),
        ("/v2", "The inference protocol's server metadata", false),
        ("/v2/health/live", "As /health/live", false),
        ("/v2/health/ready", "As /health/ready", false),
    ] {
        paths.insert(path.into(), read(summary, "object", tagged));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "samebits",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Models in the sandbox of one WebAssembly component: the same bytes \
                            give the same bits on every host.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        // Relative to this document, so it holds behind stages and base paths, too.
        "servers": [{ "url": "." }],
        "security": [],
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn shared() -> Map<String, Value> {
    let digest = json!({ "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" });
    let schemas = json!({
        "problem": {
            "description": "Problem details (RFC 9457).",
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": { "type": "string", "format": "uri" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "detail": { "type": "string" },
                "instance": { "type": "string" },
                "code": { "type": "string" },
                "field": { "type": "string" },
            },
        },
        "inference-request": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "id": { "type": "string" },
                "parameters": { "type": "object" },
                "inputs": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name", "shape", "datatype"],
                    "properties": {
                        "name": { "type": "string" },
                        "shape": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
                        "datatype": { "type": "string" },
                        "parameters": { "type": "object" },
                        "data": { "type": "array" },
                    },
                }},
                "outputs": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": { "type": "string" },
                        "parameters": { "type": "object" },
                    },
                }},
            },
        },
        "inference-error": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": { "type": "string" } },
        },
        "failed": {
            "description": "An instance of several that could not be predicted.",
            "type": "object",
            "required": ["error"],
            "properties": { "error": {
                "type": "object",
                "required": ["class", "code", "message"],
                "properties": {
                    "class": { "type": "string" },
                    "code": { "type": "string" },
                    "message": { "type": "string" },
                    "field": { "type": "string" },
                },
            }},
        },
        "provenance": {
            "description": "Which bytes gave the answer.",
            "type": "object",
            "required": ["model", "version", "package", "component"],
            "properties": {
                "model": { "type": "string" },
                "version": { "type": "string" },
                "package": digest.clone(),
                "component": digest,
            },
        },
    });
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn problems(statuses: &[u16]) -> Map<String, Value> {
    let content = json!({ "application/problem+json": { "schema": reference("problem") } });
    let one = |status: &u16| {
        let description = http::StatusCode::from_u16(*status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        (status.to_string(), json!({ "description": description, "content": content }))
    };
    statuses.iter().map(one).collect()
}

/// A resource that is read; a tagged one has an `ETag`.
fn read(summary: &str, kind: &str, tagged: bool) -> Value {
    let mut responses = Map::new();
    let mut answer = json!({
        "description": "OK",
        "content": { "application/json": { "schema": { "type": kind } } },
    });
    if tagged {
        if let Some(fields) = answer.as_object_mut() {
            let tag = json!({ "ETag": { "schema": { "type": "string" } } });
            fields.insert("headers".into(), tag);
        }
        responses.insert("304".into(), json!({ "description": "Not Modified" }));
        responses.extend(problems(&[406]));
    }
    responses.insert("200".into(), answer);
    responses.insert("503".into(), json!({ "description": "Service Unavailable" }));
    json!({ "get": { "summary": summary, "responses": responses } })
}

fn predict(model: &Model, manifest: &Manifest, settings: &Settings) -> Value {
    predict_at(&format!("predict-{}", model.name()), model, manifest, settings)
}

fn predict_at(id: &str, model: &Model, manifest: &Manifest, settings: &Settings) -> Value {
    let name = model.name();
    let (instance, prediction) =
        (reference(&format!("{name}-instance")), reference(&format!("{name}-prediction")));
    let several = json!({ "type": "array", "maxItems": settings.instances, "items": instance });
    let answers = json!({
        "type": "array",
        "items": { "anyOf": [prediction, reference("failed")] },
    });
    let json = json!({ "anyOf": [
        instance,
        several,
        {
            "type": "object",
            "required": ["instances"],
            "additionalProperties": false,
            "properties": {
                "instances": several,
                "model": { "enum": [name, null] },
                "parameters": { "type": ["object", "null"], "additionalProperties": false },
            },
        },
    ]});
    let mut content = Map::new();
    content.insert("application/json".into(), json!({ "schema": json }));
    match manifest.task.modality() {
        Modality::Tabular | Modality::Tensors => {}
        Modality::Text => {
            content.insert("text/plain".into(), json!({ "schema": { "type": "string" } }));
        }
        Modality::Image => {
            content.extend(PICTURES.map(|picture| (picture.to_owned(), json!({}))));
        }
    }
    content.insert(
        "multipart/form-data".into(),
        json!({ "schema": {
            "description": "Each part is one instance.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": true,
        }}),
    );
    let mut responses = problems(&[400, 404, 406, 408, 413, 415, 500, 503, 504]);
    responses.insert(
        "200".into(),
        json!({
            "description": "A prediction, or one for each instance in the same order.",
            "content": { "application/json": { "schema": { "anyOf": [
                prediction,
                answers,
                {
                    "type": "object",
                    "required": ["predictions"],
                    "properties": { "predictions": answers },
                },
            ]}}},
        }),
    );
    json!({ "post": {
        "operationId": id,
        "summary": format!("Predict with {name} {}", manifest.version),
        "description": manifest.description,
        "requestBody": { "required": true, "content": content },
        "responses": responses,
    }})
}

fn infer(name: &str) -> Value {
    json!({ "post": {
        "operationId": format!("infer-{name}"),
        "summary": format!("Run the graph of {name} on tensors (Open Inference Protocol v2)"),
        "parameters": [{
            "name": "Inference-Header-Content-Length",
            "in": "header",
            "description": "Bytes of JSON, where tensors follow it.",
            "schema": { "type": "integer", "minimum": 0 },
        }],
        "requestBody": { "required": true, "content": {
            "application/json": { "schema": reference("inference-request") },
            "application/octet-stream": {},
        }},
        "responses": {
            "200": { "description": "OK", "content": {
                "application/json": { "schema": { "type": "object", "required": ["outputs"] } },
                "application/octet-stream": {},
            }},
            "default": { "description": "An error", "content": {
                "application/json": { "schema": reference("inference-error") },
            }},
        },
    }})
}

/// The JSON Schema of an instance.
fn instance(manifest: &Manifest) -> Value {
    if manifest.task.modality() == Modality::Tensors {
        let description = "The graph's inputs by name, as nested arrays.";
        return json!({ "type": "object", "description": description });
    }
    let text = |description: &str| json!({ "type": "string", "description": description });
    let (properties, required) = match manifest.task.modality() {
        Modality::Image => (json!({ "image": text("The base64 of a picture.") }), vec!["image"]),
        Modality::Text if manifest.input.text.is_some_and(|text| text.pair) => (
            json!({ "text": text("The first text."), "text_pair": text("The second text.") }),
            vec!["text", "text_pair"],
        ),
        // Its members say whether they take two.
        Modality::Text if manifest.ensemble.is_some() => (
            json!({ "text": text("The text."), "text_pair": text("The second text, if any.") }),
            vec!["text"],
        ),
        Modality::Text => (json!({ "text": text("The text.") }), vec!["text"]),
        Modality::Tabular | Modality::Tensors => {
            let fields = &manifest.input.fields;
            let properties: Map<String, Value> =
                fields.iter().map(|known| (known.name.clone(), field(known))).collect();
            let required = fields.iter().filter(|field| field.default.is_none() && !field.nullable);
            (Value::Object(properties), required.map(|field| field.name.as_str()).collect())
        }
    };
    json!({
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": properties,
    })
}

/// Null is as good as absence where there is a default, or none is needed.
fn field(field: &Field) -> Value {
    let mut schema = Map::new();
    let kind = match field.kind {
        FieldType::Number => "number",
        FieldType::Integer => "integer",
        FieldType::Boolean => "boolean",
        FieldType::String | FieldType::Category | FieldType::Timestamp => "string",
    };
    let nullable = field.default.is_some() || field.nullable;
    schema.insert("type".into(), if nullable { json!([kind, "null"]) } else { json!(kind) });
    if field.kind == FieldType::Timestamp {
        schema.insert("format".into(), "date-time".into());
    }
    if !field.values.is_empty() {
        let mut values: Vec<_> = field.values.iter().map(|value| json!(value)).collect();
        values.extend(nullable.then_some(Value::Null));
        schema.insert("enum".into(), values.into());
    }
    let mut entry = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            schema.insert(key.into(), value);
        }
    };
    entry("minimum", field.min.map(Value::from));
    entry("maximum", field.max.map(Value::from));
    // In characters here, in bytes there: no character is shorter than a byte.
    entry("maxLength", field.max_length.map(Value::from));
    entry("default", field.default.clone());
    let unit = field.unit.as_ref().map(|unit| format!(" Unit: {unit}."));
    let text = field.description.clone().unwrap_or_default() + unit.as_deref().unwrap_or_default();
    entry("description", (!text.is_empty()).then(|| text.trim().into()));
    Value::Object(schema)
}

/// The JSON Schema of a prediction, as the component renders it, with what a host adds.
fn prediction(manifest: &Manifest) -> Value {
    if manifest.task.modality() == Modality::Tensors {
        let description = "The graph's outputs by name, as nested arrays, and `provenance`.";
        return json!({ "type": "object", "description": description });
    }
    let output = &manifest.output;
    let mut properties = Map::new();
    let mut required = vec!["provenance", "timestamp"];
    if let Some(id) = manifest.id_field() {
        properties.insert(id.name.clone(), field(id));
    }
    let score = output.score.as_ref().map_or("score", |score| score.name.as_str());
    properties.insert(score.into(), json!({ "type": "number" }));
    properties.insert("label".into(), json!({ "type": "string" }));
    if let Some(decision) = &manifest.decision {
        let mut actions: Vec<_> = decision.rules.iter().map(|rule| &rule.action).collect();
        actions.push(&decision.otherwise);
        actions.dedup();
        properties.insert("action".into(), json!({ "type": "string", "enum": actions }));
        required.push("action");
    }
    let number = json!({ "type": "number" });
    if manifest.ensemble.is_some() {
        let member = json!({ "type": "object" });
        let members = json!({ "type": "object", "additionalProperties": member });
        properties.insert("members".into(), members);
    }
    for (name, schema) in [
        ("labels", json!({ "type": "array", "items": { "type": "string" } })),
        ("probabilities", json!({ "type": "object", "additionalProperties": number })),
        ("detections", json!({ "type": "array", "items": { "type": "object" } })),
        ("entities", json!({ "type": "array", "items": { "type": "object" } })),
        ("embedding", json!({ "type": "array", "items": number })),
        ("warnings", json!({ "type": "array", "items": { "type": "string" } })),
        ("provenance", reference("provenance")),
        ("timestamp", json!({ "type": "string", "format": "date-time" })),
    ] {
        properties.insert(name.into(), schema);
    }
    json!({ "type": "object", "required": required, "properties": properties })
}
