//! Wire types: typify's structs for requests, macros for responses.

use anyhow::{Context as _, ensure};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Fields, ItemStruct,
    visit_mut::{self, VisitMut},
};

use super::{
    arguments::{self, Crate, converted_required},
    deprecated_text, docs, enums, export, formatted, module, modules,
    progenitor::Generated,
    responses,
    setters::setters,
};
use crate::{
    lower::{field_key, is_field},
    model::{Api, Direction, Home, Identified, Kind, Object, Operation, Property, Type},
    names,
};

/// `mod.rs` of the generated code.
pub(super) fn root(api: &Api) -> String {
    let base_url = &api.base_url;
    let mut schemas = String::new();
    for (name, ty) in &api.types {
        let path = match ty {
            Type::Object(object) if object.direction == Direction::Query => continue,
            Type::Handwritten { rust, .. } => (*rust).to_owned(),
            _ => format!("types::{name}"),
        };
        schemas += &format!("        ({name:?}, schemars::schema_for!({path})),\n");
    }
    let mut queries = String::new();
    for operation in &api.operations {
        if let Some(query) = &operation.query {
            queries += &format!("        ({:?}, schemars::schema_for!(types::{query})),\n", operation.id);
        }
    }
    format!(
        r#"mod client;
pub mod operations;
#[allow(missing_docs)] // the fields are the arguments of the methods
pub mod requests;
pub mod types;

/// Where production is.
pub(crate) const DEFAULT_BASE_URL: &str = {base_url:?};

/// The JSON Schema of the query parameters of every operation that has some, by its id. For tests.
#[cfg(feature = "schemars")]
#[doc(hidden)]
pub fn query_schemas() -> Vec<(&'static str, schemars::Schema)> {{
    vec![
{queries}    ]
}}

/// The JSON Schema of every type, by the name of its component in the document. For tests.
#[cfg(feature = "schemars")]
#[doc(hidden)]
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {{
    vec![
{schemas}    ]
}}
"#
    )
}

/// `types/mod.rs`: re-exports the types of all modules.
pub(super) fn index<'a>(api: &Api, homes: impl IntoIterator<Item = &'a Home>) -> String {
    let homes: Vec<_> = homes.into_iter().collect();
    let modules = modules(homes.iter().map(|home| module(home)), "");
    let exports: String = homes
        .iter()
        .map(|home| export(&module(home), all_names(api, home)))
        .collect();
    format!(
        "//! The types that go over the wire: requests, responses, and what they are made of.\n\n{modules}\n{exports}"
    )
}

/// The types of a module.
fn of_home<'a>(api: &'a Api, home: &'a Home) -> impl Iterator<Item = (&'a String, &'a Type)> {
    api.types.iter().filter(move |(_, ty)| match ty {
        Type::Object(object) => object.home == *home,
        Type::OpenEnum(open) => open.home == *home,
        Type::Handwritten { .. } => false,
    })
}

fn all_names(api: &Api, home: &Home) -> Vec<String> {
    let own = of_home(api, home).map(|(name, _)| name.clone());
    own.chain(struct_names(api, home)).collect()
}

/// The names of a module's structs and enums for arguments.
fn struct_names(api: &Api, home: &Home) -> Vec<String> {
    let required = api
        .required_types()
        .into_iter()
        .filter(|(_, ty)| ty.home == *home)
        .map(|(name, _)| name);
    let path = api
        .path_types()
        .into_iter()
        .filter(|(_, ty)| ty.home == *home)
        .map(|(name, _)| name);
    required
        .chain(path)
        .map(str::to_owned)
        .chain(identifier_names(api, home))
        .collect()
}

/// The identifier enums of a module.
fn identifiers<'a>(api: &'a Api, home: &'a Home) -> impl Iterator<Item = Identified<'a>> {
    let all = api.identifiers().into_values();
    all.filter(move |identified| *home == Home::Tag(identified.by_query.tag.clone()))
}

fn identifier_names(api: &Api, home: &Home) -> Vec<String> {
    identifiers(api, home)
        .map(|identified| identified.name.to_owned())
        .collect()
}

/// Whether users of `chartmogul` do not need a struct of required values, because an identifier enum has the same fields.
fn is_in_identifier(api: &Api, required: &str) -> bool {
    let is_by_query = |name: &str| {
        let mut users = api
            .operations
            .iter()
            .filter(|o| o.query.as_deref() == Some(name))
            .peekable();
        users.peek().is_some() && users.all(Operation::is_by_query)
    };
    let mut owners = api
        .types
        .iter()
        .filter(|(_, ty)| ty.object().is_some_and(|o| is_of(o, required)));
    api.required_types().contains_key(required) && owners.all(|(name, _)| is_by_query(name))
}

/// The types that users of `chartmogul` need: not the bodies and queries, which builders fill.
pub(super) fn names_for_users(api: &Api, home: &Home) -> Vec<String> {
    let met = of_home(api, home).filter(|(_, ty)| match ty {
        Type::Object(object) => object.direction == Direction::Response || object.nested,
        _ => true,
    });
    met.map(|(name, _)| name.clone())
        .chain(
            struct_names(api, home)
                .into_iter()
                .filter(|name| !is_in_identifier(api, name)),
        )
        .collect()
}

/// The file of a module.
pub(super) fn types(api: &Api, home: &Home, generated: &Generated) -> anyhow::Result<String> {
    let mut items = Vec::new();
    for (name, ty) in of_home(api, home) {
        match ty {
            Type::Object(object) if object.direction == Direction::Response => {
                items.push(responses::code(api, name, object));
            }
            Type::Object(object) => {
                let found = generated.structs.get(name);
                let found = found.with_context(|| format!("progenitor made no type `{name}`"))?;
                let words = match object.direction {
                    Direction::Query => query_words(api, name),
                    _ => docs::markdown(&object.description),
                };
                let finished = finish(api, object, &words, found.clone());
                let finished = finished.with_context(|| format!("finishing type `{name}`"))?;
                items.push(formatted(quote! { #finished })?);
                items.extend(new(api, name, object));
                items.extend(nested_setters(api, name, object));
                items.extend(from_text(name, object));
                items.extend(field_value(api, name));
            }
            Type::OpenEnum(open) => items.push(enums::code(name, open)),
            Type::Handwritten { .. } => {}
        }
    }
    items.extend(structs(api, home));
    items.extend(identifiers(api, home).map(|identified| identifier(&identified)));
    Ok(items.join("\n"))
}

fn query_words(api: &Api, name: &str) -> String {
    let users = api
        .operations
        .iter()
        .filter(|operation| operation.query.as_deref() == Some(name));
    let users = users.map(|operation| format!("[`{0}`](crate::Client::{0})", operation.id));
    format!("Query parameters of {}; unset ones are not sent.", docs::listed(users))
}

/// Adds what progenitor can't generate to its struct.
fn finish(api: &Api, object: &Object, words: &str, mut found: ItemStruct) -> anyhow::Result<ItemStruct> {
    let description = docs::comment(words);
    let default = object.required().next().is_none().then(|| quote! { Default, });
    found.attrs = attributes(&quote! {
        #description
        #[derive(Debug, Clone, PartialEq, #default serde::Serialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[non_exhaustive]
    })?;
    Paths(api).visit_item_struct_mut(&mut found);
    let Fields::Named(fields) = &mut found.fields else {
        anyhow::bail!("it has no named fields")
    };
    // progenitor sorts them by name.
    let mut unordered: Vec<_> = std::mem::take(&mut fields.named).into_iter().collect();
    for property in &object.properties {
        let is_it = |field: &syn::Field| {
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            name.trim_end_matches('_') == field_key(property)
        };
        let at = unordered.iter().position(is_it);
        let at = at.with_context(|| format!("it has no field `{}`", property.field))?;
        let mut field = unordered.swap_remove(at);
        field.ident = Some(names::ident(&property.field));
        finish_field(object.direction, property, &mut field)?;
        fields.named.push(field);
    }
    ensure!(unordered.is_empty(), "it has fields that the document does not have");
    Ok(found)
}

fn finish_field(direction: Direction, property: &Property, field: &mut syn::Field) -> anyhow::Result<()> {
    let description = docs::comment(&docs::markdown(&property.description));
    let name = &property.name;
    let rename = (property.field != *name).then(|| quote! { rename = #name, });
    let absent = if is_field(property, direction) {
        Some(quote! { default, skip_serializing_if = "crate::Field::is_absent", })
    } else {
        (!property.required).then(|| quote! { skip_serializing_if = "Option::is_none", })
    };
    let finite = (property.kind == Kind::Number).then(|| {
        let function = match (is_field(property, direction), property.required && !property.nullable) {
            (true, _) => "crate::validate::finite_field",
            (false, true) => "crate::validate::finite",
            (false, false) => "crate::validate::finite_option",
        };
        quote! { serialize_with = #function, }
    });
    let serde = [rename, absent, finite].into_iter().flatten().collect::<TokenStream>();
    let serde = (!serde.is_empty()).then(|| quote! { #[serde(#serde)] });
    let deprecated = property.deprecated.iter();
    field.attrs = attributes(&quote! { #description #(#[deprecated(note = #deprecated)])* #serde })?;
    Ok(())
}

/// Shortens paths such as `::std::option::Option`; lint makes sure that no component hides these names. Components get their
/// full path, so that no import can be hidden by one of them.
struct Paths<'a>(&'a Api);

impl VisitMut for Paths<'_> {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        let is_std = path.leading_colon.is_some() && path.segments.first().is_some_and(|first| first.ident == "std");
        if is_std && let Some(last) = path.segments.pop() {
            path.leading_colon = None;
            path.segments = std::iter::once(last).collect();
        } else if let Some(name) = path.get_ident()
            && self.0.types.contains_key(&name.to_string())
        {
            *path = syn::parse_quote!(crate::types::#name);
        }
        visit_mut::visit_path_mut(self, path);
    }
}

fn attributes(tokens: &TokenStream) -> anyhow::Result<Vec<syn::Attribute>> {
    let item: ItemStruct = syn::parse2(quote! { #tokens struct Holder; }).context("attributes")?;
    Ok(item.attrs)
}

/// `new` with the required fields: the type can't be created without them, and a new optional field does not break callers.
fn new(api: &Api, name: &str, object: &Object) -> Option<String> {
    object.required().next()?;
    let (arguments, from) = match &object.required_type {
        // Struct fields have names, so a caller can't confuse two texts.
        Some(ty) => {
            let lifetime = arguments::lifetime(object.required().map(|property| &property.kind), "'_");
            (format!("required: {ty}{lifetime}"), Some("required"))
        }
        None => {
            let argument = |p: &Property| format!("{}: {}", p.field, Crate::Low.required_argument(api, p));
            (object.required().map(argument).collect::<Vec<_>>().join(", "), None)
        }
    };
    let typed = object.attribute_type().map(|property| &property.field);
    let values: String = object
        .properties
        .iter()
        .map(|property| {
            let field = &property.field;
            let value = match (property.required, from) {
                (true, _) if typed.is_some() && field == "value" => field.clone(),
                (false, _) if Some(field) == typed => "value.known_type()".to_owned(),
                (false, _) => "Default::default()".to_owned(),
                (true, None) => converted_required(property),
                (true, Some(from)) => match (&property.kind, property.nullable) {
                    (Kind::String, false) => format!("{from}.{field}.to_owned()"),
                    (Kind::String, true) => format!("{from}.{field}.map(ToOwned::to_owned)"),
                    _ => format!("{from}.{field}"),
                },
            };
            let short = value == *field;
            if short {
                format!("            {field},\n")
            } else {
                format!("            {field}: {value},\n")
            }
        })
        .collect();
    // A caller can set a nested object without calling `new`.
    let conversion = object.required_type.as_ref().filter(|_| object.nested).map(|ty| {
        let lifetime = arguments::lifetime(object.required().map(|property| &property.kind), "'_");
        format!(
            "\nimpl From<{ty}{lifetime}> for {name} {{\n    \
                 fn from(required: {ty}{lifetime}) -> Self {{\n        \
                     Self::new(required)\n    \
                 }}\n\
             }}\n"
        )
    });
    let conversion = conversion.unwrap_or_default();
    let what = match object.direction {
        Direction::Query => "query",
        _ if object.nested => "object",
        _ => "body",
    };
    let (doc, value) = match typed {
        Some(_) => (
            ", with the type that the value has in Rust",
            "        let value: crate::CustomAttributeValue = value.into();\n",
        ),
        None => ("", ""),
    };
    Some(format!(
        "impl {name} {{\n    \
             /// Creates the {what} from its required fields{doc}.\n    \
             pub fn new({arguments}) -> Self {{\n{value}        \
                 Self {{\n{values}        }}\n    \
             }}\n\
         }}\n{conversion}"
    ))
}

fn nested_setters(api: &Api, name: &str, object: &Object) -> Option<String> {
    let setters = object.nested.then(|| setters(api, object, "self", Crate::Low))?;
    (!setters.is_empty()).then(|| format!("impl {name} {{\n{setters}}}\n"))
}

/// `From<&str>` for an object that can consist of a single text, such as a reference to a customer by its UUID.
fn from_text(name: &str, object: &Object) -> Option<String> {
    let mut alone = object.one_of.iter().filter_map(|group| match group.as_slice() {
        [only] => object
            .property(only)
            .filter(|property| property.kind == Kind::String && !property.nullable),
        _ => None,
    });
    let (field, other) = (&alone.next()?.field, alone.next());
    let is_whole = object.nested && other.is_none() && object.required().next().is_none();
    let from = |ty: &str| {
        format!(
            "impl From<{ty}> for {name} {{\n    \
                 fn from(value: {ty}) -> Self {{\n        \
                     Self::default().{field}(value)\n    \
                 }}\n\
             }}\n"
        )
    };
    is_whole.then(|| ["&str", "String", "&String"].map(from).join("\n"))
}

/// `FieldValue`, for an object in a `Field` of a request.
fn field_value(api: &Api, name: &str) -> Option<String> {
    let objects = api
        .types
        .values()
        .filter_map(Type::object)
        .filter(|object| object.direction == Direction::Request);
    let mut properties = objects.flat_map(|object| &object.properties);
    let is_it = |property: &Property| is_field(property, Direction::Request) && property.kind.component() == Some(name);
    properties.any(is_it).then(|| {
        format!(
            "impl crate::value::field::Sealed for {name} {{}}

impl crate::FieldValue for {name} {{}}
"
        )
    })
}

/// The structs of required values of a module, each once.
fn structs(api: &Api, home: &Home) -> Vec<String> {
    let mut structs = Vec::new();
    for (name, ty) in api.required_types() {
        if ty.home == *home {
            let owners = api
                .types
                .iter()
                .filter(|(_, ty)| ty.object().is_some_and(|o| is_of(o, name)));
            let owners = owners.map(|(owner, _)| format!("[`{owner}`](crate::types::{owner})"));
            let doc = format!("The required fields of {}.", docs::listed(owners));
            let fields = ty.fields.iter().map(|p| {
                let doc = docs::comment_text(&docs::markdown(&p.description), "    ");
                let doc = doc + &deprecated_text(p.deprecated.as_deref(), "    ");
                (doc, p.field.as_str(), &p.kind, p.nullable)
            });
            structs.push(required_struct(api, name, &doc, &fields.collect::<Vec<_>>()));
        }
    }
    for (name, ty) in api.path_types() {
        if ty.home == *home {
            let users = api.operations.iter().filter(|o| o.path_type.as_deref() == Some(name));
            let users = users.map(|operation| format!("[`{0}`](crate::Client::{0})", operation.id));
            let doc = format!("The arguments in the path of {}.", docs::listed(users));
            let fields = ty.fields.iter().map(|p| {
                let doc = docs::comment_text(&docs::markdown(&p.description), "    ");
                (doc, p.field.as_str(), &p.kind, false)
            });
            structs.push(required_struct(api, name, &doc, &fields.collect::<Vec<_>>()));
        }
    }
    structs
}

/// The enum that identifies an object. Text converts into the variant for the path.
fn identifier(identified: &Identified<'_>) -> String {
    let (name, parameter) = (identified.name, identified.parameter);
    let [by_path, by_query] = identified.variants();
    let keys = docs::listed(identified.keys().map(|key| format!("`{}`", key.name)));
    let doc = docs::comment_text(
        &format!(
            "What identifies an object: `{}`, or {keys}. Text becomes [`{by_path}`](Self::{by_path}).",
            parameter.name
        ),
        "",
    );
    let path_doc = docs::comment_text(&docs::markdown(&parameter.description), "    ");
    let query_doc = docs::comment_text(&format!("By {keys}."), "    ");
    let fields: String = identified
        .keys()
        .map(|key| {
            let doc = docs::comment_text(&docs::markdown(&key.description), "        ");
            format!("{doc}        {}: String,\n", key.field)
        })
        .collect();
    let from = |(ty, value): (&str, &str)| {
        format!(
            "\nimpl From<{ty}> for {name} {{\n    \
                 fn from(value: {ty}) -> Self {{\n        \
                     {value}\n    \
                 }}\n\
             }}\n"
        )
    };
    let own = format!("&{name}");
    let (owned, copied) = (
        format!("Self::{by_path}(value)"),
        format!("Self::{by_path}(value.to_owned())"),
    );
    let conversions = [
        ("&str", copied.as_str()),
        ("String", &owned),
        ("&String", &copied),
        (&own, "value.clone()"),
    ];
    format!(
        "{doc}#[derive(Debug, Clone, PartialEq, Eq, Hash)]\n\
         #[non_exhaustive]\n\
         pub enum {name} {{\n{path_doc}    {by_path}(String),\n{query_doc}    {by_query} {{\n{fields}    }},\n}}\n{}",
        conversions.map(from).concat(),
    )
}

fn is_of(object: &Object, required: &str) -> bool {
    object.required_type.as_deref() == Some(required)
}

fn required_struct(api: &Api, name: &str, doc: &str, fields: &[(String, &str, &Kind, bool)]) -> String {
    let lifetime = arguments::lifetime(fields.iter().map(|(_, _, kind, _)| *kind), "'a");
    let doc = docs::comment_text(doc, "");
    let fields: String = fields
        .iter()
        .map(|(doc, field, kind, nullable)| {
            let ty = match kind {
                Kind::String => "&'a str".to_owned(),
                kind => Crate::Low.rust_type(api, kind),
            };
            let ty = if *nullable { format!("Option<{ty}>") } else { ty };
            format!("{doc}    pub {field}: {ty},\n")
        })
        .collect();
    format!("{doc}#[derive(Debug, Clone, PartialEq)]\npub struct {name}{lifetime} {{\n{fields}}}\n")
}
