//! Requests inside an organization, and with one end outside.

use std::sync::Arc;

use super::tree::{Tree, TreeAccount};
use crate::error::LoadError;
use crate::evaluation::{Context, Policy, Request};
use crate::language::PolicyType;

/// Tested calls: read and write an object, list a bucket.
pub(super) const CALLS: [(&str, &str); 3] = [
    ("s3:GetObject", "arn:aws:s3:::perimeter-probe/object"),
    ("s3:PutObject", "arn:aws:s3:::perimeter-probe/object"),
    ("s3:ListBucket", "arn:aws:s3:::perimeter-probe"),
];

/// A role without exemptions by name.
const ROLE: &str = "HallpassPerimeterProbe";

/// A non-existent organization.
const FOREIGN_ORGANIZATION: &str = "o-hallpassprobe0";

#[derive(Debug, Clone)]
pub(super) struct CallEnd {
    account: String,
    organization: Option<(String, String)>,
}

impl CallEnd {
    pub(super) fn inside(tree: &Tree, account: &TreeAccount) -> Self {
        Self {
            account: account.id.clone(),
            organization: Some((tree.organization().to_owned(), tree.path(account))),
        }
    }

    pub(super) fn outside(tree: &Tree) -> [(&'static str, Self); 2] {
        // one more than accounts: one is free
        let account = (1..=tree.accounts().len() + 1)
            .map(|number| format!("{number:012}"))
            .find(|id| tree.accounts().iter().all(|account| account.id != *id))
            .unwrap_or_default();
        let path = format!("{FOREIGN_ORGANIZATION}/r-probe/ou-probe-hallpass/");
        let foreign = Self {
            account: account.clone(),
            organization: Some((FOREIGN_ORGANIZATION.to_owned(), path)),
        };
        let alone = Self {
            account,
            organization: None,
        };
        [
            ("another organization", foreign),
            ("an account without organization", alone),
        ]
    }
}

/// Network path of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    /// An internet address.
    Address(&'static str),
    /// A VPC endpoint.
    Endpoint(&'static str),
    /// Through a service that forwards credentials, which every valid network boundary allows.
    Forwarded,
}

/// Unexpected networks with descriptions.
pub(super) const STRANGE_NETWORKS: [(&str, Route); 3] = [
    ("an IPv4 address", Route::Address("8.8.8.8")),
    ("an IPv6 address", Route::Address("2001:4860:4860::8888")),
    (
        "the endpoint of another VPC",
        Route::Endpoint("vpc-0fedcba9876543210"),
    ),
];

pub(super) fn request(
    (action, resource): (&str, &str),
    principal: &CallEnd,
    owner: &CallEnd,
    route: Route,
) -> Result<Request, LoadError> {
    let account = &principal.account;
    let mut context = Context::new()
        .with(
            "aws:PrincipalArn",
            format!("arn:aws:iam::{account}:role/{ROLE}"),
        )
        .with("aws:PrincipalAccount", account.as_str())
        .with("aws:PrincipalType", "AssumedRole")
        .with("aws:PrincipalIsAWSService", "false")
        .with("aws:ResourceAccount", owner.account.as_str());
    for (side, end) in [("Principal", principal), ("Resource", owner)] {
        if let Some((organization, path)) = &end.organization {
            context = context
                .with(&format!("aws:{side}OrgID"), organization.as_str())
                .with_list(&format!("aws:{side}OrgPaths"), [path.as_str()]);
        }
    }
    context = match route {
        Route::Address(address) => context
            .with("aws:SourceIp", address)
            .with("aws:ViaAWSService", "false"),
        Route::Endpoint(vpc) => context
            .with("aws:SourceVpc", vpc)
            .with("aws:VpcSourceIp", "10.9.8.7")
            .with("aws:ViaAWSService", "false"),
        Route::Forwarded => context.with("aws:ViaAWSService", "true"),
    };
    let session = format!("arn:aws:sts::{account}:assumed-role/{ROLE}/probe");
    let request = Request::new(&session, action, resource, context)?;
    Ok(request.resource_account(&owner.account))
}

/// Principal and resource policies that allow everything, so that only guardrails decide.
pub(super) fn open_ends() -> Result<(Arc<Policy>, Arc<Policy>), LoadError> {
    let identity = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",
        "Resource":"*"}]}"#;
    let resource = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",
        "Action":"*","Resource":"*"}]}"#;
    Ok((
        Arc::new(Policy::parse(identity, PolicyType::Identity)?),
        Arc::new(Policy::parse(resource, PolicyType::Resource)?),
    ))
}
