//! Files in a bucket, other than the audit log: atomic puts, ranged reads, listings with ages,
//! removal. Uses the AWS CLI's environment.

use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hallpass_assignments::CenterFault;
use hallpass_base::{Clock, Timestamp};
use http::Method;

use super::{BucketPlace, Objects, content_type};
use crate::connect::environment_region;
use crate::fault::CallFailure;
use crate::signed::{RawResponse, Slash, UnsignedRequest, encoded, sha256};
use crate::{AwsClientSettings, xml};

const PIECE_BYTES: u64 = 8 << 20;
const AT_ONCE: usize = 16;
/// The default Region.
const REGION: &str = "us-east-1";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketFile {
    pub key: String,
    pub bytes: u64,
    pub modified: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketFolder {
    pub files: Vec<BucketFile>,
    pub folders: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{operation}` of `{place}` failed: {message}")]
pub struct BucketError {
    pub operation: &'static str,
    pub place: String,
    pub message: String,
    pub help: String,
    /// Whether a retry may succeed.
    pub is_passing: bool,
}

#[derive(Debug)]
pub struct BucketFiles(Objects);

impl BucketFiles {
    /// Finds credentials, Region and endpoint as the AWS CLI does; makes no call. `seed` spreads
    /// the retry pauses.
    ///
    /// # Errors
    /// When there is no TLS.
    pub async fn open(
        place: BucketPlace,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, String> {
        let region = environment_region().await;
        let region = region.unwrap_or_else(|| REGION.to_owned());
        Self::at(&AwsClientSettings::new(region), place, clock, seed).await
    }

    /// As [`open`](Self::open), with these settings.
    pub async fn at(
        settings: &AwsClientSettings,
        place: BucketPlace,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, String> {
        let objects = Objects::of(settings, place, None, clock, seed).await;
        objects.map(Self)
    }

    /// For display: `s3://bucket/root`.
    pub fn name(&self) -> String {
        self.shown("").trim_end_matches('/').to_owned()
    }

    pub fn shown(&self, key: &str) -> String {
        self.0.shown(key)
    }

    /// All files with `prefix`, by key.
    ///
    /// # Errors
    /// When the listing is incomplete.
    pub async fn list(&self, prefix: &str) -> Result<Vec<BucketFile>, BucketError> {
        let listed = self.listing(prefix, false).await?;
        Ok(listed.files)
    }

    /// Direct content of a folder, named without a final slash. A missing folder is empty.
    ///
    /// # Errors
    /// When the listing is incomplete.
    pub async fn inside(&self, folder: &str) -> Result<BucketFolder, BucketError> {
        let prefix = match folder {
            "" => String::new(),
            _ => format!("{folder}/"),
        };
        let mut listed = self.listing(&prefix, true).await?;
        let name = |key: &str| {
            let name = key.strip_prefix(&prefix)?.trim_end_matches('/');
            // some programs put a placeholder with the folder's own name
            (!name.is_empty()).then(|| name.to_owned())
        };
        listed.folders = listed.folders.iter().filter_map(|it| name(it)).collect();
        let named = listed.files.into_iter().filter_map(|it| {
            let key = name(&it.key)?;
            Some(BucketFile { key, ..it })
        });
        listed.files = named.collect();
        Ok(listed)
    }

    async fn listing(&self, prefix: &str, by_folder: bool) -> Result<BucketFolder, BucketError> {
        let (root, prefix) = (self.0.key(""), self.0.key(prefix));
        let (mut listed, mut token): (BucketFolder, Option<String>) = Default::default();
        loop {
            let mut call = self.0.call("ListObjectsV2", Method::GET, "");
            // sorted by name for the signature
            let mut query = String::new();
            if let Some(token) = &token {
                query = format!("continuation-token={}&", encoded(token, Slash::Encoded));
            }
            if by_folder {
                query.push_str("delimiter=%2F&");
            }
            let prefix = encoded(&prefix, Slash::Encoded);
            call.url = format!("{}?{query}list-type=2&prefix={prefix}", self.0.base);
            let reply = self.send(&call, "").await?;
            let broken = |why: String| {
                let why = format!("the listing cannot be understood: {why}");
                self.error(call.operation, "", &CallFailure::unparsable(&why))
            };
            let next = super::read_page(&reply.body).map_err(broken)?.next;
            let page = read_files(&reply.body).map_err(broken)?;
            let below = page.into_iter().filter_map(|it| {
                let key = it.key.strip_prefix(&root)?.to_owned();
                Some(BucketFile { key, ..it })
            });
            listed.files.extend(below);
            let folders = read_folders(&reply.body).map_err(broken)?.into_iter();
            let below = folders.filter_map(|it| Some(it.strip_prefix(&root)?.to_owned()));
            listed.folders.extend(below);
            match next {
                None => return Ok(listed),
                // promise P9: never a shorter listing
                Some(next) if token.as_ref() == Some(&next) => {
                    return Err(broken("it does not come to an end".to_owned()));
                }
                Some(next) => token = Some(next),
            }
        }
    }

    /// `None` for a missing file.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        let mut bytes = Vec::new();
        loop {
            let from = bytes.len() as u64;
            let Some(piece) = self.piece(key, from..from + PIECE_BYTES).await? else {
                return Ok((from > 0).then_some(bytes));
            };
            let is_last = (piece.len() as u64) < PIECE_BYTES;
            bytes.extend(piece);
            if is_last {
                return Ok(Some(bytes));
            }
        }
    }

    /// A file with this entity tag; `None` when deleted or changed. At most `bytes_max`.
    pub async fn get_as_told(
        &self,
        key: &str,
        etag: &str,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, BucketError> {
        let mut call = self.0.call("GetObject", Method::GET, key);
        call.headers = vec![("if-match", format!("\"{etag}\""))];
        call.answers = &[404, 412];
        call.bulk = bytes_max;
        let reply = self.send(&call, key).await?;
        if call.answers.contains(&reply.status) {
            return Ok(None);
        }
        if reply.body.len() > bytes_max {
            let why = format!("it has more than {bytes_max} bytes");
            return Err(self.error(call.operation, key, &CallFailure::unparsable(&why)));
        }
        Ok(Some(reply.body))
    }

    /// A file's metadata (`x-amz-meta-NAME`); `None` without a value or file.
    pub async fn said_of(&self, key: &str, name: &str) -> Result<Option<String>, BucketError> {
        let mut call = self.0.call("HeadObject", Method::HEAD, key);
        call.answers = &[404];
        let reply = self.send(&call, key).await?;
        let said = reply.headers.get(format!("x-amz-meta-{name}"));
        let said = said.filter(|_| reply.status != 404);
        Ok(said.and_then(|it| it.to_str().ok()).map(str::to_owned))
    }

    /// Many files, ordered by key; omits missing ones.
    pub async fn get_all(&self, keys: Vec<String>) -> Result<Vec<(String, Vec<u8>)>, BucketError> {
        let read = |key: String| async move { Ok(self.get(&key).await?.map(|bytes| (key, bytes))) };
        let read = stream::iter(keys).map(read).buffered(AT_ONCE);
        let read: Vec<Option<(String, Vec<u8>)>> = read.try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    pub async fn range(&self, key: &str, range: Range<u64>) -> Result<Vec<u8>, BucketError> {
        let mut bytes = Vec::new();
        let mut from = range.start;
        while from < range.end {
            let to = range.end.min(from + PIECE_BYTES);
            let piece = self.piece(key, from..to).await?.unwrap_or_default();
            if piece.len() as u64 != to - from {
                let why = "it is shorter than it was, or not there any more";
                let failure = CallFailure::unparsable(why);
                return Err(self.error("GetObject", key, &failure));
            }
            bytes.extend(piece);
            from = to;
        }
        Ok(bytes)
    }

    async fn piece(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, BucketError> {
        let mut call = self.0.call("GetObject", Method::GET, key);
        let last = range.end.saturating_sub(1);
        call.headers = vec![("range", format!("bytes={}-{last}", range.start))];
        call.answers = &[404, 416];
        call.bulk = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let reply = self.send(&call, key).await?;
        match reply.status {
            // an empty file has no ranges
            416 => Ok((range.start == 0).then(Vec::new)),
            404 => match code_of(&reply).as_deref() {
                Some("NoSuchKey") | None => Ok(None),
                code => {
                    let failure = CallFailure::answered(404, code, None, None);
                    Err(self.error(call.operation, key, &failure))
                }
            },
            206 => Ok(Some(reply.body)),
            // a store without ranges returns the whole file
            _ => {
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                let end = place(range.end).min(reply.body.len());
                let piece = reply.body.get(place(range.start)..end);
                Ok(piece.map(<[u8]>::to_vec))
            }
        }
    }

    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), BucketError> {
        let call = self.put_call(key, bytes);
        self.send(&call, key).await.map(drop)
    }

    /// Puts a new file; the same content succeeds.
    ///
    /// # Errors
    /// A failed put, or a different file exists.
    pub async fn put_once(&self, key: &str, bytes: Vec<u8>) -> Result<(), BucketError> {
        let mut call = self.put_call(key, bytes);
        call.headers.push(("if-none-match", "*".to_owned()));
        call.answers = &[412, 501];
        let reply = self.send(&call, key).await?;
        if !call.answers.contains(&reply.status) {
            return Ok(());
        }
        match self.get(key).await? {
            // put before, and its answer was lost
            Some(found) if found == call.body => Ok(()),
            None if reply.status == 501 => {
                // a store without conditional writes: relies on the previous check
                call.headers.retain(|(name, _)| *name != "if-none-match");
                call.answers = &[];
                self.send(&call, key).await.map(drop)
            }
            Some(_) | None => {
                let message = Some("another file is there already");
                let failure = CallFailure::answered(412, Some("PreconditionFailed"), message, None);
                Err(self.error(call.operation, key, &failure))
            }
        }
    }

    fn put_call(&self, key: &str, bytes: Vec<u8>) -> UnsignedRequest {
        let mut call = self.0.call("PutObject", Method::PUT, key);
        call.headers = vec![
            ("content-type", content_type(key).to_owned()),
            ("x-amz-sdk-checksum-algorithm", "SHA256".to_owned()),
            ("x-amz-checksum-sha256", STANDARD.encode(sha256(&bytes))),
        ];
        call.bulk = bytes.len();
        call.body = bytes;
        call
    }

    /// Removes files; ignores missing ones.
    pub async fn remove(&self, keys: &[String]) -> Result<(), BucketError> {
        let remove = |key: &String| {
            let key = key.clone();
            async move {
                let call = self.0.call("DeleteObject", Method::DELETE, &key);
                self.send(&call, &key).await.map(drop)
            }
        };
        let removed = stream::iter(keys).map(remove).buffer_unordered(AT_ONCE);
        removed.try_collect().await
    }

    async fn send(&self, call: &UnsignedRequest, key: &str) -> Result<RawResponse, BucketError> {
        let sent = self.0.signed.send(call).await;
        sent.map_err(|failure| self.error(call.operation, key, &failure))
    }

    fn error(&self, operation: &'static str, key: &str, failure: &CallFailure) -> BucketError {
        let place = if key.is_empty() {
            self.name()
        } else {
            self.shown(key)
        };
        let message = failure.fault.to_string();
        BucketError {
            operation,
            help: self.help(operation, failure, &message),
            place,
            message,
            is_passing: failure.is_passing(),
        }
    }

    fn help(&self, operation: &str, failure: &CallFailure, message: &str) -> String {
        let bucket = &self.0.place.bucket;
        match failure.code.as_deref() {
            Some("NoSuchBucket") => {
                format!("make the bucket `{bucket}`, or name another one")
            }
            Some(
                "PermanentRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
            ) => format!("set `AWS_REGION` to the Region of the bucket `{bucket}`"),
            Some("AccessDenied" | "AllAccessDisabled" | "Forbidden") => {
                let (action, below) = match operation {
                    "ListObjectsV2" => ("s3:ListBucket", ""),
                    "PutObject" => ("s3:PutObject", "/*"),
                    "DeleteObject" => ("s3:DeleteObject", "/*"),
                    _ => ("s3:GetObject", "/*"),
                };
                format!(
                    "allow `{action}` on `arn:aws:s3:::{bucket}{below}`; its bucket policy and its key count, too"
                )
            }
            Some("PreconditionFailed") => {
                "another writer uses it: give snapshots a separate prefix".to_owned()
            }
            _ if message.contains("no credentials") => {
                "sign in to AWS, or set `AWS_PROFILE`".to_owned()
            }
            _ => match failure.fault {
                CenterFault::Refused { .. } | CenterFault::NotFound { .. } => {
                    "check the bucket, `AWS_REGION` and `AWS_PROFILE`".to_owned()
                }
                _ => "check the network, credentials and `AWS_ENDPOINT_URL_S3`; then try again"
                    .to_owned(),
            },
        }
    }
}

fn code_of(reply: &RawResponse) -> Option<String> {
    let codes = xml::texts(&reply.body, &["Error", "Code"]).unwrap_or_default();
    codes.into_iter().next()
}

/// With a final slash.
fn read_folders(body: &[u8]) -> Result<Vec<String>, String> {
    xml::texts(body, &["ListBucketResult", "CommonPrefixes", "Prefix"])
}

/// Each key must have all fields.
fn read_files(body: &[u8]) -> Result<Vec<BucketFile>, String> {
    let texts = |name: &str| xml::texts(body, &["ListBucketResult", "Contents", name]);
    let (keys, sizes, times) = (texts("Key")?, texts("Size")?, texts("LastModified")?);
    if keys.len() != sizes.len() || keys.len() != times.len() {
        return Err("a file has no size or no time".to_owned());
    }
    let files = keys.into_iter().zip(sizes.into_iter().zip(times));
    let file = |(key, (bytes, modified)): (String, (String, String))| {
        Ok(BucketFile {
            bytes: bytes.parse().map_err(|_| format!("`{bytes}` is no size"))?,
            modified: modified
                .parse()
                .map_err(|_| format!("`{modified}` is no time"))?,
            key,
        })
    };
    files.map(file).collect()
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
