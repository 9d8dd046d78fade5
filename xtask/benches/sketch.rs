//! A document of all 119 operations of the API, in their real shapes: the current document, and operations that it lacks,
//! made
//! from `sketch.txt`.
#![allow(clippy::unwrap_used, clippy::panic)] // a program that nobody depends on

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::{Map, Value, json};

const SKETCH: &str = include_str!("sketch.txt");
const PAGINATION: &str = "../shared/pagination.yaml#/components";
const CUSTOM: &str = "../shared/custom_attributes.yaml#/components/schemas";
const REFERENCE: &str = "https://dev.chartmogul.com/reference";

/// The files of the document, by their path. `root` is the workspace.
pub(crate) fn files(root: &Utf8Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for folder in ["openapi/resources", "openapi/shared"] {
        for entry in root.join(folder).read_dir_utf8().unwrap() {
            let path = entry.unwrap().into_path();
            let text = std::fs::read_to_string(&path).unwrap();
            files.insert(format!("{folder}/{}", path.file_name().unwrap()), text);
        }
    }
    let text = std::fs::read_to_string(root.join(xtask::DOCUMENT)).unwrap();
    let mut index: Value = serde_saphyr::from_str(&text).unwrap();
    for section in SKETCH.split("\ntag ").skip(1) {
        let (tag, lines) = section.split_once('\n').unwrap();
        let file = format!("openapi/resources/{tag}.yaml");
        if files.contains_key(&file) {
            continue; // the document already has it
        }
        let tag = Tag::of(tag, lines);
        let described = json!({ "name": tag.name, "description": format!("What is known of {}.", tag.name.replace('_', " ")),
            "externalDocs": { "url": format!("{REFERENCE}/{}", tag.name) } });
        index["tags"].as_array_mut().unwrap().push(described);
        for path in tag.paths.keys() {
            let pointer = path.replace('~', "~0").replace('/', "~1");
            index["paths"][path] = json!({ "$ref": format!("resources/{}.yaml#/paths/{pointer}", tag.name) });
        }
        let content = json!({ "paths": tag.paths, "components": { "schemas": tag.schemas } });
        files.insert(file, format!("{content:#}\n"));
    }
    files.insert(xtask::DOCUMENT.to_owned(), format!("{index:#}\n"));
    files
}

struct Tag<'a> {
    name: &'a str,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl<'a> Tag<'a> {
    fn of(name: &'a str, lines: &str) -> Self {
        let mut tag = Self {
            name,
            paths: Map::new(),
            schemas: Map::new(),
        };
        let words = |line| str::split_whitespace(line).collect::<Vec<_>>();
        for line in lines.lines().map(words).filter(|words| !words.is_empty()) {
            match line[..] {
                ["enum", name, ref values @ ..] => {
                    let schema = json!({ "type": "string", "description": format!("The {}.", prose(name)),
                        "x-extensible-enum": values, "example": values[0] });
                    tag.schemas.insert(name.to_owned(), schema);
                }
                ["object", name, ref fields @ ..] => {
                    let schema = tag.object(name, fields, false);
                    tag.schemas.insert(name.to_owned(), schema);
                }
                ["request", name, ref fields @ ..] => {
                    let (name, required) = name.split_once('/').unwrap_or((name, ""));
                    let envelope = fields[0] == "envelope";
                    let mut schema = tag.object(name, &fields[usize::from(envelope)..], true);
                    if envelope {
                        schema["x-envelope"] = json!(true);
                    }
                    if !required.is_empty() {
                        schema["x-required-type"] = json!(required);
                    } else if schema.get("required").is_none() {
                        schema["minProperties"] = json!(1);
                    }
                    tag.schemas.insert(name.to_owned(), schema);
                }
                [id, method, path, ref rest @ ..] => tag.operation(id, method, path, rest),
                _ => panic!("{line:?}"),
            }
        }
        tag
    }

    fn object(&self, name: &str, fields: &[&str], sent: bool) -> Value {
        let fields: Vec<_> = fields.iter().map(|field| Field::of(field)).collect();
        let required: Vec<_> = fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.name)
            .collect();
        let properties: Map<_, _> = fields
            .iter()
            .map(|field| (field.name.to_owned(), field.schema(sent)))
            .collect();
        let example: Map<_, _> = fields
            .iter()
            .filter(|field| field.required || (sent && required.is_empty() && field.plain()))
            .map(|field| (field.name.to_owned(), self.example(field)))
            .collect();
        let mut schema = json!({ "type": "object", "description": format!("The {}.", prose(name)), "properties": properties,
            "example": example });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn example(&self, field: &Field<'_>) -> Value {
        match field.ty.split_at_checked(1) {
            Some(("&", name)) => self.schemas[name]["example"].clone(),
            Some(("*", name)) => json!([self.schemas[name]["example"]]),
            _ => match field.ty {
                "int" => json!(20_000),
                "num" => json!(0.5),
                "bool" => json!(true),
                "date" => json!("2026-01-31"),
                "time" => json!("2026-01-31T12:00:00.000Z"),
                "any" => json!(4),
                "map" | "custom" | "attributes" => json!({ "seats": 4 }),
                "texts" | "commas" => json!(["enterprise"]),
                "replaced" => json!([{ "key": "seats", "value": 4 }]),
                _ => json!("ab12"),
            },
        }
    }

    /// Adds an operation: the words before `?` are flags; query, body and response follow.
    fn operation(&mut self, id: &str, method: &str, path: &str, rest: &[&str]) {
        let mut operation = json!({
            "operationId": id,
            "x-idempotent": method != "POST",
            "tags": [self.name],
            "summary": format!("{} of the account", prose(id)),
            "description": format!("What is known of this.\n\nIt concerns the {} of the account, and nothing else.\n", self.name),
            "externalDocs": { "url": format!("{REFERENCE}/{}/{id}", self.name) },
            "parameters": [],
            "responses": {},
        });
        let mut parameters = Vec::new();
        let mut plain = String::new();
        for (part, segment) in path.split(['{', '}']).enumerate() {
            if part % 2 == 0 {
                plain += segment;
                continue;
            }
            let field = Field::of(segment);
            plain += &format!("{{{}}}", field.name);
            let schema = if field.ty == "int" {
                json!({ "type": "integer", "format": "int64" })
            } else {
                json!({ "type": "string", "minLength": 1 })
            };
            parameters.push(
                json!({ "name": field.name, "in": "path", "required": true, "schema": schema,
                "description": format!("Identifier: {}.", prose(field.name)), "example": self.example(&field) }),
            );
        }
        let mut paged = false;
        let mut success = json!({ "description": "It is done; there is nothing to say." });
        let mut status = "204";
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            let mut component = || *words.next().unwrap();
            match *word {
                "?" => {}
                "deprecated" => {
                    operation["deprecated"] = json!(true);
                    operation["x-deprecated-note"] = json!("use the newer one instead");
                }
                "<" => {
                    let name = component();
                    let content = json!({ "application/json": {
                        "schema": { "$ref": format!("#/components/schemas/{name}") }, "example": self.schemas[name]["example"] } });
                    operation["requestBody"] =
                        json!({ "required": true, "description": "What is sent.", "content": content });
                }
                ">" => {
                    let name = component();
                    let name = name.strip_prefix('%').map_or_else(
                        || name.to_owned(),
                        |entry| {
                            paged = true;
                            self.page(entry)
                        },
                    );
                    status = "200";
                    success = json!({ "description": "It is done.", "content": { "application/json": {
                        "schema": { "$ref": format!("#/components/schemas/{name}") }, "example": self.schemas[&name]["example"] } } });
                }
                mark if mark.contains('=') => {
                    let (key, value) = mark.split_once('=').unwrap();
                    let key = if key == "required" {
                        "x-required-type"
                    } else {
                        "x-method"
                    };
                    operation[key] = json!(value);
                }
                field => {
                    let field = Field::of(field);
                    let mut parameter = json!({ "name": field.name, "in": "query", "schema": field.value(true),
                        "description": field.words(), "required": field.required });
                    if field.ty == "commas" {
                        parameter["style"] = json!("form");
                        parameter["explode"] = json!(false);
                    }
                    parameters.push(parameter);
                }
            }
        }
        if paged {
            parameters.push(json!({ "$ref": format!("{PAGINATION}/parameters/Cursor") }));
            parameters.push(json!({ "$ref": format!("{PAGINATION}/parameters/PerPage") }));
        }
        operation["parameters"] = parameters.into();
        operation["responses"] = json!({ status: success });
        if !self.paths.contains_key(&plain) {
            self.paths.insert(plain.clone(), json!({}));
        }
        self.paths[&plain][method.to_lowercase()] = operation;
    }

    fn page(&mut self, entry: &str) -> String {
        let name = format!("{entry}Page");
        let example = json!({ "entries": [self.schemas[entry]["example"]], "cursor": "ab12", "has_more": false });
        let page = json!({ "type": "object", "description": format!("A page: {}.", prose(entry)),
            "required": ["entries", "cursor", "has_more"], "example": example, "properties": {
                "entries": { "type": "array", "x-entries": true, "description": "The entries of this page.",
                    "items": { "$ref": format!("#/components/schemas/{entry}") }, "example": [] },
                "cursor": { "$ref": format!("{PAGINATION}/schemas/NextCursor") },
                "has_more": { "$ref": format!("{PAGINATION}/schemas/HasMore") } } });
        self.schemas.insert(name.clone(), page);
        name
    }
}

struct Field<'a> {
    name: &'a str,
    ty: &'a str,
    required: bool,
    nullable: bool,
}

impl<'a> Field<'a> {
    fn of(text: &'a str) -> Self {
        let name = text.trim_end_matches(['!', '~']);
        let (name, ty) = name.split_once(':').unwrap_or((name, "text"));
        Self {
            name,
            ty,
            required: text.ends_with('!'),
            nullable: text.ends_with('~'),
        }
    }

    fn plain(&self) -> bool {
        !self.nullable && !self.ty.starts_with(['&', '*'])
    }

    fn words(&self) -> String {
        format!("The {} of this, as the account has it.", self.name.replace('_', " "))
    }

    /// The schema of a property; texts in requests must not be empty.
    fn schema(&self, sent: bool) -> Value {
        let mut schema = self.value(sent);
        if schema.get("$ref").is_none() {
            schema["description"] = self.words().into();
            if self.nullable {
                schema["nullable"] = json!(true);
            }
        }
        schema
    }

    fn value(&self, sent: bool) -> Value {
        let component = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        match self.ty.split_at_checked(1) {
            Some(("&", name)) => component(name),
            Some(("*", name)) => json!({ "type": "array", "items": component(name) }),
            _ => match self.ty {
                "int" => json!({ "type": "integer", "format": "int64" }),
                "num" => json!({ "type": "number", "format": "double" }),
                "bool" => json!({ "type": "boolean" }),
                "date" => json!({ "type": "string", "format": "date" }),
                "time" if sent => {
                    json!({ "anyOf": [{ "type": "string", "format": "date" }, { "type": "string", "format": "date-time" }],
                    "example": "2026-01-31" })
                }
                "time" => json!({ "type": "string", "format": "date-time" }),
                "any" => json!({ "x-any": true }),
                "map" => json!({ "type": "object", "additionalProperties": true }),
                "texts" | "commas" => {
                    json!({ "type": "array", "items": { "type": "string", "minLength": u8::from(sent) } })
                }
                "custom" => json!({ "$ref": format!("{CUSTOM}/CustomAttributes") }),
                "attributes" => {
                    json!({ "type": "object", "additionalProperties": { "$ref": format!("{CUSTOM}/CustomAttributeValue") } })
                }
                "replaced" => {
                    json!({ "type": "array", "x-replaces-all": true, "items": { "$ref": format!("{CUSTOM}/CustomAttribute") } })
                }
                _ if sent => json!({ "type": "string", "minLength": 1 }),
                _ => json!({ "type": "string" }),
            },
        }
    }
}

/// `NewPlan` and `new_plan` as `New plan`.
fn prose(name: &str) -> String {
    let mut prose = String::new();
    for c in name.chars() {
        match c {
            '_' => prose.push(' '),
            c if c.is_uppercase() && !prose.is_empty() => {
                prose.push(' ');
                prose.extend(c.to_lowercase());
            }
            c if prose.is_empty() => prose.extend(c.to_uppercase()),
            c => prose.push(c),
        }
    }
    prose
}
