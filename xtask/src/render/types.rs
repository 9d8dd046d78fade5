//! The types that go over the wire.

use anyhow::Context as _;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Fields, ItemStruct, visit_mut::VisitMut};

use super::{ByName, checks, docs, parse_type, progenitor::Generated};
use crate::{
    lower::{is_field, rust_type},
    model::{Api, Direction, Object, Property, Type},
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
                Direction::Request => {
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
                Direction::Answer => {
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
    let exports = own.iter().map(|(name, _)| {
        let (module, name) = (names::ident(&names::module(name)), names::ident(name));
        quote! { pub use #module::#name; }
    });
    quote! {
        #![doc = " The types that go over the wire: requests, answers, and what they are made of."]
        #(mod #modules;)*
        #(#exports)*
    }
}

/// All types as JSON Schema.
pub(super) fn schemas(api: &Api) -> TokenStream {
    let schemas = api.types.iter().map(|(name, ty)| {
        let ty = match ty {
            Type::Handwritten { rust, .. } => syn::parse_str::<syn::Path>(rust).ok(),
            _ => syn::parse_str(&format!("types::{name}")).ok(),
        };
        quote! { (#name, schemars::schema_for!(#ty)) }
    });
    quote! {
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
        Direction::Request => {
            let default = object
                .properties
                .iter()
                .all(|p| !p.required)
                .then(|| quote! { Default, });
            quote! { Debug, Clone, PartialEq, #default serde::Serialize, serde::Deserialize }
        }
        // Reading is below: a repeated member must not be an error.
        Direction::Answer => quote! { Debug, Clone, PartialEq, Default, serde::Serialize },
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
    if is_field(property, direction) {
        let inner = parse_type(&rust_type(api, &property.kind))?;
        field.ty = syn::parse_quote!(crate::Field<#inner>);
        let name = &property.name;
        let rename = (property.field != *name).then(|| quote! { rename = #name, });
        field.attrs = attributes(&quote! {
            #description
            #[serde(#rename default, skip_serializing_if = "crate::Field::is_absent")]
        })?;
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

/// The type of a member that must be in a request.
pub(super) fn required_type(api: &Api, property: &Property) -> anyhow::Result<syn::Type> {
    let inner = rust_type(api, &property.kind);
    parse_type(&if property.nullable {
        format!("Option<{inner}>")
    } else {
        inner
    })
}

/// Reading an answer: the last of two equal members counts, unknown ones are kept.
fn read(name: &syn::Ident, object: &Object) -> TokenStream {
    let arms = object.properties.iter().map(|property| {
        let (wire, field) = (&property.name, names::ident(&property.field));
        quote! { #wire => read.#field = map.next_value()?, }
    });
    let expecting = format!("an object ({name})");
    quote! {
        impl crate::FieldValue for #name {
            fn from_json(json: serde_json::Value) -> Result<Self, serde_json::Value> {
                <Self as serde::Deserialize>::deserialize(&json).map_err(|_| json)
            }
        }

        impl<'de> serde::Deserialize<'de> for #name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = #name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(#expecting)
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<#name, A::Error> {
                        let mut read = #name::default();
                        while let Some(member) = map.next_key::<String>()? {
                            match member.as_str() {
                                #(#arms)*
                                _ => {
                                    read.extra.insert(member, map.next_value()?);
                                }
                            }
                        }
                        Ok(read)
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }
    }
}
