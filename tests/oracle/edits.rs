//! Random batches of edits.

use crate::{
    module::{DEFECTS, Form, Module, Shape, Use, ancestors, parent, tail},
    random::Random,
    world::{ENTRY, World},
};

/// An edit of an application, in most cases of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Constant,
    Flag,
    Remark,
    Data,
    Everything,
    AddUse,
    DropUse,
    Reform,
    Reorder,
    AddModule,
    AddMissing,
    Delete,
    DeleteAlone,
    Rename,
    RenameAlone,
    Move,
    Root,
    Pack,
    Unpack,
    Namespace,
    Break,
    Level,
}

/// All edits with their weights.
const EDITS: [(usize, Edit); 22] = [
    (20, Edit::Constant),
    (8, Edit::Flag),
    (3, Edit::Remark),
    (4, Edit::Data),
    (5, Edit::Everything),
    (10, Edit::AddUse),
    (7, Edit::DropUse),
    (6, Edit::Reform),
    (2, Edit::Reorder),
    (6, Edit::AddModule),
    (4, Edit::AddMissing),
    (4, Edit::Delete),
    (2, Edit::DeleteAlone),
    (5, Edit::Rename),
    (1, Edit::RenameAlone),
    (4, Edit::Move),
    (2, Edit::Root),
    (3, Edit::Pack),
    (3, Edit::Unpack),
    (3, Edit::Namespace),
    (6, Edit::Break),
    (1, Edit::Level),
];

/// Makes random edits and returns them. It makes no edit that would let values depend on the order of imports.
pub fn batch(random: &mut Random, world: &mut World) -> Vec<Edit> {
    let mut done = Vec::new();
    if world.is_broken() && random.chance(65) {
        world.repair();
    }
    for _ in 0..1 + random.below(4) * random.below(3) {
        let edit = random.weighted(&EDITS);
        let mut changed = world.clone();
        if apply(random, &mut changed, edit).is_some() && changed.is_sound() {
            *world = changed;
            done.push(edit);
        }
    }
    done
}

/// Makes one edit. Returns `None` where it does not apply.
fn apply(random: &mut Random, world: &mut World, edit: Edit) -> Option<()> {
    let name = world.any_module(random)?;
    let is_entry = name == ENTRY;
    match edit {
        Edit::Constant => member(world, &name)?.constant = random.below(1000),
        Edit::Flag => member(world, &name)?.flag ^= true,
        Edit::Remark => member(world, &name)?.remark += 1,
        Edit::Data => {
            let data = &mut world.modules.values_mut().find(|m| m.data.is_some())?.data;
            *data = Some(random.below(1000));
        }
        Edit::Everything => {
            let own = format!("{}_s", tail(&name));
            let names = ["K", "V", "C", "deco", &own];
            let some = names.iter().filter(|_| random.chance(50)).map(|name| (*name).to_owned()).collect();
            member(world, &name)?.all = random.chance(70).then_some(some);
        }
        Edit::AddUse => world.add_use(random, &name),
        Edit::DropUse => {
            let uses = &mut member(world, &name)?.uses;
            if uses.is_empty() {
                return None;
            }
            uses.remove(random.below(uses.len()));
        }
        Edit::Reform => {
            let count = member(world, &name)?.uses.len();
            let at = random.below(count);
            let form = member(world, &name)?.uses.get(at)?.form;
            let other = world.some_use(random, &name, form)?;
            member(world, &name)?.uses[at] = other;
        }
        Edit::Reorder => random.shuffle(&mut member(world, &name)?.uses),
        Edit::AddModule => {
            let level = random.below(6);
            let new = world.add_module(random, level);
            world.add_use(random, &new);
            let form = random.weighted(&[(3, Form::Value), (2, Form::Part), (2, Form::Plain), (2, Form::Late)]);
            let used = Use { form, target: new, choice: None };
            member(world, &name)?.uses.push(used);
        }
        Edit::AddMissing => {
            let missing: Vec<String> = world
                .modules
                .values()
                .flat_map(|m| &m.uses)
                .flat_map(Use::targets)
                .filter(|t| !world.modules.contains_key(*t))
                .cloned()
                .collect();
            let target = random.pick(&missing)?.clone();
            let new = world.add_module(random, 0);
            world.rename(&new, &target, false);
        }
        Edit::Delete | Edit::DeleteAlone if !is_entry => {
            let below = format!("{name}.");
            world.modules.retain(|other, _| *other != name && !other.starts_with(&below));
            if edit == Edit::Delete {
                let gone = |target: &String| *target == name || target.starts_with(&below);
                for module in world.modules.values_mut() {
                    module.uses.retain(|used| used.form.is_forgiving() || !used.targets().any(gone));
                }
            }
        }
        Edit::Rename | Edit::RenameAlone if !is_entry => {
            let new = world.new_name(random, 'm');
            let to = if parent(&name).is_empty() {
                tail(&new).to_owned()
            } else {
                format!("{}.{}", parent(&name), tail(&new))
            };
            world.rename(&name, &to, edit == Edit::Rename);
        }
        Edit::Move if !is_entry => {
            let new = world.new_name(random, 'm');
            let above = parent(&new);
            if above == name || ancestors(above).any(|a| a == name) {
                return None;
            }
            let to = if above.is_empty() { tail(&name).to_owned() } else { format!("{above}.{}", tail(&name)) };
            if world.modules.contains_key(&to) {
                return None;
            }
            world.rename(&name, &to, true);
        }
        Edit::Root if !is_entry => member(world, &name)?.root ^= 1,
        Edit::Pack if !is_entry => member(world, &name)?.shape = Shape::Package,
        Edit::Unpack if !is_entry => {
            let below = format!("{name}.");
            if world.modules.keys().any(|other| other.starts_with(&below)) {
                return None;
            }
            member(world, &name)?.shape = Shape::File;
        }
        Edit::Namespace => {
            let packages: Vec<String> =
                world.modules.iter().filter(|(_, m)| m.shape != Shape::File).map(|(name, _)| name.clone()).collect();
            let name = random.pick(&packages)?.clone();
            let module = member(world, &name)?;
            if module.shape == Shape::Namespace {
                module.shape = Shape::Package;
            } else {
                module.shape = Shape::Namespace;
                module.uses.clear();
                module.defect = None;
                for other in world.modules.values_mut() {
                    other.uses.retain(|used| used.targets().all(|target| *target != name));
                }
            }
        }
        Edit::Break => member(world, &name)?.defect = random.pick(&DEFECTS).copied(),
        Edit::Level if !is_entry => member(world, &name)?.level = random.below(8),
        _ => return None,
    }
    Some(())
}

fn member<'a>(world: &'a mut World, name: &str) -> Option<&'a mut Module> {
    world.modules.get_mut(name)
}
