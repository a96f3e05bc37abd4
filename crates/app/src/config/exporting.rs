//! `[audit]`: log export, object protection, and signing of heads.

use std::path::PathBuf;

use hallpass_aws::{BucketPlace, LockMode, Retention, is_plain_path};
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Loaded;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    pub export: Export,
    pub sign: Sign,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Export {
    pub target: Option<String>,
    pub prefix: String,
    pub(super) region: Option<String>,
    pub(super) endpoint_url: Option<String>,
    lock_mode: Lock,
    lock_days: u32,
}

impl Default for Export {
    fn default() -> Self {
        Self {
            target: None,
            prefix: "logs".into(),
            region: None,
            endpoint_url: None,
            lock_mode: Lock::Governance,
            lock_days: 365,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Lock {
    Governance,
    Compliance,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sign {
    kms_key: Option<String>,
    key_file: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportPlace {
    Folder(PathBuf),
    Bucket(BucketPlace),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportSettings {
    pub place: ExportPlace,
    pub prefix: String,
    pub retention: Retention,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadKey {
    /// AWS KMS key: ARN, id or alias.
    Kms(String),
    File(PathBuf),
    /// The server's key; created if missing.
    Own(PathBuf),
}

/// Parses `s3://bucket/root`; `None` for other text.
pub fn bucket_place(text: &str) -> Result<Option<BucketPlace>, Failure> {
    BucketPlace::parse(text)
        .map_err(|message| Failure::bad_input(message).help("write it as `s3://bucket/prefix`"))
}

impl Loaded {
    pub fn export(&self) -> Result<Option<ExportSettings>, Failure> {
        let export = &self.config.audit.export;
        let Some(target) = export.target.as_deref() else {
            if self.config.access.require_export_within.0.is_zero() {
                return Ok(None);
            }
            let message = "`access.require_export_within` is set, and nothing is exported";
            return Err(Failure::bad_input(message).help("set `audit.export.target` too"));
        };
        let prefix = export.prefix.trim_matches('/');
        if !prefix.is_empty() && !is_plain_path(prefix) {
            let message = format!("`audit.export.prefix` is `{prefix}`, which is no path");
            return Err(Failure::bad_input(message).help("write `prefix = \"logs\"`"));
        }
        Ok(Some(ExportSettings {
            place: self.export_place(target)?,
            prefix: prefix.to_owned(),
            retention: Retention {
                mode: match export.lock_mode {
                    Lock::Governance => LockMode::Governance,
                    Lock::Compliance => LockMode::Compliance,
                },
                days: export.lock_days,
            },
        }))
    }

    fn export_place(&self, target: &str) -> Result<ExportPlace, Failure> {
        let export = &self.config.audit.export;
        if let Some(place) = bucket_place(target)? {
            if export.lock_days == 0 {
                let message = "`audit.export.lock_days` is 0: nothing would be protected";
                return Err(Failure::bad_input(message).help("write how many days, such as 365"));
            }
            return Ok(ExportPlace::Bucket(BucketPlace {
                region: export.region.clone(),
                endpoint_url: export.endpoint_url.clone(),
                ..place
            }));
        }
        match target.split_once(':') {
            Some(("dir", folder)) if !folder.is_empty() => {
                Ok(ExportPlace::Folder(self.path(folder)))
            }
            _ => Err(Failure::bad_input(format!(
                "`audit.export.target` is `{target}`, which is neither a folder nor a bucket"
            ))
            .help("write `target = \"dir:audit/\"` or `target = \"s3://bucket/prefix\"`")),
        }
    }

    pub fn head_key(&self) -> Result<HeadKey, Failure> {
        let sign = &self.config.audit.sign;
        match (&sign.kms_key, &sign.key_file) {
            (Some(key), None) => Ok(HeadKey::Kms(key.clone())),
            (None, Some(file)) => Ok(HeadKey::File(self.path(file))),
            (None, None) => Ok(HeadKey::Own(self.own_key()?)),
            (Some(_), Some(_)) => Err(Failure::bad_input(
                "both `audit.sign.kms_key` and `audit.sign.key_file` are given",
            )
            .help("keep one: heads have one signature")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn loaded(text: &str) -> Loaded {
        Loaded {
            config: crate::config::parse(text, "x").unwrap(),
            folder: PathBuf::from("/etc/hp"),
        }
    }

    fn target(text: &str) -> Result<Option<ExportSettings>, Failure> {
        loaded(&format!("[audit.export]\ntarget = \"{text}\"")).export()
    }

    #[test]
    fn targets_are_folders_and_buckets() {
        let folder = target("dir:audit/").unwrap().unwrap();
        assert_eq!(folder.place, ExportPlace::Folder("/etc/hp/audit/".into()));
        assert_eq!(folder.prefix, "logs");
        for (text, bucket, root) in [
            ("s3://acme-audit", "acme-audit", ""),
            ("s3://acme-audit/", "acme-audit", ""),
            (
                "s3://acme.audit/hall pass/eu/",
                "acme.audit",
                "hall pass/eu",
            ),
        ] {
            let found = target(text).unwrap().unwrap();
            let ExportPlace::Bucket(place) = found.place else {
                panic!("{text}")
            };
            assert_eq!((place.bucket.as_str(), place.root.as_str()), (bucket, root));
            assert_eq!(found.retention.days, 365);
            assert_eq!(found.retention.mode, LockMode::Governance);
        }
        for bad in [
            "",
            "audit",
            "dir:",
            "s3://",
            "s3://ab",
            "s3://Acme",
            "s3://acme_audit",
            "s3://acme/a/../b",
            "s3://acme/./a",
            "s3://acme//a",
            "https://acme",
            "s3:acme",
        ] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, words) in [
            (
                "[access]\nrequire_export_within = \"15m\"",
                "nothing is exported",
            ),
            (
                "[audit.export]\ntarget = \"s3://acme\"\nlock_days = 0",
                "nothing would be protected",
            ),
            (
                "[audit.export]\ntarget = \"dir:a\"\nprefix = \"../logs\"",
                "which is no path",
            ),
        ] {
            let refused = format!("{:?}", loaded(text).export().unwrap_err());
            assert!(refused.contains(words), "{refused}");
        }
        let both = loaded("[audit.sign]\nkms_key = \"a\"\nkey_file = \"b\"");
        assert!(both.head_key().is_err());
        for unknown in ["lock_mode = \"legal\"", "lock_days = -1", "lock = 1"] {
            let text = format!("[audit.export]\n{unknown}");
            assert!(crate::config::parse(&text, "x").is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_key_file_is_made_only_where_none_is_named() {
        let made = loaded("[store]\nurl = \"sqlite:data/hp.db\"")
            .head_key()
            .unwrap();
        assert_eq!(made, HeadKey::Own("/etc/hp/data/hp.db.key".into()));
        let named = loaded("[audit.sign]\nkey_file = \"k.pem\"")
            .head_key()
            .unwrap();
        assert_eq!(named, HeadKey::File(Path::new("/etc/hp/k.pem").into()));
        let kms = loaded("[audit.sign]\nkms_key = \"alias/audit\"")
            .head_key()
            .unwrap();
        assert_eq!(kms, HeadKey::Kms("alias/audit".into()));
    }
}
