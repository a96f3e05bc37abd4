//! Reports a later end only after AWS enforces it.

use std::slice;

use hallpass_access::{
    AccessStore, Delivery, NoticeContext, NoticeKind, ReadError, is_still_to_move,
};
use hallpass_base::TimeSpan;

/// Delays news of a later end until AWS has it, and drops outdated delay news. `None` if the news
/// is due.
pub(crate) async fn before_its_time(
    store: &dyn AccessStore,
    told: &NoticeContext,
) -> Result<Option<Delivery>, ReadError> {
    let kind = told.notice.kind();
    if !matches!(kind, NoticeKind::Extended | NoticeKind::NotExtended) {
        return Ok(None);
    }
    let Some(id) = told.grant.as_ref().map(|grant| grant.id) else {
        return Ok(None);
    };
    let Some(grant) = store.grant(id).await? else {
        return Ok(None);
    };
    let armed = store.armed_ends(slice::from_ref(&grant.key)).await?;
    let is_to_move = is_still_to_move(armed.get(&grant.key), grant.ends_at);
    Ok(match (kind, is_to_move, grant.is_hold()) {
        (NoticeKind::Extended, true, true) => Some(Delivery::Again {
            after: TimeSpan::seconds(1),
            why: "AWS still refuses at the earlier end".to_owned(),
        }),
        (NoticeKind::Extended, false, _) | (NoticeKind::NotExtended, true, true) => None,
        // the grant ended first, or the move preceded the delay news
        _ => Some(Delivery::Done),
    })
}
