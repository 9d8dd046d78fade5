//! Operations that are one method, because they do the same to an object that is identified in different ways.

use std::collections::BTreeMap;

use super::{Api, Object, Operation, Parameter, Property};
use crate::names;

/// Two operations that are one method: what identifies the object is in the path of one, and in the query of the other.
#[derive(Debug, Clone, Copy)]
pub struct Identified<'a> {
    /// The enum that the method takes.
    pub name: &'a str,
    /// The path parameter.
    pub parameter: &'a Parameter,
    /// The operation with the query.
    pub by_query: &'a Operation,
    /// The query of the operation with the path; the other's query contains the same parameters.
    options: Option<&'a Object>,
    /// The query of the other.
    query: Option<&'a Object>,
}

impl<'a> Identified<'a> {
    /// The query parameters that identify the object: those that the operation with the path does not have.
    pub fn keys(&self) -> impl Iterator<Item = &'a Property> + use<'a> {
        let options = self.options;
        let is_option = move |p: &Property| options.is_some_and(|options| options.property(&p.name).is_some());
        let all = self.query.into_iter().flat_map(|query| &query.properties);
        all.filter(move |p| !is_option(p))
    }

    /// The variants for the path and for the query: the names of the parameters without the words of the tag. Of several
    /// parameters, the last one counts: `data_source_uuid` and `external_id` are `ExternalId`.
    pub fn variants(&self) -> [String; 2] {
        let variant = |field: &str| names::pascal(&names::verb(field, &self.by_query.tag));
        let key = self.keys().last().map_or("", |key| &key.field);
        [variant(&self.parameter.field), variant(key)]
    }
}

impl Api {
    /// The enums that identify objects, by name. Methods that share one identify the object by the same parameters.
    pub fn identifiers(&self) -> BTreeMap<&str, Identified<'_>> {
        let all = self.operations.iter().rev();
        all.filter_map(|operation| operation.identified(self))
            .map(|identified| (identified.name, identified))
            .collect()
    }
}

impl Operation {
    /// Whether its query identifies the object, and it shares its method with an operation whose path does.
    pub fn is_by_query(&self) -> bool {
        self.identifier.is_some() && self.parameters.is_empty()
    }

    /// Whether both operations are one method of the same resource.
    pub fn is_one_with(&self, other: &Self) -> bool {
        let method = |operation: &Self| (operation.tag.clone(), operation.method.clone(), operation.verb.clone());
        self.identifier.is_some() && self.identifier == other.identifier && method(self) == method(other)
    }

    /// The operation that shares this one's method, if this is the one with the path.
    pub fn identified<'a>(&'a self, api: &'a Api) -> Option<Identified<'a>> {
        let (name, parameter) = (self.identifier.as_ref()?, self.parameters.first()?);
        let mut operations = api.operations.iter();
        let by_query = operations.find(|other| other.is_by_query() && other.is_one_with(self))?;
        Some(Identified {
            name,
            parameter,
            by_query,
            options: self.query_object(api),
            query: by_query.query_object(api),
        })
    }
}
