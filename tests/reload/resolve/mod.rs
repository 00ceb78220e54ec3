//! From a name to a file: the search path, archives, exclusions, and imports by path.

mod archives;
mod changes;
mod installations;
mod path_imports;
mod roots;
mod search_path;
