//! Permission sets. Listings contain only ARNs, and each description costs a call: descriptions are
//! cached for an hour.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_ssoadmin::types as sso;
use futures_util::{StreamExt, TryStreamExt, stream};
use hallpass_access::DirectoryFault;
use hallpass_assignments::CenterFault;
use hallpass_aws_model::facts;
use hallpass_base::{PermissionSetArn, Timestamp};
use hallpass_rules::directory::{PermissionSet, Snapshot};
use jiff::SignedDuration;

use super::fault;
use crate::Aws;
use crate::call::Deadline;
use crate::center::PAGE;
use crate::fault::CallFailure;
use crate::pages::listing;

const BELIEVED: SignedDuration = SignedDuration::from_hours(1);
const WIDTH: usize = 6;
const SESSION_DEFAULT_SECONDS: u64 = facts::PERMISSION_SET_SESSION_SECONDS.value as u64;

#[derive(Debug, Default)]
pub(super) struct Sets(Mutex<HashMap<PermissionSetArn, (PermissionSet, Timestamp)>>);

impl Sets {
    pub(super) fn seed(&self, snapshot: &Snapshot) {
        let Some(taken_at) = snapshot.taken_at else {
            return;
        };
        let mut known = self.lock();
        for set in &snapshot.permission_sets {
            known.insert(set.arn.clone(), (set.clone(), taken_at));
        }
    }

    pub(super) async fn read(
        &self,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<Vec<PermissionSet>, DirectoryFault> {
        let arns = list(aws).await.map_err(|f| fault("permission sets", &f))?;
        let (mut sets, unknown) = self.believed(arns, now);
        let described: Vec<PermissionSet> = stream::iter(unknown)
            .map(|arn| async move {
                describe(aws, &arn)
                    .await
                    .map_err(|f| fault(&format!("permission set {arn}"), &f))
            })
            .buffer_unordered(WIDTH)
            .try_filter_map(|set| std::future::ready(Ok(set)))
            .try_collect()
            .await?;
        self.remember(&sets, &described, now);
        sets.extend(described);
        sets.sort_by(|a, b| (&a.name, &a.arn).cmp(&(&b.name, &b.arn)));
        Ok(sets)
    }

    fn believed(
        &self,
        arns: Vec<PermissionSetArn>,
        now: Timestamp,
    ) -> (Vec<PermissionSet>, Vec<PermissionSetArn>) {
        let known = self.lock();
        let (mut sets, mut unknown) = (Vec::new(), Vec::new());
        for arn in arns {
            match known.get(&arn) {
                // a clock set back must not extend validity
                Some((set, at)) if now.duration_since(*at).abs() < BELIEVED => {
                    sets.push(set.clone());
                }
                _ => unknown.push(arn),
            }
        }
        (sets, unknown)
    }

    fn remember(&self, believed: &[PermissionSet], described: &[PermissionSet], now: Timestamp) {
        let mut known = self.lock();
        let mut next = HashMap::with_capacity(believed.len() + described.len());
        for set in believed {
            if let Some(entry) = known.remove(&set.arn) {
                next.insert(set.arn.clone(), entry);
            }
        }
        for set in described {
            next.insert(set.arn.clone(), (set.clone(), now));
        }
        *known = next;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PermissionSetArn, (PermissionSet, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn set_arns(aws: &Aws) -> Result<Vec<String>, CallFailure> {
    listing!(
        aws.sso_line.read("ListPermissionSets", Deadline::look()),
        permission_sets,
        aws.sso
            .list_permission_sets()
            .instance_arn(&aws.about.instance_arn)
            .max_results(PAGE)
    )
    .await
}

/// `None` when it does not exist (any more).
pub(crate) async fn described(
    aws: &Aws,
    arn: &PermissionSetArn,
) -> Result<Option<sso::PermissionSet>, CallFailure> {
    let found = aws
        .sso_line
        .read("DescribePermissionSet", Deadline::look(), || {
            aws.sso
                .describe_permission_set()
                .instance_arn(&aws.about.instance_arn)
                .permission_set_arn(arn.as_str())
                .send()
        })
        .await;
    match found {
        Ok(reply) => {
            let unparsable = || CallFailure::unparsable("a permission set that is not described");
            reply.permission_set.ok_or_else(unparsable).map(Some)
        }
        Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn list(aws: &Aws) -> Result<Vec<PermissionSetArn>, CallFailure> {
    let parse = |arn: String| match PermissionSetArn::new(arn) {
        Ok(arn) => Some(arn),
        Err(error) => {
            tracing::warn!(%error, "AWS lists a permission set whose ARN has an unknown form");
            None
        }
    };
    let mut arns: Vec<_> = set_arns(aws).await?.into_iter().filter_map(parse).collect();
    arns.sort();
    arns.dedup();
    Ok(arns)
}

/// `None` when deleted after the listing.
async fn describe(aws: &Aws, arn: &PermissionSetArn) -> Result<Option<PermissionSet>, CallFailure> {
    let Some(set) = described(aws, arn).await? else {
        return Ok(None);
    };
    let unparsable = || CallFailure::unparsable("a permission set without a name");
    Ok(Some(PermissionSet {
        name: set.name.ok_or_else(unparsable)?,
        arn: arn.clone(),
        session_duration: session_seconds(set.session_duration.as_deref()),
        description: set.description.unwrap_or_default(),
    }))
}

/// Parses an ISO 8601 duration (`PT1H` to `PT12H`) into seconds.
pub(crate) fn session_seconds(text: Option<&str>) -> u64 {
    let Some(text) = text else {
        return SESSION_DEFAULT_SECONDS;
    };
    let parsed = text.parse::<SignedDuration>().ok();
    match parsed.and_then(|duration| u64::try_from(duration.as_secs()).ok()) {
        Some(seconds) if seconds > 0 => seconds,
        _ => {
            tracing::warn!(
                text,
                "a session duration that cannot be read; taken for an hour"
            );
            SESSION_DEFAULT_SECONDS
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_durations() {
        for (text, seconds) in [
            (None, 3600),
            (Some("PT1H"), 3600),
            (Some("PT12H"), 43_200),
            (Some("PT1H30M"), 5400),
            (Some("PT45M"), 2700),
            (Some("PT3600S"), 3600),
            (Some("soon"), 3600),
            (Some("-PT1H"), 3600),
        ] {
            assert_eq!(session_seconds(text), seconds, "{text:?}");
        }
    }

    fn set(n: u8) -> PermissionSet {
        let arn = format!("arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-{n:016}");
        PermissionSet {
            name: format!("set-{n}"),
            arn: PermissionSetArn::new(arn).unwrap(),
            session_duration: 3600,
            description: String::new(),
        }
    }

    #[test]
    fn descriptions_are_believed_for_an_hour_and_forgotten_with_the_set() {
        let start = Timestamp::UNIX_EPOCH;
        let after = |minutes| start + SignedDuration::from_mins(minutes);
        let sets = Sets::default();
        sets.seed(&Snapshot {
            permission_sets: vec![set(1), set(2)],
            taken_at: Some(start),
            ..Snapshot::default()
        });
        let arns = || vec![set(1).arn, set(3).arn];
        let (known, unknown) = sets.believed(arns(), after(59));
        assert_eq!((known.clone(), unknown), (vec![set(1)], vec![set(3).arn]));
        sets.remember(&known, &[set(3)], after(59));
        let (known, unknown) = sets.believed(arns(), after(60));
        assert_eq!((known, unknown), (vec![set(3)], vec![set(1).arn]));
        let (_, unknown) = sets.believed(vec![set(2).arn], after(1));
        assert_eq!(unknown, vec![set(2).arn], "no longer listed, so forgotten");
        let (_, unknown) = sets.believed(arns(), after(-120));
        assert_eq!(unknown.len(), 2, "a clock that stepped back");
    }
}
