use std::io::{self, Read};

use aws_lc_rs::digest::{self, Context};
use hallpass_base::Timestamp;
use serde::Deserialize;

use crate::log::{LogFiles, unpacked};

/// About 50,000 files per hour.
const DIGEST_BYTES_MAX: u64 = 32 << 20;
const PIECE_BYTES: usize = 64 << 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamedLog {
    pub(super) s3_object: String,
    pub(super) hash_value: String,
    pub(super) hash_algorithm: String,
}

/// Trusted only after its signature is verified.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DigestDocument {
    pub(super) digest_start_time: Timestamp,
    /// As written, since that is signed.
    digest_end_time: String,
    digest_s3_bucket: String,
    pub(super) digest_s3_object: String,
    pub(super) digest_public_key_fingerprint: String,
    digest_signature_algorithm: String,
    pub(super) previous_digest_s3_object: Option<String>,
    pub(super) previous_digest_hash_value: Option<String>,
    pub(super) previous_digest_signature: Option<String>,
    pub(super) log_files: Vec<NamedLog>,
}

#[derive(Debug)]
pub(super) struct ReadDigest {
    pub(super) document: DigestDocument,
    pub(super) sha256: String,
}

impl ReadDigest {
    /// # Errors
    /// It is unreadable or no digest.
    pub(super) fn read(files: &dyn LogFiles, path: &str) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let whole = unpacked(files.open(path)?)?;
        whole.take(DIGEST_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        let broken = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        if bytes.len() as u64 > DIGEST_BYTES_MAX {
            return Err(broken(format!(
                "it is larger than {DIGEST_BYTES_MAX} bytes"
            )));
        }
        let document: DigestDocument =
            serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        if document.digest_signature_algorithm != "SHA256withRSA" {
            let algorithm = &document.digest_signature_algorithm;
            return Err(broken(format!("it is signed by `{algorithm}`")));
        }
        Ok(Self {
            document,
            sha256: hex::encode(digest::digest(&digest::SHA256, &bytes)),
        })
    }

    pub(super) fn signed(&self) -> String {
        let document = &self.document;
        let previous = document.previous_digest_signature.as_deref();
        format!(
            "{}\n{}/{}\n{}\n{}",
            document.digest_end_time,
            document.digest_s3_bucket,
            document.digest_s3_object,
            self.sha256,
            previous.unwrap_or("null"),
        )
    }
}

/// The SHA-256 of the decompressed content.
///
/// # Errors
/// It cannot be read completely.
pub(super) fn content_hash(files: &dyn LogFiles, path: &str) -> io::Result<String> {
    let mut content = unpacked(files.open(path)?)?;
    let mut sum = Context::new(&digest::SHA256);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(hex::encode(sum.finish())),
            Ok(read) => sum.update(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
