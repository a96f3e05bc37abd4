//! How the organization's accounts are configured: each for itself. Central configuration is not simulated.

use serde_json::json;

use super::{ApiError, Context, HandlerResult, Output, administrator};

/// `DescribeOrganizationConfiguration`
pub(super) fn describe(context: &Context<'_>) -> HandlerResult {
    if *context.caller.account != *administrator(context.state) {
        let text = "The account is not the Security Hub administrator of the organization.";
        return Err(ApiError::new("InvalidAccessException", text).status(401));
    }
    Ok(Output::Members(json!({
        "AutoEnable": false, "MemberAccountLimitReached": false, "AutoEnableStandards": "NONE",
        "OrganizationConfiguration": { "ConfigurationType": "LOCAL", "Status": "ENABLED" },
    })))
}
