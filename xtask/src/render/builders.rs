//! The request builders of the ergonomic crate: a setter for each field of a request.

use anyhow::Context as _;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{docs, parse_type, types::required_type};
use crate::{
    lower::{is_field, rust_type},
    model::{Api, Direction, Kind, Object, Operation, Property, Type},
    names,
};

/// The builders of one resource.
pub(super) fn builders(api: &Api, tag: &str) -> anyhow::Result<TokenStream> {
    let builders = api
        .operations
        .iter()
        // Builders of lists are yet to come.
        .filter(|operation| operation.tag == tag && operation.query.is_none())
        .map(|operation| builder(api, operation).with_context(|| format!("the builder of `{}`", operation.id)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(quote! {
        #[allow(unused_imports)] // not every resource needs all of them
        use crate::{Async, Client, Error, InvalidInput, Outcome, convert::{self, IntoDate}};
        #[cfg(feature = "blocking")]
        use crate::blocking::Blocking;

        #(#builders)*
    })
}

fn builder(api: &Api, operation: &Operation) -> anyhow::Result<TokenStream> {
    let name = names::ident(&names::pascal(&operation.id));
    let method = names::ident(&operation.id);
    let parameters: Vec<_> = operation
        .parameters
        .iter()
        .map(|p| names::ident(&names::field(&p.name)))
        .collect();
    let answer = match &operation.answer {
        Some(name) => {
            let name = names::ident(name);
            quote! { chartmogul_api::types::#name }
        }
        None => quote! { () },
    };
    let body = match &operation.body {
        Some(component) => match api.types.get(component) {
            Some(Type::Object(object)) => Some((names::ident(component), object)),
            _ => anyhow::bail!("`{component}` is not an object"),
        },
        None => None,
    };
    let (mut field, mut init, mut argument, mut setters) = Default::default();
    let mut needed = Vec::new();
    if let Some((component, object)) = &body {
        let mut names = Vec::new();
        if let Some(required) = &object.required_type {
            let ty = names::ident(required);
            let borrows = object.properties.iter().any(|p| p.required && p.kind == Kind::String);
            let lifetime = borrows.then(|| quote! { <'_> });
            needed.push(quote! { required: chartmogul_api::types::#ty #lifetime, });
            names.push(names::ident("required"));
        }
        let arguments = |property: &&Property| property.required && object.required_type.is_none();
        for property in object.properties.iter().filter(arguments) {
            let (name, ty) = (names::ident(&property.field), required_type(api, property)?);
            let ty = in_sdk(&quote! { #ty }.to_string())?;
            needed.push(quote! { #name: #ty, });
            names.push(name);
        }
        field = quote! { body: chartmogul_api::types::#component, };
        init = if names.is_empty() {
            quote! { body: Default::default(), }
        } else {
            quote! { body: chartmogul_api::types::#component::new(#(#names),*), }
        };
        argument = quote! { &self.body, };
        setters = self::setters(api, object)?;
    }
    let outcome = |call: TokenStream, is_async: Option<TokenStream>| {
        operation.not_modified.then(|| {
            quote! {
                /// Sends the request and tells a change from "nothing to change", which [`send`](Self::send) reports as
                /// [`Error::NotModified`].
                pub #is_async fn outcome(self) -> Result<Outcome<#answer>, Error> {
                    Outcome::of(#call)
                }
            }
        })
    };
    let outcomes = [
        outcome(quote! { self.send().await }, Some(quote! { async })),
        outcome(quote! { self.send() }, None),
    ];
    let [outcome, outcome_blocking] = &outcomes;
    let doc = docs::comment(&format!(
        "{}.\n\n{}\n\nMade by the resource; nothing is sent before [`send`](Self::send).\n\n{}",
        operation.summary,
        operation.description,
        docs::source(&operation.source)
    ));
    let send = docs::comment(
        "Sends the request.\n\n# Errors\n[`Error::InvalidInput`] for a value that can't be right, before anything is \
         sent;\notherwise what the server or the network says, see [`Error`].",
    );
    Ok(quote! {
        #doc
        #[derive(Debug, Clone)]
        #[must_use = "nothing is sent before `send`"]
        pub struct #name<M = Async> {
            client: Client<M>,
            #(#parameters: String,)*
            #field
            wrong: Option<InvalidInput>,
        }

        impl<M> #name<M> {
            pub(crate) fn new(client: Client<M>, #(#parameters: String,)* #(#needed)*) -> Self {
                Self { client, #(#parameters,)* #init wrong: None }
            }

            #(#setters)*

            /// Time limit for this call, in place of the client's; see
            /// [`call_timeout`](crate::ClientBuilder::call_timeout).
            pub fn with_call_timeout(mut self, limit: std::time::Duration) -> Self {
                self.client.low_level = self.client.low_level.with_call_timeout(limit);
                self
            }

            async fn call(self) -> Result<#answer, Error> {
                if let Some(wrong) = self.wrong {
                    return Err(wrong.into());
                }
                let reply = self.client.low_level.#method(#(&self.#parameters,)* #argument).await?;
                Ok(reply.into_value())
            }
        }

        impl #name {
            #send
            pub async fn send(self) -> Result<#answer, Error> {
                self.call().await
            }

            #outcome
        }

        #[cfg(feature = "blocking")]
        impl #name<Blocking> {
            #send
            pub fn send(self) -> Result<#answer, Error> {
                self.client.mode.clone().wait(self.call())
            }

            #outcome_blocking
        }
    })
}

fn setters(api: &Api, object: &Object) -> anyhow::Result<Vec<TokenStream>> {
    let mut setters = Vec::new();
    // What must be said is asked for when the builder is made.
    for property in object.properties.iter().filter(|property| !property.required) {
        setters.push(setter(api, property)?);
        if property.nullable {
            let field = names::ident(&property.field);
            let name = format_ident!("clear_{}", property.field.trim_end_matches('_'));
            let doc = docs::comment(&format!("Clears `{}`: sends `null`.", property.name));
            setters.push(quote! {
                #doc
                pub fn #name(mut self) -> Self {
                    self.body.#field = chartmogul_api::Field::Null;
                    self
                }
            });
        }
    }
    Ok(setters)
}

fn setter(api: &Api, property: &Property) -> anyhow::Result<TokenStream> {
    let (field, wire) = (names::ident(&property.field), &property.name);
    let doc = docs::comment(&property.description);
    let inner = |kind: &Kind| in_sdk(&rust_type(api, kind));
    let wrap = |value: TokenStream| {
        if is_field(property, Direction::Request) {
            quote! { chartmogul_api::Field::Value(#value) }
        } else {
            quote! { Some(#value) }
        }
    };
    Ok(match &property.kind {
        Kind::Date => {
            let value = wrap(quote! { day });
            quote! {
                #doc
                ///
                /// Takes a `chrono::NaiveDate`, or text such as `2026-01-31`.
                pub fn #field(mut self, value: impl IntoDate) -> Self {
                    match value.into_date(#wire) {
                        Ok(day) => self.body.#field = #value,
                        Err(wrong) => convert::keep_first(&mut self.wrong, wrong),
                    }
                    self
                }
            }
        }
        Kind::List(item) => {
            let item = inner(item)?;
            let value = wrap(quote! { values.into_iter().map(Into::into).collect() });
            let name = if property.replaces_all {
                format_ident!("replace_all_{}", property.field)
            } else {
                field.clone()
            };
            let remove = property.replaces_all.then(|| {
                let name = format_ident!("remove_all_{}", property.field);
                let doc = docs::comment(&format!(
                    "**Removes every** `{wire}` that the object has: sends an empty list."
                ));
                let value = wrap(quote! { Vec::new() });
                quote! {
                    #doc
                    pub fn #name(mut self) -> Self {
                        self.body.#field = #value;
                        self
                    }
                }
            });
            quote! {
                #doc
                pub fn #name<I>(mut self, values: I) -> Self
                where
                    I: IntoIterator,
                    I::Item: Into<#item>,
                {
                    self.body.#field = #value;
                    self
                }

                #remove
            }
        }
        kind => {
            let ty = inner(kind)?;
            let value = wrap(quote! { value.into() });
            quote! {
                #doc
                pub fn #field(mut self, value: impl Into<#ty>) -> Self {
                    self.body.#field = #value;
                    self
                }
            }
        }
    })
}

/// A type of `chartmogul-api`, as it is called from `chartmogul`.
fn in_sdk(path: &str) -> anyhow::Result<syn::Type> {
    parse_type(
        &path
            .replace("crate :: ", "chartmogul_api::")
            .replace("crate::", "chartmogul_api::"),
    )
}
