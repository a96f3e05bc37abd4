//! Writes both files or neither, and never overwrites.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_app::host::new_file::NewFile;
use hallpass_terminal::exit::Failure;

pub(super) const CONFIGURATION: &str = "hallpass.toml";
pub(super) const RULES: &str = "rules.toml";

pub(super) fn refuse_existing(folder: &Path) -> Result<(), Failure> {
    for name in [CONFIGURATION, RULES] {
        let path = folder.join(name);
        // also refuse a dangling link
        if path.symlink_metadata().is_ok() {
            return Err(exists(&path));
        }
    }
    Ok(())
}

fn exists(path: &Path) -> Failure {
    Failure::refused(format!(
        "`{}` exists, and `init` overwrites nothing",
        path.display()
    ))
    .help("choose another folder with `--folder`, or edit the file")
}

/// Returns both paths, the configuration's first.
///
/// # Errors
/// If a write fails or a file appeared meanwhile; then neither exists.
pub(super) fn write(
    folder: &Path,
    configuration: &str,
    rules: &str,
) -> Result<[PathBuf; 2], Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder.display(), &error))?;
    let [configuration_at, rules_at] = [CONFIGURATION, RULES].map(|name| folder.join(name));
    // complete before either gets its name
    let configuration = NewFile::for_path(&configuration_at, configuration)?;
    NewFile::for_path(&rules_at, rules)?.place(exists)?;
    // CRASH: rules without a configuration start nothing; the next `init` reports them
    if let Err(failure) = configuration.place(exists) {
        return Err(match fs::remove_file(&rules_at) {
            Ok(()) => failure,
            Err(_) => failure.detail(format!("`{}` is left over", rules_at.display())),
        });
    }
    Ok([configuration_at, rules_at])
}

#[cfg(test)]
mod tests {
    use hallpass_terminal::exit::Exit;

    use super::*;

    fn listed(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn both_are_written_into_a_folder_that_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        let paths = write(&inner, "one", "two").unwrap();
        assert_eq!(listed(&inner), [CONFIGURATION, RULES]);
        assert_eq!(
            paths.map(|it| fs::read_to_string(it).unwrap()),
            ["one", "two"]
        );
    }

    #[test]
    fn neither_is_written_where_one_is_there() {
        for there in [CONFIGURATION, RULES] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(there), "mine").unwrap();
            assert_eq!(
                refuse_existing(folder.path()).unwrap_err().exit(),
                Exit::Refused
            );
            assert_eq!(
                write(folder.path(), "one", "two").unwrap_err().exit(),
                Exit::Refused
            );
            assert_eq!(listed(folder.path()), [there]);
            assert_eq!(
                fs::read_to_string(folder.path().join(there)).unwrap(),
                "mine"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nowhere_is_there_too() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", folder.path().join(RULES)).unwrap();
        assert!(refuse_existing(folder.path()).is_err());
        assert!(write(folder.path(), "one", "two").is_err());
        assert_eq!(listed(folder.path()), [RULES]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let failure = write(&file.join("below"), "one", "two").unwrap_err();
        assert_eq!(failure.exit(), Exit::Failed);
    }
}
