//! A generated application: its modules, its files, and the rules that make values independent of the order of imports.

use std::collections::{BTreeMap, HashSet};

use crate::{
    module::{Form, Module, Shape, Use, ancestors, parent, render, tail},
    random::Random,
};

/// The files of a tree: paths relative to its root, and contents.
pub type Tree = BTreeMap<String, Vec<u8>>;

/// The directories of the search path, below the tree's root.
pub const ROOTS: [&str; 2] = ["a", "b"];

/// The entry module.
pub const ENTRY: &str = "h";

/// The level of the entry, above all others.
const TOP: usize = 1_000_000;

/// All forms with their weights.
const FORMS: [(usize, Form); 18] = [
    (6, Form::Plain),
    (4, Form::As),
    (8, Form::Value),
    (5, Form::Part),
    (6, Form::RelativeValue),
    (5, Form::RelativePart),
    (4, Form::Star),
    (3, Form::Dynamic),
    (2, Form::Dunder),
    (4, Form::Conditional),
    (3, Form::Local),
    (5, Form::Base),
    (4, Form::Decorator),
    (2, Form::Guarded),
    (1, Form::Caught),
    (5, Form::Cycle),
    (4, Form::Late),
    (2, Form::LateDynamic),
];

/// An application.
#[derive(Clone, Debug)]
pub struct World {
    /// Its modules, by dotted name.
    pub modules: BTreeMap<String, Module>,
    next: usize,
}

impl World {
    /// An application of about this many modules.
    pub fn new(random: &mut Random, size: usize) -> Self {
        let mut world = Self { modules: BTreeMap::new(), next: 0 };
        for _ in 0..random.below(size / 6 + 2) {
            world.add_package(random);
        }
        let levels = size / 2 + 2;
        while world.modules.len() < size {
            let level = random.below(levels);
            world.add_module(random, level);
        }
        let names: Vec<String> = world.modules.keys().cloned().collect();
        for name in &names {
            for _ in 0..random.below(4) {
                world.add_use(random, name);
            }
        }
        let entry = Self::blank(random, TOP, Shape::File);
        world.modules.insert(ENTRY.to_owned(), Module { root: 0, ..entry });
        for _ in 0..size / 8 + 2 {
            world.add_use(random, ENTRY);
        }
        world
    }

    fn blank(random: &mut Random, level: usize, shape: Shape) -> Module {
        Module {
            level,
            shape,
            root: usize::from(random.chance(25)),
            constant: random.below(1000),
            flag: random.chance(50),
            all: None,
            uses: Vec::new(),
            defect: None,
            data: random.chance(10).then(|| random.below(1000)),
            remark: 0,
        }
    }

    /// A new name, in a package of at most two levels or in none.
    pub fn new_name(&mut self, random: &mut Random, letter: char) -> String {
        self.next += 1;
        let packages: Vec<&String> = self
            .modules
            .iter()
            .filter(|(name, module)| module.shape != Shape::File && name.matches('.').count() < 2)
            .map(|(name, _)| name)
            .collect();
        match random.pick(&packages) {
            Some(package) if random.chance(65) => format!("{package}.{letter}{}", self.next),
            _ => format!("{letter}{}", self.next),
        }
    }

    fn add_package(&mut self, random: &mut Random) {
        let name = self.new_name(random, 'p');
        let shape = if random.chance(20) { Shape::Namespace } else { Shape::Package };
        // Whoever uses a submodule uses its package, so packages have low levels.
        let level = if random.chance(70) { 0 } else { random.below(10) };
        let module = Self::blank(random, level, shape);
        self.modules.insert(name, module);
    }

    /// Adds a module without uses, and returns its name.
    pub fn add_module(&mut self, random: &mut Random, level: usize) -> String {
        let name = self.new_name(random, 'm');
        let shape = if random.chance(8) { Shape::Package } else { Shape::File };
        let module = Self::blank(random, level, shape);
        self.modules.insert(name.clone(), module);
        name
    }

    /// A member that others may use.
    pub fn any_module(&self, random: &mut Random) -> Option<String> {
        let names: Vec<&String> = self.modules.keys().filter(|name| self.has_text(name)).collect();
        random.pick(&names).map(|name| (*name).clone())
    }

    fn has_text(&self, name: &str) -> bool {
        self.modules.get(name).is_some_and(|module| module.shape != Shape::Namespace)
    }

    /// Whether `user` may use `target` in this form, so that the order of imports does not matter. A module that runs with the
    /// body must have a lower level, and so must the packages that run before it, unless they run before the user too.
    fn may_use(&self, user: &str, form: Form, target: &str) -> bool {
        let Some(module) = self.modules.get(user) else { return false };
        if user == target || target == ENTRY || (self.modules.contains_key(target) && !self.has_text(target)) {
            return false;
        }
        if !form.is_early() {
            return true;
        }
        // A module that does not exist is as low as one that uses nothing.
        let level =
            |name: &str| self.modules.get(name).map_or(0, |m| if m.shape == Shape::Namespace { 0 } else { m.level });
        let is_low = if form.needs_whole() { level(target) < module.level } else { level(target) <= module.level };
        let own: HashSet<&str> = ancestors(user).chain([user]).collect();
        is_low && ancestors(target).filter(|above| !own.contains(above)).all(|above| level(above) < module.level)
    }

    /// Gives a module one more use, if there is a module to use.
    pub fn add_use(&mut self, random: &mut Random, user: &str) {
        for _ in 0..6 {
            let form = random.weighted(&FORMS);
            if let Some(used) = self.some_use(random, user, form) {
                if let Some(module) = self.modules.get_mut(user) {
                    module.uses.push(used);
                }
                return;
            }
        }
    }

    /// A use of this form by `user`, if there is a module that allows it.
    pub fn some_use(&mut self, random: &mut Random, user: &str, form: Form) -> Option<Use> {
        if form.is_forgiving() && random.chance(40) {
            // A module that does not exist, and may appear.
            let target = self.new_name(random, 'm');
            return self.may_use(user, form, &target).then_some(Use { form, target, choice: None });
        }
        let is_relative = matches!(form, Form::RelativeValue | Form::RelativePart);
        let near = if is_relative { parent(user) } else { "" };
        let candidates: Vec<&String> = self
            .modules
            .keys()
            .filter(|name| near.is_empty() || ancestors(name).any(|above| above == near))
            .filter(|name| self.may_use(user, form, name))
            .collect();
        let target = (*random.pick(&candidates)?).clone();
        let choice = match form {
            Form::Conditional => Some(((*random.pick(&candidates)?).clone(), (*random.pick(&candidates)?).clone())),
            _ => None,
        };
        Some(Use { form, target, choice })
    }

    /// Whether every use of a module is allowed.
    pub fn is_sound(&self) -> bool {
        self.modules.iter().all(|(name, module)| {
            let is_free = module.shape != Shape::Namespace || module.uses.is_empty();
            let has_room = self.modules.get(parent(name)).is_none_or(|above| above.shape != Shape::File);
            let is_packed = parent(name).is_empty() || self.modules.contains_key(parent(name));
            is_free
                && has_room
                && is_packed
                && module.uses.iter().all(|used| used.targets().all(|target| self.may_use(name, used.form, target)))
        })
    }

    /// Renames a module and all below it; with `follow`, in the modules that use them too.
    pub fn rename(&mut self, from: &str, to: &str, follow: bool) {
        let below = format!("{from}.");
        let renamed = |name: &str| -> Option<String> {
            if name == from {
                return Some(to.to_owned());
            }
            name.strip_prefix(&below).map(|rest| format!("{to}.{rest}"))
        };
        let old = std::mem::take(&mut self.modules);
        self.modules = old.into_iter().map(|(name, module)| (renamed(&name).unwrap_or(name), module)).collect();
        if follow {
            for target in self.modules.values_mut().flat_map(|m| &mut m.uses).flat_map(Use::targets_mut) {
                if let Some(name) = renamed(target) {
                    *target = name;
                }
            }
        }
    }

    /// Mends everything: no module has a defect, and only guarded uses lead to a module that does not exist.
    pub fn repair(&mut self) {
        let there: HashSet<String> = self.modules.keys().filter(|name| self.has_text(name)).cloned().collect();
        for module in self.modules.values_mut() {
            module.defect = None;
            module.uses.retain(|used| used.form.is_forgiving() || used.targets().all(|target| there.contains(target)));
        }
    }

    /// Whether [`World::repair`] would find something.
    pub fn is_broken(&self) -> bool {
        self.modules.values().any(|module| {
            let misses = |used: &Use| !used.form.is_forgiving() && used.targets().any(|target| !self.has_text(target));
            module.defect.is_some() || module.uses.iter().any(misses)
        })
    }

    /// The directory of the search path in which a module lies: that of its outermost package with an `__init__.py`.
    fn root(&self, name: &str) -> usize {
        let mut above: Vec<&str> = ancestors(name).collect();
        above.reverse();
        let owner = above.into_iter().chain([name]).find(|name| self.has_text(name)).unwrap_or(name);
        self.modules.get(owner).map_or(0, |module| module.root)
    }

    /// All files.
    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        for (name, module) in &self.modules {
            let path = format!("{}/{}", ROOTS[self.root(name)], name.replace('.', "/"));
            let directory = match module.shape {
                Shape::File => {
                    tree.insert(format!("{path}.py"), render(name, module));
                    path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned()
                }
                Shape::Package => {
                    tree.insert(format!("{path}/__init__.py"), render(name, module));
                    path
                }
                Shape::Namespace => continue,
            };
            if let Some(value) = module.data {
                // Not the module's own name, as a text with it may be read as an attribute's name.
                tree.insert(format!("{directory}/of_{}.json", tail(name)), value.to_string().into_bytes());
            }
        }
        tree
    }
}
