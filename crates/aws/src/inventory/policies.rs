//! Policies of one permission set, read on demand and cached for a few minutes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{
    Boundary, DirectoryFault, ManagedPolicy, PolicySource, ReferencedPolicy, SetPolicies,
};
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_aws_model::facts;
use hallpass_base::{PermissionSetArn, TimeSpan, Timestamp};
use jiff::SignedDuration;

use super::fault;
use super::managed_texts::ManagedTexts;
use super::sets::session_seconds;
use crate::Aws;
use crate::call::Deadline;
use crate::center::PAGE;
use crate::fault::CallFailure;
use crate::pages::listing;

const BELIEVED: SignedDuration = SignedDuration::from_mins(5);
/// Maximum time of a read: a user waits for a page.
const READING_MAX: Duration = Duration::from_secs(12);
const REMEMBERED_MAX: usize = facts::PERMISSION_SETS.count();

/// Held while reading, so that concurrent callers share it.
type PolicySlot = Arc<tokio::sync::Mutex<Option<Arc<SetPolicies>>>>;

pub struct Policies {
    aws: Arc<Aws>,
    texts: ManagedTexts,
    known: Mutex<HashMap<PermissionSetArn, PolicySlot>>,
}

impl Policies {
    pub fn new(aws: Arc<Aws>, texts: ManagedTexts) -> Self {
        Self {
            aws,
            texts,
            known: Mutex::default(),
        }
    }

    fn place(&self, set: &PermissionSetArn) -> PolicySlot {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX && !known.contains_key(set) {
            known.clear();
        }
        Arc::clone(known.entry(set.clone()).or_default())
    }

    fn forget(&self, set: &PermissionSetArn) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(set);
    }
}

#[async_trait]
impl PolicySource for Policies {
    async fn policies(
        &self,
        set: &PermissionSetArn,
    ) -> Result<Option<Arc<SetPolicies>>, DirectoryFault> {
        let place = self.place(set);
        let mut known = place.lock().await;
        let now = self.aws.clock.now();
        // a clock set back must not extend validity
        let fresh = |it: &&Arc<SetPolicies>| now.duration_since(it.read_at).abs() < BELIEVED;
        if let Some(found) = known.as_ref().filter(fresh) {
            return Ok(Some(Arc::clone(found)));
        }
        match Box::pin(read(&self.aws, set, now)).await {
            Ok(mut found) => {
                self.texts.put_in(&mut found).await;
                let found = Arc::new(found);
                *known = Some(Arc::clone(&found));
                Ok(Some(found))
            }
            // means a deleted set: the instance existed when connecting
            Err((_, failure)) if matches!(failure.fault, CenterFault::NotFound { .. }) => {
                self.forget(set);
                Ok(None)
            }
            Err((what, failure)) => Err(fault(what, &failure)),
        }
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").finish_non_exhaustive()
    }
}

type Failed = (&'static str, CallFailure);

async fn read(aws: &Aws, set: &PermissionSetArn, now: Timestamp) -> Result<SetPolicies, Failed> {
    let pace = Deadline::within(Urgency::Background, READING_MAX);
    let in_words = |what| move |failure| (what, failure);
    let session = session(aws, set, pace).await;
    let session = session.map_err(in_words("the permission set"))?;
    let (inline, managed, referenced, boundary) = tokio::join!(
        inline(aws, set, pace),
        managed(aws, set, pace),
        referenced(aws, set, pace),
        boundary(aws, set, pace),
    );
    Ok(SetPolicies {
        read_at: now,
        session,
        inline: inline.map_err(in_words("the inline policy of the permission set"))?,
        managed: managed.map_err(in_words("the AWS managed policies of the permission set"))?,
        referenced: referenced.map_err(in_words(
            "the customer managed policies of the permission set",
        ))?,
        boundary: boundary.map_err(in_words("the permissions boundary of the permission set"))?,
    })
}

async fn session(
    aws: &Aws,
    set: &PermissionSetArn,
    pace: Deadline,
) -> Result<TimeSpan, CallFailure> {
    let reply = aws
        .sso_line
        .read("DescribePermissionSet", pace, || {
            aws.sso
                .describe_permission_set()
                .instance_arn(&aws.about.instance_arn)
                .permission_set_arn(set.as_str())
                .send()
        })
        .await?;
    let text = reply.permission_set.and_then(|set| set.session_duration);
    Ok(TimeSpan::seconds(session_seconds(text.as_deref())))
}

pub(crate) async fn inline(
    aws: &Aws,
    set: &PermissionSetArn,
    pace: Deadline,
) -> Result<Option<String>, CallFailure> {
    let reply = aws
        .sso_line
        .read("GetInlinePolicyForPermissionSet", pace, || {
            aws.sso
                .get_inline_policy_for_permission_set()
                .instance_arn(&aws.about.instance_arn)
                .permission_set_arn(set.as_str())
                .send()
        })
        .await?;
    // a set without one returns an empty text
    Ok(reply.inline_policy.filter(|text| !text.trim().is_empty()))
}

pub(crate) async fn managed(
    aws: &Aws,
    set: &PermissionSetArn,
    pace: Deadline,
) -> Result<Vec<ManagedPolicy>, CallFailure> {
    let rows = listing!(
        aws.sso_line
            .read("ListManagedPoliciesInPermissionSet", pace),
        attached_managed_policies,
        aws.sso
            .list_managed_policies_in_permission_set()
            .instance_arn(&aws.about.instance_arn)
            .permission_set_arn(set.as_str())
            .max_results(PAGE)
    )
    .await?;
    rows.into_iter()
        .map(|row| {
            let arn = row
                .arn
                .ok_or_else(|| unparsable("a policy without an ARN"))?;
            Ok(policy_of_aws(arn, row.name))
        })
        .collect()
}

pub(crate) async fn referenced(
    aws: &Aws,
    set: &PermissionSetArn,
    pace: Deadline,
) -> Result<Vec<ReferencedPolicy>, CallFailure> {
    let rows = listing!(
        aws.sso_line
            .read("ListCustomerManagedPolicyReferencesInPermissionSet", pace),
        customer_managed_policy_references,
        aws.sso
            .list_customer_managed_policy_references_in_permission_set()
            .instance_arn(&aws.about.instance_arn)
            .permission_set_arn(set.as_str())
            .max_results(PAGE)
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| reference(row.name, row.path))
        .collect())
}

/// A set without boundary returns none, or a not-found error.
pub(crate) async fn boundary(
    aws: &Aws,
    set: &PermissionSetArn,
    pace: Deadline,
) -> Result<Option<Boundary>, CallFailure> {
    let reply = aws
        .sso_line
        .read("GetPermissionsBoundaryForPermissionSet", pace, || {
            aws.sso
                .get_permissions_boundary_for_permission_set()
                .instance_arn(&aws.about.instance_arn)
                .permission_set_arn(set.as_str())
                .send()
        })
        .await;
    let boundary = match reply {
        Ok(reply) => reply.permissions_boundary,
        Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => None,
        Err(failure) => return Err(failure),
    };
    let Some(boundary) = boundary else {
        return Ok(None);
    };
    if let Some(own) = boundary.customer_managed_policy_reference {
        return Ok(Some(Boundary::Referenced(reference(own.name, own.path))));
    }
    Ok(boundary
        .managed_policy_arn
        .map(|arn| Boundary::Managed(policy_of_aws(arn, None))))
}

fn unparsable(what: &str) -> CallFailure {
    CallFailure::unparsable(what)
}

fn reference(name: String, path: Option<String>) -> ReferencedPolicy {
    ReferencedPolicy {
        name,
        path: path.unwrap_or_else(|| "/".to_owned()),
    }
}

/// Without its text, which is in IAM: [`ManagedTexts`].
fn policy_of_aws(arn: String, name: Option<String>) -> ManagedPolicy {
    let last = || arn.rsplit('/').next().unwrap_or_default().to_owned();
    ManagedPolicy {
        name: name.unwrap_or_else(last),
        arn,
        document: None,
    }
}

#[cfg(test)]
#[path = "policies_tests.rs"]
mod tests;
