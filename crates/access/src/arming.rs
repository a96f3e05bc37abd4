//! Which grants have their ends armed at AWS, and what is wished of that with each change. What a change makes of an
//! assignment's end moves the armed one in the same commit.

use hallpass_model::{HoldKey, Target, TimeSpan, Timestamp};
use hallpass_rules::{Directory, EndArming};

use crate::{
    ArmedEndWish, ArmedEnds, Change, DesiredAssignment, Grant, GrantToArm, PressRefused, Settings,
    Write, session_revocation,
};

/// How long a create waits for its end to be armed where it may go without.
const PREFERRED_WAITS: TimeSpan = TimeSpan::seconds(60);
/// How long until what is required is given up: as long as a create may take (`access.md` §6).
const REQUIRED_WAITS: TimeSpan = TimeSpan::minutes(5);
/// Why no end can be armed for a target, whatever AWS says; `None` when it can.
fn out_of_reach(target: &Target, settings: &Settings) -> Option<&'static str> {
    if !settings.armed_ends.mode.is_on() {
        return Some("the server's configuration arms no ends (`access.armed_ends.mode`)");
    }
    match target {
        Target::Group { .. } => Some("memberships of groups are not armed"),
        Target::Account { account, .. } => (settings.management_account.as_ref() == Some(account))
            .then_some("no policy has an effect in the management account"),
    }
}

/// How the end of a new grant is to be armed, by the settings and what rules want besides. Refused where it must be and
/// cannot.
pub(crate) fn of_new_grant(
    target: &Target,
    ruled: Option<EndArming>,
    settings: &Settings,
) -> Result<ArmedEnds, PressRefused> {
    let ruled = match ruled {
        None => ArmedEnds::Off,
        Some(EndArming::Preferred) => ArmedEnds::Preferred,
        Some(EndArming::Required) => ArmedEnds::Required,
    };
    let wanted = settings.armed_ends.mode.of_every_grant().max(ruled);
    match (wanted, out_of_reach(target, settings)) {
        (ArmedEnds::Required, Some(why)) => Err(PressRefused::EndNotArmed { why }),
        (ArmedEnds::Preferred | ArmedEnds::Off, Some(_)) => Ok(ArmedEnds::Off),
        (wanted, None) => Ok(wanted),
    }
}

/// What a change wishes of armed ends.
pub(crate) fn wishes(
    change: &Change,
    directory: &Directory,
    now: Timestamp,
    aws_now: Timestamp,
) -> Vec<ArmedEndWish> {
    let until = |key: &HoldKey| {
        change.desired.iter().find_map(|desired| match desired {
            DesiredAssignment::Until { key: of, until, .. }
            | DesiredAssignment::RemovedByGuard { key: of, until, .. }
                if of == key =>
            {
                Some(*until)
            }
            DesiredAssignment::Until { .. }
            | DesiredAssignment::RemovedByGuard { .. }
            | DesiredAssignment::Adopt { .. }
            | DesiredAssignment::Remove { .. }
            | DesiredAssignment::Forget { .. } => None,
        })
    };
    let wish = |write: &Write<Grant>| match write {
        Write::Insert(grant) => to_arm(grant, until(&grant.key)),
        Write::Update(grant) => {
            let is_held = until(&grant.key).is_some_and(|until| now < until);
            let is_over = grant.is_over() && !is_held;
            match grant.armed_ends {
                ArmedEnds::Off => None,
                ArmedEnds::Preferred | ArmedEnds::Required if grant.standing => {
                    Some(ArmedEndWish::Over {
                        key: grant.key.clone(),
                        lasts_until: now,
                    })
                }
                ArmedEnds::Preferred | ArmedEnds::Required => is_over.then(|| {
                    let last =
                        session_revocation::none_left_after(&grant.names, directory, aws_now);
                    ArmedEndWish::Over {
                        key: grant.key.clone(),
                        lasts_until: last,
                    }
                }),
            }
        }
    };
    change.grants.iter().filter_map(wish).collect()
}

fn to_arm(grant: &Grant, until: Option<Timestamp>) -> Option<ArmedEndWish> {
    let (required, waits, gate) = match grant.armed_ends {
        ArmedEnds::Off => return None,
        ArmedEnds::Preferred => (
            false,
            PREFERRED_WAITS,
            PREFERRED_WAITS.after(grant.scheduled_at),
        ),
        ArmedEnds::Required => (true, REQUIRED_WAITS, Timestamp::MAX),
    };
    Some(ArmedEndWish::Arm(Box::new(GrantToArm {
        grant: grant.id,
        request: grant.request,
        holder: grant.holder.email.clone(),
        key: grant.key.clone(),
        names: grant.names.clone(),
        required,
        ends_at: until.unwrap_or(grant.ends_at),
        asked_at: grant.scheduled_at,
        arm_by: waits.after(grant.scheduled_at),
        gate_until: gate,
    })))
}
