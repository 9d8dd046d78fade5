//! The types that go over the wire.

use anyhow::Context as _;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Fields, ItemStruct, visit_mut::VisitMut};

use super::{ByName, checks, docs, parse_type, progenitor::Generated};
use crate::{
    lower::{field_type, is_field, rust_type},
    model::{Api, Direction, Kind, Object, Property, Type},
    names,
};

/// One file for each object: its name, and its code.
pub(super) fn types(api: &Api, generated: &Generated) -> anyhow::Result<ByName<TokenStream>> {
    let mut files = ByName::new();
    for (name, ty) in &api.types {
        if let Type::Object(object) = ty {
            let found = generated
                .structs
                .get(name)
                .with_context(|| format!("progenitor made no type `{name}`"))?;
            let found = finish(api, object, found.clone()).with_context(|| format!("finishing type `{name}`"))?;
            let name_ident = &found.ident;
            let code = match object.direction {
                Direction::Request | Direction::Query => {
                    let check = checks::object(api, name_ident, object);
                    let new = new(api, name_ident, object)?;
                    quote! {
                        #[allow(unused_imports)]
                        use super::*;
                        #[allow(unused_imports)]
                        use crate::check::{self, Check as _};
                        #found
                        #new
                        #check
                    }
                }
                Direction::Response => {
                    let read = read(name_ident, object);
                    quote! { #found #read }
                }
            };
            files.insert(names::module(name), code);
        }
    }
    Ok(files)
}

/// `types/mod.rs`: everything under one name.
pub(super) fn index(api: &Api) -> TokenStream {
    let own: Vec<_> = api
        .types
        .iter()
        .filter(|(_, ty)| !matches!(ty, Type::Handwritten { .. }))
        .collect();
    let modules = own.iter().map(|(name, _)| names::ident(&names::module(name)));
    let exports = own.iter().map(|(name, ty)| {
        let (module, name) = (names::ident(&names::module(name)), names::ident(name));
        match required_struct(ty) {
            Some(required) => quote! { pub use #module::{#name, #required}; },
            None => quote! { pub use #module::#name; },
        }
    });
    quote! {
        #![doc = " The types that go over the wire: requests, answers, and what they are made of."]
        #(mod #modules;)*
        #(#exports)*
    }
}

fn required_struct(ty: &Type) -> Option<syn::Ident> {
    match ty {
        Type::Object(object) => object.required_type.as_deref().map(names::ident),
        _ => None,
    }
}

/// All types as JSON Schema.
pub(super) fn schemas(api: &Api) -> TokenStream {
    let is_query = |ty: &Type| matches!(ty, Type::Object(object) if object.direction == Direction::Query);
    let schemas = api.types.iter().filter(|(_, ty)| !is_query(ty)).map(|(name, ty)| {
        let ty = match ty {
            Type::Handwritten { rust, .. } => syn::parse_str::<syn::Path>(rust).ok(),
            _ => syn::parse_str(&format!("types::{name}")).ok(),
        };
        quote! { (#name, schemars::schema_for!(#ty)) }
    });
    let queries = api.operations.iter().filter_map(|operation| {
        let (id, ty) = (&operation.id, names::ident(operation.query.as_ref()?));
        Some(quote! { (#id, schemars::schema_for!(types::#ty)) })
    });
    quote! {
        /// The JSON Schema of the query parameters of every operation that has some, by its id. For tests.
        #[cfg(feature = "schemars")]
        #[doc(hidden)]
        pub fn query_schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![#(#queries),*]
        }

        /// The JSON Schema of every type, by the name of its component in the document. For tests.
        #[cfg(feature = "schemars")]
        #[doc(hidden)]
        pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![#(#schemas),*]
        }
    }
}

/// Gives progenitor's struct what it can't be asked for.
fn finish(api: &Api, object: &Object, mut found: ItemStruct) -> anyhow::Result<ItemStruct> {
    let description = docs::comment(&object.description);
    let derives = match object.direction {
        Direction::Request | Direction::Query => {
            let default = object
                .properties
                .iter()
                .all(|p| !p.required)
                .then(|| quote! { Default, });
            quote! { Debug, Clone, PartialEq, #default serde::Serialize, serde::Deserialize }
        }
        // Reading is below: a repeated member must not be an error.
        Direction::Response => quote! { Debug, Clone, PartialEq, Default, serde::Serialize },
    };
    found.attrs = attributes(&quote! {
        #description
        #[derive(#derives)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[non_exhaustive]
    })?;
    ShortPaths.visit_item_struct_mut(&mut found);
    let Fields::Named(fields) = &mut found.fields else {
        anyhow::bail!("it has no named fields")
    };
    // progenitor sorts them by name.
    let position = |field: &syn::Field| {
        let mut known = object.properties.iter();
        let name = field.ident.as_ref();
        known
            .position(|property| name.is_some_and(|name| *name == property.field))
            .unwrap_or(usize::MAX)
    };
    let mut ordered: Vec<_> = std::mem::take(&mut fields.named).into_iter().collect();
    ordered.sort_by_key(position);
    fields.named.extend(ordered);
    for field in &mut fields.named {
        let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        if let Some(property) = object.properties.iter().find(|property| property.field == name) {
            finish_field(api, object.direction, property, field)?;
        } else {
            let description = docs::comment("Members that this version does not know.");
            let kept = field.attrs.iter().filter(|attribute| !attribute.path().is_ident("doc"));
            field.attrs = attributes(&quote! { #description #(#kept)* })?;
        }
    }
    Ok(found)
}

fn finish_field(api: &Api, direction: Direction, property: &Property, field: &mut syn::Field) -> anyhow::Result<()> {
    let description = docs::comment(&property.description);
    let name = &property.name;
    if is_field(property, direction) {
        field.ty = parse_type(&field_type(api, property, direction))?;
        let rename = (property.field != *name).then(|| quote! { rename = #name, });
        field.attrs = attributes(&quote! {
            #description
            #[serde(#rename default, skip_serializing_if = "crate::Field::is_absent")]
        })?;
    } else if direction == Direction::Response {
        field.ty = parse_type(&field_type(api, property, direction))?;
        let rename = (property.field != *name).then(|| quote! { #[serde(rename = #name)] });
        field.attrs = attributes(&quote! { #description #rename })?;
    } else {
        let kept = field.attrs.iter().filter(|attribute| !attribute.path().is_ident("doc"));
        field.attrs = attributes(&quote! { #description #(#kept)* })?;
    }
    Ok(())
}

/// `::std::option::Option` is what a generator must write; here nothing is shadowed.
struct ShortPaths;

impl VisitMut for ShortPaths {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        if path.leading_colon.is_some()
            && path.segments.first().is_some_and(|first| first.ident == "std")
            && let Some(last) = path.segments.pop()
        {
            path.leading_colon = None;
            path.segments = std::iter::once(last).collect();
        }
        syn::visit_mut::visit_path_mut(self, path);
    }
}

fn attributes(tokens: &TokenStream) -> anyhow::Result<Vec<syn::Attribute>> {
    let item: ItemStruct = syn::parse2(quote! { #tokens struct Holder; }).context("attributes")?;
    Ok(item.attrs)
}

/// What must be said is asked for; the type can't be made without it, and a new optional member breaks nobody.
fn new(api: &Api, name: &syn::Ident, object: &Object) -> anyhow::Result<Option<TokenStream>> {
    if object.properties.iter().all(|property| !property.required) {
        return Ok(None);
    }
    if let Some(required) = &object.required_type {
        return new_of_struct(api, name, object, &names::ident(required)).map(Some);
    }
    let mut arguments = Vec::new();
    let mut values = Vec::new();
    for property in &object.properties {
        let field = names::ident(&property.field);
        if property.required {
            let ty = required_type(api, property)?;
            arguments.push(quote! { #field: impl Into<#ty> });
            values.push(quote! { #field: #field.into() });
        } else {
            values.push(quote! { #field: Default::default() });
        }
    }
    Ok(Some(quote! {
        impl #name {
            /// With what must be said; all other members are left out.
            pub fn new(#(#arguments),*) -> Self {
                Self { #(#values),* }
            }
        }
    }))
}

/// The same with a struct: the compiler asks for each member by its name, and nobody mixes up two texts.
fn new_of_struct(api: &Api, name: &syn::Ident, object: &Object, required: &syn::Ident) -> anyhow::Result<TokenStream> {
    let mut fields = Vec::new();
    let mut values = Vec::new();
    let mut borrows = None;
    for property in &object.properties {
        let field = names::ident(&property.field);
        if !property.required {
            values.push(quote! { #field: Default::default() });
            continue;
        }
        let description = docs::comment(&property.description);
        let is_text = property.kind == Kind::String;
        let ty = match (is_text, property.nullable) {
            (true, false) => syn::parse_quote!(&'a str),
            (true, true) => syn::parse_quote!(Option<&'a str>),
            (false, _) => required_type(api, property)?,
        };
        if is_text {
            borrows = Some(quote! { <'a> });
        }
        fields.push(quote! { #description pub #field: #ty });
        values.push(match (is_text, property.nullable) {
            (true, false) => quote! { #field: required.#field.to_owned() },
            (true, true) => quote! { #field: required.#field.map(ToOwned::to_owned) },
            (false, _) => quote! { #field: required.#field },
        });
    }
    let elided = borrows.as_ref().map(|_| quote! { <'_> });
    let description = docs::comment(&format!(
        "What [`{name}`] can't be without: none of it can be left out."
    ));
    Ok(quote! {
        #description
        #[derive(Debug, Clone, PartialEq)]
        pub struct #required #borrows {
            #(#fields),*
        }

        impl #name {
            /// With what must be said; all other members are left out.
            pub fn new(required: #required #elided) -> Self {
                Self { #(#values),* }
            }
        }
    })
}

/// The type of a member that must be in a request.
pub(super) fn required_type(api: &Api, property: &Property) -> anyhow::Result<syn::Type> {
    let inner = rust_type(api, &property.kind);
    parse_type(&if property.nullable {
        format!("Option<{inner}>")
    } else {
        inner
    })
}

/// Reading an answer: the last of two equal members counts, unknown ones are kept, and the list that it is about is there.
fn read(name: &syn::Ident, object: &Object) -> TokenStream {
    let arms = object.properties.iter().map(|property| {
        let (wire, field) = (&property.name, names::ident(&property.field));
        let found = property.entries.then(|| quote! { found = true; });
        quote! { #wire => { read.#field = object.next_value()?; #found } }
    });
    let entries = object.properties.iter().find(|property| property.entries);
    let not_found = entries.map(|_| quote! { let mut found = false; });
    let must_be_found = entries.map(|property| {
        let wire = &property.name;
        quote! {
            if !found {
                return Err(serde::de::Error::missing_field(#wire));
            }
        }
    });
    let expected = format!("an object ({name})");
    quote! {
        impl crate::FieldValue for #name {
            fn from_object<'de, A: serde::de::MapAccess<'de>>(
                mut object: A,
            ) -> Result<crate::Field<Self>, A::Error> {
                let mut read = Self::default();
                #not_found
                while let Some(member) = object.next_key::<crate::field::Name<'de>>()? {
                    match member.as_str() {
                        #(#arms)*
                        _ => {
                            read.extra.insert(member.into(), object.next_value()?);
                        }
                    }
                }
                #must_be_found
                Ok(crate::Field::Value(read))
            }
        }

        impl<'de> serde::Deserialize<'de> for #name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::field::expect(deserializer, #expected)
            }
        }
    }
}
