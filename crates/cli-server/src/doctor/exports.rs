//! Checks that the audit log is exported to a protected place and signed; lists the AWS
//! permissions.

use std::sync::Arc;

use hallpass_app::config::{EndsPlace, ExportPlace, ExportSettings, HeadKey, Loaded};
use hallpass_app::host::keys::Absent;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::setup::heads::{HeadSigning, Means, Opened, open_export, open_key};
use hallpass_app::setup::opening::{aws_settings, open_store};
use hallpass_audit::AuditStore as _;
use hallpass_aws::{BUCKET_ACTIONS, BucketPlace, KEY_ACTIONS, OBJECT_ACTIONS, Retention};
use hallpass_base::clock::SystemClock;
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

use super::DoctorReport;
use super::iam_policy::partition;

const EXPORT: &str = "audit export";
const HEADS: &str = "head signatures";

pub(super) async fn check(loaded: &Loaded, report: &mut DoctorReport) {
    let export = match loaded.export() {
        Ok(Some(export)) => export,
        Ok(None) => {
            let remedy = "set `audit.export.target` so that the log can be verified elsewhere";
            return report.warn(EXPORT, "none".to_owned(), remedy);
        }
        Err(failure) => {
            let remedy = "fix `[audit]` and `access.require_export_within`";
            return report.add(EXPORT, Err((failure.words(), remedy)));
        }
    };
    let means = Means {
        aws: aws_settings(loaded),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
    };
    check_export(&export, &means, report).await;
    check_heads(loaded, &means, report).await;
}

async fn check_export(export: &ExportSettings, means: &Means, report: &mut DoctorReport) {
    let objects = match open_export(export, means).await {
        Ok(Opened::Folder(_)) => {
            let ExportPlace::Folder(folder) = &export.place else {
                return;
            };
            return report.add(EXPORT, Ok(folder.display().to_string()));
        }
        Ok(Opened::Bucket(objects)) => objects,
        Err(failure) => return report.add(EXPORT, Err((failure.words(), "see the message"))),
    };
    let problems = objects.examine().await;
    for problem in &problems {
        report.add(EXPORT, Err((problem.detail.clone(), &problem.remedy)));
    }
    if let ([], ExportPlace::Bucket(place)) = (problems.as_slice(), &export.place) {
        let words = format!("{}, {}", shown(place), protection(export.retention));
        report.add(EXPORT, Ok(words));
    }
}

fn shown(place: &BucketPlace) -> String {
    let (bucket, root) = (&place.bucket, &place.root);
    format!("s3://{bucket}/{root}")
        .trim_end_matches('/')
        .to_owned()
}

fn protection(retention: Retention) -> String {
    format!(
        "each object under Object Lock ({}) for {} days",
        retention.mode.name().to_ascii_lowercase(),
        retention.days
    )
}

async fn check_heads(loaded: &Loaded, means: &Means, report: &mut DoctorReport) {
    let absent = if was_exported(loaded).await {
        Absent::Lost
    } else {
        Absent::Missed
    };
    let opened = match loaded.head_key() {
        Ok(key) => open_key(&key, absent, means).await.map(|it| (key, it)),
        Err(failure) => Err(failure),
    };
    match opened {
        Ok((HeadKey::Kms(name), signing)) => {
            report.add(HEADS, signs(&name, &signing).await);
        }
        Ok((HeadKey::File(_) | HeadKey::Own(_), signing)) => {
            let words = match signing.public_key().await {
                Ok(key) => format!("by {key}, a key in a file here"),
                Err(fault) => fault.to_string(),
            };
            let remedy = "the operator of this server has that key: set `audit.sign.kms_key`, and let a \
                          witness follow the export (docs/how-to/witness.md)";
            report.warn(HEADS, words, remedy);
        }
        Err(failure) if has_no_own_key(loaded) && absent == Absent::Lost => {
            let remedy = "put the key back, as another node or your secret store has it; where there never was one, \
                          `hallpass audit key --new` makes it. Then restart the server";
            report.add(HEADS, Err((failure.words(), remedy)));
        }
        Err(failure) if has_no_own_key(loaded) => {
            report.warn(HEADS, failure.words(), "`hallpass serve` makes it");
        }
        Err(failure) => report.add(HEADS, Err((failure.words(), "fix `[audit.sign]`"))),
    }
}

/// Whether records were exported under a key that others know.
async fn was_exported(loaded: &Loaded) -> bool {
    let Ok(address) = loaded.store() else {
        return false;
    };
    match address.may_be_there() {
        Ok(true) => match open_store(address).await {
            Ok(store) => store.exported().await.is_ok_and(|exported| exported > 0),
            Err(_) => false,
        },
        Ok(false) | Err(_) => false,
    }
}

/// Whether the server creates this key at its first start, and has not yet.
fn has_no_own_key(loaded: &Loaded) -> bool {
    matches!(loaded.head_key(), Ok(HeadKey::Own(path)) if !path.exists())
}

/// Signs test data that is not a head.
async fn signs(name: &str, signing: &HeadSigning) -> Result<String, (String, &'static str)> {
    let remedy = "allow kms:Sign and kms:GetPublicKey on the key (`hallpass server doctor --iam-policy`); it \
                  has to be of KeySpec ECC_NIST_P256 and KeyUsage SIGN_VERIFY";
    let probe = Map::from_iter([("probe".to_owned(), Value::from("hallpass doctor"))]);
    let refused = |fault: hallpass_audit::SignFault| (fault.to_string(), remedy);
    signing.signer().sign_head(probe).await.map_err(refused)?;
    let public = signing.public_key().await.map_err(refused)?;
    Ok(format!("by `{name}` in AWS KMS, key {}", public.id()))
}

pub(super) fn statements(loaded: &Loaded) -> Result<Vec<Value>, Failure> {
    let mut statements = Vec::new();
    if let Some(EndsPlace::Object { .. }) = loaded.ends_place()? {
        statements.push(ends_statement(loaded, "s3:PutObject")?);
    }
    let Some(export) = loaded.export()? else {
        return Ok(statements);
    };
    let statement = |name: &str, actions: &[&str], resource: String| {
        json!({
            "Sid": name,
            "Effect": "Allow",
            "Action": actions,
            "Resource": resource,
        })
    };
    let partition = partition(&aws_settings(loaded).region);
    if let ExportPlace::Bucket(place) = &export.place {
        let bucket = format!("arn:{partition}:s3:::{}", place.bucket);
        let objects = match place.root.as_str() {
            "" => format!("{bucket}/*"),
            root => format!("{bucket}/{root}/*"),
        };
        statements.push(statement("ExportBucket", BUCKET_ACTIONS, bucket));
        statements.push(statement("ExportObjects", OBJECT_ACTIONS, objects));
    }
    if let HeadKey::Kms(key) = loaded.head_key()? {
        let region = &aws_settings(loaded).region;
        let mut signing = statement("SignHeads", KEY_ACTIONS, key_resource(&key, region));
        if let (Some(alias), Value::Object(fields)) = (alias(&key), &mut signing) {
            // an alias is not a resource of these actions; the condition limits keys used through
            // it
            let condition = json!({"StringEquals": {"kms:RequestAlias": alias}});
            fields.insert("Condition".to_owned(), condition);
        }
        statements.push(signing);
    }
    Ok(statements)
}

pub(super) fn for_guard(loaded: &Loaded) -> Result<Vec<Value>, Failure> {
    Ok(match loaded.ends_place()? {
        Some(EndsPlace::Object { .. }) => vec![ends_statement(loaded, "s3:GetObject")?],
        Some(EndsPlace::File(_)) | None => Vec::new(),
    })
}

/// Permission to write or read the file of ends in a bucket.
fn ends_statement(loaded: &Loaded, action: &str) -> Result<Value, Failure> {
    let place = loaded.ends_place()?.map(|place| place.to_string());
    let object = place.unwrap_or_default();
    let object = object.trim_matches('`').trim_start_matches("s3://");
    let partition = partition(&aws_settings(loaded).region);
    Ok(json!({
        "Sid": "FileOfEnds",
        "Effect": "Allow",
        "Action": [action],
        "Resource": format!("arn:{partition}:s3:::{object}"),
    }))
}

fn alias(key: &str) -> Option<&str> {
    let name = key.rsplit(':').next().unwrap_or(key);
    name.starts_with("alias/").then_some(name)
}

/// The key's ARN, or all keys of its Region and account.
fn key_resource(key: &str, region: &str) -> String {
    match (key.starts_with("arn:"), alias(key)) {
        (true, None) => key.to_owned(),
        (true, Some(alias)) => format!("{}key/*", key.trim_end_matches(alias)),
        (false, None) => format!("arn:{}:kms:{region}:*:key/{key}", partition(region)),
        (false, Some(_)) => format!("arn:{}:kms:{region}:*:key/*", partition(region)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn of(text: &str) -> Vec<Value> {
        let config = hallpass_app::config::parse(text, "x").unwrap();
        let folder = PathBuf::from("/etc/hp");
        statements(&Loaded { config, folder }).unwrap()
    }

    #[test]
    fn only_what_is_configured_is_in_the_policy() {
        assert!(of("").is_empty());
        assert!(of("[audit.export]\ntarget = \"dir:audit\"").is_empty());
        let bucket = "[audit.export]\ntarget = \"s3://acme-audit/hallpass\"\n";
        let found = of(bucket);
        let text = json!(found).to_string();
        assert_eq!(found.len(), 2, "{text}");
        assert_eq!(found[0]["Resource"], "arn:aws:s3:::acme-audit");
        assert_eq!(found[1]["Resource"], "arn:aws:s3:::acme-audit/hallpass/*");
        for action in ["Delete", "Bypass", "kms:"] {
            assert!(!text.contains(action), "{action} in {text}");
        }
        let whole = of("[audit.export]\ntarget = \"s3://acme-audit\"");
        assert_eq!(whole[1]["Resource"], "arn:aws:s3:::acme-audit/*");
        let signed = of(&format!("{bucket}[audit.sign]\nkms_key = \"alias/audit\""));
        assert_eq!(signed[2]["Action"], json!(["kms:Sign", "kms:GetPublicKey"]));
        let condition = json!({"StringEquals": {"kms:RequestAlias": "alias/audit"}});
        assert_eq!(signed[2]["Condition"], condition);
    }

    #[test]
    fn a_key_is_named_as_narrowly_as_its_name_allows() {
        let arn = "arn:aws:kms:eu-west-1:111122223333:";
        let (key, alias) = (format!("{arn}key/1234"), format!("{arn}alias/audit"));
        for (name, resource) in [
            (key.as_str(), key.clone()),
            (alias.as_str(), format!("{arn}key/*")),
            ("1234", "arn:aws:kms:us-east-1:*:key/1234".to_owned()),
            ("alias/audit", "arn:aws:kms:us-east-1:*:key/*".to_owned()),
        ] {
            assert_eq!(key_resource(name, "us-east-1"), resource, "{name}");
        }
        assert_eq!(
            key_resource("1234", "cn-north-1"),
            "arn:aws-cn:kms:cn-north-1:*:key/1234"
        );
    }
}
