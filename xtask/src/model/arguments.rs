//! The arguments of the method that makes a request, and the structs that hold several of them.

use std::collections::BTreeMap;

use super::{Api, Home, Identified, Operation, Parameter, Property, Type};
use crate::names;

/// An argument of the method that makes a request.
#[derive(Debug, Clone)]
pub struct Argument<'a> {
    /// Its name in Rust.
    pub name: String,
    /// Its value.
    pub value: ArgumentValue<'a>,
}

/// The value of an argument.
#[derive(Debug, Clone)]
pub enum ArgumentValue<'a> {
    /// A path parameter.
    Path(&'a Parameter),
    /// An identifier: in the path of one operation, or in the query of another.
    Identifier(Identified<'a>),
    /// All path parameters, in a struct of this name.
    PathStruct(&'a str),
    /// A required query parameter.
    Query(&'a Property),
    /// All required query parameters, in a struct of this name.
    QueryStruct(&'a str),
    /// A required field of the body.
    Body(&'a Property),
    /// All required fields of the body, in a struct of this name.
    BodyStruct(&'a str),
}

/// A struct of the required values of a request.
#[derive(Debug)]
pub struct RequiredType<'a> {
    /// Its module.
    pub home: Home,
    /// In the order of the document.
    pub fields: Vec<&'a Property>,
}

/// A struct of the arguments of a path.
#[derive(Debug)]
pub struct PathType<'a> {
    /// Its module.
    pub home: Home,
    /// In the order of the path.
    pub fields: &'a [Parameter],
}

impl Api {
    /// The structs of required fields, by name. Objects that share one have the same required fields.
    pub fn required_types(&self) -> BTreeMap<&str, RequiredType<'_>> {
        let mut found: BTreeMap<&str, RequiredType<'_>> = BTreeMap::new();
        for object in self.types.values().filter_map(Type::object) {
            let Some(name) = &object.required_type else { continue };
            let fields = || object.required().collect();
            let known = found.entry(name).or_insert_with(|| RequiredType {
                home: object.home.clone(),
                fields: fields(),
            });
            if known.home != object.home {
                known.home = Home::Shared;
            }
        }
        found
    }

    /// The structs of path arguments, by name. Operations that share one have the same path parameters.
    pub fn path_types(&self) -> BTreeMap<&str, PathType<'_>> {
        let mut found: BTreeMap<&str, PathType<'_>> = BTreeMap::new();
        for operation in &self.operations {
            let Some(name) = &operation.path_type else { continue };
            let home = Home::Tag(operation.tag.clone());
            let known = found.entry(name).or_insert_with(|| PathType {
                home: home.clone(),
                fields: &operation.parameters,
            });
            if known.home != home {
                known.home = Home::Shared;
            }
        }
        found
    }
}

impl Operation {
    /// The arguments of the method that creates the request: first those of the path, then the required values of the query
    /// and the body. Their names are unique.
    pub fn arguments<'a>(&'a self, api: &'a Api) -> Vec<Argument<'a>> {
        let argument = |name: &str, value| Argument {
            name: name.to_owned(),
            value,
        };
        let of_struct = |name: &'a str, value| argument(&names::field(name), value);
        let mut arguments = Vec::new();
        match (&self.path_type, self.identified(api)) {
            (_, Some(identified)) => arguments.push(argument("identifier", ArgumentValue::Identifier(identified))),
            (Some(name), None) => arguments.push(of_struct(name, ArgumentValue::PathStruct(name))),
            (None, None) => {
                let path = self.parameters.iter();
                arguments.extend(path.map(|part| argument(&part.field, ArgumentValue::Path(part))));
            }
        }
        if let Some(query) = self.query_object(api) {
            match &query.required_type {
                Some(name) => arguments.push(of_struct(name, ArgumentValue::QueryStruct(name))),
                None => arguments.extend(query.required().map(|p| argument(&p.field, ArgumentValue::Query(p)))),
            }
        }
        if let Some(body) = self.body_object(api) {
            match &body.required_type {
                Some(name) => arguments.push(of_struct(name, ArgumentValue::BodyStruct(name))),
                None => arguments.extend(body.required().map(|p| argument(&p.field, ArgumentValue::Body(p)))),
            }
        }
        arguments
    }
}
