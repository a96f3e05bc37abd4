//! `[guard]`: the process that ends overdue access if the server does not, and its journals.

use std::path::{Path, PathBuf};

use hallpass_audit::PublicKey;
use hallpass_aws::BucketPlace;
use hallpass_base::TimeSpan;
use hallpass_guard::Trust;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::{ExportPlace, Loaded, Time, bucket_place};

const ENDS: &str = "ends.jsonl";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardTable {
    pub name: String,
    pub journal: Option<PathBuf>,
    pub ends: Option<String>,
    pub public_key: Option<String>,
    pub bound: Time,
    pub listen: Option<String>,
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
}

impl Default for GuardTable {
    fn default() -> Self {
        Self {
            name: "guard".into(),
            journal: None,
            ends: None,
            public_key: None,
            bound: Time(TimeSpan::minutes(1)),
            listen: None,
            role_arn: None,
            external_id: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndsPlace {
    File(PathBuf),
    /// An object that is overwritten, so never locked.
    Object {
        bucket: BucketPlace,
        name: String,
    },
}

impl std::fmt::Display for EndsPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Object { bucket, name } => {
                let joint = if bucket.root.is_empty() { "" } else { "/" };
                write!(f, "`s3://{}/{}{joint}{name}`", bucket.bucket, bucket.root)
            }
        }
    }
}

impl Loaded {
    /// Folder of guard journals; `None` without a guard.
    pub fn guard_journal(&self) -> Option<PathBuf> {
        let journal = self.config.guard.journal.as_ref();
        journal.map(|folder| self.path(folder))
    }

    pub fn ends_place(&self) -> Result<Option<EndsPlace>, Failure> {
        if let Some(text) = &self.config.guard.ends {
            return self.ends_at(text).map(Some);
        }
        Ok(match self.export()?.map(|export| export.place) {
            Some(ExportPlace::Folder(folder)) => Some(EndsPlace::File(folder.join(ENDS))),
            // the file is overwritten, which locked objects forbid
            Some(ExportPlace::Bucket(_)) | None => None,
        })
    }

    /// Parses a path, or `s3://bucket/prefix/ends.jsonl`.
    pub fn ends_at(&self, text: &str) -> Result<EndsPlace, Failure> {
        let Some(place) = bucket_place(text)? else {
            return Ok(EndsPlace::File(self.path(Path::new(text))));
        };
        let (root, name) = place.root.rsplit_once('/').unwrap_or(("", &place.root));
        if name.is_empty() {
            let message = format!("`{text}` names no object");
            return Err(
                Failure::bad_input(message).help("write it as `s3://bucket/prefix/ends.jsonl`")
            );
        }
        let export = &self.config.audit.export;
        Ok(EndsPlace::Object {
            name: name.to_owned(),
            bucket: BucketPlace {
                root: root.to_owned(),
                region: export.region.clone(),
                endpoint_url: export.endpoint_url.clone(),
                ..place
            },
        })
    }

    pub fn guard_trust(&self) -> Result<Trust, Failure> {
        match &self.config.guard.public_key {
            None => Ok(Trust::Anyone),
            Some(text) => match text.parse::<PublicKey>() {
                Ok(key) => Ok(Trust::Key(key)),
                Err(fault) => Err(Failure::bad_input(format!("`guard.public_key`: {fault}"))
                    .help("`hallpass audit key` on the server's machine prints it")),
            },
        }
    }

    pub fn guard_name(&self) -> Result<&str, Failure> {
        let name = self.config.guard.name.as_str();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
            return Ok(name);
        }
        Err(Failure::bad_input(format!("`guard.name` is `{name}`"))
            .help("up to 64 letters, digits, `-` and `_`: files and records are named by it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_lie_in_a_file_or_in_a_bucket() {
        let ends = |text: &str| {
            let config = crate::config::parse(text, "hallpass.toml").unwrap();
            let folder = "/etc/hp".into();
            Loaded { config, folder }.ends_place()
        };
        assert_eq!(ends("").unwrap(), None);
        let beside = ends("[audit.export]\ntarget = \"dir:audit\"")
            .unwrap()
            .unwrap();
        assert!(matches!(&beside, EndsPlace::File(path) if path.ends_with("audit/ends.jsonl")));
        // export objects are locked
        let locked = ends("[audit.export]\ntarget = \"s3://acme-audit/hallpass\"");
        assert_eq!(locked.unwrap(), None);
        let bucket = ends("[guard]\nends = \"s3://acme-ends/prod/ends.jsonl\"")
            .unwrap()
            .unwrap();
        let EndsPlace::Object {
            bucket: place,
            name,
        } = &bucket
        else {
            panic!("{bucket:?}")
        };
        let parts = (place.bucket.as_str(), place.root.as_str(), name.as_str());
        assert_eq!(parts, ("acme-ends", "prod", "ends.jsonl"));
        assert_eq!(bucket.to_string(), "`s3://acme-ends/prod/ends.jsonl`");
        for bad in ["s3://acme-ends", "s3://acme-ends/", "s3://acme-ends/../x"] {
            assert!(
                ends(&format!("[guard]\nends = \"{bad}\"")).is_err(),
                "{bad}"
            );
        }
    }
}
