//! Service model folders: the `data` folder of a botocore that is installed or fetched by pip.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::WatchError;
use super::differences::Published;
use crate::aws_tables::{newest, read_json};

const DATA: &str = "botocore/data";

#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) version: String,
    pub(crate) folder: PathBuf,
}

impl Models {
    pub(crate) fn at(folder: &Path) -> Result<Self, WatchError> {
        if !folder.is_dir() {
            return Err(WatchError::NoModels(folder.to_owned()));
        }
        Ok(Self {
            version: version_beside(folder).unwrap_or_else(|| folder.display().to_string()),
            folder: folder.to_owned(),
        })
    }

    pub(crate) fn services(&self) -> Result<BTreeSet<String>, WatchError> {
        let failed = |source| WatchError::Read {
            path: self.folder.clone(),
            source,
        };
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && newest(&entry.path(), &name).is_ok() {
                names.insert(name);
            }
        }
        Ok(names)
    }

    pub(crate) fn service(&self, name: &str) -> Result<Option<Published>, WatchError> {
        let Ok(folder) = newest(&self.folder.join(name), name) else {
            return Ok(None);
        };
        let Some(model) = read_json(&folder, "service-2.json")? else {
            return Ok(None);
        };
        let pages = read_json(&folder, "paginators-1.json")?.unwrap_or(Value::Null);
        Ok(Some(Published { model, pages }))
    }
}

fn version_beside(data: &Path) -> Option<String> {
    let text = fs::read_to_string(data.parent()?.join("__init__.py")).ok()?;
    let line = text.lines().find(|it| it.starts_with("__version__"))?;
    let version = line.split(['\'', '"']).nth(1)?;
    Some(version.to_owned())
}

/// pip's folders of botocore versions. Cached: a version does not change.
#[derive(Debug)]
pub(crate) struct Fetched {
    folder: PathBuf,
}

impl Fetched {
    pub(crate) fn below(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn version(&self, version: &str) -> Result<Models, WatchError> {
        let kept = self.folder.join(format!("botocore-{version}"));
        if !kept.join(DATA).is_dir() {
            let fresh = self.installed(&format!("botocore=={version}"))?;
            fs::rename(&fresh, &kept).map_err(|source| WatchError::Read {
                path: kept.clone(),
                source,
            })?;
        }
        Models::at(&kept.join(DATA))
    }

    pub(crate) fn newest(&self) -> Result<Models, WatchError> {
        let fresh = self.installed("botocore")?;
        let found = Models::at(&fresh.join(DATA))?;
        let kept = self.folder.join(format!("botocore-{}", found.version));
        if kept.join(DATA).is_dir() {
            self.emptied(&fresh)?;
        } else {
            fs::rename(&fresh, &kept).map_err(|source| WatchError::Read {
                path: kept.clone(),
                source,
            })?;
        }
        Models::at(&kept.join(DATA))
    }

    /// Makes pip unpack a package alone; its code never runs.
    fn installed(&self, package: &str) -> Result<PathBuf, WatchError> {
        let fresh = self.folder.join("unfinished");
        self.emptied(&fresh)?;
        let fixed = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-compile",
            "--only-binary",
            ":all:",
        ];
        let done = Command::new("python3")
            .args(fixed)
            .arg("--disable-pip-version-check")
            .arg("--target")
            .arg(&fresh)
            .arg(package)
            .output()
            .map_err(|source| WatchError::NoPip {
                package: package.to_owned(),
                text: format!("`python3` cannot be run: {source}"),
            })?;
        if done.status.success() {
            return Ok(fresh);
        }
        let text = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(WatchError::NoPip {
            package: package.to_owned(),
            text,
        })
    }

    fn emptied(&self, folder: &Path) -> Result<(), WatchError> {
        let failed = |source| WatchError::Read {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }
}

/// Returns the end-to-end tests' botocore version, which the committed tables use.
pub(crate) fn pinned(requirements: &str) -> Option<&str> {
    let line = requirements
        .lines()
        .find_map(|it| it.strip_prefix("botocore=="))?;
    line.split(|c: char| c.is_whitespace() || c == ';').next()
}

pub(crate) fn named(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    let is_version = |it: &str| {
        it.split('.').count() == 3 && it.split('.').all(|part| part.parse::<u32>().is_ok())
    };
    while let Some(word) = words.next() {
        if word == "botocore" {
            let next = words
                .clone()
                .next()
                .map(|it| it.trim_end_matches([',', '.', ';', ')']));
            if let Some(version) = next.filter(|it| is_version(it)) {
                return Some(version);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_where_they_stand() {
        let text = "boto3==1.2.0 \\\nbotocore==1.2.3 \\\n    --hash=x\n";
        assert_eq!(pinned(text), Some("1.2.3"));
        assert_eq!(
            pinned("botocore==1.2.3 ; python_version > '3'\n"),
            Some("1.2.3")
        );
        assert_eq!(pinned("boto3==1.2.0\n"), None);
        let rows = [
            (
                "an installed botocore. From botocore 1.44.5, copyright",
                Some("1.44.5"),
            ),
            ("an installed\nbotocore; not", None),
            ("botocore 1.44.5.", Some("1.44.5")),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(named(text), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_of_models_says_its_version_and_its_services() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join(DATA);
        for folder in ["demo/2020-01-01", "demo/2019-01-01", "words"] {
            fs::create_dir_all(data.join(folder)).unwrap();
        }
        fs::write(data.join("endpoints.json"), "{}").unwrap();
        fs::write(data.join("demo/2020-01-01/service-2.json"), "{\"a\": 1}").unwrap();
        let models = Models::at(&data).unwrap();
        assert_eq!(models.version, data.display().to_string());
        fs::write(
            root.path().join("botocore/__init__.py"),
            "import os\n__version__ = '1.2.3'\n",
        )
        .unwrap();
        let models = Models::at(&data).unwrap();
        assert_eq!(models.version, "1.2.3");
        assert_eq!(
            models.services().unwrap(),
            BTreeSet::from(["demo".to_owned()])
        );
        assert!(models.service("demo").unwrap().is_some());
        assert!(models.service("nothing").unwrap().is_none());
        let error = Models::at(&data.join("none")).unwrap_err().to_string();
        assert!(error.contains("none`"), "{error}");
    }

    #[test]
    fn a_version_that_is_kept_is_not_fetched_again() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("botocore-1.2.3").join(DATA)).unwrap();
        let fetched = Fetched::below(root.path().to_owned());
        let found = fetched.version("1.2.3").unwrap();
        assert!(found.folder.starts_with(root.path()));
    }
}
