//! Names of modules that are imported by their path.

use std::path::Path;

use reload_core::resolve::path_names::{PathName, PathNames};

#[test]
fn a_directory_has_one_name_and_another_directory_has_another() {
    let roots = PathNames::default();
    let (name, is_new) = roots.name_directory(Path::new("/srv/one"));
    assert!(is_new && !name.contains('.') && name.starts_with("_mp_"), "{name}");
    assert_eq!(roots.name_directory(Path::new("/srv/one")), (name.clone(), false));
    assert_ne!(roots.name_directory(Path::new("/srv/two")).0, name);
    // Each child of a server finds the same names.
    assert_eq!(PathNames::default().name_directory(Path::new("/srv/one")).0, name);
    assert_eq!(roots.get(&name), Some(PathName::Directory("/srv/one".into())));
    assert_eq!(roots.root_of(&format!("{name}.pkg.mod")), Some(&*name));
    assert_eq!(roots.directory_of(&name).as_deref(), Some(Path::new("/srv/one")));
    assert_eq!(roots.as_written(&format!("{name}.pkg.mod")), "pkg.mod");
    assert_eq!(roots.as_written("pkg.mod"), "pkg.mod");
    for unknown in ["_mp_0", "pkg.mod", ""] {
        assert_eq!((roots.get(unknown), roots.root_of(unknown)), (None, None), "{unknown}");
    }
}

#[test]
fn a_file_whose_name_is_no_name_gets_one_of_one_part() {
    let roots = PathNames::default();
    let directory = Path::new("/srv/one");
    let root = roots.name_directory(directory).0;
    let files = ["a.b.py", "a_b.py", "a b", "util.inc", "\u{e9}.py"];
    let names: Vec<_> = files.iter().map(|file| roots.name_file(directory, &directory.join(file)).0).collect();
    for (index, name) in names.iter().enumerate() {
        let tail = name.strip_prefix(&*root).and_then(|rest| rest.strip_prefix('.')).expect("it lies in the directory");
        assert!(tail.chars().all(|c| c.is_alphanumeric() || c == '_'), "{name}");
        assert!(!names[..index].contains(name), "{name} twice");
        assert_eq!(roots.get(name), Some(PathName::File(directory.join(files[index]))));
        assert_eq!(roots.as_written(name), files[index]);
    }
}
