//! Permitted callers (`simulator.md` §2.5): management account, delegated administrator, other
//! members.

use super::{call::Call, caller::AwsCaller, instance_regions::InstanceRegion, state::SimState};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountStanding {
    Management,
    Delegated,
    Member,
    Outsider,
}

pub(crate) fn standing(state: &SimState, account: &str, principal: &str) -> AccountStanding {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallableIn {
    HomeRegion,
    /// In all its Regions: reads of the instance and its directory (IAM Identity Center User Guide,
    /// "IAM Identity Center service APIs supported in additional AWS Regions").
    EveryRegion,
}

/// Whether the caller may use Identity Center in this Region.
pub(crate) fn may_use_identity_center(
    state: &SimState,
    call: &Call,
    caller: &AwsCaller,
    callable: CallableIn,
) -> bool {
    let standing = standing(state, &caller.account, "sso.amazonaws.com");
    let here = match state.center.region(&call.region, state.latest) {
        InstanceRegion::Home => true,
        InstanceRegion::Additional => callable == CallableIn::EveryRegion,
        InstanceRegion::None => false,
    };
    let may = matches!(
        standing,
        AccountStanding::Management | AccountStanding::Delegated
    );
    here && (may || !state.settings.authorize)
}
