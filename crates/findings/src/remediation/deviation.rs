//! Deviations: a resource of a finding, or an AWS Config evaluation.

use std::collections::BTreeMap;

use crate::events::OrganizationEvent;
use crate::{Finding, FindingKey, IMPORTED, findings_of};
use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) const SECURITY_HUB: &str = "aws.securityhub";
pub(crate) const CONFIG: &str = "aws.config";
/// Detail type of AWS Config events about a changed evaluation.
pub(crate) const COMPLIANCE_CHANGE: &str = "Config Rules Compliance Change";
/// End of the ARN of `GuardDuty` as a Security Hub product.
pub(crate) const GUARD_DUTY: &str = "product/aws/guardduty";
/// `GuardDuty` findings change no account (`organization.md` R-4).
pub(crate) const ONLY_TOLD: &str = "findings of GuardDuty report activity, not settings: they are suppressed \
     or reported (`action: suppress` or `notify`), and no account is changed for them";
pub const REMEDIATED_BY: &str = "hallpassRemediation";
pub const RESULT: &str = "hallpassResult";

pub(crate) const WHOLE_ACCOUNT: &str = "AWS::::Account:";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConfigKey {
    pub resource_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// `aws.securityhub` or `aws.config`.
    pub source: String,
    pub finding: Option<FindingKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigKey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    pub account: AccountId,
    pub region: String,
    pub resource: String,
    pub resource_type: String,
    pub tags: BTreeMap<String, String>,
    /// Such as `EC2.19`; may be empty.
    pub control: String,
    pub standards: Vec<String>,
    pub types: Vec<String>,
    /// `CRITICAL` to `INFORMATIONAL`; empty if unknown.
    pub severity: String,
    pub config_rule: String,
    /// Update time of the finding by its product, or event time.
    pub updated_at: String,
    /// Why no action is needed; `None` if open.
    pub settled: Option<String>,
    pub written_by: Option<String>,
}

impl Deviation {
    pub(crate) fn is_of_guard_duty(&self) -> bool {
        let finding = self.finding.as_ref();
        finding.is_some_and(|it| it.product.ends_with(GUARD_DUTY))
    }

    /// Returns the account in the resource name; bucket names have none.
    pub fn resource_account(&self) -> Option<&str> {
        account_of(&self.resource)
    }
}

pub(crate) fn account_of(resource: &str) -> Option<&str> {
    let account = match resource.strip_prefix(WHOLE_ACCOUNT) {
        Some(account) => account,
        None => resource
            .strip_prefix("arn:")
            .and_then(|it| it.split(':').nth(3))?,
    };
    (!account.is_empty()).then_some(account)
}

pub(crate) fn region_of(resource: &str) -> Option<&str> {
    let region = resource.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then_some(region)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadDeviations {
    pub rows: Vec<Deviation>,
    pub broken: Vec<String>,
}

pub fn takes(source: &str, detail_type: &str) -> bool {
    source == SECURITY_HUB && detail_type == IMPORTED
        || source == CONFIG && detail_type == COMPLIANCE_CHANGE
}

pub fn read_deviations(event: &OrganizationEvent) -> ReadDeviations {
    let mut read = ReadDeviations::default();
    if event.source == CONFIG {
        match of_config(event) {
            Ok(row) => read.rows.push(row),
            Err(why) => read.broken.push(why),
        }
        return read;
    }
    for row in findings_of(event) {
        match row {
            Ok((finding, row)) => read.rows.extend(deviations_of(&finding, row)),
            Err(problem) => read.broken.push(problem),
        }
    }
    read
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn texts(value: Option<&Value>, of: impl Fn(&Value) -> Option<&str>) -> Vec<String> {
    let rows = value.and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|it| of(it).map(str::to_owned)).collect()
}

/// Returns the control of a finding (`organization.md` R-2).
fn control(document: &Value) -> &str {
    let named = text(document, "/Compliance/SecurityControlId");
    if !named.is_empty() {
        return named;
    }
    let arn = text(document, "/ProductFields/StandardsControlArn");
    match arn.rsplit('/').next() {
        Some(last) if !last.is_empty() => last,
        _ => text(document, "/GeneratorId"),
    }
}

/// Returns why a finding needs no action (`organization.md` R-2).
fn settled(finding: &Finding, document: &Value) -> Option<String> {
    if !finding.active {
        return Some("its record is archived".to_owned());
    }
    let status = text(document, "/Workflow/Status");
    if !matches!(status, "" | "NEW" | "NOTIFIED") {
        return Some(format!("its workflow status is {status}"));
    }
    match text(document, "/Compliance/Status") {
        "" | "FAILED" => None,
        other => Some(format!("its compliance status is {other}")),
    }
}

pub(crate) fn deviations_of(finding: &Finding, document: &Value) -> Vec<Deviation> {
    let resources = document.get("Resources").and_then(Value::as_array);
    let all = texts(document.get("Resources"), |it| it.get("Id")?.as_str());
    let others = |own: &str| all.iter().filter(|it| *it != own).cloned().collect();
    let key = finding.key();
    let standards = document.pointer("/Compliance/AssociatedStandards");
    let row = |resource: &Value| {
        let region = text(resource, "/Region");
        let tags = resource.get("Tags").and_then(Value::as_object);
        let tag = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        Deviation {
            source: SECURITY_HUB.to_owned(),
            finding: Some(key.clone()),
            config: None,
            others: others(text(resource, "/Id")),
            account: finding.account.clone(),
            region: if region.is_empty() {
                finding.region.clone()
            } else {
                region.to_owned()
            },
            resource: text(resource, "/Id").to_owned(),
            resource_type: text(resource, "/Type").to_owned(),
            tags: tags.into_iter().flatten().filter_map(tag).collect(),
            control: control(document).to_owned(),
            standards: texts(standards, |it| it.get("StandardsId")?.as_str()),
            types: texts(document.get("Types"), Value::as_str),
            severity: text(document, "/Severity/Label").to_owned(),
            config_rule: String::new(),
            updated_at: text(document, "/UpdatedAt").to_owned(),
            settled: settled(finding, document),
            written_by: finding.fields.get(REMEDIATED_BY).cloned(),
        }
    };
    resources.into_iter().flatten().map(row).collect()
}

pub(crate) fn judged_by_config(judged: &str) -> Option<String> {
    (judged != "NON_COMPLIANT").then(|| format!("AWS Config judges it {judged}"))
}

fn of_config(event: &OrganizationEvent) -> Result<Deviation, String> {
    let detail = &event.detail;
    let account = text(detail, "/awsAccountId");
    let account = AccountId::new(account)
        .map_err(|error| format!("the event's `awsAccountId` is no account: {error}"))?;
    let (id, kind) = (text(detail, "/resourceId"), text(detail, "/resourceType"));
    if id.is_empty() {
        return Err("the event has no `detail.resourceId`".to_owned());
    }
    let region = match text(detail, "/awsRegion") {
        "" => event.region.clone(),
        named => named.to_owned(),
    };
    let judged = text(detail, "/newEvaluationResult/complianceType");
    Ok(Deviation {
        source: CONFIG.to_owned(),
        finding: None,
        config: Some(ConfigKey {
            resource_id: id.to_owned(),
        }),
        resource: arn_of(kind, id, &region, &account),
        others: Vec::new(),
        account,
        region,
        resource_type: kind.to_owned(),
        tags: BTreeMap::new(),
        control: String::new(),
        standards: Vec::new(),
        types: Vec::new(),
        severity: String::new(),
        config_rule: text(detail, "/configRuleName").to_owned(),
        updated_at: event.id.as_str().to_owned(),
        settled: judged_by_config(judged),
        written_by: None,
    })
}

pub(crate) fn partition(region: &str) -> &'static str {
    match region {
        it if it.starts_with("cn-") => "aws-cn",
        it if it.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

fn arn_of(kind: &str, id: &str, region: &str, account: &AccountId) -> String {
    let partition = partition(region);
    match kind {
        _ if id.starts_with("arn:") => id.to_owned(),
        "AWS::EC2::SecurityGroup" => {
            format!("arn:{partition}:ec2:{region}:{account}:security-group/{id}")
        }
        "AWS::EC2::VPC" => format!("arn:{partition}:ec2:{region}:{account}:vpc/{id}"),
        "AWS::S3::Bucket" => format!("arn:{partition}:s3:::{id}"),
        "AWS::KMS::Key" => format!("arn:{partition}:kms:{region}:{account}:key/{id}"),
        "AWS::::Account" => format!("{WHOLE_ACCOUNT}{id}"),
        other => format!("{other}/{id}"),
    }
}
