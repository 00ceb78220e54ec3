//! The summary of a module's code.

use std::collections::HashSet;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCode, PyString, PyTuple};

use crate::reload::code::instructions::{Instructions, Step};
use reload_core::code::attribute_chains::AttributeChains;
use reload_core::code::import_name::ImportName;
use reload_core::graph::Reading;

/// What makes attributes of texts with dots in them.
const TAKES_PATHS: [&str; 5] = ["attrgetter", "eval", "exec", "resolve_name", "locate"];
/// What takes such texts apart, for `getattr`.
const SPLITS: [&str; 4] = ["split", "rsplit", "partition", "rpartition"];

/// What one code object says, and all that are nested in it. Of this module
///
/// ```text
/// from shop import prices
/// def total(): import shop.taxes; return shop.taxes.of(prices.BASE)
/// ```
///
/// it has the imports `shop` with the part `prices`, and `shop.taxes`, which is nested; it mentions each name in it; and it reads
/// `taxes` of the package `shop` by name.
#[derive(Debug, Default)]
pub struct CodeSummary {
    /// Names of variables and attributes, and the parts of texts that may be names.
    names: HashSet<Box<str>>,
    chains: AttributeChains,
    /// Texts that are short enough to be a name.
    texts: HashSet<Box<str>>,
    imports: Vec<ImportStatement>,
    rebinds_globals: bool,
}

/// An import statement, whether it has run or not.
#[derive(Debug, PartialEq, Eq)]
pub struct ImportStatement {
    /// How many dots a relative one begins with.
    pub level: usize,
    /// The name behind the dots.
    pub name: Box<str>,
    /// What stands behind `from ... import`; empty for a plain `import`.
    pub parts: Vec<Box<str>>,
    /// Whether it stands in a function or class rather than in the body itself.
    pub is_nested: bool,
}

impl ImportStatement {
    /// The absolute name of the module that is imported, seen from `package`; none when there are more dots than packages.
    pub fn base(&self, package: &str) -> Option<String> {
        ImportName { level: self.level, name: &self.name }.absolute(package).ok()
    }
}

/// Whether code may take part number `at` of a dotted name out of a text: the text contains the part, and what stands before it
/// in the text stands before it in the name too. For part 2 of `a.b.c`, `".b.c"` and `"c"` may, `"x.c"` may not. A text that
/// begins with the name of a module outside of packages (`is_outermost`) is that module's name, not the rest of another one's.
fn may_stand_for(text: &str, name: &[&str], at: usize, is_outermost: &impl Fn(&str) -> bool) -> bool {
    text.split([':', '/']).any(|piece| {
        let parts: Vec<&str> = piece.split('.').filter(|part| !part.is_empty()).collect();
        let is_rest = piece.starts_with('.') || parts.first().is_none_or(|first| !is_outermost(first));
        (0..parts.len()).any(|last| {
            last <= at && (is_rest || last == at) && (0..=last).all(|back| parts[last - back] == name[at - back])
        })
    })
}

impl CodeSummary {
    /// Summarises a module's code.
    ///
    /// # Errors
    /// What Python raises; not for code that `compile` made.
    pub fn of(py: Python<'_>, code: &Bound<'_, PyAny>) -> PyResult<Self> {
        let instructions = Instructions::get(py)?;
        let mut summary = Self::default();
        summary.add(code, instructions, false)?;
        Ok(summary)
    }

    /// Adds a code object and those nested in it.
    fn add(&mut self, code: &Bound<'_, PyAny>, instructions: &Instructions, nested: bool) -> PyResult<()> {
        let (names, constants, bytes) =
            (code.getattr("co_names")?, code.getattr("co_consts")?, code.getattr("co_code")?);
        let (names, constants) = (names.cast::<PyTuple>()?, constants.cast::<PyTuple>()?);
        for name in names.iter() {
            self.rebinds_globals |= nested && name.eq("globals")?;
            self.add_name(&name);
        }
        // The names of a `from package import` are no attributes of anything that the module holds.
        let mut import_lists = HashSet::new();
        let (mut last_constant, mut constant_before) = (None, None);
        let mut has_jumped = false;
        for (operation, argument) in instructions.decode(bytes.cast::<PyBytes>()?.as_bytes()) {
            self.add_step(instructions.step(operation, argument), names, has_jumped);
            has_jumped = instructions.is_jump(operation) || (has_jumped && instructions.is_pop(operation));
            self.rebinds_globals |= nested && instructions.rebinds_global(operation);
            if instructions.is_import(operation) {
                import_lists.extend(last_constant);
                self.add_import(names, argument, constants, (constant_before, last_constant), nested);
            }
            constant_before = last_constant;
            last_constant = instructions.loads_constant(operation).then_some(argument);
        }
        self.chains.end();
        for (index, constant) in constants.iter().enumerate() {
            self.add_constant(&constant, instructions, !import_lists.contains(&index))?;
        }
        Ok(())
    }

    /// Where code `has_jumped`, it may have come from elsewhere: what was loaded last may be another value.
    fn add_step(&mut self, step: Step, names: &Bound<'_, PyTuple>, has_jumped: bool) {
        let name_at = |index: usize| names.get_item(index).and_then(|n| n.extract::<String>()).unwrap_or_default();
        match step {
            Step::Name(index) if !has_jumped => self.chains.name(&name_at(index)),
            Step::Attribute(index) => self.chains.attribute(&name_at(index)),
            Step::Store(index) => self.chains.store(&name_at(index)),
            Step::ImportFrom(index) => self.chains.import_from(&name_at(index)),
            Step::Turn => self.chains.turn(),
            Step::Name(_) | Step::Other => self.chains.end(),
        }
    }

    /// The compiler puts the level and the list of parts in front of each import.
    fn add_import(
        &mut self,
        names: &Bound<'_, PyTuple>,
        name: usize,
        constants: &Bound<'_, PyTuple>,
        (level, parts): (Option<usize>, Option<usize>),
        is_nested: bool,
    ) {
        let constant = |index: Option<usize>| constants.get_item(index?).ok();
        let Ok(name) = names.get_item(name).and_then(|n| n.extract::<String>()) else { return };
        let Some(level) = constant(level).and_then(|l| l.extract().ok()) else { return };
        let parts: Vec<String> = constant(parts).and_then(|p| p.extract().ok()).unwrap_or_default();
        self.chains.import(level, &name, &parts);
        let parts = parts.into_iter().map(Box::from).collect();
        self.imports.push(ImportStatement { level, name: name.into(), parts, is_nested });
    }

    fn add_constant(
        &mut self,
        constant: &Bound<'_, PyAny>,
        instructions: &Instructions,
        may_name_attributes: bool,
    ) -> PyResult<()> {
        if constant.is_instance_of::<PyCode>() {
            return self.add(constant, instructions, true);
        }
        if let Ok(inner) = constant.cast::<PyTuple>() {
            return inner.iter().try_for_each(|c| self.add_constant(&c, instructions, may_name_attributes));
        }
        self.add_name(constant);
        if may_name_attributes {
            self.add_text(constant);
        }
        Ok(())
    }

    /// A dotted name counts for each of its parts, as `import a.b.c` mentions all three.
    fn add_name(&mut self, value: &Bound<'_, PyAny>) {
        let Ok(text) = value.cast::<PyString>() else { return };
        let Ok(text) = text.to_cow() else { return };
        if text.len() > 256 {
            return;
        }
        for part in text.split(['.', ':', '/']) {
            if !part.is_empty() && !self.names.contains(part) {
                self.names.insert(part.into());
            }
        }
    }

    /// A text may be the name of an attribute, for `getattr`.
    fn add_text(&mut self, value: &Bound<'_, PyAny>) {
        if let Ok(text) = value.cast::<PyString>()
            && let Ok(text) = text.to_cow()
            && text.len() <= 256
        {
            self.chains.text(&text);
            self.texts.insert(text.into());
        }
    }

    /// The import statements.
    pub fn imports(&self) -> &[ImportStatement] {
        &self.imports
    }

    /// Whether the code may put a module name together from texts, to import it. Each part of the name has to be in a text, but
    /// for the first `own` ones, which may come from `__package__`. `is_outermost` says whether a name is that of a module outside
    /// of packages.
    pub fn imports_by_text(&self, name: &[&str], own: usize, is_outermost: impl Fn(&str) -> bool) -> bool {
        ["import_module", "__import__", "exec", "eval"].iter().any(|n| self.names.contains(*n))
            && (own..name.len()).all(|at| self.texts.iter().any(|text| may_stand_for(text, name, at, &is_outermost)))
    }

    /// Whether the code contains the name: as a variable, an attribute, or in a text that may be one.
    pub fn mentions(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether the code contains the name as an attribute, or in a text that may name one.
    pub fn reads_attribute(&self, name: &str) -> bool {
        self.chains.has_attribute(name)
    }

    /// How the code gets at the submodule `rest` of `package`, if it is that of a module in the package `own`. `is_module` says
    /// whether a dotted name is that of a module.
    pub fn reading(&self, own: &str, package: &str, rest: &str, is_module: impl Fn(&str) -> bool) -> Reading {
        let has_any = |names: &[&str]| names.iter().any(|name| self.names.contains(*name));
        let takes_paths = has_any(&TAKES_PATHS) || (self.names.contains("getattr") && has_any(&SPLITS));
        self.chains.reading(own, package, rest, is_module, takes_paths)
    }

    /// Whether functions of the module rebind its globals, so that a copy of its namespace cannot take its place.
    pub fn rebinds_globals(&self) -> bool {
        self.rebinds_globals
    }
}
