//! The resources of `chartmogul`: accessors, methods with examples, builders.

use super::{
    arguments::{Crate, converted, lifetime},
    deprecated_text, docs, examples, export, methods_of, module, requests,
    setters::setters,
    types,
};
use crate::{
    model::{Api, Argument, ArgumentValue, CustomerField, Home, Kind, Object, Operation, Scope, Tag},
    names,
};

/// `mod.rs`: a public module for each resource.
pub(super) fn index(api: &Api) -> String {
    let tags = api.tags.iter().map(|tag| names::module(&tag.name));
    super::modules(tags.chain([super::TYPES.to_owned()]), "pub ")
}

/// Types that several resources share.
pub(super) fn shared(api: &Api) -> String {
    let exports = exports(api, &Home::Shared);
    format!("//! Types that several resources share.\n\n{exports}")
}

/// Re-exports the types of a module, inlined in the documentation.
fn exports(api: &Api, home: &Home) -> String {
    match export("chartmogul_api::types", types::names_for_users(api, home)) {
        exports if exports.is_empty() => exports,
        exports => format!("#[doc(inline)]\n{exports}"),
    }
}

/// Imports only modules: types of the document are in the same files, and no type has the name of a module.
const IMPORTS: &str = "#[allow(unused_imports)] // not every resource needs all of them\nuse chartmogul_api::{requests, types};\n\nuse crate::call;\n";

/// The file of a resource.
pub(super) fn resource(api: &Api, tag: &Tag) -> String {
    let (name, accessor) = (names::pascal(&tag.name), names::module(&tag.name));
    let home = Home::Tag(tag.name.clone());
    debug_assert_eq!(module(&home), accessor);
    let words = format!("{}\n\n{}", docs::markdown(&tag.description), docs::source(&tag.source));
    let (heading, words) = (docs::module_text(&words), docs::comment_text(&words, "    "));
    let exports = exports(api, &home);
    let verbs: Vec<_> = methods_of(api, &tag.name)
        .map(|operation| verb(api, tag, operation))
        .collect();
    let is_limited = methods_of(api, &tag.name).any(|operation| operation.customer_field(api).is_some());
    let (field, none) = if is_limited {
        ("    customer_uuid: Option<String>,\n", ", customer_uuid: None")
    } else {
        ("", "")
    };
    let scope = match api.scope(&tag.name) {
        Scope::None => String::new(),
        Scope::Itself => scope_itself(api, tag),
        Scope::Limited => scope_limited(api, tag),
        Scope::Within => scope_within(api, tag, is_limited),
    };
    let verbs = verbs.join("\n");
    let mut text = format!(
        "{heading}\n{exports}\n\
         {IMPORTS}\n\
         /// Returned by [`Client::{accessor}`](crate::Client::{accessor}).\n\
         #[derive(Debug, Clone)]\n\
         pub struct {name}<M = crate::Async> {{\n    \
             client: crate::Client<M>,\n\
             {field}\
         }}\n\n\
         impl<M: Clone> crate::Client<M> {{\n\
             {words}    \
             pub fn {accessor}(&self) -> {name}<M> {{\n        \
                 {name} {{ client: self.clone(){none} }}\n    \
             }}\n\
         }}\n\n\
         {scope}\
         impl<M: Clone> {name}<M> {{\n{verbs}}}\n"
    );
    for operation in methods_of(api, &tag.name) {
        text += &builder(api, tag, operation);
    }
    text
}

/// The scope for lists of a customer's objects, and new ones: the same resource, limited to that customer.
fn scope_limited(api: &Api, tag: &Tag) -> String {
    let (name, accessor) = (names::pascal(&tag.name), names::module(&tag.name));
    let links = |is_list: bool| -> Vec<_> {
        let limited = methods_of(api, &tag.name).filter(|operation| match operation.customer_field(api) {
            Some(CustomerField::Query(_)) => is_list,
            Some(CustomerField::Body(_)) => !is_list,
            None => false,
        });
        limited
            .map(|operation| format!("[`{0}`]({name}::{0})", operation.verb))
            .collect()
    };
    let says = |links: Vec<String>, one: &str, more: &str, what: &str| match links.as_slice() {
        [] => None,
        [link] => Some(format!("{link} {one} {what}")),
        links => Some(format!("{} {more} {what}", links.join(", "))),
    };
    let said = [
        says(links(true), "returns", "return", "no others"),
        says(links(false), "creates", "create", "what belongs to it"),
    ];
    let said: Vec<_> = said.into_iter().flatten().collect();
    let doc = docs::comment_text(
        &format!(
            "The {} of this customer: {}. All other methods are the same as those of \
             [`Client::{accessor}`](crate::Client::{accessor}).",
            tag.name.replace('_', " "),
            said.join(", "),
        ),
        "    ",
    );
    format!(
        "impl<M: Clone> crate::CustomerScope<M> {{\n\
             {doc}    \
             pub fn {accessor}(&self) -> {name}<M> {{\n        \
                 {name} {{ client: self.client.clone(), customer_uuid: Some(self.customer_uuid.clone()) }}\n    \
             }}\n\
         }}\n\n"
    )
}

/// The scope for paths below a customer's: the same methods, without the argument for the customer.
fn scope_within(api: &Api, tag: &Tag, is_limited: bool) -> String {
    let (name, accessor, scoped) = (names::pascal(&tag.name), names::module(&tag.name), tag.of_customer());
    let words = tag.name.replace('_', " ");
    let limit = if is_limited {
        ", customer_uuid: Some(self.customer_uuid.clone())"
    } else {
        ""
    };
    let methods: Vec<_> = methods_of(api, &tag.name)
        .filter(|operation| is_within(api, operation))
        .map(|operation| scoped_verb(api, operation, "self.all", &name))
        .collect();
    let rest = methods_of(api, &tag.name).count() - methods.len();
    let except = if rest > 0 {
        "; not those that are about others"
    } else {
        ""
    };
    let doc = docs::comment_text(
        &format!(
            "The {words} of this customer: the methods of [`Client::{accessor}`](crate::Client::{accessor}), for this\ncustomer{except}."
        ),
        "    ",
    );
    format!(
        "/// Returned by [`CustomerScope::{accessor}`](crate::CustomerScope::{accessor}): [`{name}`] without the argument that\n\
         /// names the customer.\n\
         #[derive(Debug, Clone)]\n\
         pub struct {scoped}<M = crate::Async> {{\n    \
             all: {name}<M>,\n    \
             customer_uuid: String,\n\
         }}\n\n\
         impl<M: Clone> crate::CustomerScope<M> {{\n\
             {doc}    \
             pub fn {accessor}(&self) -> {scoped}<M> {{\n        \
                 {scoped} {{\n            \
                     all: {name} {{ client: self.client.clone(){limit} }},\n            \
                     customer_uuid: self.customer_uuid.clone(),\n        \
                 }}\n    \
             }}\n\
         }}\n\n\
         impl<M: Clone> {scoped}<M> {{\n{}}}\n\n",
        methods.join("\n"),
    )
}

/// The scope's methods for the customer itself.
fn scope_itself(api: &Api, tag: &Tag) -> String {
    let (name, accessor) = (names::pascal(&tag.name), names::module(&tag.name));
    let own = methods_of(api, &tag.name).filter(|operation| operation.customer_parameter().is_some());
    let all = format!("self.client.{accessor}()");
    let methods: Vec<_> = own.map(|operation| scoped_verb(api, operation, &all, &name)).collect();
    format!(
        "impl<M: Clone> crate::CustomerScope<M> {{\n{}}}\n\n",
        methods.join("\n")
    )
}

/// The method of a resource without the argument for the customer.
fn scoped_verb(api: &Api, operation: &Operation, all: &str, resource: &str) -> String {
    let (verb, request) = (&operation.verb, requests::name(operation));
    let customer = operation.customer_parameter().map(|parameter| parameter.field.as_str());
    let (mut signature, mut given) = (String::new(), Vec::new());
    for argument in operation.arguments(api) {
        let ty = argument_type(api, operation, &argument);
        match (&argument.value, customer) {
            (ArgumentValue::Path(parameter), Some(customer)) if parameter.field == customer => {
                given.push("self.customer_uuid.clone()".to_owned());
            }
            (ArgumentValue::PathStruct(name), Some(customer)) => {
                let fields: Vec<_> = operation
                    .parameters
                    .iter()
                    .map(|parameter| match &parameter.field {
                        field if field == customer => format!("{field}: &self.customer_uuid"),
                        field => field.clone(),
                    })
                    .collect();
                for other in operation.parameters.iter().filter(|other| other.field != customer) {
                    let ty = match &other.kind {
                        Kind::String => "&str".to_owned(),
                        kind => Crate::High.rust_type(api, kind),
                    };
                    signature += &format!(", {}: {ty}", other.field);
                }
                given.push(format!("types::{name} {{ {} }}", fields.join(", ")));
            }
            _ => {
                signature += &format!(", {}: {ty}", argument.name);
                given.push(argument.name);
            }
        }
    }
    let doc = format!("{} See [`{resource}::{verb}`].", docs::sentence(&operation.summary));
    let doc = docs::comment_text(&doc, "    ");
    let deprecated = deprecated_text(operation.deprecated.as_deref(), "    ");
    let given = given.join(", ");
    let scoped = scoped_name(api, operation);
    format!(
        "{doc}{deprecated}    pub fn {scoped}(&self{signature}) -> {request}<M> {{\n        {all}.{verb}({given})\n    }}\n"
    )
}

/// Whether a method is about one customer. One without a customer or an object is not: `add_tags_by_email`.
fn is_within(api: &Api, operation: &Operation) -> bool {
    !operation.parameters.is_empty() || operation.customer_field(api).is_some()
}

/// `list_by_customer` becomes `list` in the scope of a customer, unless that name is taken.
fn scoped_name<'a>(api: &Api, operation: &'a Operation) -> &'a str {
    let short = operation.verb.strip_suffix("_by_customer");
    let taken = |name| methods_of(api, &operation.tag).any(|other| other.verb == name && is_within(api, other));
    short.filter(|name| !taken(*name)).unwrap_or(&operation.verb)
}

/// The method that creates a request.
fn verb(api: &Api, tag: &Tag, operation: &Operation) -> String {
    let (verb, request) = (&operation.verb, requests::name(operation));
    let example = examples::example(api, tag, operation);
    let example = example
        .map(|example| format!("```no_run\n{example}```"))
        .unwrap_or_default();
    let doc = format!(
        "{}\n\n{}\n\n{example}\n\n# Errors\n{}\n\n{}",
        docs::sentence(&operation.summary),
        docs::markdown(&operation.description),
        errors(api, operation),
        docs::source(&operation.source),
    );
    let doc = docs::comment_text(&doc, "    ");
    let deprecated = deprecated_text(operation.deprecated.as_deref(), "    ");
    let arguments = operation.arguments(api);
    let signature: String = arguments
        .iter()
        .map(|a| format!(", {}: {}", a.name, argument_type(api, operation, a)))
        .collect();
    let fields = fields(operation, &arguments);
    let fields = if fields.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {fields} }}")
    };
    let customer = operation.customer_field(api).map(|field| match field {
        CustomerField::Query(parameter) => format!("query.{}", parameter.field),
        CustomerField::Body(property) => format!("{}.{}", requests::body_target(api, operation), property.field),
    });
    let made = match customer {
        Some(field) => format!(
            "let mut request = requests::{request} {fields};\n        \
             request.{field}.clone_from(&self.customer_uuid);\n        \
             {request}(call::Call::new(&self.client, request))"
        ),
        None => format!("{request}(call::Call::new(&self.client, requests::{request} {fields}))"),
    };
    format!("{doc}{deprecated}    pub fn {verb}(&self{signature}) -> {request}<M> {{\n        {made}\n    }}\n")
}

fn argument_type(api: &Api, operation: &Operation, argument: &Argument<'_>) -> String {
    let of_struct = |name: &str, object: Option<&Object>| {
        let kinds = object
            .into_iter()
            .flat_map(Object::required)
            .map(|property| &property.kind);
        format!("types::{name}{}", lifetime(kinds, "'_"))
    };
    match &argument.value {
        ArgumentValue::Path(parameter) if parameter.kind == Kind::String => "impl Into<String>".to_owned(),
        ArgumentValue::Path(parameter) => Crate::High.rust_type(api, &parameter.kind),
        ArgumentValue::Identifier(identified) => format!("impl Into<types::{}>", identified.name),
        ArgumentValue::PathStruct(name) => {
            let kinds = operation.parameters.iter().map(|parameter| &parameter.kind);
            format!("types::{name}{}", lifetime(kinds, "'_"))
        }
        ArgumentValue::Query(property) | ArgumentValue::Body(property) => Crate::High.required_argument(api, property),
        ArgumentValue::QueryStruct(name) => of_struct(name, operation.query_object(api)),
        ArgumentValue::BodyStruct(name) => of_struct(name, operation.body_object(api)),
    }
}

/// The fields of the request, from the arguments.
fn fields(operation: &Operation, arguments: &[Argument<'_>]) -> String {
    let mut fields = Vec::new();
    let (mut query, mut body) = (Vec::new(), Vec::new());
    for argument in arguments {
        let name = &argument.name;
        match &argument.value {
            ArgumentValue::Path(parameter) if parameter.kind == Kind::String => {
                fields.push(format!("{}: {}", parameter.field, converted(&parameter.kind, name)));
            }
            ArgumentValue::Path(parameter) if parameter.field == *name => fields.push(name.clone()),
            ArgumentValue::Path(parameter) => fields.push(format!("{}: {name}", parameter.field)),
            ArgumentValue::Identifier(_) => fields.push(format!("identifier: {name}.into()")),
            ArgumentValue::PathStruct(_) => fields.extend(operation.parameters.iter().map(|parameter| {
                let owned = if parameter.kind == Kind::String {
                    ".to_owned()"
                } else {
                    ""
                };
                format!("{0}: {name}.{0}{owned}", parameter.field)
            })),
            ArgumentValue::Query(_) | ArgumentValue::QueryStruct(_) => query.push(name.as_str()),
            ArgumentValue::Body(_) | ArgumentValue::BodyStruct(_) => body.push(name.as_str()),
        }
    }
    let made = |component: &str, arguments: &[&str]| match arguments {
        [] => format!("types::{component}::default()"),
        arguments => format!("types::{component}::new({})", arguments.join(", ")),
    };
    if let Some(component) = &operation.query {
        fields.push(format!("query: {}", made(component, &query)));
    }
    if let Some(object) = &operation.body {
        let inner = made(object.inner(), &body);
        let whole = match &object.envelope {
            Some(_) => format!("types::{}::new({inner})", object.component),
            None => inner,
        };
        fields.push(format!("body: {whole}"));
    }
    fields.join(", ")
}

/// The section `# Errors`: errors that a caller can handle, from the documented statuses.
fn errors(api: &Api, operation: &Operation) -> String {
    let identifies = !operation.parameters.is_empty() || operation.query_object(api).is_some_and(has_identifier);
    let says_something = operation.query.is_some() || operation.body.is_some();
    let documented = |statuses: &[u16]| operation.errors.iter().any(|status| statuses.contains(status));
    let known = [
        (true, "InvalidInput", " if a value is invalid, before anything is sent"),
        (identifies && documented(&[404]), "NotFound", ""),
        (operation.not_modified, "NotModified", " if there is nothing to change"),
        (
            says_something && documented(&[400, 422]),
            "Rejected",
            " with the invalid fields",
        ),
    ];
    let known = known.into_iter().filter(|(applies, ..)| *applies);
    let known: String = known
        .map(|(_, name, when)| format!("[`{name}`](crate::Error::{name}){when}; "))
        .collect();
    format!("{known}others, see [`Error`](crate::Error).")
}

/// Whether a query identifies an object: it has required text, not only a period or a number.
fn has_identifier(object: &Object) -> bool {
    object.required().any(|property| property.kind == Kind::String)
}

/// The builder that a method returns: setters, and ways to send the request.
fn builder(api: &Api, tag: &Tag, operation: &Operation) -> String {
    let (name, resource) = (requests::name(operation), names::pascal(&tag.name));
    let response = Crate::High.path(&requests::response(api, operation));
    let mut verbs = "send".to_owned();
    if let Some(Kind::List(entry)) = operation.pages(api).map(|entries| &entries.kind) {
        let entry = crate::lower::rust_type(api, entry, crate::model::Direction::Response);
        verbs += &format!(", items({})", Crate::High.path(&entry));
    }
    if operation.read(api).is_some() {
        verbs += ", outcome";
    }
    if operation.merges_custom(api) {
        verbs += ", merge_custom";
    }
    let verb = &operation.verb;
    let mut text = format!(
        "\ncrate::builder! {{\n    \
             /// Returned by [`{resource}::{verb}`]. Nothing is sent until `send`.\n    \
             {name} -> {response}: {verbs}\n\
         }}\n"
    );
    let query = operation
        .query_object(api)
        .map(|object| setters(api, object, "self.0.request.query", Crate::High));
    let body = operation.body_object(api).map(|object| {
        let target = format!("self.0.request.{}", requests::body_target(api, operation));
        setters(api, object, &target, Crate::High)
    });
    let setters: Vec<_> = query
        .into_iter()
        .chain(body)
        .filter(|setters| !setters.is_empty())
        .collect();
    if !setters.is_empty() {
        text += &format!("\nimpl<M> {name}<M> {{\n{}}}\n", setters.join("\n"));
    }
    text
}
