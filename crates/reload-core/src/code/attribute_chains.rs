//! Chains of attributes in code, such as `shop.prices.BASE`, and whether one of them reads a submodule of a package.
//!
//! The caller walks the instructions of code and says what each one does to the value on the stack:
//!
//! ```
//! use reload_core::{code::attribute_chains::AttributeChains, graph::Reading};
//!
//! let mut chains = AttributeChains::default();
//! chains.import(0, "shop", &[]);                 // import shop
//! chains.store("shop");
//! chains.name("shop");                           // shop.prices.BASE
//! chains.attribute("prices");
//! chains.attribute("BASE");
//! chains.end();
//! let is_module = |name: &str| ["shop", "shop.prices"].contains(&name);
//! assert_eq!(chains.reading("", "shop", "prices", is_module, false), Reading::ByName);
//! assert_eq!(chains.reading("", "shop", "taxes", is_module, false), Reading::Never);
//! ```

use std::collections::{HashMap, HashSet};

use crate::code::import_name::ImportName;
use crate::graph::Reading;

/// What an import statement has bound a name to: a module's name behind so many dots.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    level: usize,
    name: String,
}

/// An import statement whose names are not all bound yet.
#[derive(Debug)]
struct Importing {
    level: usize,
    name: String,
    /// What the next store binds.
    next: String,
    has_parts: bool,
}

/// Attributes that are read one of another, and the name in front of them if there is one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Chain {
    base: Option<Box<str>>,
    attributes: Vec<Box<str>>,
}

/// All chains of a module's code.
#[derive(Debug, Default)]
pub struct AttributeChains {
    chains: HashSet<Chain>,
    /// Texts that look like a chain.
    texts: HashSet<Box<str>>,
    attributes: HashSet<Box<str>>,
    /// Names of the module. The value is what imports bind the name to; none if anything else binds it too, or another import.
    bindings: HashMap<Box<str>, Option<Bound>>,
    /// There is a `from .. import *`, which may bind any name.
    has_stars: bool,
    current: Option<Chain>,
    importing: Option<Importing>,
}

impl AttributeChains {
    /// A name's value has been loaded.
    pub fn name(&mut self, name: &str) {
        self.end();
        self.current = Some(Chain { base: Some(name.into()), attributes: Vec::new() });
    }

    /// An attribute of what was loaded last is read.
    pub fn attribute(&mut self, name: &str) {
        self.importing = None;
        self.attributes.insert(name.into());
        self.current.get_or_insert_with(|| Chain { base: None, attributes: Vec::new() }).attributes.push(name.into());
    }

    /// Another instruction comes, which ends the chain and the import statement.
    pub fn end(&mut self) {
        self.importing = None;
        self.end_chain();
    }

    fn end_chain(&mut self) {
        if let Some(chain) = self.current.take().filter(|chain| !chain.attributes.is_empty()) {
            self.chains.insert(chain);
        }
    }

    /// An import statement begins.
    pub fn import(&mut self, level: usize, name: &str, parts: &[String]) {
        self.end();
        if parts.iter().any(|part| part == "*") {
            // It may bind any name again.
            self.has_stars = true;
            self.bindings.values_mut().for_each(|bound| *bound = None);
        }
        // `import a.b` binds `a`.
        let first = name.split('.').next().unwrap_or(name).to_owned();
        self.importing = Some(Importing { level, name: name.to_owned(), next: first, has_parts: !parts.is_empty() });
    }

    /// A part is taken out of what was imported: for `from a import b`, and for each dot of `import a.b as c`.
    pub fn import_from(&mut self, part: &str) {
        self.end_chain();
        if let Some(importing) = &mut self.importing {
            let front = if importing.has_parts { &importing.name } else { &importing.next };
            importing.next = if front.is_empty() { part.to_owned() } else { format!("{front}.{part}") };
        }
    }

    /// The values on the stack change places, as between two parts of an import.
    pub fn turn(&mut self) {
        self.end_chain();
    }

    /// A name of the module is bound.
    pub fn store(&mut self, name: &str) {
        self.end_chain();
        let bound = self.importing.as_ref().map(|i| Bound { level: i.level, name: i.next.clone() });
        match self.bindings.get_mut(name) {
            Some(before) if *before != bound => *before = None,
            Some(_) => {}
            None => drop(self.bindings.insert(name.into(), bound)),
        }
    }

    /// There is a text, which code may use as the name of an attribute or as a chain.
    pub fn text(&mut self, text: &str) {
        let parts = text.split('.').filter(|part| !part.is_empty());
        self.attributes.extend(parts.map(Box::from));
        self.texts.insert(text.into());
    }

    /// Whether an attribute of this name is read, or a part of a text.
    pub fn has_attribute(&self, name: &str) -> bool {
        self.attributes.contains(name)
    }

    /// How code of a module in the package `own` reads `rest`, a submodule below `package`. `is_module` says whether a dotted name is
    /// that of a module; `takes_paths`, whether the code may follow a path of attributes in a text, as `attrgetter` does.
    pub fn reading(
        &self,
        own: &str,
        package: &str,
        rest: &str,
        is_module: impl Fn(&str) -> bool,
        takes_paths: bool,
    ) -> Reading {
        let rest: Vec<&str> = rest.split('.').collect();
        if !rest.first().is_some_and(|first| self.attributes.contains(*first)) {
            return Reading::Never;
        }
        let wanted = Wanted { own, package, rest: &rest, is_module: &is_module };
        let mut found = Reading::Never;
        for chain in &self.chains {
            let attributes: Vec<&str> = chain.attributes.iter().map(|a| &**a).collect();
            found = found.max(self.of_chain(&wanted, chain.base.as_deref(), &attributes, false));
        }
        for text in &self.texts {
            found = found.max(self.of_text(&wanted, text, takes_paths));
        }
        found
    }

    fn of_text(&self, wanted: &Wanted<'_>, text: &str, takes_paths: bool) -> Reading {
        let parts: Vec<&str> = text.split('.').filter(|part| !part.is_empty()).collect();
        let is_path = parts.len() > 1 && parts.iter().all(|part| part.chars().all(|c| c.is_alphanumeric() || c == '_'));
        if !is_path || takes_paths {
            return if wanted.is_in(&parts) { Reading::Anyhow } else { Reading::Never };
        }
        // What is imported by its name is a use by itself.
        if (wanted.is_module)(text) {
            return Reading::Never;
        }
        // The text may be an annotation. There, an expression cannot begin with a name that the module does not have.
        let (base, attributes) = (parts[0], &parts[1..]);
        match self.has_stars || self.bindings.contains_key(base) {
            true => self.of_chain(wanted, Some(base), attributes, true),
            false => Reading::Never,
        }
    }

    /// What a chain reads. Code may pass the value of a chain on, whose attributes are read elsewhere; not if the chain `is_whole`.
    fn of_chain(&self, wanted: &Wanted<'_>, base: Option<&str>, attributes: &[&str], is_whole: bool) -> Reading {
        let bound =
            base.and_then(|base| self.bindings.get(base)?.as_ref()).and_then(|bound| bound.absolute(wanted.own));
        match bound.filter(|name| (wanted.is_module)(name)) {
            Some(module) => wanted.follow(module, attributes, is_whole),
            None if wanted.is_in(attributes) => Reading::Anyhow,
            None => Reading::Never,
        }
    }
}

impl Bound {
    fn absolute(&self, package: &str) -> Option<String> {
        ImportName { level: self.level, name: &self.name }.absolute(package).ok()
    }
}

/// The submodule that is asked for.
struct Wanted<'a> {
    own: &'a str,
    package: &'a str,
    rest: &'a [&'a str],
    is_module: &'a dyn Fn(&str) -> bool,
}

impl Wanted<'_> {
    /// Whether one is the beginning of the other. Attributes of a value may be read elsewhere, so that a shorter path agrees.
    fn agree(a: &[&str], b: &[&str]) -> bool {
        a.iter().zip(b).all(|(a, b)| a == b)
    }

    /// Whether these attributes of an unknown value may read it.
    fn is_in(&self, attributes: &[&str]) -> bool {
        (0..attributes.len()).any(|at| Self::agree(&attributes[at..], self.rest))
    }

    /// What attributes of a module of this name read: the chain is followed as long as the next attribute is a module too.
    fn follow(&self, module: String, attributes: &[&str], is_whole: bool) -> Reading {
        let depth = module.split('.').count();
        let mut at = module;
        let mut followed = 0;
        for attribute in attributes {
            let next = format!("{at}.{attribute}");
            if !(self.is_module)(&next) {
                break;
            }
            at = next;
            followed += 1;
        }
        let target: Vec<&str> = self.package.split('.').chain(self.rest.iter().copied()).collect();
        let path: Vec<&str> = at.split('.').chain(attributes[followed..].iter().copied()).collect();
        // The chain itself must go below the package: the import that bound its beginning is a use of its own.
        let steps_below = path.len() > depth.max(target.len() - self.rest.len());
        let ends_above = is_whole && path.len() < target.len();
        if steps_below && !ends_above && target.len() > depth && Self::agree(&path, &target) {
            return Reading::ByName;
        }
        // The first unknown attribute is one of a known module; the value that the next ones are read of may be the package.
        match attributes.get(followed + 1..) {
            Some(unknown) if self.is_in(unknown) => Reading::Anyhow,
            _ => Reading::Never,
        }
    }
}
