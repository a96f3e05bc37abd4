use serde_json::{Value, json};

use crate::core::{
    call::seconds,
    context::{Context, HandlerResult},
    errors::ApiError,
    instants::instant,
};
use crate::organization::StatedEvaluation;

fn shape(of: &StatedEvaluation) -> Value {
    let at = seconds(instant(Some(&of.at)).unwrap_or_default());
    json!({
        "EvaluationResultIdentifier": {
            "EvaluationResultQualifier": {
                "ConfigRuleName": of.rule, "ResourceType": of.resource_type, "ResourceId": of.resource_id,
            },
            "OrderingTimestamp": at,
        },
        "ComplianceType": of.compliance, "ResultRecordedTime": at, "ConfigRuleInvokedTime": at,
    })
}

/// `GetComplianceDetailsByResource`: in the call's account and Region.
pub(super) fn of_resource(context: &Context<'_>) -> HandlerResult {
    let (kind, id) = (context.text("ResourceType"), context.text("ResourceId"));
    if kind.is_empty() || id.is_empty() {
        // the alternative, an id of a future evaluation, is not simulated
        let text = "ResourceType and ResourceId are required.";
        return Err(ApiError::new("InvalidParameterValueException", text));
    }
    let wanted = context.call.input.get("ComplianceTypes");
    let wanted = wanted
        .and_then(Value::as_array)
        .filter(|all| !all.is_empty());
    let (account, region) = (&context.caller.account, &context.call.region);
    let is_meant = |it: &&StatedEvaluation| {
        it.account == *account
            && it.region == *region
            && it.resource_type == kind
            && it.resource_id == id
            && wanted.is_none_or(|all| all.iter().any(|one| *one == it.compliance))
    };
    let found = context.state.config_evaluations.iter().filter(is_meant);
    let rows: Vec<(String, Value)> = found.map(|it| (it.rule.clone(), shape(it))).collect();
    context.listing(rows)
}
