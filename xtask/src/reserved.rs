//! Names that the document can't use because handwritten code or Rust has them; read from the source code.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Ident, ImplItem, Item, ItemUse, TraitItem, Type, UseTree, Visibility};

/// The prelude of edition 2024: types, traits and macros that derive.
const PRELUDE: [&str; 46] = [
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// Methods of prelude traits that nearly all types have: a generated method of the same name would hide them.
pub const OF_TRAITS: [&str; 4] = ["clone", "fmt", "from", "into"];

/// A kind of generated file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// Methods of the low-level client.
    Client,
    /// The operation table.
    Operations,
    /// Requests as data.
    Requests,
    /// Types of requests and responses.
    Types,
    /// Builders and resources.
    Resources,
}

impl FileKind {
    const ALL: [Self; 5] = [
        Self::Client,
        Self::Operations,
        Self::Requests,
        Self::Types,
        Self::Resources,
    ];

    fn folder(self) -> &'static str {
        match self {
            Self::Client => "crates/chartmogul-api/src/generated/client",
            Self::Operations => "crates/chartmogul-api/src/generated/operations",
            Self::Requests => "crates/chartmogul-api/src/generated/requests",
            Self::Types => "crates/chartmogul-api/src/generated/types",
            Self::Resources => "crates/chartmogul/src/generated",
        }
    }
}

/// The reserved names.
#[derive(Debug, Default)]
pub struct Reserved {
    /// Methods of handwritten types in `chartmogul-api`, by type.
    low_level: BTreeMap<String, BTreeSet<String>>,
    /// Methods of handwritten types in `chartmogul`, by type.
    ergonomic: BTreeMap<String, BTreeSet<String>>,
    /// Names in the root of `chartmogul`.
    root: BTreeSet<String>,
    /// Methods that a macro adds to every builder.
    builder: BTreeSet<String>,
    /// Names that the generated files import, or that their `mod.rs` defines.
    names: BTreeMap<FileKind, BTreeSet<String>>,
}

impl Reserved {
    /// Reads the workspace, once.
    pub fn get() -> &'static Self {
        static RESERVED: OnceLock<Reserved> = OnceLock::new();
        RESERVED.get_or_init(|| {
            let workspace = crate::workspace();
            workspace.as_deref().map(Self::read).unwrap_or_default()
        })
    }

    fn read(workspace: &Path) -> Self {
        let mut reserved = Self::default();
        let low_level: Vec<_> = handwritten(&workspace.join("crates/chartmogul-api/src")).collect();
        for item in &low_level {
            methods(item, &mut reserved.low_level);
        }
        // Default methods of traits that the client implements: a generated method of the same name would be called instead.
        for item in &low_level {
            if let Item::Trait(item) = item {
                let implemented = low_level.iter().any(|other| is_for_client(other, &item.ident));
                let names = item.items.iter().filter_map(|item| match item {
                    TraitItem::Fn(function) if implemented => Some(function.sig.ident.to_string()),
                    _ => None,
                });
                let client = reserved.low_level.entry("Client".to_owned()).or_default();
                client.extend(names);
            }
        }
        let ergonomic = workspace.join("crates/chartmogul/src");
        for item in handwritten(&ergonomic) {
            methods(&item, &mut reserved.ergonomic);
            if let Item::Macro(item) = &item
                && item.ident.as_ref().is_some_and(|name| name == "builder")
            {
                functions(&item.mac.tokens, &mut reserved.builder);
            }
        }
        for item in items(&ergonomic.join("lib.rs")) {
            match &item {
                Item::Mod(item) => drop(reserved.root.insert(item.ident.to_string())),
                Item::Use(item) => leaves(&item.tree, None, &mut reserved.root),
                _ => {}
            }
        }
        for kind in FileKind::ALL {
            let names = reserved.names.entry(kind).or_default();
            let folder = workspace.join(kind.folder());
            for file in files(&folder) {
                imports(&std::fs::read_to_string(file).unwrap_or_default(), names);
            }
            names.extend(items(&folder.join("mod.rs")).iter().filter_map(defined));
        }
        reserved
    }

    /// Handwritten methods of the low-level client.
    pub fn low_level_client(&self) -> impl Iterator<Item = &str> {
        of(&self.low_level, "Client")
    }

    /// Handwritten methods of a type in `chartmogul`.
    pub fn methods(&self, ty: &str) -> impl Iterator<Item = &str> {
        of(&self.ergonomic, ty).chain(OF_TRAITS)
    }

    /// Names in the root of `chartmogul`.
    pub fn root(&self) -> impl Iterator<Item = &str> {
        self.root.iter().map(String::as_str)
    }

    /// Methods of every builder.
    pub fn builder(&self) -> impl Iterator<Item = &str> {
        self.builder.iter().map(String::as_str).chain(OF_TRAITS)
    }

    /// Names that a generated file of a kind imports, or its `mod.rs` defines.
    pub fn names(&self, kind: FileKind) -> impl Iterator<Item = &str> {
        self.names
            .get(&kind)
            .into_iter()
            .flatten()
            .map(String::as_str)
            .chain(PRELUDE)
    }
}

fn of<'a>(methods: &'a BTreeMap<String, BTreeSet<String>>, ty: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    methods.get(ty).into_iter().flatten().map(String::as_str)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The items of all handwritten files.
fn handwritten(folder: &Path) -> impl Iterator<Item = Item> {
    let generated = folder.join("generated");
    let all = files(folder)
        .into_iter()
        .filter(move |path| !path.starts_with(&generated));
    all.flat_map(|path| items(&path))
}

fn items(path: &Path) -> Vec<Item> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    syn::parse_file(&text).map(|file| file.items).unwrap_or_default()
}

/// Whether an item implements the trait for the client, or for a reference to it.
fn is_for_client(item: &Item, name: &Ident) -> bool {
    let Item::Impl(item) = item else { return false };
    let Some((path, _)) = &item.trait_ else { return false };
    let of = match &*item.self_ty {
        Type::Reference(reference) => &*reference.elem,
        ty => ty,
    };
    let is_client = matches!(of, Type::Path(ty) if ty.path.segments.last().is_some_and(|last| last.ident == "Client"));
    is_client && path.segments.last().is_some_and(|last| last.ident == *name)
}

/// The methods in an `impl` block.
fn methods(item: &Item, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let Item::Impl(item) = item else { return };
    let Type::Path(ty) = &*item.self_ty else { return };
    let Some(ty) = ty.path.segments.last() else { return };
    let names = item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function.sig.ident.to_string()),
        _ => None,
    });
    found.entry(ty.ident.to_string()).or_default().extend(names);
}

/// Methods that a macro defines: the name after each `pub fn` in its tokens. Methods of traits have no `pub`, and hide
/// nothing.
fn functions(tokens: &TokenStream, found: &mut BTreeSet<String>) {
    let (mut is_public, mut after_fn) = (false, false);
    for token in tokens.clone() {
        match &token {
            TokenTree::Ident(name) if after_fn => {
                if is_public {
                    found.insert(name.to_string());
                }
                (is_public, after_fn) = (false, false);
            }
            TokenTree::Ident(name) if name == "pub" => is_public = true,
            TokenTree::Ident(name) => {
                after_fn = name == "fn";
                is_public &= after_fn || matches!(name.to_string().as_str(), "async" | "const" | "unsafe");
            }
            TokenTree::Group(group) => functions(&group.stream(), found),
            _ => (is_public, after_fn) = (false, false),
        }
    }
}

/// The name of a value or type that an item defines. Modules and re-exports of a `mod.rs` are excluded: their names come
/// from the document.
fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Private imports at the top of a file. The file is not parsed, because it is large.
fn imports(text: &str, found: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices("\nuse ") {
        let statement = &text[at..];
        let end = statement.find(';').map_or(statement.len(), |end| end + 1);
        if let Ok(item) = syn::parse_str::<ItemUse>(&statement[..end])
            && matches!(item.vis, Visibility::Inherited)
        {
            leaves(&item.tree, None, found);
        }
    }
}

/// The names that an import declares; `parent` is the meaning of `self` in it.
fn leaves(tree: &UseTree, parent: Option<&Ident>, found: &mut BTreeSet<String>) {
    let name = match tree {
        UseTree::Name(leaf) if leaf.ident == "self" => parent.unwrap_or(&leaf.ident),
        UseTree::Name(leaf) => &leaf.ident,
        UseTree::Rename(leaf) => &leaf.rename,
        UseTree::Path(path) => return leaves(&path.tree, Some(&path.ident), found),
        UseTree::Group(group) => return group.items.iter().for_each(|tree| leaves(tree, parent, found)),
        UseTree::Glob(_) => return,
    };
    if name != "_" {
        found.insert(name.to_string());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_are() {
        let reserved = Reserved::get();
        let has = |mut names: Box<dyn Iterator<Item = &str>>, name| names.any(|known| known == name);
        for method in ["builder", "exec", "pre", "post"] {
            assert!(has(Box::new(reserved.low_level_client()), method), "{method}");
        }
        assert!(has(Box::new(reserved.methods("Client")), "from_env"));
        assert!(has(Box::new(reserved.root()), "bulk") && has(Box::new(reserved.root()), "Field"));
        assert!(has(Box::new(reserved.names(FileKind::Client)), "Client"));
        for table in ["ALL", "RESOURCES"] {
            assert!(has(Box::new(reserved.names(FileKind::Operations)), table), "{table}");
        }
        assert!(!has(Box::new(reserved.names(FileKind::Operations)), "GET_PLAN"));
        for verb in ["send", "outcome", "items", "merge_custom", "with_call_timeout"] {
            assert!(has(Box::new(reserved.builder()), verb), "{verb}");
        }
    }

    #[test]
    fn macros_and_imports_are_read() {
        let mut found = BTreeSet::new();
        functions(
            &"() => { impl $n { pub fn send(self) {} pub fn $x() {} fn id() {} pub(crate) async fn run() {} } }"
                .parse()
                .unwrap(),
            &mut found,
        );
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["run", "send"]);
        let mut found = BTreeSet::new();
        imports(
            "//\nuse crate::{runtime::{self as r, A}, b::{self, C}, Page as _};\npub use d::E;\n",
            &mut found,
        );
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["A", "C", "b", "r"]);
    }
}
