use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Lint,
    schemas::{SCHEMAS, Walk},
};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Direction, Home, Object, Operation, Property, Type},
    names,
};

impl Lint<'_> {
    /// Query parameters become an object of each operation.
    pub(super) fn queries(&mut self, walk: &mut Walk) {
        walk.direction = Direction::Query;
        for query in std::mem::take(&mut self.queries) {
            if self.spec.at(&child(SCHEMAS, &query.name)).is_some() {
                self.say(
                    Rule::NameCollision,
                    &child(SCHEMAS, &query.name),
                    format!(
                        "`{}` is the type of the query parameters of `{}`",
                        query.name, query.operation
                    ),
                    "choose another name for the component",
                );
            }
            let mut fields: BTreeMap<String, String> = BTreeMap::new();
            let mut properties = Vec::new();
            for (name, pointer) in query.parameters {
                let field = names::field(&name);
                self.field_name(&pointer, &name, &field, &mut fields);
                if names::RESERVED_SETTERS.contains(&field.as_str()) {
                    self.reserved_setter(&pointer, &field);
                }
                properties.extend(self.query_parameter(&pointer, name, field, walk));
            }
            let required_type = self.required_type(&query.pointer, Direction::Query, &properties);
            walk.types.insert(
                query.name,
                Type::Object(Object {
                    direction: Direction::Query,
                    description: format!(
                        "What [`{0}`](crate::Client::{0}) can be asked for; all that is left out makes no difference.",
                        query.operation
                    ),
                    home: Home::Tag(query.tag),
                    one_of: Vec::new(),
                    nested: false,
                    not_empty: false,
                    required_type,
                    properties,
                }),
            );
        }
    }

    fn query_parameter(&mut self, pointer: &str, name: String, field: String, walk: &mut Walk) -> Option<Property> {
        const HELP: &str =
            "write a type that is a single value; a list is sent as text with commas, say so in its words";
        let description = self.text(pointer, "description", "say what it asks for, with units and format");
        let at = self.scalar(&child(pointer, "schema"));
        let schema = self.object(&at, "a schema")?;
        let component = schema.get("$ref").and_then(Value::as_str);
        let single = match component.and_then(|target| self.spec.at(target.strip_prefix('#')?)) {
            Some(component) => component.get("x-extensible-enum").is_some(),
            None => !matches!(schema.get("type").and_then(Value::as_str), Some("array" | "object")),
        };
        if !single {
            self.say(
                Rule::QueryParameter,
                &at,
                format!("query parameter `{name}` is not a single value"),
                HELP,
            );
            return None;
        }
        let kind = self.kind(&at, schema, walk)?;
        if self.flag(&at, "nullable") == Some(true) {
            self.say(
                Rule::QueryParameter,
                &child(&at, "nullable"),
                format!("query parameter `{name}` may be `null`"),
                "a query has no `null`; leave `nullable` out",
            );
        }
        let limits = self.limits(&at, &kind);
        Some(Property {
            name,
            field,
            description,
            required: self.flag(pointer, "required").unwrap_or(false),
            nullable: false,
            replaces_all: false,
            entries: false,
            kind,
            limits,
            deprecated: None,
            min_items: 0,
            example: self.spec.at(&child(pointer, "example")).cloned(),
        })
    }

    /// The builder of an operation has one setter for each member of the body and for each query parameter.
    pub(super) fn setters_of_both(&mut self, operations: &[Operation], types: &BTreeMap<String, Type>) {
        let fields = |name: &Option<String>| -> Vec<&str> {
            match name.as_ref().and_then(|name| types.get(name)) {
                Some(Type::Object(object)) => object.properties.iter().map(|p| p.field.as_str()).collect(),
                _ => Vec::new(),
            }
        };
        for operation in operations {
            let body = fields(&operation.body.as_ref().map(|body| body.component.clone()));
            for field in fields(&operation.query)
                .into_iter()
                .filter(|field| body.contains(field))
            {
                let pointer = child(&child("/paths", &operation.path), &operation.method);
                self.say(
                    Rule::NameCollision,
                    &pointer,
                    format!("`{field}` is in the query and in the body of `{}`", operation.id),
                    "teach the generator a second name (xtask/src/names.rs)",
                );
            }
        }
    }
}
