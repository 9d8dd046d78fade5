//! Runs progenitor on the lowered document and uses its output unchanged, with these rewrites:
//!
//! - the client's methods are split by resource; its constructors and imports are dropped ([`run`], [`client`]);
//! - the header `api-version`, which ChartMogul does not use, is dropped ([`without_api_version`]);
//! - `Error<()>` is `Error`, because the transport reads all errors ([`with_own_error`]);
//! - the documentation and `#[deprecated]` come from the document ([`documentation`]).
//!
//! The methods call `chartmogul-api/src/runtime.rs` by the name `progenitor_client`; it calls the transport. Of the types,
//! only the structs of requests are used; [`super::types`] completes them.

use ::progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypeImpl};
use anyhow::Context as _;
use openapiv3::OpenAPI;
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use serde_json::{Value, json};
use syn::{
    Expr, ImplItem, ImplItemFn, Item, Stmt,
    visit_mut::{self, VisitMut},
};

use super::{ByName, docs};
use crate::{
    document::{Spec, pointer::child},
    finding::{Findings, Rule},
    lower::{self, Lowered},
    model::{Api, Operation},
    panics::quietly,
};

/// progenitor's output, by kind.
pub(super) struct Generated {
    /// Structs by name.
    pub(super) structs: ByName<syn::ItemStruct>,
    /// Methods of the client by name.
    methods: ByName<ImplItemFn>,
}

pub(super) fn run(spec: &Spec, api: &Api, lowered: &Lowered) -> anyhow::Result<Generated> {
    let tokens = tokens(lowered, &lowered.document).map_err(|problem| blame(spec, api, lowered, &problem))?;
    let file: syn::File = syn::parse2(tokens).context("progenitor's output is not Rust")?;
    let mut generated = Generated {
        structs: ByName::new(),
        methods: ByName::new(),
    };
    for item in file.items {
        match item {
            Item::Mod(types) if types.ident == "types" => {
                for item in types.content.into_iter().flat_map(|(_, items)| items) {
                    if let Item::Struct(item) = item {
                        generated.structs.insert(item.ident.to_string(), item);
                    }
                }
            }
            Item::Impl(client) if client.trait_.is_none() => {
                for item in client.items {
                    if let ImplItem::Fn(method) = item {
                        generated.methods.insert(method.sig.ident.to_string(), method);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(generated)
}

/// The methods of one resource.
pub(super) fn client(api: &Api, tag: &str, generated: &Generated) -> anyhow::Result<TokenStream> {
    let mut methods = Vec::new();
    for operation in api.operations.iter().filter(|operation| operation.tag == tag) {
        let id = &operation.id;
        let found = generated.methods.get(id);
        let mut method = found
            .with_context(|| format!("progenitor made no method `{id}`"))?
            .clone();
        without_api_version(&mut method);
        with_own_error(&mut method);
        let doc = docs::comment(&documentation(operation));
        let deprecated = operation.deprecated.iter();
        method.attrs = syn::parse_quote! { #doc #(#[deprecated(note = #deprecated)])* };
        methods.push(method);
    }
    Ok(quote! {
        #[allow(unused_imports)] // not every resource needs all of them
        use crate::{
            Client, Error,
            runtime::{self as progenitor_client, ClientHooks, OperationInfo, ResponseValue, encode_path}, types,
        };

        impl Client {
            #(#methods)*
        }
    })
}

/// Removes `let mut header_map`, `header_map.append(..)` and `.headers(header_map)`: there are no other headers.
fn without_api_version(method: &mut ImplItemFn) {
    struct WithoutHeaders;
    impl VisitMut for WithoutHeaders {
        fn visit_expr_mut(&mut self, expression: &mut Expr) {
            if let Expr::MethodCall(call) = expression
                && call.method == "headers"
            {
                *expression = (*call.receiver).clone();
            }
            visit_mut::visit_expr_mut(self, expression);
        }
    }
    let is_of_headers = |statement: &Stmt| match statement {
        Stmt::Local(local) => matches!(&local.pat, syn::Pat::Ident(name) if name.ident == "header_map"),
        Stmt::Expr(Expr::MethodCall(call), _) => call.receiver.to_token_stream().to_string() == "header_map",
        _ => false,
    };
    method.block.stmts.retain(|statement| !is_of_headers(statement));
    WithoutHeaders.visit_impl_item_fn_mut(method);
}

fn with_own_error(method: &mut ImplItemFn) {
    struct OwnError;
    impl VisitMut for OwnError {
        fn visit_path_segment_mut(&mut self, segment: &mut syn::PathSegment) {
            if segment.ident == "Error" {
                segment.arguments = syn::PathArguments::None;
            }
            visit_mut::visit_path_segment_mut(self, segment);
        }
    }
    OwnError.visit_return_type_mut(&mut method.sig.output);
}

fn documentation(operation: &Operation) -> String {
    let mut arguments: String = operation
        .parameters
        .iter()
        .map(|parameter| docs::item(&parameter.field, &parameter.description))
        .collect();
    if let Some(query) = &operation.query {
        arguments += &format!("- `query`: [`{query}`](types::{query})\n");
    }
    if let Some(body) = &operation.body {
        arguments += &format!("- `body`: [`{0}`](types::{0})\n", body.component);
    }
    format!(
        "{}\n\n{}\n\n{arguments}\n{}",
        docs::sentence(&operation.summary),
        docs::markdown(&operation.description),
        docs::source(&operation.source),
    )
}

/// progenitor panics on some valid documents; the panic becomes a message.
fn tokens(lowered: &Lowered, document: &Value) -> Result<TokenStream, String> {
    let spec: OpenAPI = serde_path_to_error::deserialize(document).map_err(|error| error.to_string())?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_hooks(HooksMode::Expected)
        .with_derive("PartialEq");
    for (name, path) in &lowered.replacements {
        settings.with_replacement(name, path, std::iter::empty::<TypeImpl>());
    }
    match quietly(|| Generator::new(&settings).generate_tokens(&spec)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(panic),
    }
}

/// Finds the operations that progenitor rejects, by generating each of them alone.
fn blame(spec: &Spec, api: &Api, lowered: &Lowered, problem: &str) -> Findings {
    let mut findings = Vec::new();
    for operation in &api.operations {
        let mut document = lowered.document.clone();
        let path = lower::path(operation);
        let lowered_operation = &lowered.document["paths"][&path][&operation.method];
        document["paths"] = json!({ path: { &operation.method: lowered_operation } });
        if let Err(problem) = tokens(lowered, &document) {
            let pointer = child(&child("/paths", &operation.path), &operation.method);
            findings.push(spec.finding(
                Rule::Progenitor,
                &pointer,
                format!("progenitor can't generate this operation: {problem}"),
                HELP,
            ));
        }
    }
    if findings.is_empty() {
        findings.push(spec.finding(
            Rule::Progenitor,
            "/components",
            format!("progenitor can't generate the types: {problem}"),
            HELP,
        ));
    }
    Findings(findings)
}

const HELP: &str = "write it in a simpler way, or lower it (xtask/src/lower.rs)";
