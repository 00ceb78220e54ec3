//! What an import statement gets: the import hook, `sys.modules`, loaders, threads and forks.

mod crossings;
mod forks;
mod habits;
mod loaders;
mod machinery;
mod ordinary;
mod threads;
