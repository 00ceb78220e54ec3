//! The instructions of Python's bytecode that matter, which differ between versions.

use std::sync::OnceLock;

use pyo3::prelude::*;

/// The numbers of the instructions that matter.
pub(super) struct Instructions {
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

/// What an instruction means for chains of attributes, with the index of a name in `co_names`.
pub(super) enum Step {
    /// Loads the value of a name.
    Name(usize),
    /// Reads an attribute of the value on the stack.
    Attribute(usize),
    /// Binds a global name.
    Store(usize),
    /// Takes a part out of the module that was imported.
    ImportFrom(usize),
    /// Only moves values on the stack.
    Turn,
    /// Anything else.
    Other,
}

impl Instructions {
    /// The instructions of `co_code` with their whole arguments, without the caches between them.
    pub(super) fn decode<'a>(&'a self, code: &'a [u8]) -> impl Iterator<Item = (u8, usize)> + 'a {
        let mut argument = 0;
        code.chunks_exact(2).filter_map(move |unit| {
            argument = argument << 8 | usize::from(unit[1]);
            if unit[0] == self.extended_argument {
                return None;
            }
            let instruction = (unit[0], std::mem::take(&mut argument));
            (Some(unit[0]) != self.cache).then_some(instruction)
        })
    }

    pub(super) fn is_jump(&self, operation: u8) -> bool {
        self.jumps[usize::from(operation)]
    }

    pub(super) fn is_pop(&self, operation: u8) -> bool {
        operation == self.pop_top
    }

    pub(super) fn is_import(&self, operation: u8) -> bool {
        operation == self.import_name
    }

    pub(super) fn loads_constant(&self, operation: u8) -> bool {
        operation == self.load_constant
    }

    /// Whether it binds or deletes a global of the module, which functions do only after `global`.
    pub(super) fn rebinds_global(&self, operation: u8) -> bool {
        operation == self.store_global || operation == self.delete_global
    }

    /// What an instruction means for chains of attributes.
    pub(super) fn step(&self, operation: u8, argument: usize) -> Step {
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

    /// The numbers of the Python that runs.
    ///
    /// # Errors
    /// What Python raises when its module `opcode` is not what it was.
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static KNOWN: OnceLock<Instructions> = OnceLock::new();
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
