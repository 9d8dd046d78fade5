//! Names in Rust: each must be unique where the generated code uses it, and differ from the names of handwritten code.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToShoutySnakeCase as _;
use serde_json::Value;

use super::{Lint, components::SCHEMAS};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Api, Direction, Home, Object, Operation, Property, Scope, Tag, Type},
    names,
    render::FILES,
    reserved::{FileKind, OF_TRAITS, Reserved},
};

/// A set of unique names, and what each belongs to.
struct Namespace {
    /// Where the names are used: "in the module `things`".
    place: String,
    names: BTreeMap<String, String>,
}

impl Namespace {
    fn new<'a>(place: impl Into<String>, taken: impl Iterator<Item = &'a str>) -> Self {
        Self {
            place: place.into(),
            names: taken
                .map(|name| (name.to_owned(), "a name of handwritten code".to_owned()))
                .collect(),
        }
    }
}

/// Something that needs a name.
struct Named<'a> {
    name: &'a str,
    /// What it is, for the finding about a conflict.
    what: String,
    pointer: &'a str,
    help: &'a str,
}

/// Prefix of names that the generator uses internally.
const OWN: &str = "Xtask";

const OPERATION_HELP: &str = "choose another operationId, made of a verb and a resource: `update_opportunity`";
const COMPONENT_HELP: &str = "choose another name for the component, such as one with the resource in front";
const TYPE_HELP: &str = "choose another name for the type";
const FIELD_HELP: &str = "give it another name in Rust, beside its type: `x-rust-name: some_name`; beside a reference, write \
                          `allOf: [{ $ref: .. }]`";

impl Lint<'_> {
    pub(super) fn names(&mut self, api: &Api) {
        let reserved = Reserved::get();
        self.low_level(api, reserved);
        self.types(api, reserved);
        self.resources(api, reserved);
        for operation in &api.operations {
            self.arguments(api, operation, reserved);
            self.builder(api, operation, reserved);
        }
        self.parts(api);
    }

    fn take(&mut self, namespace: &mut Namespace, wanted: &Named<'_>) {
        if let Some(other) = namespace.names.get(wanted.name) {
            let problem = format!("`{}` is taken {}: it is {other}", wanted.name, namespace.place);
            self.report(Rule::NameCollision, wanted.pointer, problem, wanted.help);
        } else {
            namespace.names.insert(wanted.name.to_owned(), wanted.what.clone());
        }
    }

    /// Whether an operation could have this id: all names that follow from it are free. Checked before help suggests an id,
    /// which must not lead to another finding.
    pub(super) fn is_free_operation_id(&self, id: &str, tag: &str, of: &str) -> bool {
        let reserved = Reserved::get();
        let (pascal, verb) = (names::pascal(id), names::verb(id, tag));
        let named = self.named_types(of);
        let is_name = |name: &str| names::field(name) == name && names::is_ident(name);
        let has = |mut names: Box<dyn Iterator<Item = &str> + '_>, name: &str| names.any(|known| known == name);
        is_name(id)
            && is_name(&verb)
            && !has(Box::new(reserved.low_level_client()), id)
            && !has(Box::new(reserved.names(FileKind::Requests)), &pascal)
            && !has(Box::new(reserved.names(FileKind::Resources)), &pascal)
            && !has(
                Box::new(reserved.names(FileKind::Operations)),
                &id.to_shouty_snake_case(),
            )
            && !has(Box::new(reserved.methods(&names::pascal(tag))), &verb)
            && !named.contains(&pascal)
            && !named.contains(&format!("{pascal}Query"))
    }

    /// Whether a component could have this name.
    pub(super) fn is_free_type(&self, name: &str) -> bool {
        let reserved = Reserved::get();
        let mut taken = reserved
            .names(FileKind::Types)
            .chain(reserved.names(FileKind::Resources));
        let mut table = reserved.names(FileKind::Operations);
        names::pascal(name) == name
            && names::is_ident(name)
            && !name.starts_with(OWN)
            && !taken.any(|known| known == name)
            && !table.any(|known| known == name.to_shouty_snake_case())
            && !self.named_types("").contains(name)
    }

    /// All types that the document names, except those of one operation. They are in several namespaces.
    fn named_types(&self, but_for: &str) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        let text = |value: &Value| value.as_str().map(names::pascal);
        let schemas = self.spec.at(SCHEMAS).and_then(Value::as_object).into_iter().flatten();
        for (name, schema) in schemas {
            named.insert(name.clone());
            named.extend(schema.get("x-required-type").and_then(text));
        }
        for (pointer, _) in self.spec.operations().into_iter().filter(|(at, _)| at != but_for) {
            let keywords = ["operationId", "x-required-type", "x-query-type", "x-identifier"];
            let given = keywords
                .iter()
                .filter_map(|keyword| self.spec.at(&child(&pointer, keyword)));
            named.extend(given.filter_map(text));
            let id = self.spec.at(&child(&pointer, "operationId")).and_then(text);
            named.extend(id.map(|id| format!("{id}Query")));
        }
        let tags = self.spec.at("/tags").and_then(Value::as_array).into_iter().flatten();
        named.extend(tags.filter_map(|tag| tag.get("name").and_then(text)));
        named
    }

    /// The pointer of the first of these keywords that an operation has, or of the operation.
    pub(super) fn of_operation(&self, operation: &Operation, keywords: &[&str]) -> String {
        let pointer = child(&child("/paths", &operation.path), &operation.method);
        let mut places = keywords.iter().map(|keyword| child(&pointer, keyword));
        places.find(|at| self.spec.at(at).is_some()).unwrap_or(pointer)
    }

    /// `chartmogul_api`: methods of its client, requests, and the table of operations.
    fn low_level(&mut self, api: &Api, reserved: &Reserved) {
        let mut client = Namespace::new("in the low-level client", reserved.low_level_client());
        let mut requests = Namespace::new("among the requests", reserved.names(FileKind::Requests));
        let mut table = Namespace::new("in the table of operations", reserved.names(FileKind::Operations));
        for operation in &api.operations {
            let pointer = &self.of_operation(operation, &["operationId"]);
            let (pascal, shouty) = (names::pascal(&operation.id), operation.id.to_shouty_snake_case());
            for (namespace, name) in [
                (&mut client, operation.id.as_str()),
                (&mut requests, &pascal),
                (&mut table, &shouty),
            ] {
                let what = format!("the operation `{}`", operation.id);
                let wanted = Named {
                    name,
                    what,
                    pointer,
                    help: OPERATION_HELP,
                };
                // An id that is used twice is reported elsewhere.
                if namespace.names.get(name) != Some(&wanted.what) {
                    self.take(namespace, &wanted);
                }
            }
        }
        for (name, ty) in &api.types {
            if let Type::Object(object) = ty
                && object.direction != Direction::Response
            {
                let pointer = &self.of_type(name);
                let wanted = Named {
                    name: &name.to_shouty_snake_case(),
                    what: format!("the type `{name}`"),
                    pointer,
                    help: COMPONENT_HELP,
                };
                self.take(&mut table, &wanted);
            }
        }
    }

    /// The pointer of a component, or of what names a query type.
    fn of_type(&self, name: &str) -> String {
        let component = child(SCHEMAS, name);
        if self.spec.at(&component).is_some() {
            return component;
        }
        let operation = self.places.query(name);
        let named = child(&operation, "x-query-type");
        if self.spec.at(&named).is_some() {
            named
        } else {
            operation
        }
    }

    /// `chartmogul_api::types`, which has no submodules.
    fn types(&mut self, api: &Api, reserved: &Reserved) {
        let mut types = Namespace::new("among the types", reserved.names(FileKind::Types));
        for (name, ty) in &api.types {
            let pointer = &self.of_type(name);
            if name.starts_with(OWN) {
                let problem = format!("`{name}` begins like the generator's own names");
                self.report(Rule::NameCollision, pointer, problem, COMPONENT_HELP);
            }
            if !matches!(ty, Type::Handwritten { .. }) {
                let what = format!("the type `{name}`");
                let wanted = Named {
                    name,
                    what,
                    pointer,
                    help: COMPONENT_HELP,
                };
                self.take(&mut types, &wanted);
            }
        }
        for (name, pointer) in self.structs(api) {
            let what = "a type of arguments".to_owned();
            let wanted = Named {
                name: &name,
                what,
                pointer: &pointer,
                help: TYPE_HELP,
            };
            self.take(&mut types, &wanted);
        }
    }

    /// The structs and enums of arguments, each once, with the pointer of its name.
    fn structs(&self, api: &Api) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (name, ty) in &api.types {
            if let Type::Object(Object {
                required_type: Some(required),
                ..
            }) = ty
                && !found.iter().any(|(known, _)| known == required)
            {
                let at = match self.spec.at(&child(SCHEMAS, name)) {
                    Some(_) => child(SCHEMAS, name),
                    None => self.places.query(name),
                };
                found.push((required.clone(), child(&at, "x-required-type")));
            }
        }
        for name in api.path_types().keys() {
            let user = api
                .operations
                .iter()
                .find(|operation| operation.path_type.as_deref() == Some(name));
            let at = user.map(|operation| self.of_operation(operation, &["x-required-type"]));
            found.push(((*name).to_owned(), at.unwrap_or_default()));
        }
        for (name, identified) in api.identifiers().into_iter().filter(|(name, _)| !name.is_empty()) {
            let at = self.of_operation(identified.by_query, &["x-identifier"]);
            found.push((name.to_owned(), at));
        }
        found
    }

    /// `chartmogul`: a module for each tag, and in it the resource, its builders and the tag's types.
    fn resources(&mut self, api: &Api, reserved: &Reserved) {
        let mut accessors = Namespace::new("in the client", reserved.methods("Client"));
        let mut root = Namespace::new("in the root of the crate", reserved.root());
        let scope = "among the methods of `CustomerScope`";
        let mut scope = Namespace::new(scope, reserved.methods("CustomerScope"));
        let mut files = Namespace::new("among the generated files", FILES.into_iter());
        let (required, paths) = (api.required_types(), api.path_types());
        let identifiers = api.identifiers();
        for tag in &api.tags {
            let pointer = self.of_tag(&tag.name);
            for namespace in [&mut accessors, &mut root, &mut files] {
                let wanted = Named {
                    name: &tag.name,
                    what: format!("the tag `{}`", tag.name),
                    pointer: &pointer,
                    help: "choose another name for the tag",
                };
                self.take(namespace, &wanted);
            }
            let resource = names::pascal(&tag.name);
            let mut module = Namespace::new(
                format!("in the module `{}`", tag.name),
                reserved.names(FileKind::Resources),
            );
            let wanted = Named {
                name: &resource,
                what: format!("the resource `{}`", tag.name),
                pointer: &pointer,
                help: "choose another name for the tag",
            };
            self.take(&mut module, &wanted);
            self.scope(api, tag, &pointer, &mut module, &mut scope);
            let mut verbs = Namespace::new(
                format!("among the methods of `{resource}`"),
                reserved.methods(&resource),
            );
            let methods = api
                .operations
                .iter()
                .filter(|operation| operation.tag == tag.name && !operation.is_by_query());
            for operation in methods {
                let pointer = self.of_operation(operation, &["operationId"]);
                let wanted = Named {
                    name: &names::pascal(&operation.id),
                    what: format!("the builder of `{}`", operation.id),
                    pointer: &pointer,
                    help: OPERATION_HELP,
                };
                if module.names.get(wanted.name) != Some(&wanted.what) {
                    self.take(&mut module, &wanted);
                }
                let pointer = self.of_operation(operation, &["x-method", "operationId"]);
                let wanted = Named {
                    name: &operation.verb,
                    what: format!("the method for `{}`", operation.id),
                    pointer: &pointer,
                    help: "choose another method name: `x-method: archive`",
                };
                if !operation.verb.is_empty() && !names::is_ident(&operation.verb) {
                    let problem = format!("`{}` is not a method name", operation.verb);
                    self.report(Rule::Method, &pointer, problem, wanted.help);
                } else if verbs.names.get(wanted.name) != Some(&wanted.what) {
                    self.take(&mut verbs, &wanted);
                }
            }
            let home = Home::Tag(tag.name.clone());
            for (name, ty) in &api.types {
                if ty.home() == Some(&home) {
                    let pointer = self.of_type(name);
                    let wanted = Named {
                        name,
                        what: format!("the type `{name}`"),
                        pointer: &pointer,
                        help: COMPONENT_HELP,
                    };
                    self.take(&mut module, &wanted);
                }
            }
            for (name, pointer) in self.structs(api) {
                let of_required = required.get(name.as_str()).map(|ty| &ty.home);
                let home_of = of_required.or_else(|| paths.get(name.as_str()).map(|ty| &ty.home));
                let identifies = identifiers.get(name.as_str());
                let is_here = home_of == Some(&home) || identifies.is_some_and(|of| of.by_query.tag == tag.name);
                // A conflict with a type has been reported.
                if is_here && !api.types.contains_key(&name) {
                    let wanted = Named {
                        name: &name,
                        what: "a type of arguments".to_owned(),
                        pointer: &pointer,
                        help: TYPE_HELP,
                    };
                    self.take(&mut module, &wanted);
                }
            }
        }
    }

    /// Names in the scope of a customer: the accessor and its struct, or the methods of the customer itself.
    fn scope(&mut self, api: &Api, tag: &Tag, pointer: &str, module: &mut Namespace, scope: &mut Namespace) {
        let of_customer = tag.of_customer();
        let wanted = |name| Named {
            name,
            what: format!("the tag `{}`, for a customer", tag.name),
            pointer,
            help: "choose another name for the tag",
        };
        match api.scope(&tag.name) {
            Scope::None => {}
            Scope::Limited => self.take(scope, &wanted(&tag.name)),
            Scope::Within => {
                self.take(scope, &wanted(&tag.name));
                self.take(module, &wanted(&of_customer));
            }
            Scope::Itself => {
                let all = api.operations.iter().filter(|operation| operation.tag == tag.name);
                for operation in all.filter(|operation| operation.customer_parameter().is_some()) {
                    let pointer = self.of_operation(operation, &["x-method", "operationId"]);
                    let wanted = Named {
                        name: &operation.verb,
                        what: format!("the method for `{}`", operation.id),
                        pointer: &pointer,
                        help: "choose another method name: `x-method: archive`",
                    };
                    self.take(scope, &wanted);
                }
            }
        }
    }

    fn of_tag(&self, name: &str) -> String {
        let tags = self.spec.at("/tags").and_then(serde_json::Value::as_array);
        let is_named = |tag: &serde_json::Value| tag.get("name").and_then(serde_json::Value::as_str) == Some(name);
        let index = tags.and_then(|tags| tags.iter().position(is_named));
        index.map_or_else(|| "/tags".to_owned(), |index| format!("/tags/{index}/name"))
    }

    /// Arguments of the method, and fields of the request as data.
    fn arguments(&mut self, api: &Api, operation: &Operation, reserved: &Reserved) {
        // The generated method calls imported functions, which an argument of that name would hide.
        let mut request = Namespace::new("in the request", reserved.names(FileKind::Client));
        for (name, is_there) in [("query", operation.query.is_some()), ("body", operation.body.is_some())] {
            if is_there {
                request.names.insert(name.to_owned(), format!("the {name}"));
            }
        }
        for parameter in &operation.parameters {
            let at = self.of_operation(operation, &[]);
            let pointer = self.places.parameter(&at, format!("path {}", parameter.name));
            let wanted = Named {
                name: &parameter.field,
                what: format!("the path parameter `{}`", parameter.name),
                pointer: &pointer,
                help: "give the path parameter another name in Rust: `x-rust-name: some_name`",
            };
            self.take(&mut request, &wanted);
        }
        let mut arguments = Namespace::new(format!("among the arguments of `{}`", operation.verb), [].into_iter());
        for argument in operation.arguments(api) {
            let pointer = self.of_operation(operation, &["operationId"]);
            let wanted = Named {
                name: &argument.name,
                what: "another argument".to_owned(),
                pointer: &pointer,
                help: "the path, the query and the body need it: give one of them another name in Rust, \
                       `x-rust-name: some_name`",
            };
            self.take(&mut arguments, &wanted);
        }
    }

    /// Methods of a builder: handwritten ones, and setters.
    fn builder(&mut self, api: &Api, operation: &Operation, reserved: &Reserved) {
        let mut methods = Namespace::new(
            format!("in the builder of `{}`", operation.id),
            reserved.builder().chain(["new"]),
        );
        let at = self.of_operation(operation, &[]);
        if let Some(query) = operation.query_object(api) {
            for property in optional(query) {
                let place = self.places.parameter(&at, format!("query {}", property.name));
                self.setters(&mut methods, property, &place, "query");
            }
        }
        if let Some(body) = &operation.body
            && let Some(object) = api.object(body.inner())
        {
            let properties = child(&child(SCHEMAS, body.inner()), "properties");
            for property in optional(object) {
                self.setters(&mut methods, property, &child(&properties, &property.name), "body");
            }
        }
    }

    /// Setters of objects that are parts of requests.
    fn parts(&mut self, api: &Api) {
        for (name, ty) in &api.types {
            let Type::Object(object) = ty else { continue };
            if !object.nested {
                continue;
            }
            let place = format!("in the setters of `{name}`");
            // `Default` is derived, and conversions call it.
            let mut methods = Namespace::new(place, OF_TRAITS.into_iter().chain(["new", "default"]));
            let properties = child(&child(SCHEMAS, name), "properties");
            for property in optional(object) {
                self.setters(&mut methods, property, &child(&properties, &property.name), "object");
            }
        }
    }

    fn setters(&mut self, methods: &mut Namespace, property: &Property, pointer: &str, of: &str) {
        for name in setters(property) {
            let wanted = Named {
                name: &name,
                what: format!("the setter of `{}` in the {of}", property.name),
                pointer,
                help: FIELD_HELP,
            };
            self.take(methods, &wanted);
        }
    }
}

/// The optional fields of an object, without duplicate names, which have been reported.
fn optional(object: &Object) -> impl Iterator<Item = &Property> {
    let all = &object.properties;
    let is_first = |index: usize| !all[..index].iter().any(|other| other.field == all[index].field);
    let fields = all.iter().enumerate();
    fields.filter_map(move |(index, property)| (!property.required && is_first(index)).then_some(property))
}

/// The methods of a builder that set an optional field.
fn setters(property: &Property) -> Vec<String> {
    let field = &property.field;
    let plain = field.trim_end_matches('_');
    let mut setters = Vec::new();
    if property.replaces_all {
        setters.extend([format!("replace_all_{plain}"), format!("remove_all_{plain}")]);
    } else {
        setters.push(field.clone());
    }
    if property.nullable {
        setters.push(format!("clear_{plain}"));
    }
    setters
}
