//! The operation table: what everything that must know all operations reads.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use crate::{
    model::{Api, Operation},
    names,
};

pub(super) fn constant(operation: &Operation) -> syn::Ident {
    names::ident(&operation.id.to_uppercase())
}

pub(super) fn operations(api: &Api) -> TokenStream {
    let constants: Vec<_> = api.operations.iter().map(constant).collect();
    let entries = api.operations.iter().zip(&constants).map(|(operation, constant)| {
        let doc = docs::comment(&format!(
            "{}.\n\n{}",
            operation.summary,
            docs::source(&operation.source)
        ));
        let Operation {
            id,
            path,
            tag,
            idempotent,
            source,
            ..
        } = operation;
        let method = operation.method.to_uppercase();
        let response = match &operation.answer {
            Some(name) => quote! { Some(#name) },
            None => quote! { None },
        };
        quote! {
            #doc
            pub static #constant: Operation = Operation {
                id: #id,
                method: #method,
                path: #path,
                tag: #tag,
                idempotent: #idempotent,
                response: #response,
                source: #source,
            };
        }
    });
    let all = docs::comment("Every operation, by path and method.");
    quote! {
        #![doc = " All operations of the API that this version knows."]
        use crate::Operation;

        #all
        pub static ALL: &[&Operation] = &[#(&#constants),*];

        #(#entries)*
    }
}
