//! Who may call what (`simulator.md` §2.5): management account, delegated administrator,
//! other members.

use super::{
    call::{ApiError, AwsCaller, Call, SimService},
    state::SimState,
};

/// What a caller's account is to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccountStanding {
    Management,
    Delegated,
    Member,
    Outsider,
}

/// What the account is to the service with this principal.
pub(super) fn standing(state: &SimState, account: &str, principal: &str) -> AccountStanding {
    let delegated = |row: &&crate::organization::Delegation| {
        row.account == account && (principal.is_empty() || row.service == principal)
    };
    if account == state.head.management {
        AccountStanding::Management
    } else if state.head.delegations.iter().any(|row| delegated(&row)) {
        AccountStanding::Delegated
    } else if state.account(account).is_some() {
        AccountStanding::Member
    } else {
        AccountStanding::Outsider
    }
}

/// The refusal of IAM Identity Center, which names no reason.
pub(super) fn sso_denied(caller: &AwsCaller, operation: &str, resource: &str) -> ApiError {
    ApiError::denied(
        "AccessDeniedException",
        format!(
            "User: {} is not authorized to perform: sso:{operation} on resource: {resource}",
            caller.arn
        ),
    )
}

/// Whether the caller may use Identity Center at all, and in this Region.
///
/// # Errors
/// `AccessDeniedException` in the words of the service.
pub(super) fn identity_center(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
) -> Result<AccountStanding, ApiError> {
    let standing = standing(state, &caller.account, "sso.amazonaws.com");
    let here = call.region == state.center.home_region;
    let may = matches!(
        standing,
        AccountStanding::Management | AccountStanding::Delegated
    );
    if here && (may || !state.settings.authorize) {
        return Ok(standing);
    }
    Err(match call.service {
        SimService::IdentityStore => ApiError::denied(
            "AccessDeniedException",
            format!(
                "User: {} is not authorized to perform: identitystore:{} on resource: \
                 arn:aws:identitystore::{}:identitystore/{} because no identity-based policy \
                 allows the identitystore:{} action",
                caller.arn,
                call.operation,
                state.head.management,
                state.center.store,
                call.operation
            ),
        ),
        SimService::Sso
        | SimService::Organizations
        | SimService::Sts
        | SimService::Iam
        | SimService::Ec2
        | SimService::S3
        | SimService::SsoOidc
        | SimService::SsoPortal => {
            let resource = ["PermissionSetArn", "InstanceArn"]
                .iter()
                .find_map(|name| call.input.get(*name).and_then(serde_json::Value::as_str))
                .unwrap_or("*");
            sso_denied(caller, &call.operation, resource)
        }
    })
}

/// Whether the caller may read or change the organization.
///
/// # Errors
/// `AccessDeniedException`, or that the account is in no organization.
pub(super) fn organization(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
) -> Result<(), ApiError> {
    let reads = call.operation.starts_with("Describe") || call.operation.starts_with("List");
    let may = match standing(state, &caller.account, "") {
        AccountStanding::Management => true,
        AccountStanding::Delegated => reads,
        AccountStanding::Member => call.operation == "DescribeOrganization",
        AccountStanding::Outsider => {
            return Err(ApiError::denied(
                "AWSOrganizationsNotInUseException",
                "Your account is not a member of an organization.",
            ));
        }
    };
    if may || !state.settings.authorize {
        return Ok(());
    }
    Err(ApiError::denied(
        "AccessDeniedException",
        "You don't have permissions to access this resource.",
    ))
}
