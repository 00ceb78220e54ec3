//! A module of a generated application, and its text.
//!
//! Every module has the same members, so that any may use any other: a constant `K`, a value `V` computed from it and from what
//! the module uses, a class `C`, a function `f` that a request calls, a decorator `deco`, a flag, and a name of its own for those
//! who import everything.

use std::fmt::Write as _;

/// What a module is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A file.
    File,
    /// A directory with an `__init__.py`.
    Package,
    /// A directory without an `__init__.py`; it has no members.
    Namespace,
}

/// How one module uses another. The forms up to `Guarded` run with the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `import a.b`
    Plain,
    /// `import a.b as x`
    As,
    /// `from a.b import V`
    Value,
    /// `from a import b`
    Part,
    /// `from .b import V`
    RelativeValue,
    /// `from . import b`
    RelativePart,
    /// `from a.b import *`
    Star,
    /// `importlib.import_module(f"a.{b}")`
    Dynamic,
    /// `__import__("a.b", fromlist=["V"])`
    Dunder,
    /// One of two imports, chosen by another module's flag.
    Conditional,
    /// An import inside a function that the body calls.
    Local,
    /// The base of the class.
    Base,
    /// The decorator of a function.
    Decorator,
    /// An import that may fail with ImportError.
    Guarded,
    /// An import that may fail with anything.
    Caught,
    /// Modules that import each other, and read each other's members in a request.
    Cycle,
    /// An import inside a function that a request calls.
    Late,
    /// The same by a computed name.
    LateDynamic,
}

impl Form {
    /// Whether the body needs the other module to be complete.
    pub fn needs_whole(self) -> bool {
        !matches!(self, Self::Cycle | Self::Late | Self::LateDynamic)
    }

    /// Whether the import runs with the body.
    pub fn is_early(self) -> bool {
        !matches!(self, Self::Late | Self::LateDynamic)
    }

    /// Whether the importer goes on without the module.
    pub fn is_forgiving(self) -> bool {
        matches!(self, Self::Guarded | Self::Caught)
    }
}

/// One use of another module.
#[derive(Clone, Debug)]
pub struct Use {
    /// How.
    pub form: Form,
    /// The other module's dotted name.
    pub target: String,
    /// For `Conditional`: the module with the flag, and the module that is used where it is not set.
    pub choice: Option<(String, String)>,
}

impl Use {
    /// All names that this use may import.
    pub fn targets(&self) -> impl Iterator<Item = &String> {
        let choice = self.choice.iter().flat_map(|(flag, other)| [flag, other]);
        std::iter::once(&self.target).chain(choice)
    }

    /// The same, to be renamed.
    pub fn targets_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let choice = self.choice.iter_mut().flat_map(|(flag, other)| [flag, other]);
        std::iter::once(&mut self.target).chain(choice)
    }
}

/// What is wrong with a module.
#[derive(Clone, Copy, Debug)]
pub enum Defect {
    /// It does not compile.
    Syntax,
    /// The body raises at its end.
    RaisesLast,
    /// The body raises before anything else.
    RaisesFirst,
    /// It imports a module that does not exist.
    MissingImport,
    /// Its members are missing.
    Empty,
    /// The body raises SystemExit.
    Exit,
    /// It has bytes that are invalid in the source's encoding.
    Encoding,
}

/// All defects.
pub const DEFECTS: [Defect; 7] = [
    Defect::Syntax,
    Defect::RaisesLast,
    Defect::RaisesFirst,
    Defect::MissingImport,
    Defect::Empty,
    Defect::Exit,
    Defect::Encoding,
];

/// A module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Bodies use only values of lower levels, so that the values do not depend on the order of imports.
    pub level: usize,
    /// What it is on disk.
    pub shape: Shape,
    /// In which directory of the search path it lies.
    pub root: usize,
    /// Its constant.
    pub constant: usize,
    /// Its flag.
    pub flag: bool,
    /// The names in `__all__`, if it has one.
    pub all: Option<Vec<String>>,
    /// What it uses, in this order.
    pub uses: Vec<Use>,
    /// What is wrong with it.
    pub defect: Option<Defect>,
    /// The value in the data file that its body reads, if it does.
    pub data: Option<usize>,
    /// A number in a comment.
    pub remark: usize,
}

/// The last part of a dotted name.
pub fn tail(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, tail)| tail)
}

/// The package that a dotted name stands in; empty for a name without dots.
pub fn parent(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The packages above a dotted name, innermost first.
pub fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(parent(name)), |above| Some(parent(above))).take_while(|above| !above.is_empty())
}

/// A dotted name as texts inside modules spell it, so that it does not look like an attribute that code may read.
fn veiled(name: &str) -> String {
    format!("|{}", name.replace('.', "|"))
}

/// `target` as a relative import in `module` names it: the dots and the rest, which may be empty. `None` where they share no package.
pub fn relative(module: &str, is_package: bool, target: &str) -> Option<(String, String)> {
    let mut base = if is_package { module } else { parent(module) };
    let mut dots = String::from(".");
    while !base.is_empty() {
        if target == base {
            return Some((dots, String::new()));
        }
        if let Some(rest) = target.strip_prefix(base).and_then(|rest| rest.strip_prefix('.')) {
            return Some((dots, rest.to_owned()));
        }
        base = parent(base);
        dots.push('.');
    }
    None
}

/// A text in the making: the body, and the part of `f` that a request runs.
struct Text<'a> {
    name: &'a str,
    module: &'a Module,
    stars: String,
    body: String,
    late: String,
    bases: Vec<String>,
    decorators: Vec<String>,
    last: String,
}

/// The text of a module.
pub fn render(name: &str, module: &Module) -> Vec<u8> {
    let mut text = Text {
        name,
        module,
        stars: String::new(),
        body: String::new(),
        late: String::new(),
        bases: Vec::new(),
        decorators: Vec::new(),
        last: String::new(),
    };
    for (at, used) in module.uses.iter().enumerate() {
        text.add(at, used);
    }
    text.finish()
}

impl Text<'_> {
    fn uses(target: &str, bound: &str) -> String {
        let bound = if bound.is_empty() { "None".to_owned() } else { format!("'{bound}'") };
        format!("_uses.append(('{}', {bound}))", veiled(target))
    }

    /// A statement that imports the target's value as `variable`, and records the import.
    fn value(target: &str, variable: &str) -> String {
        format!("from {target} import V as {variable}; {}", Self::uses(target, ""))
    }

    fn add(&mut self, at: usize, used: &Use) {
        let target = &used.target;
        let (above, last) = (parent(target), tail(target));
        let mix = |value: &str| format!("V = (V * 31 + {value}) % 1000003\n");
        let first = target.split('.').next().unwrap_or(target);
        let line = match used.form {
            Form::Plain => {
                let _ = writeln!(self.late, "    r.append({target}.V)");
                format!("import {target}; {}\n{}", Self::uses(target, first), mix(&format!("{target}.V")))
            }
            Form::As => {
                let _ = writeln!(self.late, "    r.append(x{at}.V)");
                format!(
                    "import {target} as x{at}; {}\n{}",
                    Self::uses(target, &format!("x{at}")),
                    mix(&format!("x{at}.V"))
                )
            }
            Form::Value => format!("{}\n{}", Self::value(target, &format!("v{at}")), mix(&format!("v{at}"))),
            Form::Part if !above.is_empty() => {
                let _ = writeln!(self.late, "    r.append(x{at}.K)");
                let noted = Self::uses(target, &format!("x{at}"));
                format!("from {above} import {last} as x{at}; {noted}\n{}", mix(&format!("x{at}.V")))
            }
            Form::RelativeValue | Form::RelativePart => self.relative(at, used),
            Form::Star => {
                let _ = writeln!(self.stars, "from {target} import *; {}", Self::uses(target, ""));
                mix(&format!("globals().get('{last}_s', 0)"))
            }
            Form::Dynamic | Form::Part => {
                let (front, back) = last.split_at(1);
                let dot = if above.is_empty() { "" } else { "." };
                let noted = Self::uses(target, &format!("x{at}"));
                format!(
                    "import importlib; _p = '{back}'\nx{at} = importlib.import_module(f'{above}{dot}{front}{{_p}}'); {noted}\n{}",
                    mix(&format!("x{at}.V"))
                )
            }
            Form::Dunder => {
                let noted = Self::uses(target, &format!("x{at}"));
                format!("x{at} = __import__('{target}', fromlist=['V']); {noted}\n{}", mix(&format!("x{at}.V")))
            }
            Form::Conditional => {
                let Some((flag, other)) = &used.choice else { return };
                let v = format!("v{at}");
                format!(
                    "from {flag} import FLAG as b{at}; {}\nif b{at}:\n    {}\nelse:\n    {}\n{}",
                    Self::uses(flag, ""),
                    Self::value(target, &v),
                    Self::value(other, &v),
                    mix(&v)
                )
            }
            Form::Local => format!(
                "def l{at}():\n    import {target} as l; {}\n    return l.V\n{}",
                Self::uses(target, ""),
                mix(&format!("l{at}()"))
            ),
            Form::Base if self.bases.is_empty() => {
                self.bases.push(format!("c{at}"));
                format!("from {target} import C as c{at}; {}\n", Self::uses(target, ""))
            }
            Form::Base | Form::Decorator => {
                self.decorators.push(format!("d{at}"));
                format!("from {target} import deco as d{at}; {}\n", Self::uses(target, ""))
            }
            Form::Guarded | Form::Caught => {
                let error = if used.form == Form::Guarded { "ImportError" } else { "Exception" };
                let v = format!("v{at}");
                let names: Vec<String> = ancestors(target).chain([target.as_str()]).map(veiled).collect();
                // -1 where the module does not exist, -2 where it exists and fails.
                let absent = format!("'|' + (getattr(e, 'name', None) or '').replace('.', '|') in {names:?}");
                let value = Self::value(target, &v);
                format!("try:\n    {value}\nexcept {error} as e:\n    {v} = -1 if {absent} else -2\n{}", mix(&v))
            }
            Form::Cycle => {
                let _ = writeln!(self.late, "    r.append(y{at}.K)");
                let _ = writeln!(self.last, "import {target} as y{at}; {}", Self::uses(target, &format!("y{at}")));
                String::new()
            }
            Form::Late => {
                let noted = veiled(target);
                let _ = writeln!(self.late, "    import {target} as l; n.append('{noted}'); r.append(l.V)");
                String::new()
            }
            Form::LateDynamic => {
                let (front, back) = last.split_at(1);
                let dot = if above.is_empty() { "" } else { "." };
                let _ = writeln!(
                    self.late,
                    "    import importlib; p = '{back}'; t = f'{above}{dot}{front}{{p}}'\n    \
                     l = importlib.import_module(t); n.append('{}'); r.append(l.V)",
                    veiled(target)
                );
                String::new()
            }
        };
        self.body.push_str(&line);
    }

    /// A relative import; an absolute one where the two share no package.
    fn relative(&mut self, at: usize, used: &Use) -> String {
        let target = &used.target;
        let is_package = self.module.shape == Shape::Package;
        let mix = |value: &str| format!("V = (V * 31 + {value}) % 1000003\n");
        let noted = Self::uses(target, "");
        let Some((dots, rest)) = relative(self.name, is_package, target) else {
            return format!("{}\n{}", Self::value(target, &format!("v{at}")), mix(&format!("v{at}")));
        };
        if used.form == Form::RelativeValue || rest.is_empty() {
            return format!("from {dots}{rest} import V as v{at}; {noted}\n{}", mix(&format!("v{at}")));
        }
        let _ = writeln!(self.late, "    r.append(x{at}.K)");
        let noted = Self::uses(target, &format!("x{at}"));
        let (above, last) = (parent(&rest), tail(&rest));
        format!("from {dots}{above} import {last} as x{at}; {noted}\n{}", mix(&format!("x{at}.V")))
    }

    fn finish(self) -> Vec<u8> {
        let Module { constant, flag, all, defect, remark, data, uses, .. } = self.module;
        let name = self.name;
        let own = tail(name);
        let mut out = format!("\"\"\"{}\"\"\"\n# remark {remark}\n# uses:", veiled(name));
        for target in uses.iter().flat_map(Use::targets) {
            let _ = write!(out, " {target}");
        }
        out.push_str("\nimport oracle_dump as _o\n_uses = []\n");
        match defect {
            Some(Defect::Empty) => return out.into_bytes(),
            Some(Defect::RaisesFirst) => out.push_str("raise ValueError('first')\n"),
            Some(Defect::MissingImport) => out.push_str("import no_such_module\n"),
            _ => {}
        }
        out.push_str(&self.stars);
        let _ = writeln!(out, "K = V = {own}_s = {constant}\nFLAG = {}", if *flag { "True" } else { "False" });
        if data.is_some() {
            let _ = writeln!(
                out,
                "import json as _j, os as _os\nwith open(_os.path.join(_os.path.dirname(__file__), 'of_{own}.json')) as _f:\n    \
                 V = D = _j.load(_f)"
            );
        }
        out.push_str(&self.body);
        let _ = writeln!(
            out,
            "def deco(function):\n    def wrapper():\n        return {constant}, function()\n    return wrapper"
        );
        for decorator in &self.decorators {
            let _ = writeln!(out, "@{decorator}");
        }
        out.push_str("def g():\n    return K, V\n");
        let inherited = if self.bases.is_empty() { "()" } else { "super().m()" };
        let _ = writeln!(
            out,
            "class C({}):\n    k = K\n    def m(self):\n        return (self.k, {constant}) + {inherited}",
            self.bases.join(", ")
        );
        let _ = writeln!(out, "def f():\n    r, n = [K, V], []\n{}    return r, n", self.late);
        if let Some(all) = all {
            let _ = writeln!(out, "__all__ = {all:?}");
        }
        out.push_str(&self.last);
        if name == "h" {
            out.push_str("def handler(req):\n    req.write(_o.answer(__name__), 0)\n    return 0\n");
        }
        match defect {
            Some(Defect::Syntax) => out.push_str("def broken(:\n"),
            Some(Defect::RaisesLast) => out.push_str("raise ValueError('last')\n"),
            Some(Defect::Exit) => out.push_str("raise SystemExit(3)\n"),
            Some(Defect::Encoding) => {
                let mut bytes = out.into_bytes();
                bytes.extend_from_slice(b"x = '\xff'\n");
                return bytes;
            }
            _ => {}
        }
        out.push_str("_o.end(__name__)\n");
        out.into_bytes()
    }
}
