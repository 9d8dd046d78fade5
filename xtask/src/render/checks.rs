//! Refusal of values that the document rules out.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    lower::is_field,
    model::{Api, Direction, Kind, Limits, Object, Parameter, Property, Type},
    names,
};

/// The check of a path argument, at the beginning of an operation.
pub(super) fn parameter(parameter: &Parameter) -> TokenStream {
    let (name, argument) = (&parameter.name, names::ident(&names::field(&parameter.name)));
    let limits = string(name, &parameter.limits, &quote! { #argument });
    // A UUID can't leave its segment.
    let segment = (!parameter.limits.uuid).then(|| quote! { check::segment(#name, #argument)?; });
    quote! { #limits #segment }
}

/// `impl Check` for a request type.
pub(super) fn object(api: &Api, name: &syn::Ident, object: &Object) -> TokenStream {
    // What may be empty has no required members.
    let empty = object.not_empty.then(|| {
        let names: Vec<_> = object
            .properties
            .iter()
            .map(|property| property.name.as_str())
            .collect();
        let allowed = format!("at least one of {}", names.join(", "));
        let nothing = object.properties.iter().map(|property| {
            let field = names::ident(&property.field);
            if is_field(property, Direction::Request) {
                quote! { self.#field.is_absent() }
            } else {
                quote! { self.#field.is_none() }
            }
        });
        quote! { check::something(#(#nothing)&&*, #allowed)?; }
    });
    let properties = object.properties.iter().map(|property| self::property(api, property));
    quote! {
        impl check::Check for #name {
            fn check(&self) -> Result<(), crate::InvalidInput> {
                #empty
                #(#properties)*
                Ok(())
            }
        }
    }
}

fn property(api: &Api, property: &Property) -> TokenStream {
    let field = names::ident(&property.field);
    let check = value(api, &property.name, &property.kind, &property.limits);
    if check.is_empty() {
        return check;
    }
    // In a query it would be the same: nothing is null there.
    if is_field(property, Direction::Request) {
        quote! { if let Some(value) = self.#field.get() { #check } }
    } else if property.required && !property.nullable {
        quote! { { let value = &self.#field; #check } }
    } else {
        quote! { if let Some(value) = &self.#field { #check } }
    }
}

/// Checks `value`, a reference.
fn value(api: &Api, name: &str, kind: &Kind, limits: &Limits) -> TokenStream {
    match kind {
        Kind::String => string(name, limits, &quote! { value }),
        Kind::Integer => match (limits.minimum, limits.maximum) {
            (None, None) => TokenStream::new(),
            (minimum, maximum) => {
                let (minimum, maximum) = (option(minimum), option(maximum));
                quote! { check::range(#name, *value, #minimum, #maximum)?; }
            }
        },
        Kind::Number => quote! { check::finite(#name, *value)?; },
        Kind::Date => quote! { check::date(#name, *value)?; },
        Kind::Timestamp | Kind::Boolean | Kind::Any | Kind::Map(_) => TokenStream::new(),
        Kind::Ref(component) => match api.types.get(component) {
            Some(Type::Object(_)) => quote! { value.check().map_err(|wrong| wrong.within(#name))?; },
            Some(Type::Handwritten { limits, .. }) => {
                let text = string(name, limits, &quote! { text });
                quote! {
                    if let Some(text) = value.as_str() { #text }
                    if let Some(number) = value.as_decimal() { check::finite(#name, number)?; }
                }
            }
            _ => TokenStream::new(),
        },
        Kind::List(inner) if inner_object(api, inner) => quote! {
            for (index, value) in value.iter().enumerate() {
                value.check().map_err(|wrong| wrong.within(&format!("{}[{index}]", #name)))?;
            }
        },
        Kind::List(inner) => {
            let check = self::value(api, name, inner, limits);
            if check.is_empty() {
                return check;
            }
            quote! {
                check::items(#name, value, |value| {
                    #check
                    Ok(())
                })?;
            }
        }
    }
}

fn inner_object(api: &Api, kind: &Kind) -> bool {
    matches!(kind, Kind::Ref(name) if matches!(api.types.get(name), Some(Type::Object(_))))
}

fn string(name: &str, limits: &Limits, value: &TokenStream) -> TokenStream {
    let uuid = limits.uuid.then(|| quote! { check::uuid(#name, #value)?; });
    let length = match (limits.min_length, limits.max_length) {
        (None, None) => None,
        (min, max) => {
            let min = proc_macro2::Literal::u64_unsuffixed(min.unwrap_or(0));
            let max = max.map_or_else(
                || quote! { usize::MAX },
                |max| {
                    let max = proc_macro2::Literal::u64_unsuffixed(max);
                    quote! { #max }
                },
            );
            Some(quote! { check::length(#name, #value, #min, #max)?; })
        }
    };
    let pattern = limits.pattern.as_ref().map(|(pattern, allowed)| {
        quote! {
            static PATTERN: check::Pattern = check::Pattern::new(#pattern);
            check::pattern(#name, #value, &PATTERN, #allowed)?;
        }
    });
    if pattern.is_some() {
        quote! { { #uuid #length #pattern } }
    } else {
        quote! { #uuid #length }
    }
}

fn option(limit: Option<i64>) -> TokenStream {
    match limit {
        Some(limit) => {
            let limit = proc_macro2::Literal::i64_unsuffixed(limit);
            quote! { Some(#limit) }
        }
        None => quote! { None },
    }
}
