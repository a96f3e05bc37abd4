use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::{AccountId, Clock};
use hallpass_plans::{
    Class, Effect, PartDone, PlanStep, SentBefore, StepError, StepExecutor, StepProbe, Undo,
    Verify, WriteAnswer, is_rest_of,
};
use serde_json::{Value, json};

use super::arguments::{MEND, RESTORE, RemediationArguments, params};
use super::place::StepCalls;
use super::public_access::BlockedPlace;
use super::switches::{DATABASE, Switch};
use super::{flow_logs, keys, own_code, password, security_groups};
use crate::remediation::action::ActionKind;
use crate::remediation::decide::NEVER_TAG;
use crate::remediation::deviation::{account_of, partition, region_of};
use crate::remediation::ports::{
    Allowed, MemberCalls, MemberPlace, MemberSession, OwnCode, RemediationStore,
};
use crate::remediation::standing::{Standing, Standings};

pub struct RemediationStepExecutor {
    pub calls: Arc<dyn MemberCalls>,
    pub standings: Arc<dyn Standings>,
    pub code: Arc<dyn OwnCode>,
    pub store: Arc<dyn RemediationStore>,
    pub clock: Arc<dyn Clock>,
}

const PAUSED: &str = "remediations are paused; `hallpass org remediate resume` lets them go on";

pub fn is_remediation_step(kind: &str) -> bool {
    matches!(kind, MEND | RESTORE)
}

/// Returns the actions of a step, grouped with the resources the service can restrict them to.
fn needs(wish: &RemediationArguments, account: &str, region: &str) -> Vec<Allowed> {
    let resource = &wish.resource;
    let any = |actions: Vec<&'static str>| (actions, vec!["*".to_owned()]);
    let this = |actions: Vec<&'static str>| (actions, vec![resource.clone()]);
    let goes_back = wish.old.is_some();
    let pick = |mend: &'static str, restore: &'static str| {
        if goes_back { restore } else { mend }
    };
    let of_groups = |directions: &[&'static str]| {
        let looks = vec![
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups",
        ];
        let partition = partition(region);
        let rules = format!("arn:{partition}:ec2:{region}:{account}:security-group-rule/*");
        let resources = vec![resource.clone(), rules];
        vec![any(looks), (directions.to_vec(), resources)]
    };
    let into = pick(
        "ec2:RevokeSecurityGroupIngress",
        "ec2:AuthorizeSecurityGroupIngress",
    );
    let out = pick(
        "ec2:RevokeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupEgress",
    );
    let ebs = pick(
        "ec2:EnableEbsEncryptionByDefault",
        "ec2:DisableEbsEncryptionByDefault",
    );
    let kms = pick("kms:EnableKeyRotation", "kms:DisableKeyRotation");
    match wish.action {
        ActionKind::Suppress | ActionKind::Notify | ActionKind::Webhook | ActionKind::Lambda => {
            Vec::new()
        }
        ActionKind::FlowLogs => flow_logs::needs(wish, account, region),
        ActionKind::RdsPrivate => vec![this(vec![
            "rds:DescribeDBInstances",
            "rds:ModifyDBInstance",
        ])],
        ActionKind::SgRevokePublic => of_groups(&[into]),
        ActionKind::SgDefaultClose => of_groups(&[into, out]),
        ActionKind::S3AccountBlock => vec![any(vec![
            "s3:GetAccountPublicAccessBlock",
            "s3:PutAccountPublicAccessBlock",
        ])],
        ActionKind::S3BucketBlock => vec![this(vec![
            "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketPublicAccessBlock",
        ])],
        ActionKind::IamKeyDeactivate => vec![this(vec![
            "iam:ListAccessKeys",
            "iam:GetAccessKeyLastUsed",
            "iam:UpdateAccessKey",
        ])],
        ActionKind::IamPasswordPolicy => vec![any(vec![
            "iam:GetAccountPasswordPolicy",
            "iam:UpdateAccountPasswordPolicy",
            pick(
                "iam:GetAccountPasswordPolicy",
                "iam:DeleteAccountPasswordPolicy",
            ),
        ])],
        ActionKind::EbsDefaultEncrypt => vec![any(vec!["ec2:GetEbsEncryptionByDefault", ebs])],
        ActionKind::KmsRotate => vec![this(vec!["kms:GetKeyRotationStatus", kms])],
        ActionKind::TrailValidation => {
            vec![this(vec!["cloudtrail:GetTrail", "cloudtrail:UpdateTrail"])]
        }
    }
}

/// Returns all calls of an action in an account, including undo.
pub fn actions_in_accounts(action: ActionKind) -> BTreeSet<&'static str> {
    let wish = |old| RemediationArguments {
        remediation: String::new(),
        generation: 0,
        action,
        resource: String::new(),
        params: json!({ "role": "" }),
        old,
        left: None,
        found: None,
    };
    let ways = [wish(None), wish(Some(Value::Null))];
    let needed = ways.iter().flat_map(|it| needs(it, "", ""));
    needed.flat_map(|(actions, _)| actions).collect()
}

impl RemediationStepExecutor {
    /// Blocks a change while all writes are paused.
    async fn unless_paused(&self) -> Result<(), StepError> {
        match self.store.paused().await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(StepError::later(Class::Conflict, PAUSED.to_owned())),
            Err(fault) => Err(StepError::later(Class::Throttle, fault.to_string())),
        }
    }

    /// Returns why a needed change must not happen: the deviation changed since the decision.
    async fn objection(&self, wish: &RemediationArguments) -> Result<Option<String>, StepError> {
        let (None, Some(found)) = (&wish.old, &wish.found) else {
            return Ok(None);
        };
        match self.standings.standing(found).await {
            Ok(Standing::Open(now)) => {
                let never = now.tags.get(NEVER_TAG.0).map(String::as_str) == Some(NEVER_TAG.1);
                Ok(never.then(|| format!("its tag `{}` says never", NEVER_TAG.0)))
            }
            Ok(Standing::Over(why)) => Ok(Some(why)),
            Err(why) => Err(StepError::later(Class::Throttle, why)),
        }
    }

    /// INVARIANT: every call of a step runs in the account of its target, which is that of the
    /// finding, and only if the resource name does not contain another account.
    fn calls(
        &self,
        step: &PlanStep,
        wish: &RemediationArguments,
    ) -> Result<StepCalls<'_>, StepError> {
        let account = step.target.account.as_str();
        if let Some(other) = account_of(&wish.resource)
            && other != account
        {
            let why = format!("`{}` is of account {other}, not {account}", wish.resource);
            return Err(StepError::failed("OtherAccount", &why));
        }
        // a multi-Region trail is noncompliant in each Region, but changed only in its home Region
        let region = region_of(&wish.resource).unwrap_or(&step.target.region);
        let allowed = needs(wish, account, region);
        Ok(StepCalls {
            calls: self.calls.as_ref(),
            place: MemberPlace {
                account: AccountId::new(account)
                    .map_err(|error| StepError::failed("plan", &error.to_string()))?,
                region: region.to_owned(),
                session: MemberSession::allowing(&wish.remediation, &allowed),
            },
        })
    }

    async fn look(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let wish: RemediationArguments = step.wish()?;
        let calls = self.calls(step, &wish)?;
        match &wish.old {
            None => self.look_mended(&calls, &wish).await,
            Some(old) => self.look_restored(&calls, &wish, old).await,
        }
    }

    /// Returns the state after the action, which must still exist before an undo. A second read may
    /// be older than the first; the just observed change stays included.
    async fn left(&self, step: &PlanStep) -> Result<Value, StepError> {
        let wish: RemediationArguments = step.wish()?;
        let calls = self.calls(step, &wish)?;
        let resource = wish.resource.as_str();
        match wish.action {
            ActionKind::SgRevokePublic => {
                security_groups::form_left(&calls, resource, &params(&wish)?).await
            }
            ActionKind::SgDefaultClose => Ok(json!({ "rules": [] })),
            ActionKind::IamKeyDeactivate => keys::form_now(&calls, resource).await,
            ActionKind::EbsDefaultEncrypt
            | ActionKind::KmsRotate
            | ActionKind::TrailValidation
            | ActionKind::RdsPrivate => switch(&wish)?.form_left(&calls).await,
            // the state follows from the action, or has a Hallpass tag
            ActionKind::S3AccountBlock
            | ActionKind::S3BucketBlock
            | ActionKind::IamPasswordPolicy
            | ActionKind::FlowLogs
            | ActionKind::Suppress
            | ActionKind::Webhook
            | ActionKind::Lambda
            | ActionKind::Notify => Ok(step.desired.clone()),
        }
    }

    async fn look_mended(
        &self,
        calls: &StepCalls<'_>,
        wish: &RemediationArguments,
    ) -> Result<StepProbe, StepError> {
        let (resource, account) = (wish.resource.as_str(), calls.place.account.as_str());
        match wish.action {
            ActionKind::Suppress | ActionKind::Notify => Ok(StepProbe::Satisfied),
            // the effect of customer code is unknown: a retry uses the same id
            ActionKind::Webhook | ActionKind::Lambda => Ok(StepProbe::Absent),
            ActionKind::FlowLogs => flow_logs::look(calls, resource, &params(wish)?).await,
            ActionKind::SgRevokePublic => {
                security_groups::look_public(calls, resource, &params(wish)?).await
            }
            ActionKind::SgDefaultClose => security_groups::look_default(calls, resource).await,
            ActionKind::S3AccountBlock => BlockedPlace::account(account).look(calls).await,
            ActionKind::S3BucketBlock => BlockedPlace::bucket(resource, account)?.look(calls).await,
            ActionKind::IamKeyDeactivate => {
                keys::look(calls, resource, &params(wish)?, self.clock.now()).await
            }
            ActionKind::IamPasswordPolicy => password::look(calls, &params(wish)?).await,
            ActionKind::EbsDefaultEncrypt
            | ActionKind::KmsRotate
            | ActionKind::TrailValidation
            | ActionKind::RdsPrivate => switch(wish)?.look(calls, true).await,
        }
    }

    /// Checks whether the old state is back; otherwise it must equal the state after the action.
    async fn look_restored(
        &self,
        calls: &StepCalls<'_>,
        wish: &RemediationArguments,
        old: &Value,
    ) -> Result<StepProbe, StepError> {
        let (resource, account) = (wish.resource.as_str(), calls.place.account.as_str());
        let left = wish.left.as_ref();
        match wish.action {
            ActionKind::Suppress
            | ActionKind::Notify
            | ActionKind::Webhook
            | ActionKind::Lambda => Ok(StepProbe::Satisfied),
            ActionKind::FlowLogs => flow_logs::look_gone(calls, wish).await,
            ActionKind::SgRevokePublic | ActionKind::SgDefaultClose => {
                security_groups::look_restored(calls, resource, old, left).await
            }
            ActionKind::S3AccountBlock => {
                let place = BlockedPlace::account(account);
                place.look_restored(calls, old).await
            }
            ActionKind::S3BucketBlock => {
                let place = BlockedPlace::bucket(resource, account)?;
                place.look_restored(calls, old).await
            }
            ActionKind::IamKeyDeactivate => keys::look_restored(calls, resource, old, left).await,
            ActionKind::IamPasswordPolicy => {
                password::look_restored(calls, old, &params(wish)?).await
            }
            ActionKind::EbsDefaultEncrypt
            | ActionKind::KmsRotate
            | ActionKind::TrailValidation
            | ActionKind::RdsPrivate => switch(wish)?.look_off(calls, left).await,
        }
    }

    async fn act_on(&self, step: &PlanStep, seen: &StepProbe) -> Result<(), StepError> {
        let wish: RemediationArguments = step.wish()?;
        let calls = self.calls(step, &wish)?;
        match &wish.old {
            None => mend(&calls, &wish, &seen.old(), &step.token).await,
            Some(old) => restore(&calls, &wish, old).await,
        }
    }
}

async fn mend(
    calls: &StepCalls<'_>,
    wish: &RemediationArguments,
    old: &Value,
    token: &str,
) -> Result<(), StepError> {
    let (resource, account) = (wish.resource.as_str(), calls.place.account.as_str());
    match wish.action {
        ActionKind::Suppress | ActionKind::Notify | ActionKind::Webhook | ActionKind::Lambda => {
            Ok(())
        }
        ActionKind::FlowLogs => flow_logs::make(calls, wish, token, &params(wish)?).await,
        ActionKind::SgRevokePublic | ActionKind::SgDefaultClose => {
            security_groups::revoke(calls, resource, old).await
        }
        ActionKind::S3AccountBlock => BlockedPlace::account(account).block(calls).await,
        ActionKind::S3BucketBlock => BlockedPlace::bucket(resource, account)?.block(calls).await,
        ActionKind::IamKeyDeactivate => keys::set(calls, resource, old, "Inactive").await,
        ActionKind::IamPasswordPolicy => password::raise(calls, old, &params(wish)?).await,
        ActionKind::EbsDefaultEncrypt
        | ActionKind::KmsRotate
        | ActionKind::TrailValidation
        | ActionKind::RdsPrivate => switch(wish)?.turn(calls, true).await,
    }
}

async fn restore(
    calls: &StepCalls<'_>,
    wish: &RemediationArguments,
    old: &Value,
) -> Result<(), StepError> {
    let (resource, account) = (wish.resource.as_str(), calls.place.account.as_str());
    match wish.action {
        ActionKind::Suppress | ActionKind::Notify | ActionKind::Webhook | ActionKind::Lambda => {
            Ok(())
        }
        ActionKind::FlowLogs => flow_logs::delete(calls, wish).await,
        ActionKind::SgRevokePublic | ActionKind::SgDefaultClose => {
            security_groups::restore(calls, resource, old).await
        }
        ActionKind::S3AccountBlock => BlockedPlace::account(account).restore(calls, old).await,
        ActionKind::S3BucketBlock => {
            let place = BlockedPlace::bucket(resource, account)?;
            place.restore(calls, old).await
        }
        ActionKind::IamKeyDeactivate => keys::set(calls, resource, old, "Active").await,
        ActionKind::IamPasswordPolicy => password::restore(calls, old).await,
        ActionKind::EbsDefaultEncrypt
        | ActionKind::KmsRotate
        | ActionKind::TrailValidation
        | ActionKind::RdsPrivate => switch(wish)?.turn(calls, false).await,
    }
}

fn switch(wish: &RemediationArguments) -> Result<Switch, StepError> {
    if wish.action == ActionKind::RdsPrivate && !wish.resource.contains(DATABASE) {
        let text = format!("`{}` is no database instance", wish.resource);
        return Err(StepError::failed("NoDatabase", &text));
    }
    Switch::of(wish.action, &wish.resource).ok_or_else(|| {
        StepError::failed(
            "plan",
            &format!(
                "`{}` is nothing that is on or off (this is a bug)",
                wish.action
            ),
        )
    })
}

#[async_trait]
impl StepExecutor for RemediationStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let seen = self.look(step).await?;
        if !seen.is_change() {
            return Ok(seen);
        }
        Ok(
            match self
                .objection(&step.wish::<RemediationArguments>()?)
                .await?
            {
                Some(reason) => StepProbe::Blocked { reason },
                None => seen,
            },
        )
    }

    async fn look_again(
        &self,
        step: &PlanStep,
        _sent: &SentBefore,
    ) -> Result<StepProbe, StepError> {
        let seen = self.probe(step).await?;
        // an undo runs even while all writes are paused
        let mends = step.wish::<RemediationArguments>()?.old.is_none();
        if mends && seen.is_change() {
            self.unless_paused().await?;
        }
        Ok(seen)
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        match step.wish::<RemediationArguments>() {
            Ok(wish) if wish.action.is_own_code() => {
                return own_code::call(self.code.as_ref(), &wish, &step.token).await;
            }
            Ok(_) | Err(_) => {}
        }
        match self.act_on(step, seen).await {
            // the next read reports the written state
            Ok(()) => WriteAnswer::Accepted {
                remote: "sent".to_owned(),
            },
            Err(error) => WriteAnswer::Setback(error),
        }
    }

    async fn verify(&self, step: &PlanStep, _remote: &str) -> Verify {
        // IAM shows a write within a minute
        if let Some(unfinished) = Verify::unless_satisfied(self.look(step).await, "Blocked") {
            return unfinished;
        }
        match self.left(step).await {
            Ok(new) => Verify::Done(Effect {
                new,
                requests: Vec::new(),
            }),
            Err(error) => Verify::Setback(error),
        }
    }

    async fn done_in_part(&self, step: &PlanStep, before: &Value) -> Option<PartDone> {
        let wish: RemediationArguments = step.wish().ok()?;
        if wish.old.is_some() {
            return None;
        }
        let calls = self.calls(step, &wish).ok()?;
        match wish.action {
            ActionKind::SgRevokePublic | ActionKind::SgDefaultClose => {
                security_groups::revoked(&calls, &wish.resource, before).await
            }
            ActionKind::IamKeyDeactivate => keys::deactivated(&calls, &wish.resource, before).await,
            ActionKind::Suppress
            | ActionKind::Notify
            | ActionKind::Webhook
            | ActionKind::Lambda
            | ActionKind::FlowLogs
            | ActionKind::S3AccountBlock
            | ActionKind::S3BucketBlock
            | ActionKind::IamPasswordPolicy
            | ActionKind::EbsDefaultEncrypt
            | ActionKind::KmsRotate
            | ActionKind::TrailValidation
            | ActionKind::RdsPrivate => None,
        }
    }

    fn is_half_done(&self, step: &PlanStep, before: &Value, now: &StepProbe) -> bool {
        let revokes = step.wish::<RemediationArguments>().is_ok_and(|wish| {
            let of_groups = matches!(
                wish.action,
                ActionKind::SgRevokePublic | ActionKind::SgDefaultClose
            );
            of_groups && wish.old.is_none()
        });
        revokes && is_rest_of(&now.old(), before)
    }

    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo {
        match step.wish::<RemediationArguments>() {
            Ok(wish) if wish.action.is_own_code() => {
                Undo::Not("only the owner of the code can undo it".to_owned())
            }
            Ok(wish) if wish.old.is_none() && !old.is_null() => {
                let wish = RemediationArguments {
                    old: Some(old.clone()),
                    // a crash between write and read leaves no record of the state
                    left: (*new != step.desired && !new.is_null()).then(|| new.clone()),
                    found: None,
                    ..wish
                };
                let desired = serde_json::to_value(wish).unwrap_or_default();
                Undo::By(vec![(RESTORE.to_owned(), desired)])
            }
            Ok(_) => Undo::Not("the next finding remediates it again".to_owned()),
            Err(_) => Undo::Not("the step cannot be read".to_owned()),
        }
    }
}
