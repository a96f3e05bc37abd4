use crate::base::Millis;

use crate::core::{
    entities::Id,
    sign_in_events::note_sign_in,
    sign_ins::{SignIn, forget},
    state::SimState,
};

/// Default lifetime of a portal session, in seconds: 8 hours (`simulator.md` N-4).
const SESSION_SECONDS: u32 = 28_800;
/// Seconds from an administrator's delete to the end of a portal session (`simulator.md` N-4).
const REVOCATION_LAG: u32 = 300;

/// The live portal session of an access token. A deleted user has none.
pub(crate) fn holder<'a>(state: &'a SimState, token: &str, now: Millis) -> Option<&'a SignIn> {
    let (id, expires) = state.portal.tokens.get(token)?;
    let sign_in = state.portal.sign_ins.get(id)?;
    let live = now < *expires && sign_in.is_live(now) && state.user(&sign_in.user).is_some();
    live.then_some(sign_in)
}

/// Begins a portal session, valid in all Regions of the instance; the caller has checked the user.
pub(crate) fn begin(
    state: &mut SimState,
    user: &Id,
    id: String,
    region: &str,
    now: Millis,
) -> SignIn {
    let length = state
        .center
        .portal_session_seconds
        .unwrap_or(SESSION_SECONDS);
    let name = state.user(user).map(|user| user.user_name().to_owned());
    let sign_in = SignIn {
        id,
        user: user.clone(),
        user_name: name.unwrap_or_default(),
        issued: now,
        expires: now + Millis::from(length) * 1000,
        dead_from: None,
    };
    forget(&mut state.portal, now);
    let kept = &mut state.portal.sign_ins;
    kept.insert(sign_in.id.clone(), sign_in.clone());
    note_sign_in(state, user, &sign_in.id, region, now);
    sign_in
}

/// Deletes a user's portal sessions; they end after a delay (`simulator.md` N-4).
pub(crate) fn revoke(state: &mut SimState, user: &str, now: Millis) {
    let lag = state.center.portal_revocation_lag.unwrap_or(REVOCATION_LAG);
    let dead = now + Millis::from(lag) * 1000;
    for sign_in in state.portal.sign_ins.values_mut() {
        if *sign_in.user == *user {
            sign_in.dead_from = Some(sign_in.dead_from.map_or(dead, |old| old.min(dead)));
        }
    }
}
