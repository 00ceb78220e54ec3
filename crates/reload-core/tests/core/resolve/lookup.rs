//! From a name to a file.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use tempfile::TempDir;

use reload_core::resolve::{Found, RealDisk, lookup};

/// The one suffix of C extensions that the tests know.
const SUFFIX: &str = ".abi3.so";

/// Directories of a search path, below a temporary one.
struct SearchPath {
    _root: TempDir,
    directories: Vec<PathBuf>,
}

impl SearchPath {
    fn new(count: usize) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory is made");
        let top = root.path().canonicalize().expect("it exists");
        let directories: Vec<PathBuf> = (0..count).map(|i| top.join(format!("d{i}"))).collect();
        for directory in &directories {
            fs::create_dir(directory).expect("a directory is made");
        }
        Self { _root: root, directories }
    }

    fn write(&self, directory: usize, file: &str) -> PathBuf {
        let path = self.directories[directory].join(file);
        fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("directories are made");
        fs::write(&path, "").expect("a file is written");
        path
    }

    fn look(&self, name: &str) -> Found {
        self.look_up(name).found
    }

    fn look_up(&self, name: &str) -> reload_core::resolve::Lookup {
        lookup(&RealDisk, self.directories.iter().map(PathBuf::as_path), name, &[SUFFIX.to_owned()])
    }
}

/// In one directory: a package before a C extension before a source file before bytecode before a plain directory.
#[test]
fn precedence_in_a_directory() {
    let path = SearchPath::new(1);
    assert_eq!(path.look("x"), Found::Nothing);
    let directory = path.directories[0].join("x");
    fs::create_dir(&directory).expect("a directory is made");
    assert_eq!(path.look("x"), Found::Namespace(vec![directory.clone()]));
    let bytecode = path.write(0, "x.pyc");
    assert_eq!(path.look("x"), Found::Foreign(bytecode));
    let source = path.write(0, "x.py");
    assert_eq!(path.look("x"), Found::Module(source));
    let extension = path.write(0, &format!("x{SUFFIX}"));
    assert_eq!(path.look("x"), Found::Foreign(extension));
    let init = path.write(0, "x/__init__.py");
    assert_eq!(path.look("x"), Found::Package(init, directory));
}

/// Whatever an earlier directory has comes before what a later one has, except for a plain directory.
#[test]
fn precedence_of_directories() {
    let path = SearchPath::new(3);
    fs::create_dir(path.directories[0].join("x")).expect("a directory is made");
    let last = path.write(2, "x/__init__.py");
    assert_eq!(path.look("x"), Found::Package(last, path.directories[2].join("x")));
    let middle = path.write(1, "x.py");
    assert_eq!(path.look("x"), Found::Module(middle.clone()));
    fs::remove_file(&middle).expect("a file is removed");
    assert!(matches!(path.look("x"), Found::Package(..)), "it is found again where it was before");
}

/// A namespace package has all its portions, in the path's order, and only directories are portions.
#[test]
fn portions_of_a_namespace() {
    let path = SearchPath::new(4);
    for at in [3, 0] {
        path.write(at, "ns/inner.py");
    }
    fs::write(path.directories[1].join("ns"), "no directory").expect("a file is written");
    symlink(path.directories[3].join("ns"), path.directories[2].join("ns")).expect("a link is made");
    let portions = [0, 2, 3].map(|at| path.directories[at].join("ns"));
    assert_eq!(path.look("ns"), Found::Namespace(portions.into()));
}

/// A dangling link is an error to report, not a module to pass over; so is a file without a name of its own kind.
#[test]
fn a_dangling_link_is_found() {
    let path = SearchPath::new(2);
    let link = path.directories[0].join("x.py");
    symlink("nowhere", &link).expect("a link is made");
    path.write(1, "x.py");
    assert_eq!(path.look("x"), Found::Module(link));
    // A directory of that name is none.
    fs::create_dir(path.directories[0].join("y.py")).expect("a directory is made");
    let file = path.write(1, "y.py");
    assert_eq!(path.look("y"), Found::Module(file));
}

/// What may lie in a directory.
const ENTRIES: [&str; 8] =
    ["x/", "x/__init__.py", "x/__init__.pyc", "x/__init__.abi3.so", "x/inner.py", "x.py", "x.pyc", "x.abi3.so"];

fn trees() -> impl Strategy<Value = Vec<Vec<&'static str>>> {
    prop::collection::vec(prop::sample::subsequence(&ENTRIES[..], 0..4), 1..4)
}

fn plant(tree: &[Vec<&str>]) -> SearchPath {
    let path = SearchPath::new(tree.len());
    for (at, entries) in tree.iter().enumerate() {
        for entry in entries {
            match entry.strip_suffix('/') {
                Some(directory) => {
                    fs::create_dir_all(path.directories[at].join(directory)).expect("a directory is made");
                }
                None => drop(path.write(at, entry)),
            }
        }
    }
    path
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// P6: a source file, a package or a directory that appears or goes changes the answer only at a path that was probed.
    #[test]
    fn every_path_that_matters_is_probed(tree in trees(), entry in prop::sample::select(vec!["x/__init__.py", "x.py", "x/"])) {
        let path = plant(&tree);
        let before = path.look_up("x");
        for at in 0..tree.len() {
            let target = path.directories[at].join(entry.trim_end_matches('/'));
            if target.exists() {
                continue;
            }
            let had_directory = path.directories[at].join("x").exists();
            if entry.ends_with('/') {
                fs::create_dir_all(&target).expect("a directory is made");
            } else {
                path.write(at, entry);
            }
            let after = path.look_up("x");
            let is_probed = before.probed.contains(&target)
                || (!had_directory && before.probed.contains(&path.directories[at].join("x")));
            prop_assert!(after.found == before.found || is_probed, "{:?} appeared unseen", target);
            if target.is_dir() { fs::remove_dir(&target) } else { fs::remove_file(&target) }.expect("it goes again");
            if !had_directory {
                let _ = fs::remove_dir(path.directories[at].join("x"));
            }
            prop_assert_eq!(&path.look_up("x"), &before);
        }
    }
}

/// Prints what Python's own path finder finds for `x` below each of the directories that its standard input names.
const PYTHON: &str = "
import sys, importlib.machinery as m
m.EXTENSION_SUFFIXES[:] = ['.abi3.so']
sys.path_hooks[:] = [m.FileFinder.path_hook((m.ExtensionFileLoader, m.EXTENSION_SUFFIXES),
    (m.SourceFileLoader, m.SOURCE_SUFFIXES), (m.SourcelessFileLoader, m.BYTECODE_SUFFIXES))]
for line in open(sys.argv[1]):
    spec = m.PathFinder.find_spec('x', line.rstrip('\\n').split(':'))
    if spec is None:
        print('nothing')
    elif spec.loader is None or not spec.has_location:
        print(':'.join(spec.submodule_search_locations))
    else:
        print(spec.origin)
";

/// Finds what Python's own path finder finds, in a few hundred trees.
#[test]
fn as_python_does() {
    let mut runner = TestRunner::default();
    let planted: Vec<(SearchPath, Vec<Vec<&str>>)> = (0..400)
        .map(|_| {
            let tree = trees().new_tree(&mut runner).expect("trees are always possible").current();
            (plant(&tree), tree)
        })
        .collect();
    let show = |path: &Path| path.display().to_string();
    let lines: Vec<String> =
        planted.iter().map(|(p, _)| p.directories.iter().map(|d| show(d)).collect::<Vec<_>>().join(":")).collect();
    let input = tempfile::NamedTempFile::new().expect("a temporary file is made");
    fs::write(input.path(), lines.join("\n") + "\n").expect("it is written");
    let python = env::var("PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned());
    let output = Command::new(&python).args(["-I", "-c", PYTHON]).arg(input.path()).output();
    let output = output.unwrap_or_else(|error| panic!("{python} does not run: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = String::from_utf8(output.stdout).expect("the paths are UTF-8");
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), planted.len());
    for ((path, tree), answer) in planted.iter().zip(answers) {
        let found = match path.look("x") {
            Found::Package(file, _) | Found::Module(file) | Found::Foreign(file) => show(&file),
            Found::Namespace(portions) => portions.iter().map(|p| show(p)).collect::<Vec<_>>().join(":"),
            Found::Nothing => "nothing".to_owned(),
        };
        assert_eq!(found, answer, "in {tree:?}");
    }
}
