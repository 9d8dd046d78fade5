//! Query parameters, which are read as one object.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Lint,
    components::{SCHEMAS, property},
    kinds::Use,
    structs::{difference, mixed_up},
};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Direction, Home, Kind, Object, Property, Type},
    names,
};

const QUERY_TYPE: &str = "x-query-type";

impl Lint<'_> {
    /// Reads the query parameters of an operation; returns the name of their type.
    pub(super) fn query(
        &mut self,
        pointer: &str,
        id: &str,
        tag: &str,
        has_path_type: bool,
        parameters: Vec<(String, String)>,
    ) -> Option<String> {
        let given = child(pointer, QUERY_TYPE);
        if parameters.is_empty() {
            self.no_query(pointer, has_path_type);
            return None;
        }
        self.walk.direction = Direction::Query;
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut properties = Vec::new();
        for (name, at) in parameters {
            if let Some(field) = self.field(&at, &name, &mut fields) {
                properties.extend(self.query_parameter(&at, &name, field));
            }
        }
        let kinds: Vec<_> = properties.iter().filter(|p| p.required).map(|p| &p.kind).collect();
        let required_type = if has_path_type {
            // The name is used for the path's struct.
            if mixed_up(&kinds) {
                let at = child(pointer, "x-required-type");
                let problem = "the path and the query need a struct each, but only one name is given";
                let help = "make a query parameter optional, if the API is known to accept a request without it";
                self.report(Rule::RequiredType, &at, problem, help);
            }
            None
        } else {
            self.required_type(pointer, Direction::Query, &properties)
        };
        let name = match self.spec.at(&given) {
            Some(_) => self.struct_name(&given, "MetricsQuery")?,
            None => format!("{}Query", names::pascal(id)),
        };
        let object = Object {
            direction: Direction::Query,
            description: format!("Query parameters of [`{id}`](crate::Client::{id}); unset ones are not sent."),
            home: Home::Tag(tag.to_owned()),
            one_of: self.one_of(pointer, Direction::Query, &properties),
            nested: false,
            not_empty: false,
            required_type,
            properties,
        };
        self.share(pointer, id, &name, object);
        Some(name)
    }

    /// Reports keywords about a query that does not exist.
    fn no_query(&mut self, pointer: &str, has_path_type: bool) {
        let required_type = (!has_path_type).then_some("x-required-type");
        for keyword in [QUERY_TYPE, "x-one-of"].into_iter().chain(required_type) {
            let at = child(pointer, keyword);
            if self.spec.at(&at).is_some() {
                let rule = match keyword {
                    QUERY_TYPE => Rule::QueryType,
                    "x-one-of" => Rule::OneOf,
                    _ => Rule::RequiredType,
                };
                let problem = format!("`{keyword}` is about query parameters, and there are none");
                let help = "write it on the component in the body, or leave it out";
                self.report(rule, &at, problem, help);
            }
        }
    }

    /// Adds a query type. Operations may share it if their queries are the same.
    fn share(&mut self, pointer: &str, id: &str, name: &str, object: Object) {
        let at = child(pointer, QUERY_TYPE);
        let component = child(SCHEMAS, name);
        if self.spec.at(&component).is_some() {
            let problem = format!("`{name}` is the type of the query parameters of `{id}`");
            let help = "choose another name for the component";
            return self.report(Rule::NameCollision, &component, problem, help);
        }
        match self.walk.types.get_mut(name) {
            Some(Type::Object(known)) if known.direction == Direction::Query => {
                let differs = (&known.properties, &known.required_type, &known.one_of)
                    != (&object.properties, &object.required_type, &object.one_of);
                if known.home != object.home {
                    known.home = Home::Shared;
                }
                known.description =
                    known
                        .description
                        .replacen("; unset", &format!(", [`{id}`](crate::Client::{id}); unset"), 1);
                if differs {
                    let help = difference(&known.properties, &object.properties);
                    let first = self.spec.finding(Rule::QueryType, &self.places.query(name), "", "");
                    let first = first.operation.unwrap_or_default();
                    let problem = format!("`{name}` is also the query of `{first}`, which has other parameters");
                    self.report(Rule::QueryType, &at, problem, help);
                }
            }
            _ => {
                self.places.queries.insert(name.to_owned(), pointer.to_owned());
                self.walk.types.insert(name.to_owned(), Type::Object(object));
            }
        }
    }

    fn query_parameter(&mut self, pointer: &str, name: &str, field: String) -> Option<Property> {
        let description = self.text(pointer, "description", "say what it is for, with units and format");
        let at = child(pointer, "schema");
        let target = self.spec.at(&self.resolved(&at));
        if target.is_some_and(|schema| schema.get("properties").is_some()) {
            self.no_value(&at, name);
            return None;
        }
        let said = self.schema(&at, Use::Parameter)?;
        let is_enum = |kind: &Kind| {
            let Kind::Ref(component) = kind else { return false };
            !matches!(
                self.walk.types.get(component),
                Some(Type::Object(_) | Type::Handwritten { .. })
            )
        };
        let is_single = match &said.kind {
            Kind::Any | Kind::Map(_) => false,
            Kind::List(item) => **item == Kind::String || is_enum(item),
            Kind::Ref(_) => is_enum(&said.kind),
            _ => true,
        };
        if !is_single {
            self.no_value(&at, name);
            return None;
        }
        self.style(pointer, name, matches!(said.kind, Kind::List(_)));
        if said.nullable {
            self.report(
                Rule::QueryParameter,
                &child(&at, "nullable"),
                format!("query parameter `{name}` may be `null`"),
                "a query has no `null`; leave `nullable` out",
            );
        }
        if said.entries {
            let problem = format!("query parameter `{name}` is marked like a list in a body");
            self.report(Rule::QueryParameter, &at, problem, "leave the mark out");
        }
        let example = self.spec.at(&child(pointer, "example")).cloned();
        let mut property = property(name, field, said);
        property.description = description;
        property.required = self.flag(pointer, "required").unwrap_or(false);
        property.deprecated = self.deprecated(pointer);
        property.example = example.or(property.example);
        Some(property)
    }

    fn no_value(&mut self, pointer: &str, name: &str) {
        let problem = format!("query parameter `{name}` is neither a single value nor a list of texts");
        let help = "write a simple type, an open enum, or an array of texts with `style: form` and `explode: false`";
        self.report(Rule::QueryParameter, pointer, problem, help);
    }

    /// Checks that a list is declared to be sent as one text with commas.
    fn style(&mut self, pointer: &str, name: &str, is_list: bool) {
        let (style, explode) = (child(pointer, "style"), child(pointer, "explode"));
        let is_comma =
            self.spec.at(&style) == Some(&Value::from("form")) && self.spec.at(&explode) == Some(&Value::from(false));
        if is_list && !is_comma {
            let problem = format!("how the list `{name}` is sent is not specified");
            let help = "write `style: form` and `explode: false`: one text, with commas between the items";
            self.report(Rule::QueryParameter, pointer, problem, help);
        }
        // Defaults may be explicit.
        for (at, implied) in [(style, Value::from("form")), (explode, Value::from(true))] {
            if !is_list && self.spec.at(&at).is_some_and(|said| *said != implied) {
                let problem = format!("query parameter `{name}` is not a list");
                let help = "leave `style` and `explode` out; they say how a list is sent";
                self.report(Rule::QueryParameter, &at, problem, help);
            }
        }
    }
}
