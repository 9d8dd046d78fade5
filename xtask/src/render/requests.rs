//! Requests as data, and their trait implementations.

use super::{docs, export, methods_of, modules, operations};
use crate::{
    lower::rust_type,
    model::{Api, Direction, Identified, Kind, Object, Operation, Property, Read},
    names,
};

const DEFAULT: &str = "Default::default()";

/// `requests/mod.rs`: re-exports the requests of all resources.
pub(super) fn index(api: &Api) -> String {
    let modules = modules(api.tags.iter().map(|tag| names::module(&tag.name)), "");
    let exports: String = api
        .tags
        .iter()
        .map(|tag| {
            export(
                &names::module(&tag.name),
                methods_of(api, &tag.name).map(name).collect(),
            )
        })
        .collect();
    format!("//! Requests as data, one for each method.\n\n{modules}\n{exports}")
}

/// The requests of a resource.
pub(super) fn requests(api: &Api, tag: &str) -> String {
    let requests: Vec<_> = methods_of(api, tag).map(|operation| request(api, operation)).collect();
    requests.join("\n")
}

/// The name of a request, and of its builder in `chartmogul`.
pub(super) fn name(operation: &Operation) -> String {
    names::pascal(&operation.id)
}

/// The Rust type of a successful response, within `chartmogul-api`.
pub(super) fn response(api: &Api, operation: &Operation) -> String {
    match &operation.response {
        Some(kind) => rust_type(api, kind, Direction::Response),
        None => "()".to_owned(),
    }
}

fn request(api: &Api, operation: &Operation) -> String {
    let (id, name) = (&operation.id, name(operation));
    let mut fields = Vec::new();
    let mut arguments = Vec::new();
    let identified = operation.identified(api);
    if let Some(identified) = &identified {
        fields.push(("identifier", format!("crate::types::{}", identified.name)));
        arguments.push("id".to_owned());
    }
    let path = operation.parameters.iter().filter(|_| identified.is_none());
    for parameter in path {
        let (field, is_text) = (&parameter.field, parameter.kind == Kind::String);
        let ty = rust_type(api, &parameter.kind, Direction::Request);
        fields.push((field.as_str(), ty));
        arguments.push(if is_text {
            format!("&self.{field}")
        } else {
            format!("self.{field}")
        });
    }
    let parts = [
        ("query", operation.query.as_ref()),
        ("body", operation.body.as_ref().map(|body| &body.component)),
    ];
    for (field, component) in parts {
        if let Some(component) = component {
            fields.push((field, format!("crate::types::{component}")));
            arguments.push(format!("&self.{field}"));
        }
    }
    let optional = |object: Option<&Object>| object.is_none_or(|object| object.required().next().is_none());
    let body = operation.body_component().and_then(|body| api.object(&body));
    let default = operation.parameters.is_empty() && optional(operation.query_object(api)) && optional(body);
    let default = if default { ", Default" } else { "" };
    let words = docs::sentence(&operation.summary);
    let doc = format!("{words} A request as data, for [`{id}`](crate::Client::{id}).");
    let doc = docs::comment_text(&doc, "");
    let fields: String = fields
        .iter()
        .map(|(name, ty)| format!("    pub {name}: {ty},\n"))
        .collect();
    let fields = if fields.is_empty() {
        " {}".to_owned()
    } else {
        format!(" {{\n{fields}}}")
    };
    let (response, constant) = (response(api, operation), operations::constant(operation));
    let sent = match &identified {
        Some(identified) => by_identifier(api, operation, identified, &arguments),
        None => format!(
            "    fn operation(&self) -> &'static crate::Operation {{\n        \
                 &crate::operations::{constant}\n    \
             }}\n    \
             fn send<'a>(\n        \
                 &'a self,\n        \
                 client: &'a crate::Client,\n    \
             ) -> impl Future<Output = Result<crate::Response<Self::Response>, crate::Error>> + Send + 'a {{\n        \
                 client.{id}({})\n    \
             }}\n",
            arguments.join(", "),
        ),
    };
    let mut text = format!(
        "{doc}#[derive(Debug, Clone, PartialEq{default})]\n\
         pub struct {name}{fields}\n\n\
         impl crate::request::Request for {name} {{\n    \
             type Response = {response};\n\
             {sent}\
         }}\n"
    );
    text += &list(api, operation).unwrap_or_default();
    text += &update(api, operation).unwrap_or_default();
    text += &custom_attributes(api, operation).unwrap_or_default();
    text
}

/// For two operations that are one method: selects the operation by the identifier, and prepares its request.
fn by_identifier(api: &Api, operation: &Operation, identified: &Identified<'_>, arguments: &[String]) -> String {
    let (id, other) = (&operation.id, identified.by_query);
    let (constant, other_id, other_constant) =
        (operations::constant(operation), &other.id, operations::constant(other));
    let ty = format!("crate::types::{}", identified.name);
    let [by_path, by_query] = identified.variants();
    let keys: Vec<_> = identified.keys().map(|key| key.field.as_str()).collect();
    let properties = other.query_object(api).into_iter().flat_map(|query| &query.properties);
    let query: String = properties
        .map(|property| {
            let field = &property.field;
            let owner = if keys.contains(&field.as_str()) {
                ""
            } else {
                "self.query."
            };
            format!("                    {field}: {owner}{field}.clone(),\n")
        })
        .collect();
    let (query_type, keys) = (other.query.as_deref().unwrap_or_default(), keys.join(", "));
    let body = if other.body.is_some() { ", &self.body" } else { "" };
    let arguments = arguments.join(", ");
    format!(
        "    fn operation(&self) -> &'static crate::Operation {{\n        \
             match &self.identifier {{\n            \
                 {ty}::{by_path}(_) => &crate::operations::{constant},\n            \
                 {ty}::{by_query} {{ .. }} => &crate::operations::{other_constant},\n        \
             }}\n    \
         }}\n    \
         async fn send<'a>(&'a self, client: &'a crate::Client) -> Result<crate::Response<Self::Response>, crate::Error> {{\n        \
             match &self.identifier {{\n            \
                 {ty}::{by_path}(id) => client.{id}({arguments}).await,\n            \
                 {ty}::{by_query} {{ {keys} }} => {{\n                \
                     let query = crate::types::{query_type} {{\n{query}                }};\n                \
                     client.{other_id}(&query{body}).await\n            \
                 }}\n        \
             }}\n    \
         }}\n"
    )
}

/// `ListRequest`, for an operation with pages.
fn list(api: &Api, operation: &Operation) -> Option<String> {
    operation.pages(api)?;
    let cursor = &operation.query_object(api)?.property("cursor")?.field;
    let name = name(operation);
    Some(format!(
        "\nimpl crate::request::ListRequest for {name} {{\n    \
             fn cursor(&mut self) -> &mut Option<String> {{\n        \
                 &mut self.query.{cursor}\n    \
             }}\n\
         }}\n"
    ))
}

/// `UpdateRequest`, for an update of an object that can be read.
fn update(api: &Api, operation: &Operation) -> Option<String> {
    let Read { get, list } = operation.read(api)?;
    let name = name(operation);
    let constant = operations::constant(operation);
    let (read_type, read) = match list {
        Some(list) => get_or_list(api, operation, get, list)?,
        None => (self::name(get), get_whole(api, operation, get)),
    };
    Some(format!(
        "\nimpl crate::request::UpdateRequest for {name} {{\n    \
             type Read = {read_type};\n    \
             const OPERATION: Option<&'static crate::Operation> = Some(&crate::operations::{constant});\n    \
             fn read(&self) -> {read_type} {{\n\
                 {read}    \
             }}\n\
         }}\n"
    ))
}

/// The request that reads the object of an update, with the same identifier.
fn get_whole(api: &Api, operation: &Operation, get: &Operation) -> String {
    let mut fields = String::new();
    if operation.identifier.is_some() {
        fields += "            identifier: self.identifier.clone(),\n";
    }
    let path = get.parameters.iter().filter(|_| operation.identifier.is_none());
    for (of_read, own) in path.zip(&operation.parameters) {
        let copied = if own.kind == Kind::String { ".clone()" } else { "" };
        fields += &format!("            {}: self.{}{copied},\n", of_read.field, own.field);
    }
    if let (Some(query), Some(object)) = (&get.query, get.query_object(api)) {
        let value = if operation.query.as_ref() == Some(query) {
            "self.query.clone()".to_owned()
        } else {
            // Optional parameters do not identify the object.
            let value = |p: &Property| {
                if p.required {
                    format!("self.query.{}.clone()", p.field)
                } else {
                    DEFAULT.to_owned()
                }
            };
            let parameter = |p: &Property| format!("{}: {}", p.field, value(p));
            let parameters: Vec<_> = object.properties.iter().map(parameter).collect();
            format!("crate::types::{query} {{ {} }}", parameters.join(", "))
        };
        fields += &format!("            query: {value},\n");
    }
    format!("        {} {{\n{fields}        }}\n", name(get))
}

/// Type and value of the request that reads the object of an update, if one of the identifiers needs a list.
fn get_or_list(api: &Api, operation: &Operation, get: &Operation, list: &Operation) -> Option<(String, String)> {
    let identified = operation.identified(api)?;
    let ty = format!("crate::types::{}", identified.name);
    let [by_path, by_query] = identified.variants();
    let keys: Vec<_> = identified.keys().map(|key| key.field.as_str()).collect();
    let filters = list.query_object(api)?;
    let filter = |key: &Property| {
        Some(format!(
            "{}: Some({}.clone())",
            filters.property(&key.name)?.field,
            key.field
        ))
    };
    let filters = identified.keys().map(filter).collect::<Option<Vec<_>>>()?.join(", ");
    let options = get.query.as_ref().map_or("", |_| ", query: Default::default()");
    let (get_name, list_name, read) = (name(get), name(list), "crate::request::ReadOne");
    let (parameter, query, keys) = (&get.parameters.first()?.field, list.query.as_ref()?, keys.join(", "));
    let value = format!(
        "        match &self.identifier {{\n            \
             {ty}::{by_path}(id) => {read}::Get({get_name} {{ {parameter}: id.clone(){options} }}),\n            \
             {ty}::{by_query} {{ {keys} }} => {{\n                \
                 let query = crate::types::{query} {{ {filters}, ..Default::default() }};\n                \
                 {read}::List({list_name} {{ query }})\n            \
             }}\n        \
         }}\n"
    );
    Some((format!("{read}<{get_name}, {list_name}>"), value))
}

/// `CustomAttributesRequest`, for an update that can replace all custom attributes.
fn custom_attributes(api: &Api, operation: &Operation) -> Option<String> {
    let body = operation.merges_custom(api).then(|| operation.body_object(api))??;
    let custom = &body.property("custom")?.field;
    let (name, target) = (name(operation), body_target(api, operation));
    Some(format!(
        "\nimpl crate::request::CustomAttributesRequest for {name} {{\n    \
             fn custom(&mut self) -> &mut Option<Vec<crate::types::CustomAttribute>> {{\n        \
                 &mut self.{target}.{custom}\n    \
             }}\n\
         }}\n"
    ))
}

/// The expression for the object in a request's body, inside of the envelope.
pub(super) fn body_target(api: &Api, operation: &Operation) -> String {
    let envelope = operation.body.as_ref().filter(|body| body.envelope.is_some());
    let envelope = envelope.and_then(|body| api.object(&body.component)?.properties.first());
    match envelope {
        Some(property) => format!("body.{}", property.field),
        None => "body".to_owned(),
    }
}
