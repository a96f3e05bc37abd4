//! The audit log's export in an S3 bucket (`access.md` V-4): each object is put once, under Object
//! Lock, with its checksum.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_assignments::CenterFault;
use hallpass_audit::{ExportSource, ExportTarget, SinkError, SinkErrorKind};
use hallpass_base::{Clock, IdSource, TimeSpan};
use http::Method;

use crate::connect::configure_quietly;
use crate::fault::CallFailure;
use crate::signed::{
    RawResponse, Signed, SignedService, Slash, UnsignedRequest, encoded, endpoint, host_at_aws,
    sha256,
};
use crate::{AwsClientSettings, xml};

mod files;

pub use files::{BucketError, BucketFile, BucketFiles, BucketFolder};

const PROBE_KEY: &str = "doctor.probe";
const PROBE: &[u8] = b"{\"probe\":\"hallpass doctor\"}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Undeletable before its time, even for the account's owner.
    Compliance,
    /// Deletable only with `s3:BypassGovernanceRetention`.
    Governance,
}

impl LockMode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compliance => "COMPLIANCE",
            Self::Governance => "GOVERNANCE",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub mode: LockMode,
    pub days: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    pub bucket: String,
    /// Prefix of all keys, without surrounding slashes; may be empty.
    pub root: String,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
}

impl BucketPlace {
    /// Parses `s3://bucket/root`; `None` for other addresses.
    ///
    /// # Errors
    /// An invalid bucket address.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some(rest) = text.strip_prefix("s3://") else {
            return Ok(None);
        };
        let (bucket, root) = rest.split_once('/').unwrap_or((rest, ""));
        let is_usual =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let is_bucket = (3..=63).contains(&bucket.len()) && bucket.chars().all(is_usual);
        let root = root.trim_end_matches('/');
        if !is_bucket || !(root.is_empty() || is_plain_path(root)) {
            return Err(format!("`{text}` is no place in a bucket"));
        }
        Ok(Some(Self {
            bucket: bucket.to_owned(),
            root: root.to_owned(),
            region: None,
            endpoint_url: None,
        }))
    }
}

/// Whether a path only descends, so that no key leaves its prefix and no address is rewritten.
pub fn is_plain_path(path: &str) -> bool {
    path.split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\\'))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketProblem {
    pub detail: String,
    pub remedy: String,
}

pub struct Objects {
    signed: Signed,
    place: BucketPlace,
    base: String,
    retention: Option<Retention>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects")
            .field("place", &self.place)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

impl Objects {
    /// Finds credentials and endpoint; makes no call. Without a retention, objects are read, or put
    /// under the bucket's default.
    ///
    /// # Errors
    /// When there is no TLS.
    pub async fn open(
        settings: &AwsClientSettings,
        place: BucketPlace,
        retention: Option<Retention>,
        clock: Arc<dyn Clock>,
        ids: &dyn IdSource,
    ) -> Result<Self, String> {
        let (_, seed) = ids.next(clock.now()).as_u64_pair();
        Self::of(settings, place, retention, clock, seed).await
    }

    async fn of(
        settings: &AwsClientSettings,
        place: BucketPlace,
        retention: Option<Retention>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, String> {
        let config = configure_quietly(settings, &clock).await;
        let region = place.region.as_ref().unwrap_or(&settings.region).clone();
        let named = place
            .endpoint_url
            .as_deref()
            .or(settings.endpoint_url.as_deref());
        let base = if let Some(url) = endpoint(&config, named, SignedService::S3) {
            // other stores use path addressing, which all of them support
            format!("{url}/{}/", encoded(&place.bucket, Slash::Encoded))
        } else {
            let host = host_at_aws(&config, SignedService::S3, &region)?;
            base_at_aws(&place.bucket, &host)
        };
        Ok(Self {
            signed: Signed::new(
                &config,
                SignedService::S3,
                &region,
                Arc::clone(&clock),
                seed,
            )?,
            place,
            base,
            retention,
            clock,
        })
    }

    fn key(&self, key: &str) -> String {
        if self.place.root.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.place.root)
        }
    }

    fn shown(&self, key: &str) -> String {
        format!("s3://{}/{}", self.place.bucket, self.key(key))
    }

    fn call(&self, operation: &'static str, method: Method, key: &str) -> UnsignedRequest {
        UnsignedRequest {
            operation,
            method,
            url: format!("{}{}", self.base, encoded(&self.key(key), Slash::Kept)),
            headers: Vec::new(),
            body: Vec::new(),
            answers: &[],
            bulk: 0,
        }
    }

    async fn send(&self, call: &UnsignedRequest, place: &str) -> Result<RawResponse, SinkError> {
        self.signed
            .send(call)
            .await
            .map_err(|failure| sink_error(place.to_owned(), &failure))
    }

    async fn put_as(&self, key: &str, bytes: &[u8], how: How) -> Result<RawResponse, SinkError> {
        let mut call = self.call("PutObject", Method::PUT, key);
        call.headers = vec![
            ("content-type", content_type(key).to_owned()),
            ("x-amz-server-side-encryption", "AES256".to_owned()),
            ("x-amz-sdk-checksum-algorithm", "SHA256".to_owned()),
            ("x-amz-checksum-sha256", STANDARD.encode(sha256(bytes))),
        ];
        match how {
            How::Once => {
                call.headers.push(("if-none-match", "*".to_owned()));
                call.headers.extend(self.lock());
                call.answers = &[412];
            }
            How::InPlace => {}
        }
        call.body = bytes.to_vec();
        self.send(&call, &self.shown(key)).await
    }

    fn lock(&self) -> Vec<(&'static str, String)> {
        let Some(retention) = self.retention else {
            return Vec::new();
        };
        let hours = u64::from(retention.days).saturating_mul(24);
        let until = TimeSpan::hours(hours).after(self.clock.now());
        let until = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        vec![
            ("x-amz-object-lock-mode", retention.mode.name().to_owned()),
            ("x-amz-object-lock-retain-until-date", until),
        ]
    }

    /// Problems that prevent exports to this bucket. The first check puts one small permanent
    /// object.
    pub async fn examine(&self) -> Vec<BucketProblem> {
        let mut problems = Vec::new();
        problems.extend(self.examine_lock().await.err());
        if let Err(error) = self.put(PROBE_KEY, PROBE).await {
            problems.push(BucketProblem {
                detail: format!("an object cannot be put: {error}"),
                remedy: remedy(
                    &error,
                    "s3:PutObject, s3:PutObjectRetention and s3:GetObject on its objects",
                ),
            });
        }
        problems
    }

    async fn examine_lock(&self) -> Result<(), BucketProblem> {
        let bucket = format!("s3://{}", self.place.bucket);
        let mut call = self.call("GetObjectLockConfiguration", Method::GET, "");
        call.url = format!("{}?object-lock=", self.base);
        call.answers = &[404];
        let unlocked = || BucketProblem {
            detail: format!(
                "{bucket} has no Object Lock: a user who may delete there can cut the log"
            ),
            remedy: "make a bucket with Object Lock (`aws s3api create-bucket \
                     --object-lock-enabled-for-bucket`), or enable it on this one"
                .to_owned(),
        };
        let reply = self.send(&call, &bucket).await.map_err(|error| {
            let detail = format!("its Object Lock cannot be read: {error}");
            let remedy = remedy(&error, "s3:GetBucketObjectLockConfiguration on the bucket");
            BucketProblem { detail, remedy }
        })?;
        let texts = |path: &[&str]| xml::texts(&reply.body, path).unwrap_or_default();
        if reply.status == 404 {
            let code = texts(&["Error", "Code"]);
            let is_lockless = code
                .first()
                .is_none_or(|code| code.starts_with("ObjectLock"));
            return Err(if is_lockless {
                unlocked()
            } else {
                BucketProblem {
                    detail: format!("{bucket}: {}", code.join(", ")),
                    remedy: "make the bucket, or fix `audit.export.target`".to_owned(),
                }
            });
        }
        let enabled = texts(&["ObjectLockConfiguration", "ObjectLockEnabled"]);
        if enabled.first().is_some_and(|it| it == "Enabled") {
            Ok(())
        } else {
            Err(unlocked())
        }
    }

    async fn page(&self, query: &[(&str, &str)]) -> Result<KeysPage, SinkError> {
        let place = self.name();
        let mut call = self.call("ListObjectsV2", Method::GET, "");
        // sorted by name for the signature
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value, Slash::Encoded)))
            .collect();
        call.url = format!("{}?{}", self.base, query.join("&"));
        let reply = self.send(&call, &place).await?;
        read_page(&reply.body).map_err(|why| SinkError {
            kind: SinkErrorKind::Unavailable,
            place,
            message: format!("the listing cannot be understood: {why}"),
        })
    }
}

#[derive(Clone, Copy)]
enum How {
    Once,
    InPlace,
}

struct KeysPage {
    keys: Vec<String>,
    next: Option<String>,
}

fn read_page(body: &[u8]) -> Result<KeysPage, String> {
    let texts = |path: &[&str]| xml::texts(body, path);
    let truncated = texts(&["ListBucketResult", "IsTruncated"])?;
    let next = texts(&["ListBucketResult", "NextContinuationToken"])?;
    let next = match (
        truncated.first().map(String::as_str),
        next.into_iter().next(),
    ) {
        (Some("false"), _) => None,
        (Some("true"), Some(token)) => Some(token),
        // promise P9: never a shorter listing
        (Some("true"), None) => return Err("a page follows, and no token leads to it".to_owned()),
        _ => return Err("it does not say whether a page follows".to_owned()),
    };
    let keys = texts(&["ListBucketResult", "Contents", "Key"])?;
    Ok(KeysPage { keys, next })
}

/// Names with dots do not fit the host name certificate.
fn base_at_aws(bucket: &str, host: &str) -> String {
    if bucket.contains('.') {
        format!("https://{host}/{bucket}/")
    } else {
        format!("https://{bucket}.{host}/")
    }
}

fn content_type(key: &str) -> &'static str {
    let ending = key.rsplit('.').next().unwrap_or_default();
    match ending {
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

fn sink_error(place: String, failure: &CallFailure) -> SinkError {
    let kind = match &failure.fault {
        CenterFault::Throttled { .. }
        | CenterFault::NotSent
        | CenterFault::Full { .. }
        | CenterFault::KeyUnusable { .. }
        | CenterFault::Unreachable { .. }
        | CenterFault::Conflict { .. } => SinkErrorKind::Unavailable,
        CenterFault::NotFound { .. } | CenterFault::Refused { .. } => SinkErrorKind::Refused,
    };
    SinkError {
        kind,
        place,
        message: failure.fault.to_string(),
    }
}

fn remedy(error: &SinkError, needed: &str) -> String {
    match error.kind {
        SinkErrorKind::Unavailable => {
            "check network, `audit.export.region` and `AWS_ENDPOINT_URL_S3`".to_owned()
        }
        SinkErrorKind::Taken => {
            "another writer uses it: give the export a separate prefix".to_owned()
        }
        SinkErrorKind::Refused => {
            format!(
                "allow {needed} (`hallpass server doctor --iam-policy`); check `audit.export.region`"
            )
        }
    }
}

#[async_trait]
impl ExportTarget for Objects {
    fn at_once(&self) -> usize {
        8
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError> {
        let reply = self.put_as(key, bytes, How::Once).await?;
        if reply.status != 412 {
            return Ok(());
        }
        // put earlier with a lost answer, or by another writer
        match self.get(key).await? {
            Some(found) if found == bytes => Ok(()),
            Some(_) => Err(SinkError {
                kind: SinkErrorKind::Taken,
                place: self.shown(key),
                message: "another object is there already".to_owned(),
            }),
            None => Err(SinkError {
                kind: SinkErrorKind::Unavailable,
                place: self.shown(key),
                message: "it was there, and is not any more".to_owned(),
            }),
        }
    }

    async fn replace(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError> {
        self.put_as(key, bytes, How::InPlace).await.map(drop)
    }
}

#[async_trait]
impl ExportSource for Objects {
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, SinkError> {
        let root = self.key("");
        let (prefix, after) = (self.key(prefix), after.map(|after| self.key(after)));
        let (mut keys, mut token): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let mut query: Vec<(&str, &str)> = Vec::new();
            query.extend(token.as_deref().map(|token| ("continuation-token", token)));
            query.push(("list-type", "2"));
            query.push(("prefix", &prefix));
            // a token takes precedence over the start
            let start = after.as_deref().filter(|_| token.is_none());
            query.extend(start.map(|after| ("start-after", after)));
            let page = self.page(&query).await?;
            let below = page.keys.iter().filter_map(|key| key.strip_prefix(&root));
            keys.extend(below.map(str::to_owned));
            match page.next {
                None => return Ok(keys),
                Some(next) if token.as_ref() == Some(&next) => {
                    return Err(SinkError {
                        kind: SinkErrorKind::Unavailable,
                        place: self.name(),
                        message: "the listing does not come to an end".to_owned(),
                    });
                }
                Some(next) => token = Some(next),
            }
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SinkError> {
        let mut call = self.call("GetObject", Method::GET, key);
        call.answers = &[404];
        let reply = self.send(&call, &self.shown(key)).await?;
        if reply.status != 404 {
            return Ok(Some(reply.body));
        }
        let code = xml::texts(&reply.body, &["Error", "Code"]).unwrap_or_default();
        match code.first().map(String::as_str) {
            Some("NoSuchKey") | None => Ok(None),
            Some(other) => Err(SinkError {
                kind: SinkErrorKind::Refused,
                place: self.shown(key),
                message: other.to_owned(),
            }),
        }
    }

    fn name(&self) -> String {
        let shown = self.shown("");
        shown.trim_end_matches('/').to_owned()
    }
}

#[cfg(test)]
#[path = "objects_tests.rs"]
mod tests;
