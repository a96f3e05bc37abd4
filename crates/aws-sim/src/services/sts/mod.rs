mod identity;
mod roles;

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError},
    service::{BucketSharing, CallRates, DenialText, PolicyFacts, ScopeRegions, SimService},
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        scope: ScopeRegions::RegionalAndGlobal,
        rates: CallRates::one(BucketSharing::AccountAndRegion, 600.0, 600.0),
        errors: errors::QUERY,
        policies: Some(PolicyFacts {
            // policies are checked once the role is known
            free: &["GetCallerIdentity", "GetSessionToken", "AssumeRole"],
            other_actions: &[],
            condition_keys: &[
                ("ExternalId", "sts:ExternalId"),
                ("RoleSessionName", "sts:RoleSessionName"),
                ("SourceIdentity", "sts:SourceIdentity"),
            ],
            resources: |_, _, _, _| Vec::new(),
            denials: DenialText::SaysWhenExplicit,
        }),
        secrets: &[
            "SessionToken",
            "SecretAccessKey",
            "TokenCode",
            "WebIdentityToken",
        ],
        ..SimService::named("Sts", "sts")
    },
    begin: |call| call.admit(),
    operations: &[
        &[(
            "GetCallerIdentity",
            Reads(|call| Ok(identity::caller(call))),
        )],
        roles::OPERATIONS,
        identity::OPERATIONS,
    ],
};
