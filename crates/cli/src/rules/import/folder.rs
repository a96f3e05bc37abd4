//! Reads a Terraform folder as Terraform does: which files count, and their order.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hallpass_imports::SourceFile;
use hallpass_imports::elevator::OtherValues;
use hallpass_terminal::exit::Failure;

const FILE_BYTES_MAX: u64 = 1 << 20;
const FILES_MAX: usize = 500;

#[derive(Debug, Default)]
pub(super) struct ConfigurationFolder {
    pub(super) files: Vec<SourceFile>,
    /// Variable files; the last has precedence.
    pub(super) values: Vec<SourceFile>,
    pub(super) others: Vec<OtherValues>,
    pub(super) root: PathBuf,
}

/// Reads a folder, or one of its files with the folder's variable values, plus named variable
/// files.
pub(super) fn read(path: &Path, var_files: &[PathBuf]) -> Result<ConfigurationFolder, Failure> {
    let mut found = ConfigurationFolder::default();
    let is_folder = path.is_dir();
    if is_folder {
        path.clone_into(&mut found.root);
    } else {
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
        found.root = parent.map_or_else(|| PathBuf::from("."), Path::to_owned);
        found.files.push(named(path)?);
    }
    let names = names(&found.root)?;
    for name in names.iter().filter(|it| is_configuration(it)) {
        refuse_override(name, &found.root)?;
        if is_folder {
            let file = listed(&found.root, name, name.clone())?;
            found.files.push(file);
        }
    }
    if found.files.is_empty() {
        let message = format!(
            "`{}` has no file of Terraform (`.tf`, `.tf.json`)",
            path.display()
        );
        return Err(Failure::bad_input(message));
    }
    // next to a file, names are used unchanged
    let called = |name: &str| {
        if is_folder {
            name.to_owned()
        } else {
            path.with_file_name(name).display().to_string()
        }
    };
    for name in values_in_order(&names) {
        let file = listed(&found.root, name, called(name))?;
        found.values.push(file);
    }
    for name in unnamed_values(&found.root, &names, var_files) {
        found.others.push(OtherValues {
            name: called(name),
            bytes: below(&found.root, name).ok(),
        });
    }
    for path in var_files {
        found.values.push(named(path)?);
    }
    Ok(found)
}

pub(super) fn is_configuration(name: &str) -> bool {
    ends(name, ".tf") || ends(name, ".tf.json")
}

fn ends(name: &str, ending: &str) -> bool {
    name.ends_with(ending)
}

fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error| Failure::unreadable(folder.display(), &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        let is_passed = name.starts_with(['.', '#']) || name.ends_with('~');
        let counts = is_configuration(name)
            || ends(name, ".tfvars")
            || ends(name, ".tfvars.json")
            || ends(name, ".tofu")
            || ends(name, ".tofu.json");
        if counts && !is_passed {
            names.push(name.to_owned());
        }
    }
    if names.len() > FILES_MAX {
        let message = format!("`{}` has more than {FILES_MAX} files", folder.display());
        return Err(Failure::bad_input(message).help("import the plan: `terraform show -json`"));
    }
    if let Some(other) = names
        .iter()
        .find(|it| ends(it, ".tofu") || ends(it, ".tofu.json"))
    {
        let message = format!("`{other}` in `{}` is not read here", folder.display());
        return Err(Failure::bad_input(message).help("import the plan: `tofu show -json`"));
    }
    names.sort();
    Ok(names)
}

/// Files whose values Terraform loads automatically, the last has precedence (Terraform
/// documentation, "Variable definition precedence").
fn values_in_order(names: &[String]) -> Vec<&str> {
    let own = ["terraform.tfvars", "terraform.tfvars.json"];
    let own = own
        .into_iter()
        .filter(|own| names.iter().any(|it| it == own));
    let automatic = names.iter().map(String::as_str);
    let automatic =
        automatic.filter(|it| ends(it, ".auto.tfvars") || ends(it, ".auto.tfvars.json"));
    own.chain(automatic).collect()
}

/// Variable files that Terraform loads only if named, and no option names.
fn unnamed_values<'n>(root: &Path, names: &'n [String], var_files: &[PathBuf]) -> Vec<&'n str> {
    let automatic = values_in_order(names);
    let given: Vec<PathBuf> = { var_files.iter() }
        .filter_map(|it| it.canonicalize().ok())
        .collect();
    let is_given = |name: &str| {
        let whole = root.join(name).canonicalize();
        whole.is_ok_and(|it| given.contains(&it))
    };
    let values = names.iter().map(String::as_str);
    values
        .filter(|it| ends(it, ".tfvars") || ends(it, ".tfvars.json"))
        .filter(|it| !automatic.contains(it) && !is_given(it))
        .collect()
}

fn refuse_override(name: &str, folder: &Path) -> Result<(), Failure> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let stem = stem.strip_suffix(".tf").unwrap_or(stem);
    if stem == "override" || stem.ends_with("_override") {
        let message = format!(
            "`{name}` in `{}` overrides what the other files say, and is not read here",
            folder.display()
        );
        return Err(Failure::bad_input(message).help("import the plan: `terraform show -json`"));
    }
    Ok(())
}

fn named(path: &Path) -> Result<SourceFile, Failure> {
    let name = path.display().to_string();
    let bytes = bytes(path).map_err(|why| not_read(&name, &why))?;
    Ok(SourceFile { name, bytes })
}

/// Reads a listed file. The folder's author could link it to any file of the user, and errors print
/// lines.
fn listed(root: &Path, file: &str, name: String) -> Result<SourceFile, Failure> {
    let bytes = below(root, file);
    let bytes = bytes.map_err(|why| not_read(&root.join(file).display().to_string(), &why))?;
    Ok(SourceFile { name, bytes })
}

fn not_read(name: &str, why: &str) -> Failure {
    Failure::bad_input(format!("`{name}` {why}")).help("import the plan: `terraform show -json`")
}

/// Opens only regular files, not pipes.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("has more than {} KiB", FILE_BYTES_MAX >> 10));
    }
    Ok(bytes)
}

/// Reads a file below a folder; links must stay below it.
pub(super) fn below(root: &Path, path: &str) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let root = root.canonicalize().map_err(unreadable)?;
    let whole = root.join(path).canonicalize().map_err(unreadable)?;
    if !whole.starts_with(&root) {
        return Err("is a link out of the folder, and only files below it are read".to_owned());
    }
    bytes(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let whole = tempfile::tempdir().unwrap();
        fs::create_dir_all(whole.path().join("infra/rules")).unwrap();
        fs::write(whole.path().join("secret.json"), "[]").unwrap();
        for name in files {
            fs::write(whole.path().join("infra").join(name), "\n").unwrap();
        }
        whole
    }

    #[test]
    fn the_files_that_terraform_takes_are_read_in_its_order() {
        let whole = folder(&[
            "main.tf",
            "b.tf.json",
            "README.md",
            ".hidden.tf",
            "old.tf~",
            "z.tfvars",
            "terraform.tfvars.json",
            "terraform.tfvars",
            "b.auto.tfvars",
            "a.auto.tfvars.json",
        ]);
        let root = whole.path().join("infra");
        let more = [root.join("z.tfvars")];
        let read = read(&root, &more).unwrap();
        let names = |files: &[SourceFile]| -> Vec<String> {
            files.iter().map(|it| it.name.clone()).collect()
        };
        assert_eq!(names(&read.files), ["b.tf.json", "main.tf"]);
        let last = more[0].display().to_string();
        let due = [
            "terraform.tfvars",
            "terraform.tfvars.json",
            "a.auto.tfvars.json",
            "b.auto.tfvars",
            &last,
        ];
        assert_eq!(names(&read.values), due);
        assert!(read.others.is_empty(), "{:?}", read.others);
    }

    fn called(others: &[OtherValues]) -> Vec<&str> {
        others.iter().map(|it| it.name.as_str()).collect()
    }

    #[test]
    fn values_that_nobody_named_are_kept_apart() {
        let whole = folder(&["main.tf", "terraform.tfvars", "b.tfvars.json", "a.tfvars"]);
        let root = whole.path().join("infra");
        fs::create_dir(root.join("c.tfvars")).unwrap();
        let read = |more: &[PathBuf]| read(&root, more).unwrap();
        let found = read(&[]);
        assert_eq!(
            called(&found.others),
            ["a.tfvars", "b.tfvars.json", "c.tfvars"]
        );
        let is_read: Vec<bool> = found.others.iter().map(|it| it.bytes.is_some()).collect();
        assert_eq!(is_read, [true, true, false]);
        let named = read(&[whole.path().join("infra/rules/../a.tfvars")]);
        assert_eq!(called(&named.others), ["b.tfvars.json", "c.tfvars"]);
    }

    #[test]
    fn a_file_has_the_values_of_its_folder_and_is_refused_for_what_overrides_it() {
        let names = [
            "main.tf",
            "other.tf",
            "terraform.tfvars",
            "b.auto.tfvars",
            "c.tfvars",
        ];
        let whole = folder(&names);
        let main = whole.path().join("infra/main.tf");
        let beside = |name: &str| main.with_file_name(name).display().to_string();
        let found = read(&main, &[]).unwrap();
        let names = |files: &[SourceFile]| -> Vec<String> {
            files.iter().map(|it| it.name.clone()).collect()
        };
        assert_eq!(names(&found.files), [beside("main.tf")]);
        assert_eq!(
            names(&found.values),
            ["terraform.tfvars", "b.auto.tfvars"].map(beside)
        );
        assert_eq!(called(&found.others), [beside("c.tfvars")]);
        assert_eq!(found.root, whole.path().join("infra"));
        for (name, expected) in [
            ("override.tf", "overrides what the other files say"),
            ("main.tofu", "is not read here"),
        ] {
            let whole = folder(&["main.tf", name]);
            let why = read(&whole.path().join("infra/main.tf"), &[]).unwrap_err();
            assert!(format!("{why:?}").contains(expected), "{name}: {why:?}");
        }
        let why = read(&main.with_file_name("none.tf"), &[]).unwrap_err();
        assert!(format!("{why:?}").contains("none.tf"), "{why:?}");
    }

    #[test]
    fn what_would_change_the_rest_is_refused() {
        for (name, expected) in [
            ("override.tf", "overrides what the other files say"),
            ("x_override.tf.json", "overrides what the other files say"),
            ("main.tofu", "is not read here"),
        ] {
            let whole = folder(&["main.tf", name]);
            let why = read(&whole.path().join("infra"), &[]).unwrap_err();
            assert!(format!("{why:?}").contains(expected), "{name}: {why:?}");
        }
        let whole = folder(&["terraform.tfvars"]);
        let why = read(&whole.path().join("infra"), &[]).unwrap_err();
        assert!(
            format!("{why:?}").contains("no file of Terraform"),
            "{why:?}"
        );
        let long = whole.path().join("infra/main.tf");
        fs::write(&long, vec![b'#'; (1 << 20) + 1]).unwrap();
        let why = read(&whole.path().join("infra"), &[]).unwrap_err();
        assert!(
            format!("{why:?}").contains("has more than 1024 KiB"),
            "{why:?}"
        );
    }

    #[test]
    fn no_link_leads_out_of_the_folder() {
        let whole = folder(&["main.tf", "rules/a.json"]);
        let root = whole.path().join("infra");
        for (link, to) in [
            ("in.json", "rules/a.json"),
            ("out.json", "../secret.json"),
            ("up", ".."),
        ] {
            std::os::unix::fs::symlink(to, root.join(link)).unwrap();
        }
        for (path, expected) in [
            ("rules/a.json", None),
            ("in.json", None),
            ("out.json", Some("is a link out of the folder")),
            ("up/secret.json", Some("is a link out of the folder")),
            ("../secret.json", Some("is a link out of the folder")),
            ("rules", Some("is no file")),
            ("none", Some("cannot be read")),
        ] {
            let read = below(&root, path);
            match expected {
                None => assert_eq!(read.unwrap(), b"\n", "{path}"),
                Some(expected) => {
                    let why = read.unwrap_err();
                    assert!(why.contains(expected), "{path}: {why}");
                }
            }
        }
        for name in ["x.tf", "x.tf.json", "terraform.tfvars", "x.auto.tfvars"] {
            let whole = folder(&["main.tf"]);
            let root = whole.path().join("infra");
            std::os::unix::fs::symlink("../secret.json", root.join(name)).unwrap();
            let why = read(&root, &[]).unwrap_err().words();
            let expected = format!("{name}` is a link out of the folder");
            assert!(why.contains(&expected), "{why}");
        }
        let whole = folder(&["main.tf"]);
        let root = whole.path().join("infra");
        std::os::unix::fs::symlink("../secret.json", root.join("x.tfvars")).unwrap();
        let others = read(&root, &[]).unwrap().others;
        assert!(others.iter().all(|it| it.bytes.is_none()), "{others:?}");
        // a named file is read from any path
        assert!(read(&root, &[root.join("x.tfvars")]).is_ok());
    }
}
