//! Verifies each chain from its newest digest back to the first, then finds files that no digest
//! names.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io;

use hallpass_base::{AccountId, Timestamp};

use super::document::{NamedLog, ReadDigest, content_hash};
use super::keys::{PublicKeys, SignatureAnswer};
use super::listing::{DigestChain, day_of, delivered_at};
use super::report::{ChainSpan, DigestFault, DigestReport};
use crate::log::{FileLook, LogFile, LogFiles, LogScope, folders, split_at_logs};

/// # Errors
/// A folder cannot be listed. Faults of files are in the report.
pub fn verify_digests(
    files: &dyn LogFiles,
    scope: &LogScope,
    chains: &[DigestChain],
    keys: &PublicKeys,
) -> io::Result<DigestReport> {
    let mut check = DigestCheck {
        files,
        scope,
        keys,
        report: DigestReport::default(),
        named: HashSet::new(),
        key: RandomState::new(),
    };
    for chain in chains {
        check.chain(chain);
        for (_, path) in &chain.backfilled {
            check.backfilled(path);
        }
    }
    check.not_named()?;
    Ok(check.report)
}

/// A digest as described by its successor.
struct Vouched {
    path: String,
    sha256: Option<String>,
    signature: Option<String>,
}

struct DigestCheck<'a> {
    files: &'a dyn LogFiles,
    scope: &'a LogScope,
    keys: &'a PublicKeys,
    report: DigestReport,
    /// Hashes of named paths: a year has millions. Keyed randomly per check, so that no one can
    /// craft a colliding file name.
    named: HashSet<u64>,
    key: RandomState,
}

/// Translates a key into a path of the same place.
fn beside(path: &str, key: &str) -> String {
    let (root, _) = split_at_logs(path);
    let (_, tail) = split_at_logs(key);
    format!("{root}{tail}")
}

fn named_logs<'a>(path: &str, read: &'a ReadDigest) -> Vec<(String, &'a NamedLog)> {
    let logs = read.document.log_files.iter();
    logs.map(|log| (beside(path, &log.s3_object), log))
        .collect()
}

impl DigestCheck<'_> {
    fn chain(&mut self, chain: &DigestChain) {
        let Some((until, _)) = chain.digests.last() else {
            return;
        };
        // The begin of the next digest, if known.
        let mut begin = None;
        let mut first = *until;
        let mut vouched: Option<Vouched> = None;
        for (at, path) in chain.digests.iter().rev() {
            let missing = vouched.take_if(|it| it.path != *path);
            if let Some(wanted) = missing {
                // The digest that its successor names is missing.
                self.report.find(&wanted.path, DigestFault::DigestMissing);
                begin = None;
            }
            let read = match ReadDigest::read(self.files, path) {
                Ok(read) => read,
                Err(error) => {
                    let why = error.to_string();
                    self.report.find(path, DigestFault::Unreadable { why });
                    (begin, first, vouched) = (None, *at, None);
                    continue;
                }
            };
            if let Some(until) = begin.filter(|it| at < it) {
                self.report
                    .find(path, DigestFault::Gap { from: *at, until });
            }
            first = read.document.digest_start_time;
            begin = Some(first);
            vouched = self.digest(path, &read, vouched);
        }
        // The last link leads outside the selected days, or to a missing digest.
        if let Some(wanted) = vouched.filter(|it| self.is_asked_for(&it.path)) {
            self.report.find(&wanted.path, DigestFault::DigestMissing);
        }
        self.report.chains.push(ChainSpan {
            account: chain.account.clone(),
            region: chain.region.clone(),
            trail: chain.trail.clone(),
            from: first,
            until: *until,
        });
    }

    /// Verifies a digest written later. Only its own signature protects it: without one it could be
    /// forged, so its names do not count.
    fn backfilled(&mut self, path: &str) {
        let read = match ReadDigest::read(self.files, path) {
            Ok(read) => read,
            Err(error) => {
                let why = error.to_string();
                return self.report.find(path, DigestFault::Unreadable { why });
            }
        };
        match self.signature(path, &read, None) {
            Ok(true) => self.report.digests_verified += 1,
            Ok(false) => return self.report.find(path, DigestFault::NotSigned),
            Err(fault) => return self.report.find(path, fault),
        }
        let logs = named_logs(path, &read);
        for (path, _) in &logs {
            self.named.insert(self.key.hash_one(path.as_str()));
        }
        self.logs(&logs, true);
    }

    /// Verifies a digest and its files; returns its description of the predecessor.
    fn digest(
        &mut self,
        path: &str,
        read: &ReadDigest,
        vouched: Option<Vouched>,
    ) -> Option<Vouched> {
        let document = &read.document;
        let logs = named_logs(path, read);
        let names = logs
            .iter()
            .map(|(path, _)| self.key.hash_one(path.as_str()));
        self.named.extend(names.collect::<Vec<u64>>());
        let is_signed = match self.signature(path, read, vouched) {
            Ok(is_signed) => is_signed,
            Err(fault) => {
                self.report.find(path, fault);
                return None;
            }
        };
        if is_signed {
            self.report.digests_verified += 1;
        } else {
            self.report.digests_without_signature += 1;
        }
        self.logs(&logs, is_signed);
        let previous = document.previous_digest_s3_object.as_ref()?;
        Some(Vouched {
            path: beside(path, previous),
            sha256: document.previous_digest_hash_value.clone(),
            signature: document.previous_digest_signature.clone(),
        })
    }

    /// Whether a digest is signed. Only the newest is excused if its signature is unavailable.
    fn signature(
        &self,
        path: &str,
        read: &ReadDigest,
        vouched: Option<Vouched>,
    ) -> Result<bool, DigestFault> {
        let document = &read.document;
        if split_at_logs(path).1 != split_at_logs(&document.digest_s3_object).1 {
            let key = document.digest_s3_object.clone();
            return Err(DigestFault::Moved { key });
        }
        let is_followed = vouched.is_some();
        let signature = match vouched {
            Some(vouched) => {
                if vouched.sha256.is_some_and(|it| it != read.sha256) {
                    return Err(DigestFault::DigestChanged);
                }
                vouched.signature
            }
            None => None,
        };
        let signature = match signature {
            Some(signature) => Some(signature),
            None => self.files.signature(path).map_err(|error| {
                let why = error.to_string();
                DigestFault::Unreadable { why }
            })?,
        };
        let Some(signature) = signature else {
            return if is_followed {
                Err(DigestFault::NotSigned)
            } else {
                Ok(false)
            };
        };
        let fingerprint = &document.digest_public_key_fingerprint;
        match self.keys.verify(fingerprint, &read.signed(), &signature) {
            SignatureAnswer::Right => Ok(true),
            SignatureAnswer::Wrong => Err(DigestFault::DigestChanged),
            SignatureAnswer::NoKey => Err(DigestFault::NoKey {
                fingerprint: fingerprint.clone(),
            }),
        }
    }

    fn is_asked_for(&self, path: &str) -> bool {
        day_of(path).is_none_or(|day| self.scope.days.contains(&day))
    }

    fn logs(&mut self, logs: &[(String, &NamedLog)], is_signed: bool) {
        let wanted = logs.iter().filter(|(path, _)| self.is_asked_for(path));
        let wanted: Vec<&(String, &NamedLog)> = wanted.collect();
        let unseen = FileLook {
            bytes: 0,
            modified_ns: 0,
        };
        let ahead = wanted.iter().map(|(path, _)| LogFile {
            path: path.clone(),
            look: unseen,
        });
        self.files.ahead(&ahead.collect::<Vec<_>>());
        for (path, log) in wanted {
            match self.log(path, log) {
                Ok(()) if is_signed => self.report.logs_verified += 1,
                Ok(()) => self.report.logs_without_signature += 1,
                Err(fault) => self.report.find(path, fault),
            }
        }
    }

    fn log(&self, path: &str, log: &NamedLog) -> Result<(), DigestFault> {
        if log.hash_algorithm != "SHA-256" {
            let why = format!("its hash is by `{}`", log.hash_algorithm);
            return Err(DigestFault::LogUnreadable { why });
        }
        match content_hash(self.files, path) {
            Ok(found) if found == log.hash_value => Ok(()),
            Ok(_) => Err(DigestFault::LogChanged),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DigestFault::LogMissing),
            // A file that fails to decompress was changed.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput
                        | io::ErrorKind::InvalidData
                        | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Err(DigestFault::LogChanged)
            }
            Err(error) => {
                let why = error.to_string();
                Err(DigestFault::LogUnreadable { why })
            }
        }
    }

    /// Finds files that no digest names, from the first to the last digest of their account and
    /// Region.
    fn not_named(&mut self) -> io::Result<()> {
        let mut spans: BTreeMap<(AccountId, String), (Timestamp, Timestamp)> = BTreeMap::new();
        for span in &self.report.chains {
            let place = (span.account.clone(), span.region.clone());
            let known = spans.entry(place).or_insert((span.from, span.until));
            *known = (known.0.min(span.from), known.1.max(span.until));
        }
        // A new account or Region has no digest yet.
        let last = spans.values().map(|(_, until)| *until).max();
        let (files, scope) = (self.files, self.scope);
        folders(files, scope, &mut |day| {
            let place = (day.account.clone(), day.region.clone());
            let span = spans.get(&place);
            for file in day.logs(files)? {
                if self.named.contains(&self.key.hash_one(file.path.as_str())) {
                    continue;
                }
                let at = delivered_at(&file.path);
                let until = span.map(|(_, until)| *until).or(last);
                if until.is_some_and(|until| at.is_some_and(|at| at >= until)) {
                    self.report.logs_after_last_digest += 1;
                } else if span.is_none() {
                    self.report.find(&file.path, DigestFault::NoDigests);
                } else {
                    self.report.find(&file.path, DigestFault::NotNamed);
                }
            }
            Ok(())
        })
    }
}
