//! The methods of the low-level client.

use anyhow::{Context as _, bail, ensure};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::{Expr, ExprMethodCall, Lit, Stmt, Token, punctuated::Punctuated};

use super::{builders, checks, docs, progenitor::Generated, table};
use crate::{
    model::{Api, Operation},
    names,
};

/// All operations of one resource.
pub(super) fn operations(api: &Api, tag: &str, generated: &Generated) -> anyhow::Result<TokenStream> {
    let mut methods = Vec::new();
    for operation in api.operations.iter().filter(|operation| operation.tag == tag) {
        let id = &operation.id;
        let found = generated
            .methods
            .get(id)
            .with_context(|| format!("progenitor made no method `{id}`"))?;
        let unknown = || format!("progenitor's method `{id}` has an unknown shape; see xtask/src/render/client.rs");
        methods.push(method(operation, found).with_context(unknown)?);
        if let Some(read) = builders::merging(api, operation)
            && let Some(found_read) = generated.methods.get(&read.id)
        {
            methods.push(from_read(operation, found, read, found_read).with_context(unknown)?);
        }
    }
    Ok(quote! {
        #[allow(unused_imports)] // not every resource needs all of them
        use crate::{Client, Error, FromRead, Method, Response, check::{self, Check as _, encode_path}, operations, types};

        impl Client {
            #(#methods)*
        }
    })
}

fn method(operation: &Operation, found: &syn::ImplItemFn) -> anyhow::Result<TokenStream> {
    let name = &found.sig.ident;
    let mut inputs = found.sig.inputs.clone();
    let lifetimes = &found.sig.generics;
    let answer = match &operation.answer {
        Some(name) => {
            let name = names::ident(name);
            quote! { types::#name }
        }
        None => quote! { () },
    };
    let exec = names::ident(if operation.answer.is_some() {
        "exec"
    } else {
        "exec_done"
    });
    let constant = table::constant(operation);
    let parameters = operation.parameters.iter().map(checks::parameter);
    let query = operation.query.is_some().then(|| quote! { query.check()?; });
    let body = operation.body.is_some().then(|| quote! { body.check()?; });
    let mut request = begun(operation, found)?;
    if let Some(name) = &operation.query {
        let ty = names::ident(name);
        let body = usize::from(operation.body.is_some()); // comes last
        inputs.insert(inputs.len() - body, syn::parse_quote!(query: &'a types::#ty));
        request = syn::parse_quote!(#request.query(query));
    }
    let doc = documentation(operation);
    Ok(quote! {
        #doc
        pub async fn #name #lifetimes (#inputs) -> Result<Response<#answer>, Error> {
            #(#parameters)*
            #query
            #body
            let request = || #request;
            self.#exec(&operations::#constant, &request).await
        }
    })
}

/// An update whose body follows from what is read before.
fn from_read(
    operation: &Operation,
    found: &syn::ImplItemFn,
    read: &Operation,
    found_read: &syn::ImplItemFn,
) -> anyhow::Result<TokenStream> {
    let id = &operation.id;
    let (Some(answer), Some(ty)) = (&operation.answer, &operation.body) else {
        bail!("an update has a body and an answer")
    };
    let (answer, ty) = (names::ident(answer), names::ident(ty));
    let name = format_ident!("{id}_from_read");
    let arguments = operation.parameters.iter().map(|parameter| {
        let name = names::ident(&names::field(&parameter.name));
        quote! { #name: &str, }
    });
    let checks = operation.parameters.iter().map(checks::parameter);
    let constants = [read, operation].map(table::constant);
    let [read_constant, write_constant] = &constants;
    let (read, write) = (begun(read, found_read)?, begun(operation, found)?);
    let doc = docs::comment(&format!(
        "[`{id}`](Self::{id}) with a body that follows from what is read just before, by each attempt anew.\n\n\
         The body is not checked: it may hold what the server has sent. Not for users: it may change."
    ));
    Ok(quote! {
        #doc
        #[doc(hidden)]
        pub async fn #name(
            &self,
            #(#arguments)*
            body: &mut (dyn FnMut(&types::#answer, &[u8]) -> Result<Option<types::#ty>, Error> + Send),
        ) -> Result<FromRead<types::#answer>, Error> {
            #(#checks)*
            let read = || #read;
            let write = |body: &types::#ty| #write;
            self.exec_from_read((&operations::#read_constant, &read), (&operations::#write_constant, &write), body).await
        }
    })
}

/// The request, as the transport begins it.
fn begun(operation: &Operation, found: &syn::ImplItemFn) -> anyhow::Result<Expr> {
    let path = path(found)?;
    let verb = format_ident!("{}", operation.method.to_uppercase());
    let mut request = request(found)?;
    begin(&mut request, syn::parse_quote!(self.start(Method::#verb, #path)))?;
    Ok(request)
}

fn documentation(operation: &Operation) -> TokenStream {
    let mut parameters: String = operation
        .parameters
        .iter()
        .map(|parameter| format!("- `{}`: {}\n", names::field(&parameter.name), parameter.description))
        .collect();
    if let Some(query) = &operation.query {
        parameters.push_str(&format!(
            "- `query`: what can be asked for is in [`{query}`](types::{query}).\n"
        ));
    }
    docs::comment(&format!(
        "{}.\n\n{}\n\n{parameters}\n{}",
        operation.summary,
        operation.description,
        docs::source(&operation.source),
    ))
}

/// The value of a `let`.
fn local(method: &syn::ImplItemFn, name: &str) -> anyhow::Result<Expr> {
    for statement in &method.block.stmts {
        if let Stmt::Local(local) = statement
            && let syn::Pat::Ident(pattern) = &local.pat
            && pattern.ident == name
            && let Some(init) = &local.init
        {
            return Ok((*init.expr).clone());
        }
    }
    bail!("no `let {name}`")
}

/// The path, as arguments of a format. Progenitor has `format!("{}/v1/..", self.baseurl, ..)`, which is parsed anew in
/// each call.
fn path(method: &syn::ImplItemFn) -> anyhow::Result<Expr> {
    let found = local(method, "url")?;
    let unknown = || format!("the URL is made in an unknown way: {}", found.to_token_stream());
    let Expr::Macro(format) = &found else { bail!(unknown()) };
    let parts = format
        .mac
        .parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated)
        .with_context(unknown)?;
    let mut parts = parts.into_iter();
    let (Some(Expr::Lit(template)), Some(_baseurl)) = (parts.next(), parts.next()) else {
        bail!(unknown())
    };
    let Lit::Str(template) = &template.lit else {
        bail!(unknown())
    };
    let path = template.value();
    let path = path.strip_prefix("{}").with_context(unknown)?;
    let parts = parts.map(without_copy);
    Ok(syn::parse_quote!(format_args!(#path, #(#parts),*)))
}

/// `encode_path(x)` in place of `encode_path(&x.to_string())`: all parameters of paths are texts.
fn without_copy(mut part: Expr) -> Expr {
    if let Expr::Call(encode) = &mut part
        && let Some(Expr::Reference(argument)) = encode.args.first_mut()
        && let Expr::MethodCall(copy) = &mut *argument.expr
        && copy.method == "to_string"
    {
        let text = (*copy.receiver).clone();
        encode.args = std::iter::once(text).collect();
    }
    part
}

/// Puts the transport's beginning of a request in place of `self.client.patch(url)` and of the `Accept` that follows:
/// the transport sends it with every request, because errors are JSON, too.
fn begin(request: &mut Expr, start: Expr) -> anyhow::Result<()> {
    match request {
        Expr::MethodCall(call) if matches!(*call.receiver, Expr::MethodCall(_)) => {
            begin(&mut call.receiver, start)?;
            if call.method == "header" {
                let name = call.args.first().to_token_stream().to_string();
                ensure!(name.ends_with("ACCEPT"), "there is a header besides `Accept`: {name}");
                *request = (*call.receiver).clone();
            }
            Ok(())
        }
        Expr::MethodCall(_) => {
            *request = start;
            Ok(())
        }
        other => bail!("the request begins in an unknown way: {}", other.to_token_stream()),
    }
}

/// The request, as a builder: without `.headers(..)`, which holds nothing but `api-version`, and `.build()?`.
fn request(method: &syn::ImplItemFn) -> anyhow::Result<Expr> {
    let Expr::Try(built) = local(method, "request")? else {
        bail!("the request is not built with `?`")
    };
    let build = call(*built.expr, "build")?;
    let headers = call(*build.receiver, "headers")?;
    let count = local(method, "header_map")?.to_token_stream().to_string();
    ensure!(
        count.contains("1usize"),
        "there are headers besides `api-version`: {count}"
    );
    Ok(*headers.receiver)
}

fn call(expression: Expr, name: &str) -> anyhow::Result<ExprMethodCall> {
    match expression {
        Expr::MethodCall(call) if call.method == name => Ok(call),
        other => bail!("expected a call of `{name}`, found {}", other.to_token_stream()),
    }
}
