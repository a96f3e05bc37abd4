//! News of later ends that AWS enforces: told once AWS has them.

use std::slice;

use hallpass_access::{
    AccessStore, Delivery, NoticeContext, NoticeKind, ReadError, is_still_to_move,
};
use hallpass_base::TimeSpan;

/// What becomes of news of a later end that are not to be told now: while AWS does not have it they wait, and what says
/// that is nobody's once it is not so any more. `None` of what is to be told.
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
    // as stored: what is told of it ends when AWS says
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
        // it is over before it moved, or has moved before that was told
        _ => Some(Delivery::Done),
    })
}
