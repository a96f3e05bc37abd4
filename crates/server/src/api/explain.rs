use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_api::{Decision, Problem};
use hallpass_base::Email;
use serde::Deserialize;

use crate::{
    App,
    auth::AuthenticatedCaller,
    body::Parameters,
    convert::texts,
    convert_states,
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainQuery {
    /// User (e-mail); the caller by default. Others only for callers who read everything.
    user: Option<String>,
    /// The account's id or name.
    account: Option<String>,
    /// The permission set's name.
    permission_set: Option<String>,
    /// The group's id or name, instead of account and permission set.
    group: Option<String>,
}

/// The decision of the rules for one case, with reasons.
#[utoipa::path(get, path = "/api/v1/rules/explain", params(ExplainQuery),
    responses((status = 200, body = Decision), (status = 403, body = Problem)))]
pub(crate) async fn explain(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(case): Parameters<ExplainQuery>,
) -> Result<Json<Decision>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let user = match case.user {
        Some(text) => Email::new(&text).map_err(|error| bad_parameter("user", error))?,
        None => actor.email.clone(),
    };
    if user != actor.email && !actor.reads_all() {
        return Err(ProblemResponse::forbidden(
            "not-yours",
            "only auditors and administrators explain other people's cases",
        ));
    }
    let wanted = super::wanted(
        case.account.as_deref(),
        case.permission_set.as_deref(),
        case.group.as_deref(),
    )?;
    let explained = app.access.explain(&user, &wanted).map_err(|problems| {
        let text = problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        ProblemResponse::bad("unknown-target", text)
    })?;
    Ok(Json(Decision {
        decision: convert_states::decision(explained.decision.kind),
        approvers: texts(&explained.decision.approvers),
        because: texts(&explained.decision.based_on),
        explanation: explained.explanation,
    }))
}
