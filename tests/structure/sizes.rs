//! Functions fit a screen.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::source::FILES;

/// The most lines of a function, from its first line to its closing brace.
const MOST_LINES: usize = 60;
/// What the comment of a longer one says, and then why.
const REASON: &str = "Longer than a screen";

#[derive(Default)]
struct Functions {
    /// Name, first line and number of lines of each that is too long.
    long: Vec<(String, usize, usize)>,
}

impl Functions {
    fn measure(&mut self, attributes: &[syn::Attribute], signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let lines = block.span().end().line - first + 1;
        let is_explained = attributes.iter().any(|attribute| {
            let syn::Meta::NameValue(doc) = &attribute.meta else { return false };
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &doc.value else { return false };
            text.value().contains(REASON)
        });
        if lines > MOST_LINES && !is_explained {
            self.long.push((signature.ident.to_string(), first, lines));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

#[test]
fn functions_fit_a_screen_or_say_why_not() {
    let mut long = Vec::new();
    for file in FILES.values() {
        let mut functions = Functions::default();
        file.items().iter().for_each(|item| functions.visit_item(item));
        long.extend(
            functions.long.into_iter().map(|(name, line, lines)| format!("{}:{line} {name}: {lines} lines", file.path)),
        );
    }
    assert!(long.is_empty(), "{long:#?}");
}
