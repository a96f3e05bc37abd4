//! CloudTrail digests, each with the hash and signature of its predecessor (AWS CloudTrail User
//! Guide, "`CloudTrail` digest file structure", "Custom implementations of `CloudTrail` log file
//! integrity validation").

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    sync::Arc,
};

use crate::base::Millis;
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use super::{
    event_history::event_time,
    objects::{ObjectStore, StoredObject},
    trails::{Trail, gzipped, instant},
};

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
/// Delay of a digest after its hour.
const LATE: Millis = 60_000;
/// Older periods, after a clock move or an import, have one digest a day.
const HOURLY_FOR: Millis = 2 * DAY;
/// Validity of a key before and after its first digest.
pub(crate) const KEY_FOR: Millis = 400 * DAY;
/// Delay until all events before a stop are delivered.
const DELIVERED: Millis = 600_000;
const ALGORITHM: &str = "SHA256withRSA";

#[derive(Debug, Clone)]
pub(crate) struct DeliveredLog {
    pub key: String,
    /// Of the uncompressed content.
    pub sha256: String,
    pub oldest: Millis,
    pub newest: Millis,
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// The digest signing key. Drawn by the process, not from the seed: like the files, it does not
/// outlive the process.
pub(crate) struct DigestKey {
    pair: RsaKeyPair,
    pub from: Millis,
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestKey").finish_non_exhaustive()
    }
}

impl DigestKey {
    fn new(at: Millis) -> Option<Self> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
        Some(Self {
            pair,
            from: at.div_euclid(DAY) * DAY - KEY_FOR,
        })
    }

    /// PKCS #1, DER.
    pub(crate) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(crate) fn fingerprint(&self) -> String {
        let mut digits = sha256_hex(self.public());
        digits.truncate(32);
        digits
    }

    fn sign(&self, text: &str) -> Option<String> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .pair
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
        signed.ok().map(|()| hex::encode(signature))
    }
}

#[derive(Debug, Clone)]
struct LastDigest {
    bucket: String,
    key: String,
    sha256: String,
    signature: String,
}

/// The digests of an account and a Region in a trail.
#[derive(Debug, Clone)]
struct DigestChain {
    account: String,
    region: String,
    until: Millis,
    is_ending: bool,
    last: Option<LastDigest>,
    logs: Vec<(Millis, DeliveredLog)>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct DigestChains {
    /// By the trail's ARN, account and Region.
    chains: BTreeMap<(String, String, String), DigestChain>,
    key: Option<Arc<DigestKey>>,
}

impl DigestChains {
    pub(crate) fn key(&self) -> Option<&DigestKey> {
        self.key.as_deref()
    }

    pub(crate) fn note(
        &mut self,
        trail: &Trail,
        account: &str,
        region: &str,
        at: Millis,
        log: DeliveredLog,
    ) {
        let place = (trail.arn(), account.to_owned(), region.to_owned());
        let chain = match self.chains.entry(place) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(DigestChain {
                account: account.to_owned(),
                region: region.to_owned(),
                until: at.div_euclid(HOUR) * HOUR,
                is_ending: !trail.is_logging,
                last: None,
                logs: Vec::new(),
            }),
        };
        chain.logs.push((at, log));
    }

    /// Stops or restarts a trail: later digests form a new chain without a predecessor.
    pub(crate) fn end(&mut self, trail: &str, is_ending: bool) {
        for ((of, _, _), chain) in &mut self.chains {
            if of == trail {
                chain.is_ending = is_ending;
            }
        }
    }

    pub(crate) fn cut(&mut self, trail: &str) {
        self.chains.retain(|(arn, _, _), _| arn != trail);
    }

    pub(crate) fn close(
        &mut self,
        trail: &Trail,
        organization: &str,
        now: Millis,
        objects: &mut ObjectStore,
    ) {
        let arn = trail.arn();
        for ((of, _, _), chain) in &mut self.chains {
            if *of != arn {
                continue;
            }
            while !chain.is_over(trail) {
                let behind = now - chain.until;
                let span = if behind > HOURLY_FOR { DAY } else { HOUR };
                if behind < span + LATE {
                    break;
                }
                if self.key.is_none() {
                    self.key = DigestKey::new(now).map(Arc::new);
                }
                let Some(key) = self.key.as_deref() else {
                    tracing::error!("no key could be made to sign digests with");
                    return;
                };
                chain.write(trail, organization, chain.until + span, key, objects);
            }
        }
        self.chains
            .retain(|(of, _, _), chain| *of != arn || !chain.is_over(trail));
    }
}

impl DigestChain {
    fn is_over(&self, trail: &Trail) -> bool {
        let stopped = trail.stopped.filter(|_| self.is_ending);
        stopped.is_some_and(|stopped| self.until > stopped + DELIVERED)
    }

    fn write(
        &mut self,
        trail: &Trail,
        organization: &str,
        until: Millis,
        key: &DigestKey,
        objects: &mut ObjectStore,
    ) {
        let (taken, left) = std::mem::take(&mut self.logs)
            .into_iter()
            .partition(|(at, _)| *at < until);
        self.logs = left;
        let place = self.place(trail, organization, until);
        let text = self.text(trail, &place, until, &taken, key).to_string();
        let previous = self
            .last
            .as_ref()
            .map_or("null", |it| it.signature.as_str());
        let sha256 = sha256_hex(text.as_bytes());
        let signed = format!(
            "{}\n{}/{place}\n{sha256}\n{previous}",
            event_time(until),
            trail.bucket
        );
        let Some(signature) = key.sign(&signed) else {
            tracing::error!("a digest could not be signed");
            return;
        };
        let object = StoredObject {
            bytes: gzipped(text.as_bytes()).into(),
            modified: until + LATE,
            metadata: BTreeMap::from([
                ("signature".to_owned(), signature.clone()),
                ("signature-algorithm".to_owned(), ALGORITHM.to_owned()),
            ]),
        };
        objects.put(&trail.bucket, &place, object);
        self.until = until;
        self.last = Some(LastDigest {
            bucket: trail.bucket.clone(),
            key: place,
            sha256,
            signature,
        });
    }

    fn place(&self, trail: &Trail, organization: &str, until: Millis) -> String {
        let (account, region, name) = (&self.account, &self.region, &trail.name);
        let folder = trail.folder(organization, account, "CloudTrail-Digest", region, until);
        let home = &trail.home_region;
        let time = instant(until).strftime("%Y%m%dT%H%M%SZ");
        format!("{folder}/{account}_CloudTrail-Digest_{region}_{name}_{home}_{time}.json.gz")
    }

    fn text(
        &self,
        trail: &Trail,
        place: &str,
        until: Millis,
        logs: &[(Millis, DeliveredLog)],
        key: &DigestKey,
    ) -> Value {
        let newest = logs.iter().map(|(_, it)| it.newest).max();
        let oldest = logs.iter().map(|(_, it)| it.oldest).min();
        let last = self.last.as_ref();
        let files: Vec<Value> = logs
            .iter()
            .map(|(_, log)| {
                json!({
                    "s3Bucket": trail.bucket, "s3Object": log.key,
                    "hashValue": log.sha256, "hashAlgorithm": "SHA-256",
                    "newestEventTime": event_time(log.newest),
                    "oldestEventTime": event_time(log.oldest),
                })
            })
            .collect();
        json!({
            "awsAccountId": self.account,
            "digestStartTime": event_time(self.until),
            "digestEndTime": event_time(until),
            "digestS3Bucket": trail.bucket,
            "digestS3Object": place,
            "digestPublicKeyFingerprint": key.fingerprint(),
            "digestSignatureAlgorithm": ALGORITHM,
            "newestEventTime": newest.map(event_time),
            "oldestEventTime": oldest.map(event_time),
            "previousDigestS3Bucket": last.map(|it| &it.bucket),
            "previousDigestS3Object": last.map(|it| &it.key),
            "previousDigestHashValue": last.map(|it| &it.sha256),
            "previousDigestHashAlgorithm": last.map(|_| "SHA-256"),
            "previousDigestSignature": last.map(|it| &it.signature),
            "logFiles": files,
        })
    }
}
