use hallpass_access::{AccessError, ActionRefused, Actor};
use hallpass_base::RequestId;
use hallpass_channels::wording::PlainStyle;
use hallpass_channels::wording::refused::{RefusedFacts, TriedPress, words};
use hallpass_rules::PressRefusedByRules;

use crate::{App, problem::ProblemResponse};

/// Explains a refused press; to requesters as on the page: who can decide in their place.
pub(super) async fn refused(
    app: &App,
    actor: &Actor,
    (id, tried): (RequestId, TriedPress),
    error: AccessError,
) -> ProblemResponse {
    let AccessError::Refused(why) = &error else {
        return error.into();
    };
    let may_be_own = matches!(
        why,
        ActionRefused::Rules(
            PressRefusedByRules::NotListed { .. } | PressRefusedByRules::OwnRequest { .. }
        )
    );
    let request = if may_be_own {
        app.access.request(actor, id).await.ok()
    } else {
        None
    };
    let Some(request) = request.filter(|it| it.requester.is(actor)) else {
        return error.into();
    };
    let deciders = app.access.deciders(&request);
    // an address is not capitalized at the begin of a sentence
    let named: Vec<String> = deciders.iter().map(|it| format!("`{it}`")).collect();
    let facts = RefusedFacts {
        request: &request,
        tried,
        presser: actor.user.as_ref(),
        target: "",
        deciders: &named,
    };
    let detail = words(why, &facts, &PlainStyle);
    ProblemResponse::from(error).detail(detail)
}
