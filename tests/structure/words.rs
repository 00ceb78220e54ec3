//! One name, one meaning; and words that only some rooms may say.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use crate::source::{FILES, SourceFile, read};

/// The name of the type that an item defines.
fn defined(item: &syn::Item) -> Option<&syn::Ident> {
    match item {
        syn::Item::Struct(item) => Some(&item.ident),
        syn::Item::Enum(item) => Some(&item.ident),
        syn::Item::Union(item) => Some(&item.ident),
        syn::Item::Trait(item) => Some(&item.ident),
        syn::Item::Type(item) => Some(&item.ident),
        _ => None,
    }
}

#[test]
fn no_type_name_has_two_meanings() {
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in FILES.values() {
        for name in file.items().iter().filter_map(defined) {
            places.entry(name.to_string()).or_default().push(&file.path);
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[derive(Default)]
struct Calls {
    /// Functions of httpd and APR.
    of_httpd: Vec<String>,
    has_unsafe: bool,
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func
            && let Some(name) = function.path.segments.last().map(|segment| segment.ident.to_string())
            && (name.starts_with("ap_") || name.starts_with("apr_"))
        {
            self.of_httpd.push(name);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.has_unsafe = true;
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        self.has_unsafe |= attribute.path().is_ident("unsafe");
        visit::visit_attribute(self, attribute);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.has_unsafe |= matches!(signature.safety, syn::Safety::Unsafe(_));
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        self.has_unsafe |= block.unsafety.is_some();
        visit::visit_item_impl(self, block);
    }
}

fn calls_of(file: &SourceFile) -> Calls {
    let mut calls = Calls::default();
    file.items().iter().for_each(|item| calls.visit_item(item));
    calls
}

#[test]
fn only_the_room_httpd_calls_httpd_and_apr() {
    let outside = FILES.values().filter(|file| !file.path.starts_with("src/httpd/"));
    let calls: Vec<_> =
        outside.map(|file| (&file.path, calls_of(file).of_httpd)).filter(|(_, calls)| !calls.is_empty()).collect();
    assert!(calls.is_empty(), "{calls:#?}");
}

/// SAFETY.md has a table of rooms that contain `unsafe` code, and one of single files in other rooms. A row begins with the path.
#[test]
fn unsafe_is_only_where_the_page_says() {
    let page = read("SAFETY.md");
    let rows: Vec<&str> = page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect();
    let is_named = |path: &str| rows.iter().any(|row| path == *row || path.starts_with(&format!("{row}/")));
    let (with, without): (Vec<_>, Vec<_>) = FILES.values().partition(|file| calls_of(file).has_unsafe);
    let unnamed: Vec<_> = with.iter().map(|file| &file.path).filter(|path| !is_named(path)).collect();
    let stale: Vec<_> = without.iter().map(|file| file.path.as_str()).filter(|path| rows.contains(path)).collect();
    assert!(stale.is_empty(), "these rows name files without `unsafe` code: {stale:#?}");
    assert!(unnamed.is_empty(), "{unnamed:#?}");
}
