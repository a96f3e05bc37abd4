//! A folder of Terraform as Terraform takes it: which of its files count, and in which order.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hallpass_imports::SourceFile;
use hallpass_terminal::exit::Failure;

/// The longest file of a folder that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most files.
const FILES_MAX: usize = 500;

/// The files that count.
#[derive(Debug, Default)]
pub(super) struct ConfigurationFolder {
    /// Those of configuration.
    pub(super) files: Vec<SourceFile>,
    /// Those with values of variables, of which the later ones count.
    pub(super) values: Vec<SourceFile>,
    /// The folder, below which `file("…")` reads.
    pub(super) root: PathBuf,
}

/// Reads a folder, or a single file of one, and the files of variables that are named beside it.
///
/// # Errors
/// When something in it would change what Terraform applies and is not read here, or is too large.
pub(super) fn read(path: &Path, var_files: &[PathBuf]) -> Result<ConfigurationFolder, Failure> {
    let mut found = ConfigurationFolder::default();
    if path.is_dir() {
        path.clone_into(&mut found.root);
        let names = names(path)?;
        let values = values_in_order(&names);
        for name in names.iter().filter(|it| is_configuration(it)) {
            refuse_override(name, path)?;
            found.files.push(source(&path.join(name), name.clone())?);
        }
        for name in values {
            found
                .values
                .push(source(&path.join(name), name.to_owned())?);
        }
        if found.files.is_empty() {
            let message = format!(
                "`{}` has no file of Terraform (`.tf`, `.tf.json`)",
                path.display()
            );
            return Err(Failure::bad_input(message));
        }
    } else {
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
        found.root = parent.map_or_else(|| PathBuf::from("."), Path::to_owned);
        found.files.push(source(path, path.display().to_string())?);
    }
    for path in var_files {
        found.values.push(source(path, path.display().to_string())?);
    }
    Ok(found)
}

/// Whether a name is that of a file of configuration.
pub(super) fn is_configuration(name: &str) -> bool {
    ends(name, ".tf") || ends(name, ".tf.json")
}

fn ends(name: &str, ending: &str) -> bool {
    name.ends_with(ending)
}

/// The names of a folder, in their order, without those that Terraform does not look at.
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

/// Files whose values Terraform takes by itself, the ones that count last (Terraform documentation,
/// "Variable definition precedence").
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

/// Such a file changes what the others say.
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

fn source(path: &Path, name: String) -> Result<SourceFile, Failure> {
    let bytes = bytes(path).map_err(|why| {
        Failure::bad_input(format!("`{}` {why}", path.display()))
            .help("import the plan: `terraform show -json`")
    })?;
    Ok(SourceFile { name, bytes })
}

/// What a file holds; one that is none, such as a pipe, is not opened.
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

/// Reads a file below a folder, also through links that stay below it.
///
/// # Errors
/// Why it is not read.
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

    /// A folder with these files, and one beside it.
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
    }
}
