//! What a module's code tells about itself without being run.

use std::collections::HashSet;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCode, PyString, PyTuple};

use reload_core::code::attribute_chains::AttributeChains;
use reload_core::graph::Reading;

/// What makes attributes of texts with dots in them.
const TAKES_PATHS: [&str; 5] = ["attrgetter", "eval", "exec", "resolve_name", "locate"];
/// What takes such texts apart, for `getattr`.
const SPLITS: [&str; 4] = ["split", "rsplit", "partition", "rpartition"];

/// Facts of one code object and all that are nested in it.
#[derive(Debug, Default)]
pub struct CodeSummary {
    names: HashSet<Box<str>>,
    chains: AttributeChains,
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
    /// The absolute name of the module that is imported, seen from `package`; `None` when there are more dots than packages.
    pub fn base(&self, package: &str) -> Option<String> {
        if self.level == 0 {
            return Some(self.name.to_string());
        }
        let mut base = package;
        for _ in 1..self.level {
            base = base.rsplit_once('.')?.0;
        }
        match (base.is_empty(), self.name.is_empty()) {
            (true, _) => None,
            (false, true) => Some(base.to_owned()),
            (false, false) => Some(format!("{base}.{}", self.name)),
        }
    }
}

/// The numbers of the instructions that matter, which differ between versions of Python.
#[derive(Clone)]
struct Instructions {
    store_global: u8,
    delete_global: u8,
    extended_argument: u8,
    load_constant: u8,
    import_name: u8,
    load_attribute: u8,
    /// Gone from Python 3.12 on.
    load_method: Option<u8>,
    /// New in Python 3.12.
    load_super_attribute: Option<u8>,
    /// From Python 3.12 on the lowest bit of the argument tells a method call.
    attribute_shift: u32,
    load_name: u8,
    load_global: u8,
    /// From Python 3.11 on the lowest bit of the argument tells a call.
    global_shift: u32,
    store_name: u8,
    import_from: u8,
    pop_top: u8,
    /// What exchanges two values: one of them is of each version.
    swap: [Option<u8>; 2],
    /// New in Python 3.11: room for the interpreter's own notes.
    cache: Option<u8>,
    jumps: [bool; 256],
}

/// Whether a text has this part of a name in it, and before it nothing that stands elsewhere in the name. A text that begins with
/// the name of a module outside of packages is that one's name rather than the rest of another.
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
    /// Reads the facts of a module's code.
    ///
    /// # Errors
    /// What Python raises; not for code that `compile` made.
    pub fn of(py: Python<'_>, code: &Bound<'_, PyAny>) -> PyResult<Self> {
        let instructions = Instructions::get(py)?;
        let mut facts = Self::default();
        facts.add(code, instructions, false)?;
        Ok(facts)
    }

    fn add(&mut self, code: &Bound<'_, PyAny>, instructions: &Instructions, nested: bool) -> PyResult<()> {
        let names = code.getattr("co_names")?;
        let names = names.cast::<PyTuple>()?;
        for name in names.iter() {
            self.rebinds_globals |= nested && name.eq("globals")?;
            self.add_name(&name);
        }
        let bytes = code.getattr("co_code")?;
        let mut argument: usize = 0;
        let constants = code.getattr("co_consts")?;
        let constants = constants.cast::<PyTuple>()?;
        let (mut last_constant, mut constant_before) = (None, None);
        // The names of a `from package import` are no attributes of anything that the module holds.
        let mut import_lists = HashSet::new();
        let mut has_jumped = false;
        for unit in bytes.cast::<PyBytes>()?.as_bytes().chunks_exact(2) {
            argument = argument << 8 | usize::from(unit[1]);
            let operation = unit[0];
            if operation == instructions.extended_argument {
                continue;
            }
            if Some(operation) == instructions.cache {
                argument = 0;
                continue;
            }
            let name_at = |index: usize| names.get_item(index).and_then(|n| n.extract::<String>()).unwrap_or_default();
            match instructions.step(operation, argument) {
                // Where code may have come from elsewhere, what was loaded last may be another value.
                Step::Name(index) if !has_jumped => self.chains.name(&name_at(index)),
                Step::Attribute(index) => self.chains.attribute(&name_at(index)),
                Step::Store(index) => self.chains.store(&name_at(index)),
                Step::ImportFrom(index) => self.chains.import_from(&name_at(index)),
                Step::Turn => self.chains.turn(),
                Step::Name(_) | Step::Other => self.chains.end(),
            }
            has_jumped =
                instructions.jumps[usize::from(operation)] || (has_jumped && operation == instructions.pop_top);
            self.rebinds_globals |=
                nested && (operation == instructions.store_global || operation == instructions.delete_global);
            if operation == instructions.import_name {
                import_lists.extend(last_constant);
                self.add_import(names, argument, constants, (constant_before, last_constant), nested);
            }
            constant_before = last_constant;
            last_constant = (operation == instructions.load_constant).then_some(argument);
            argument = 0;
        }
        self.chains.end();
        for (index, constant) in constants.iter().enumerate() {
            self.add_constant(&constant, instructions, !import_lists.contains(&index))?;
        }
        Ok(())
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

    /// Whether the code may import a module of this name that it puts together from texts, the first `own` parts of which need not
    /// stand in one. `is_outermost` tells which names stand for modules outside of packages.
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

    /// How the code, of a module in the package `own`, gets at the submodule `rest` of a package. `is_module` tells which dotted
    /// names stand for modules.
    pub fn reading(&self, own: &str, package: &str, rest: &str, is_module: impl Fn(&str) -> bool) -> Reading {
        let has_any = |names: &[&str]| names.iter().any(|name| self.names.contains(*name));
        let takes_paths = has_any(&TAKES_PATHS) || (self.names.contains("getattr") && has_any(&SPLITS));
        self.chains.reading(own, package, rest, is_module, takes_paths)
    }

    /// Whether a copy of the module's namespace would not do in its place: functions of the module change its globals.
    pub fn rebinds_globals(&self) -> bool {
        self.rebinds_globals
    }
}

/// What an instruction means for chains of attributes; with the index of a name.
enum Step {
    Name(usize),
    Attribute(usize),
    Store(usize),
    ImportFrom(usize),
    Turn,
    Other,
}

impl Instructions {
    fn step(&self, operation: u8, argument: usize) -> Step {
        if let Some(index) = self.attribute(operation, argument) {
            Step::Attribute(index)
        } else if operation == self.load_name {
            Step::Name(argument)
        } else if operation == self.load_global {
            Step::Name(argument >> self.global_shift)
        } else if operation == self.store_name || operation == self.store_global {
            Step::Store(argument)
        } else if operation == self.import_from {
            Step::ImportFrom(argument)
        } else if operation == self.pop_top || self.swap.contains(&Some(operation)) {
            Step::Turn
        } else {
            Step::Other
        }
    }

    /// The index of the attribute's name, if the instruction reads one.
    fn attribute(&self, operation: u8, argument: usize) -> Option<usize> {
        if operation == self.load_attribute {
            Some(argument >> self.attribute_shift)
        } else if Some(operation) == self.load_method {
            Some(argument)
        } else if Some(operation) == self.load_super_attribute {
            Some(argument >> 2)
        } else {
            None
        }
    }

    fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static KNOWN: std::sync::OnceLock<Instructions> = std::sync::OnceLock::new();
        if let Some(known) = KNOWN.get() {
            return Ok(known);
        }
        let module = crate::python::import(py, "opcode")?;
        let map = module.getattr("opmap")?;
        let number = |name: &str| map.get_item(name)?.extract::<u8>();
        let optional = |name: &str| number(name).ok();
        let mut jumps = [false; 256];
        for list in ["hasjrel", "hasjabs"] {
            for number in module.getattr(list)?.try_iter()? {
                // Greater numbers are the compiler's own and stand in no code.
                if let Some(is_jump) = jumps.get_mut(number?.extract::<usize>()?) {
                    *is_jump = true;
                }
            }
        }
        let found = Self {
            store_global: number("STORE_GLOBAL")?,
            delete_global: number("DELETE_GLOBAL")?,
            extended_argument: number("EXTENDED_ARG")?,
            load_constant: number("LOAD_CONST")?,
            import_name: number("IMPORT_NAME")?,
            load_attribute: number("LOAD_ATTR")?,
            load_method: optional("LOAD_METHOD"),
            load_super_attribute: optional("LOAD_SUPER_ATTR"),
            attribute_shift: u32::from(py.version_info() >= (3, 12)),
            load_name: number("LOAD_NAME")?,
            load_global: number("LOAD_GLOBAL")?,
            global_shift: u32::from(py.version_info() >= (3, 11)),
            store_name: number("STORE_NAME")?,
            import_from: number("IMPORT_FROM")?,
            pop_top: number("POP_TOP")?,
            swap: [optional("ROT_TWO"), optional("SWAP")],
            cache: optional("CACHE"),
            jumps,
        };
        Ok(KNOWN.get_or_init(|| found))
    }
}
