//! rustdoc's JSON: documents of public items with their paths. Made with `cargo rustdoc -- -Z unstable-options --output-format json`.

use std::{collections::HashMap, path::Path};

use rustdoc_types::{
    Crate, Function, GenericArg, GenericArgs, GenericBound, Id, Item, ItemEnum, ItemKind, Type,
};

use crate::library::{
    pages::{Drawn, Installed, LeftOut},
    sandbox::{Sandbox, bounded},
};

/// Greatest file of rustdoc, bytes: the largest crates have a few hundred MiB, which are not worth their memory.
const MAX_JSON: u64 = 96 * 1024 * 1024;
/// Types within types that are written out.
const MAX_DEPTH: usize = 12;

/// Finds out about a file; its version is in it, so it is read here.
pub(super) fn installed(sandbox: &Sandbox, name: &str, path: &Path) -> Installed {
    let read =
        sandbox.open(path, MAX_JSON).and_then(|file| bounded(file, MAX_JSON)).and_then(|bytes| read(&bytes));
    let library = name.to_owned();
    match read {
        Ok(documents) => {
            let version = documents.crate_version.clone();
            Installed { library, version, batches: Box::new(std::iter::once_with(move || pages(&documents))) }
        }
        Err(reason) => {
            let left_out = LeftOut::new(path.display().to_string(), reason);
            Installed { library, version: None, batches: Box::new(std::iter::once(vec![Err(left_out)])) }
        }
    }
}

/// Reads a file of the one format that is known.
fn read(bytes: &[u8]) -> Result<Crate, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u32,
    }
    let known = rustdoc_types::FORMAT_VERSION;
    let Version { format_version } =
        serde_json::from_slice(bytes).map_err(|error| format!("it is no rustdoc JSON: {error}"))?;
    if format_version != known {
        return Err(format!(
            "it has rustdoc's format {format_version}, and {known} is read; make it with a toolchain of that format"
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| format!("it is no rustdoc JSON: {error}"))
}

fn pages(documents: &Crate) -> Vec<Result<Drawn, LeftOut>> {
    let owners = owners(documents);
    let mut pages: Vec<Drawn> = Vec::new();
    for (id, item) in &documents.index {
        let Some(text) = item.docs.as_deref().filter(|it| !it.trim().is_empty()) else { continue };
        if item.crate_id != 0 {
            continue;
        }
        let path = match (documents.paths.get(id), owners.get(id), &item.name) {
            (Some(summary), ..) => summary.path.join("::"),
            (None, Some(owner), Some(name)) => format!("{owner}::{name}"),
            _ => continue,
        };
        pages.push(Drawn::of(
            path,
            "rust",
            &declaration(item, documents.paths.get(id).map(|it| it.kind)),
            text,
        ));
    }
    // The index is a map: order comes from the paths.
    pages.sort_by(|a, b| (&a.path, &a.title).cmp(&(&b.path, &b.title)));
    pages.into_iter().map(Ok).collect()
}

/// Returns the path of the type or trait that each method and variant is of.
fn owners(documents: &Crate) -> HashMap<Id, String> {
    let mut owners = HashMap::new();
    for (id, item) in &documents.index {
        let path = documents.paths.get(id).map(|it| it.path.join("::"));
        let (owner, items) = match &item.inner {
            ItemEnum::Impl(implemented) => {
                let Type::ResolvedPath(subject) = &implemented.for_ else { continue };
                (documents.paths.get(&subject.id).map(|it| it.path.join("::")), &implemented.items)
            }
            ItemEnum::Trait(declared) => (path, &declared.items),
            ItemEnum::Enum(declared) => (path, &declared.variants),
            _ => continue,
        };
        if let Some(owner) = owner {
            owners.extend(items.iter().map(|item| (*item, owner.clone())));
        }
    }
    owners
}

fn declaration(item: &Item, kind: Option<ItemKind>) -> String {
    let name = item.name.as_deref().unwrap_or_default();
    match (&item.inner, kind) {
        (ItemEnum::Function(function), _) => signature(name, function),
        (ItemEnum::Struct(_), _) => format!("struct {name}"),
        (ItemEnum::Enum(_), _) => format!("enum {name}"),
        (ItemEnum::Trait(_), _) => format!("trait {name}"),
        (ItemEnum::Macro(text), _) => text.clone(),
        _ => String::new(),
    }
}

fn signature(name: &str, function: &Function) -> String {
    let inputs: Vec<String> =
        function.sig.inputs.iter().map(|(name, kind)| format!("{name}: {}", written(kind, 0))).collect();
    let output =
        function.sig.output.as_ref().map(|kind| format!(" -> {}", written(kind, 0))).unwrap_or_default();
    let before = if function.header.is_async { "async " } else { "" };
    format!("{before}fn {name}({}){output}", inputs.join(", "))
}

/// Writes a type as Rust does; what is seldom in signatures is `_`.
fn written(kind: &Type, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return "…".to_owned();
    }
    let one = |kind: &Type| written(kind, depth + 1);
    match kind {
        Type::ResolvedPath(path) => format!("{}{}", path.path, arguments(path.args.as_deref(), depth)),
        Type::Generic(name) | Type::Primitive(name) => name.clone(),
        Type::Tuple(kinds) => format!("({})", kinds.iter().map(one).collect::<Vec<_>>().join(", ")),
        Type::Slice(kind) => format!("[{}]", one(kind)),
        Type::Array { type_, len } => format!("[{}; {len}]", one(type_)),
        Type::RawPointer { is_mutable, type_ } => {
            format!("*{} {}", if *is_mutable { "mut" } else { "const" }, one(type_))
        }
        Type::BorrowedRef { lifetime, is_mutable, type_ } => {
            let lifetime = lifetime.as_ref().map(|it| format!("{it} ")).unwrap_or_default();
            format!("&{lifetime}{}{}", if *is_mutable { "mut " } else { "" }, one(type_))
        }
        Type::ImplTrait(bounds) => {
            let bounds = bounds.iter().filter_map(|bound| match bound {
                GenericBound::TraitBound { trait_, .. } => {
                    Some(format!("{}{}", trait_.path, arguments(trait_.args.as_deref(), depth)))
                }
                _ => None,
            });
            format!("impl {}", bounds.collect::<Vec<_>>().join(" + "))
        }
        Type::DynTrait(object) => {
            let names: Vec<_> = object.traits.iter().map(|it| it.trait_.path.clone()).collect();
            format!("dyn {}", names.join(" + "))
        }
        Type::QualifiedPath { name, self_type, .. } => format!("{}::{name}", one(self_type)),
        _ => "_".to_owned(),
    }
}

fn arguments(arguments: Option<&GenericArgs>, depth: usize) -> String {
    match arguments {
        Some(GenericArgs::AngleBracketed { args, .. }) if !args.is_empty() => {
            let args = args.iter().map(|it| match it {
                GenericArg::Lifetime(name) => name.clone(),
                GenericArg::Type(kind) => written(kind, depth + 1),
                GenericArg::Const(value) => value.expr.clone(),
                GenericArg::Infer => "_".to_owned(),
            });
            format!("<{}>", args.collect::<Vec<_>>().join(", "))
        }
        Some(GenericArgs::Parenthesized { inputs, output }) => {
            let inputs: Vec<_> = inputs.iter().map(|it| written(it, depth + 1)).collect();
            let output =
                output.as_ref().map(|it| format!(" -> {}", written(it, depth + 1))).unwrap_or_default();
            format!("({}){output}", inputs.join(", "))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn another_format_is_named() {
        let error = read(br#"{"format_version": 3}"#).unwrap_err();
        assert!(error.starts_with("it has rustdoc's format 3, and "), "{error}");
        assert!(read(b"{}").unwrap_err().starts_with("it is no rustdoc JSON"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..80), text in r#"[\[{]{0,200}"#) {
            let _ = read(&bytes);
            let _ = read(text.as_bytes());
        }
    }
}
