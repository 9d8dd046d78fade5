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
        .filter(|operation| operation.tag == tag)
        .map(|operation| builder(api, operation).with_context(|| format!("the builder of `{}`", operation.id)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(quote! {
        #[allow(unused_imports)] // not every resource needs all of them
        use crate::{Async, Client, Error, InvalidInput, Outcome, convert::{self, IntoDate}, merge::{FromRead, CustomAttributesPatch, Mergeable, Merging}, paging::{Items, Page}};
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
    let parts = [("query", &operation.query), ("body", &operation.body)]
        .into_iter()
        .filter_map(|(name, component)| Some(part(api, name, component.as_deref()?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let fields = parts.iter().map(|part| &part.field);
    let inits = parts.iter().map(|part| &part.init);
    let needed: Vec<_> = parts.iter().flat_map(|part| &part.needed).collect();
    let setters = parts.iter().flat_map(|part| &part.setters);
    let arguments = parts.iter().map(|part| {
        let name = names::ident(part.name);
        quote! { &self.#name, }
    });
    let items = items(api, operation)?;
    let bulk = bulk(api, operation);
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
    // Not a method of its own: each future around another one costs a little, and an answer is moved out of each.
    let call = quote! {
        if let Some(wrong) = self.wrong {
            return Err(wrong.into());
        }
        let response = self.client.low_level.#method(#(&self.#parameters,)* #(#arguments)*).await?;
        Ok(response.into_value())
    };
    let merge = merge(api, operation, &call);
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
            #(#fields)*
            wrong: Option<InvalidInput>,
        }

        impl<M> #name<M> {
            pub(crate) fn new(client: Client<M>, #(#parameters: String,)* #(#needed)*) -> Self {
                Self { client, #(#parameters,)* #(#inits)* wrong: None }
            }

            #(#setters)*

            /// Time limit for this call, in place of the client's; see
            /// [`call_timeout`](crate::ClientBuilder::call_timeout).
            pub fn with_call_timeout(mut self, limit: std::time::Duration) -> Self {
                self.client.low_level = self.client.low_level.with_call_timeout(limit);
                self
            }

            #items
        }

        impl #name {
            #send
            pub async fn send(self) -> Result<#answer, Error> {
                #call
            }

            #outcome
        }

        #[cfg(feature = "blocking")]
        impl #name<Blocking> {
            #send
            pub fn send(self) -> Result<#answer, Error> {
                self.client.mode.clone().wait(async move { #call })
            }

            #outcome_blocking
        }

        #merge

        #bulk
    })
}

/// What a builder holds of a request, besides the path: the query parameters, or the body.
struct Part<'a> {
    name: &'a str,
    field: TokenStream,
    init: TokenStream,
    /// Arguments of `new`.
    needed: Vec<TokenStream>,
    setters: Vec<TokenStream>,
}

fn part<'a>(api: &Api, name: &'a str, component: &str) -> anyhow::Result<Part<'a>> {
    let Some(Type::Object(object)) = api.types.get(component) else {
        anyhow::bail!("`{component}` is not an object")
    };
    let (field, component) = (names::ident(name), names::ident(component));
    let mut needed = Vec::new();
    let mut arguments = Vec::new();
    if let Some(required) = &object.required_type {
        let ty = names::ident(required);
        let borrows = object.properties.iter().any(|p| p.required && p.kind == Kind::String);
        let lifetime = borrows.then(|| quote! { <'_> });
        needed.push(quote! { required: chartmogul_api::types::#ty #lifetime, });
        arguments.push(names::ident("required"));
    } else {
        for property in object.properties.iter().filter(|property| property.required) {
            let (name, ty) = (names::ident(&property.field), required_type(api, property)?);
            let ty = in_sdk(&quote! { #ty }.to_string())?;
            needed.push(quote! { #name: #ty, });
            arguments.push(name);
        }
    }
    let new = if arguments.is_empty() {
        quote! { Default::default() }
    } else {
        quote! { chartmogul_api::types::#component::new(#(#arguments),*) }
    };
    Ok(Part {
        name,
        field: quote! { #field: chartmogul_api::types::#component, },
        init: quote! { #field: #new, },
        needed,
        setters: setters(api, name, object)?,
    })
}

/// The operation that reads what another one updates.
fn reading<'a>(api: &'a Api, operation: &Operation) -> Option<&'a Operation> {
    let same = |other: &&Operation| other.path == operation.path && other.answer == operation.answer;
    api.operations.iter().filter(|other| other.method == "get").find(same)
}

/// For an update whose object can be read: making many of them.
fn bulk(api: &Api, operation: &Operation) -> Option<TokenStream> {
    let Type::Object(body) = api.types.get(operation.body.as_ref()?)? else {
        return None;
    };
    if operation.method != "patch" {
        return None;
    }
    let (name, id) = (names::ident(&names::pascal(&operation.id)), &operation.id);
    let (answer, read) = (
        names::ident(operation.answer.as_ref()?),
        names::ident(&reading(api, operation)?.id),
    );
    let parameters: Vec<_> = operation
        .parameters
        .iter()
        .map(|p| names::ident(&names::field(&p.name)))
        .collect();
    let replaced = body
        .properties
        .iter()
        .filter(|property| property.replaces_all)
        .map(|property| &property.name);
    Some(quote! {
        #[cfg(feature = "bulk")]
        impl crate::bulk::Sealed for #name {}

        #[cfg(feature = "bulk")]
        impl crate::bulk::Update for #name {
            type Object = chartmogul_api::types::#answer;

            const OPERATION: &'static str = #id;

            const REPLACED: &'static [&'static str] = &[#(#replaced),*];

            fn id(&self) -> String {
                [#(&*self.#parameters),*].join("/")
            }

            fn body(&self) -> serde_json::Result<serde_json::Value> {
                serde_json::to_value(&self.body)
            }

            fn check(&self) -> Result<(), Error> {
                if let Some(wrong) = &self.wrong {
                    return Err(wrong.clone().into());
                }
                Ok(chartmogul_api::check::Check::check(&self.body)?)
            }

            fn account(&self) -> String {
                self.client.low_level.base_url().to_owned()
            }

            fn within(
                mut self,
                call_timeout: Option<std::time::Duration>,
                bounds: &std::sync::Arc<chartmogul_api::Bounds>,
            ) -> Self {
                self.client.low_level = self.client.low_level.with_bounds(bounds);
                match call_timeout {
                    Some(limit) => self.with_call_timeout(limit),
                    None => self,
                }
            }

            async fn read(&self) -> Result<Self::Object, Error> {
                Ok(self.client.low_level.#read(#(&self.#parameters,)*).await?.into_value())
            }

            async fn send(self) -> Result<Self::Object, Error> {
                Self::send(self).await
            }
        }
    })
}

/// For an update that replaces all custom attributes: the operation that reads them.
pub(super) fn merging<'a>(api: &'a Api, operation: &Operation) -> Option<&'a Operation> {
    let property = |component: &Option<String>, name: &str| match api.types.get(component.as_ref()?)? {
        Type::Object(object) => object.properties.iter().find(|property| property.name == name),
        _ => None,
    };
    property(&operation.body, "custom").filter(|custom| custom.replaces_all)?;
    property(&operation.answer, "custom")?;
    reading(api, operation)
}

/// For an update that replaces all custom attributes, and a way to read them: changing single ones.
fn merge(api: &Api, operation: &Operation, call: &TokenStream) -> Option<TokenStream> {
    let read = merging(api, operation)?;
    let name = names::ident(&names::pascal(&operation.id));
    let (id, read) = (&operation.id, names::ident(&read.id));
    let write = format_ident!("{id}_from_read");
    let answer = names::ident(operation.answer.as_ref()?);
    let parameters: Vec<_> = operation
        .parameters
        .iter()
        .map(|p| names::ident(&names::field(&p.name)))
        .collect();
    Some(quote! {
        impl<M: Clone> #name<M> {
            /// Changes or removes single custom attributes and keeps the others, by reading them first. What is set here so
            /// far is sent with them. See [`CustomAttributesPatch`] for what is guaranteed.
            pub fn merge_custom(self) -> CustomAttributesPatch<Self, M> {
                let mode = self.client.mode.clone();
                CustomAttributesPatch::new(self, mode)
            }
        }

        impl<M: Clone + Send + Sync> Mergeable for #name<M> {
            type Object = chartmogul_api::types::#answer;

            const OPERATION: &'static str = #id;

            fn check_with(&self, custom: Vec<chartmogul_api::types::CustomAttribute>) -> Result<(), Error> {
                if let Some(wrong) = &self.wrong {
                    return Err(wrong.clone().into());
                }
                let mut body = self.body.clone();
                body.custom = Some(custom);
                Ok(chartmogul_api::check::Check::check(&body)?)
            }

            fn changes_more(&self) -> bool {
                self.body != Default::default()
            }

            fn replacement(&mut self) -> &mut Option<Vec<chartmogul_api::types::CustomAttribute>> {
                &mut self.body.custom
            }

            async fn read_now(&self) -> Result<Self::Object, Error> {
                Ok(self.client.low_level.#read(#(&self.#parameters,)*).await?.into_value())
            }

            async fn write(self) -> Result<Self::Object, Error> {
                #call
            }

            async fn write_from_read(&self, merge: &mut Merging<'_, Self::Object>) -> Result<FromRead<Self::Object>, Error> {
                let mut body = |object: &Self::Object, answer: &[u8]| {
                    Ok(merge(object, answer)?.map(|custom| {
                        let mut body = self.body.clone();
                        body.custom = custom;
                        body
                    }))
                };
                self.client.low_level.#write(#(&self.#parameters,)* &mut body).await
            }
        }
    })
}

/// For an operation that lists: all entries over all pages.
fn items(api: &Api, operation: &Operation) -> anyhow::Result<Option<TokenStream>> {
    let Some(Type::Object(page)) = operation.answer.as_ref().and_then(|answer| api.types.get(answer)) else {
        return Ok(None);
    };
    let Some(entries) = page.properties.iter().find(|property| property.entries) else {
        return Ok(None);
    };
    let has = |name: &str| page.properties.iter().any(|property| property.name == name);
    if operation.query.is_none() || !has("cursor") || !has("has_more") {
        return Ok(None); // a list that comes whole
    }
    let Kind::List(entry) = &entries.kind else {
        anyhow::bail!("`{}` is not a list", entries.name)
    };
    let (entry, entries) = (in_sdk(&rust_type(api, entry))?, names::ident(&entries.field));
    let method = names::ident(&operation.id);
    let parameters: Vec<_> = operation
        .parameters
        .iter()
        .map(|p| names::ident(&names::field(&p.name)))
        .collect();
    Ok(Some(quote! {
        /// All entries, over all pages, as a stream; with a blocking client, as an iterator. Nothing is sent before it is
        /// asked for an entry.
        pub fn items(self) -> Items<#entry, M> {
            let Self { client, #(#parameters,)* query, wrong } = self;
            Items::new(client, query.cursor.clone(), wrong, move |client, cursor| {
                #(let #parameters = #parameters.clone();)*
                let mut query = query.clone();
                query.cursor = cursor;
                async move {
                    let page = client.#method(#(&#parameters,)* &query).await?.into_value();
                    Ok(Page::of(page.#entries, page.cursor, page.has_more))
                }
            })
        }
    }))
}

fn setters(api: &Api, part: &str, object: &Object) -> anyhow::Result<Vec<TokenStream>> {
    let mut setters = Vec::new();
    // What must be said is asked for when the builder is made.
    for property in object.properties.iter().filter(|property| !property.required) {
        setters.push(setter(api, part, property)?);
        if property.nullable {
            let (part, field) = (names::ident(part), names::ident(&property.field));
            let name = format_ident!("clear_{}", property.field.trim_end_matches('_'));
            let doc = docs::comment(&format!("Clears `{}`: sends `null`.", property.name));
            setters.push(quote! {
                #doc
                pub fn #name(mut self) -> Self {
                    self.#part.#field = chartmogul_api::Field::Null;
                    self
                }
            });
        }
    }
    Ok(setters)
}

fn setter(api: &Api, part: &str, property: &Property) -> anyhow::Result<TokenStream> {
    let (part, field, wire) = (names::ident(part), names::ident(&property.field), &property.name);
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
                        Ok(day) => self.#part.#field = #value,
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
                        self.#part.#field = #value;
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
                    self.#part.#field = #value;
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
                    self.#part.#field = #value;
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
