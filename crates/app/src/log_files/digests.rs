//! `--verify-digests`: verifies a trail's files by CloudTrail's digests (`inventory.md` H-37 to
//! H-39).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::host::named_calls::NamedCalls;
use crate::host::runtime::runtime;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_activity::{
    DigestChain, DigestReport, LogFiles, LogScope, PublicKeys, digest_chains, verify_digests,
};
use hallpass_aws::RoleToAssume;
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_org::{ReadCalls as _, ReadPlace};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use hallpass_terminal::text_file::read_text;
use serde_json::{Map, Value, json};

use super::{LogPlace, SourceFiles};

/// Bytes of a saved `ListPublicKeys` answer.
const KEYS_BYTES_MAX: u64 = 16 << 20;
/// Findings printed by name; all are counted.
const NAMED_MAX: usize = 100;
/// Digests are delivered after the period they cover.
const KEYS_AROUND: TimeSpan = TimeSpan::hours(24);

/// Verification of files by CloudTrail's digests.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DigestArgs {
    /// Verify first, by the digests beside the files, that they are as CloudTrail delivered them:
    /// changed files are not read, and missing files are named (exit 1)
    #[arg(long)]
    verify_digests: bool,
    /// Saved answers of `ListPublicKeys` [default: query CloudTrail]
    #[arg(long, value_name = "FILE", requires = "verify_digests")]
    digest_keys: Vec<PathBuf>,
}

impl DigestArgs {
    pub const fn is_asked(&self) -> bool {
        self.verify_digests
    }

    /// Verifies all sources; changed files are not opened later.
    ///
    /// # Errors
    /// Exit 2 for single files and unreadable keys; exit 1 if a place cannot be listed, or
    /// CloudTrail returns no keys.
    pub fn check(
        &self,
        sources: &mut [SourceFiles],
        scope: &LogScope,
    ) -> Result<Option<DigestReport>, Failure> {
        if !self.verify_digests {
            return Ok(None);
        }
        let mut all = DigestReport::default();
        for source in sources {
            if let (LogPlace::Folder(root), [file, ..]) = (&source.place, source.found.as_slice())
                && root.as_os_str().is_empty()
            {
                let message = format!("digests do not cover `{}` alone", file.path);
                return Err(Failure::bad_input(message)
                    .help("name the folder or the bucket that has `AWSLogs/`, or leave out `--verify-digests`"));
            }
            let report = self.of_place(&source.place, &source.files, scope)?;
            source.files.refuse(report.not_delivered.clone());
            all.add(report);
        }
        Ok(Some(all))
    }

    /// Verifies one place.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn of_place(
        &self,
        place: &LogPlace,
        files: &dyn LogFiles,
        scope: &LogScope,
    ) -> Result<DigestReport, Failure> {
        let unlisted = |error: std::io::Error| place.unlisted(&error);
        let chains = digest_chains(files, scope).map_err(unlisted)?;
        let keys = self.keys(&chains)?;
        let report = verify_digests(files, scope, &chains, &keys).map_err(unlisted)?;
        Ok(named(report, place))
    }

    fn keys(&self, chains: &[DigestChain]) -> Result<PublicKeys, Failure> {
        let mut keys = PublicKeys::default();
        if self.digest_keys.is_empty() {
            ask(chains, &mut keys)?;
        }
        for path in &self.digest_keys {
            read_keys(path, &mut keys)?;
        }
        Ok(keys)
    }
}

fn named(mut report: DigestReport, place: &LogPlace) -> DigestReport {
    for finding in &mut report.findings {
        finding.path = place.name_of(&finding.path);
    }
    report
}

fn read_keys(path: &Path, keys: &mut PublicKeys) -> Result<(), Failure> {
    let text = read_text(path, KEYS_BYTES_MAX)?;
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let taken = take(&answer, keys);
    taken.map_err(|why| {
        Failure::bad_input(format!("`{}`: {why}", path.display()))
            .help("`aws cloudtrail list-public-keys --start-time … --end-time …` prints it")
    })
}

fn take(answer: &Value, keys: &mut PublicKeys) -> Result<(), String> {
    let rows = answer.get("PublicKeyList").and_then(Value::as_array);
    for row in rows.ok_or("there is no `PublicKeyList`")? {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let value = STANDARD.decode(text("Value"));
        let value = value.map_err(|error| format!("a key is not base64: {error}"))?;
        keys.add(text("Fingerprint"), value)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Queries CloudTrail in each Region, because keys are regional.
fn ask(chains: &[DigestChain], keys: &mut PublicKeys) -> Result<(), Failure> {
    let mut spans: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    for chain in chains {
        let digests = chain.digests.iter().chain(&chain.backfilled);
        let mut times: BTreeSet<Timestamp> = digests.map(|(at, _)| *at).collect();
        if !chain.backfilled.is_empty() {
            times.insert(hallpass_base::clock::now());
        }
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            continue;
        };
        let span = spans.entry(&chain.region).or_insert((*first, *last));
        *span = (span.0.min(*first), span.1.max(*last));
    }
    let Some(home) = spans.keys().next().map(|it| (*it).to_owned()) else {
        return Ok(());
    };
    runtime()?.block_on(async {
        let calls = NamedCalls::new(home, RoleToAssume::default(), 1).await?;
        for (region, (first, last)) in spans {
            let place = ReadPlace {
                region: Some(region.to_owned()),
                ..ReadPlace::default()
            };
            let mut more = Some(Map::new());
            while let Some(token) = more.take() {
                let mut input = json!({
                    "StartTime": KEYS_AROUND.before(first),
                    "EndTime": KEYS_AROUND.after(last),
                });
                if let Some(members) = input.as_object_mut() {
                    members.extend(token);
                }
                let asked = calls.call(&place, ("cloudtrail", "ListPublicKeys"), &input);
                let (answer, next) = asked.await.map_err(|failed| {
                    let (code, message) = (failed.code, failed.message);
                    Failure::failed(format!("no public keys of {region}: {code}: {message}")).help(
                        "allow `cloudtrail:ListPublicKeys`, or give saved answers by `--digest-keys`",
                    )
                })?;
                take(&answer, keys).map_err(Failure::failed)?;
                more = next;
            }
        }
        Ok(())
    })
}

/// Prints the result on stderr; returns whether all is correct.
pub fn tell_digests(report: Option<&DigestReport>) -> bool {
    let Some(report) = report else {
        return true;
    };
    for finding in report.findings.iter().take(NAMED_MAX) {
        let path = output::plain(&finding.path);
        let fault = output::plain(&finding.fault.to_string());
        output::say(&format!("not as delivered: {path}: {fault}"));
    }
    let until = report.chains.iter().map(|it| it.until).max();
    output::say(&format!(
        "{} digests are right, and {} files are as they say{}",
        report.digests_verified,
        report.logs_verified,
        until.map_or_else(String::new, |it| format!("; the last is of {it}"))
    ));
    if report.digests_without_signature > 0 {
        output::say(&format!(
            "the newest {} digests have no signature here, as S3 keeps it: the {} files that they name are not proved",
            report.digests_without_signature, report.logs_without_signature
        ));
    }
    if report.logs_after_last_digest > 0 {
        output::say(&format!(
            "{} files came after the last digest: they are not proved yet",
            report.logs_after_last_digest
        ));
    }
    if !report.is_whole() {
        output::say(&format!(
            "{} files are not as CloudTrail delivered them, or missing",
            report.findings_count
        ));
    }
    report.is_whole()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_answers_give_keys_or_say_why_not() {
        let taken = |answer: Value| {
            let mut keys = PublicKeys::default();
            take(&answer, &mut keys).map(|()| keys.is_empty())
        };
        let row = json!({"Value": "AQID", "Fingerprint": "ab"});
        assert_eq!(taken(json!({"PublicKeyList": [row]})), Ok(false));
        assert_eq!(taken(json!({"PublicKeyList": []})), Ok(true));
        for (answer, why) in [
            (json!([]), "there is no `PublicKeyList`"),
            (
                json!({"PublicKeyList": [{"Value": "AQID"}]}),
                "a public key has no fingerprint",
            ),
        ] {
            assert_eq!(taken(answer).unwrap_err(), why);
        }
        let broken = json!({"PublicKeyList": [{"Value": "*", "Fingerprint": "ab"}]});
        assert!(
            taken(broken)
                .unwrap_err()
                .starts_with("a key is not base64")
        );
    }
}
