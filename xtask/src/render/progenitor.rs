//! Runs progenitor on the lowered document and takes its output apart.
//!
//! What is kept: the types, and of each operation its parameters, its URL and its request. What is replaced by
//! `chartmogul-api`'s own transport: client, errors, decoding and hooks, because progenitor's decide by exact status,
//! lose the status of a body they can't decode, print whole bodies, and send an `api-version` header.

use ::progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypeImpl};
use anyhow::Context as _;
use serde_json::{Value, json};
use syn::{Item, ItemMod};

use super::ByName;
use crate::{
    document::{Spec, pointer::child},
    finding::{Findings, Rule},
    lower::Lowered,
    model::Api,
    panics::quietly,
};

/// progenitor's output by what it is for.
pub(super) struct Generated {
    /// Structs by name.
    pub(super) structs: ByName<syn::ItemStruct>,
    /// Methods of the client by name.
    pub(super) methods: ByName<syn::ImplItemFn>,
}

pub(super) fn run(spec: &Spec, api: &Api, lowered: &Lowered) -> anyhow::Result<Generated> {
    let tokens = match tokens(lowered, &lowered.document) {
        Ok(tokens) => tokens,
        Err(problem) => return Err(blame(spec, api, lowered, &problem).into()),
    };
    let file: syn::File = syn::parse2(tokens).context("progenitor's output is not Rust")?;
    let mut generated = Generated {
        structs: ByName::new(),
        methods: ByName::new(),
    };
    for item in file.items {
        match item {
            Item::Mod(ItemMod {
                ident,
                content: Some((_, items)),
                ..
            }) if ident == "types" => {
                for item in items {
                    if let Item::Struct(item) = item {
                        generated.structs.insert(item.ident.to_string(), item);
                    }
                }
            }
            Item::Impl(item) if item.trait_.is_none() => {
                for item in item.items {
                    if let syn::ImplItem::Fn(method) = item {
                        generated.methods.insert(method.sig.ident.to_string(), method);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(generated)
}

/// progenitor panics on much that is valid; the panic becomes a message.
fn tokens(lowered: &Lowered, document: &Value) -> Result<proc_macro2::TokenStream, String> {
    let spec = serde_path_to_error::deserialize(document).map_err(|error| error.to_string())?;
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

/// Finds the operation that progenitor can't take, by giving it one after the other.
fn blame(spec: &Spec, api: &Api, lowered: &Lowered, problem: &str) -> Findings {
    let mut findings = Vec::new();
    for operation in &api.operations {
        let mut document = lowered.document.clone();
        let lowered_operation = &lowered.document["paths"][&operation.path][&operation.method];
        document["paths"] = json!({ &operation.path: { &operation.method: lowered_operation } });
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
