//! Determines up to which record a log is beyond its operator's reach (`access.md` V-3).
//!
//! The operator has the store and the server's key, so can rewrite and re-sign the log, but cannot
//! sign as a witness. A record is beyond reach once a trusted witness has seen a head of it or of a
//! later one.

use hallpass_base::Timestamp;

use crate::{
    BadRecord, Claim, FaultKind, Input, KeyDoubt, LogId, PublishedHead, SignatureFault, Statement,
    TrustedKeys, VerifyResult, WitnessName, verify_claims,
};

#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub heads: Vec<(String, PublishedHead)>,
    pub statements: Vec<(String, Statement)>,
    /// Among heads not kept here: the record and publication time of the first signed one. Filled
    /// by [`keep`](Evidence::keep).
    pub signed_before: Option<(u64, Timestamp)>,
}

impl Evidence {
    /// Keeps evidence about records that `holds` accepts, and remembers whether earlier heads were
    /// signed.
    pub fn keep(&mut self, holds: impl Fn(u64) -> bool) {
        self.signed_before = self.first_signed();
        self.heads.retain(|(_, head)| holds(head.seq()));
        self.statements.retain(|(_, said)| holds(said.head().seq()));
    }

    /// Returns the first head that claims a signature. Includes heads in statements, which survive
    /// if the log's signatures are stripped.
    fn first_signed(&self) -> Option<(u64, Timestamp)> {
        let heads = self.heads.iter().map(|(_, head)| head);
        let seen = self.statements.iter().map(|(_, said)| said.head());
        heads
            .chain(seen)
            .filter(|head| head.is_signed())
            .map(|head| (head.seq(), head.at()))
            .chain(self.signed_before)
            .min()
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    Keys(&'a TrustedKeys),
    /// No signature checks: heads and statements only have to agree with the records.
    Nobody,
}

impl<'a> Trust<'a> {
    fn keys(self) -> Option<&'a TrustedKeys> {
        match self {
            Self::Keys(keys) => Some(keys),
            Self::Nobody => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    pub witness: WitnessName,
    pub seq: u64,
    /// Since when those records cannot change undetected.
    pub seen: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assurance {
    pub signed: u64,
    pub signed_until: Option<u64>,
    pub unsigned: u64,
    pub witnesses: Vec<Witnessed>,
}

impl Assurance {
    /// The last record beyond the operator's reach.
    pub fn beyond(&self) -> Option<&Witnessed> {
        self.witnesses.iter().max_by_key(|it| it.seq)
    }
}

/// Checks records against each other, against heads and statements, and the signatures of both.
///
/// # Errors
/// The [`BadRecord`] with the lowest number.
pub fn assure(
    inputs: impl IntoIterator<Item = Input>,
    evidence: &Evidence,
    trust: Trust<'_>,
) -> Result<(crate::Verified, Option<Assurance>), BadRecord> {
    let mut faults: Vec<BadRecord> = Vec::new();
    faults.extend(misplaced(evidence));
    faults.extend(of_another_log(evidence));
    let (believed, forged) = verify_signatures(evidence, trust);
    faults.extend(forged);
    let assurance = match trust {
        Trust::Nobody => None,
        Trust::Keys(_) => Some(assurance(evidence)),
    };
    let finding: VerifyResult = verify_claims(inputs, &believed.claims());
    let lowest = faults.into_iter().min_by_key(|fault| fault.seq);
    match (finding, lowest) {
        // a fault in the log is more informative than one in its seals
        (Err(broken), Some(seal)) if seal.seq < broken.seq => Err(seal),
        (Err(broken), _) => Err(broken),
        (Ok(_), Some(seal)) => Err(seal),
        (Ok(mut verified), None) => {
            let first = verified.first;
            let checked = evidence
                .heads
                .iter()
                .filter(|(_, head)| head.seq() >= first);
            verified.heads = checked.count() as u64;
            Ok((verified, assurance))
        }
    }
}

#[derive(Default)]
struct Claims<'a> {
    heads: Vec<&'a PublishedHead>,
    statements: Vec<&'a Statement>,
}

impl Claims<'_> {
    fn claims(&self) -> Vec<Claim> {
        let heads = self.heads.iter().map(|head| head.end().into());
        let statements = self.statements.iter().map(|said| Claim {
            seq: said.head().seq(),
            hash: said.head().hash().to_owned(),
            said_by: format!(
                "the witness {}, who saw a head at {},",
                said.witness(),
                said.seen()
            ),
        });
        statements.chain(heads).collect()
    }
}

fn fault(seq: u64, kind: FaultKind, detail: String) -> BadRecord {
    BadRecord { seq, kind, detail }
}

/// Finds statements under another witness's name: each is valid, but the swap shows tampering.
fn misplaced(evidence: &Evidence) -> Vec<BadRecord> {
    let is_elsewhere = |place: &str, said: &Statement| {
        let mut parts = place.rsplit(['/', '\\']);
        let (file, folder, above) = (parts.next(), parts.next(), parts.next());
        let as_written = above == Some(crate::statement::WITNESS);
        as_written
            && (file != Some(format!("{}.json", said.head().seq()).as_str())
                || folder != Some(said.witness().as_str()))
    };
    evidence
        .statements
        .iter()
        .filter(|(place, said)| is_elsewhere(place, said))
        .map(|(place, said)| {
            let (who, seq) = (said.witness(), said.head().seq());
            let detail = format!("{place}: holds the statement of witness {who} on record {seq}");
            fault(seq, FaultKind::Reordered, detail)
        })
        .collect()
}

/// Heads and statements must name one log.
fn of_another_log(evidence: &Evidence) -> Vec<BadRecord> {
    let all = || {
        let heads = evidence.heads.iter().map(|(place, head)| (place, head));
        let seen = evidence.statements.iter();
        heads.chain(seen.map(|(place, said)| (place, said.head())))
    };
    let Some(log) = all().find_map(|(_, head)| head.log()) else {
        return Vec::new();
    };
    let other = |head: &PublishedHead| head.log().filter(|it| *it != log).cloned();
    all()
        .filter_map(|(place, head)| Some((place, head.seq(), other(head)?)))
        .map(|(place, seq, other): (&String, u64, LogId)| {
            let detail = format!("{place}: it is about the log {other}, others are about {log}");
            fault(seq, FaultKind::Forked, detail)
        })
        .collect()
}

fn key_problem(place: &str, seq: u64, what: &str, problem: &KeyDoubt) -> BadRecord {
    fault(
        seq,
        FaultKind::Forged,
        format!("{place}: {what}: {problem}"),
    )
}

fn forged_head(
    place: &str,
    head: &PublishedHead,
    keys: &TrustedKeys,
    since: Option<(u64, Timestamp)>,
) -> Option<BadRecord> {
    match keys.check_head(head.fields()) {
        Ok(()) => None,
        // accepted only for heads from before signing: a forger without a key strips signatures
        Err(KeyDoubt::Signature(SignatureFault::Unsigned)) => {
            let (first, _) = since.filter(|first| *first < (head.seq(), head.at()))?;
            let detail =
                format!("{place}: it is not signed, and heads are since the one of record {first}");
            Some(fault(head.seq(), FaultKind::Forged, detail))
        }
        Err(why) => Some(key_problem(
            place,
            head.seq(),
            "not a head of this log",
            &why,
        )),
    }
}

fn forged_statement(place: &str, said: &Statement, keys: &TrustedKeys) -> Option<BadRecord> {
    let seq = said.head().seq();
    if let Err(why) = keys.check_witness(said.witness(), said.fields()) {
        return Some(key_problem(
            place,
            seq,
            "not the statement of that witness",
            &why,
        ));
    }
    let why = keys.check_head(said.head().fields()).err()?;
    Some(key_problem(
        place,
        seq,
        "its head does not belong to this log",
        &why,
    ))
}

/// Removes claims without a trusted signature and reports them: a forgery proves nothing about the
/// log.
fn verify_signatures<'a>(evidence: &'a Evidence, trust: Trust<'_>) -> (Claims<'a>, Vec<BadRecord>) {
    let mut claims = Claims::default();
    let mut faults = Vec::new();
    let since = evidence.first_signed();
    for (place, head) in &evidence.heads {
        let forged = trust
            .keys()
            .and_then(|keys| forged_head(place, head, keys, since));
        match forged {
            Some(fault) => faults.push(fault),
            None => claims.heads.push(head),
        }
    }
    for (place, said) in &evidence.statements {
        match trust
            .keys()
            .and_then(|keys| forged_statement(place, said, keys))
        {
            Some(fault) => faults.push(fault),
            None => claims.statements.push(said),
        }
    }
    (claims, faults)
}

/// Requires that every signature is verified.
fn assurance(evidence: &Evidence) -> Assurance {
    let mut found = Assurance::default();
    for (_, head) in &evidence.heads {
        if head.is_signed() {
            found.signed += 1;
            found.signed_until = found.signed_until.max(Some(head.seq()));
        } else {
            found.unsigned += 1;
        }
    }
    for (_, said) in &evidence.statements {
        let newest = Witnessed {
            witness: said.witness().clone(),
            seq: said.head().seq(),
            seen: said.seen(),
        };
        match found
            .witnesses
            .iter_mut()
            .find(|it| it.witness == newest.witness)
        {
            Some(known) if known.seq < newest.seq => *known = newest,
            Some(_) => {}
            None => found.witnesses.push(newest),
        }
    }
    found.witnesses.sort_by(|a, b| a.witness.cmp(&b.witness));
    found
}
