//! Which grants have their ends armed at AWS, and what is wished of that with each change. What a change makes of an
//! assignment's end moves the armed one in the same commit.

use hallpass_model::{HoldKey, Target, TimeSpan, Timestamp};
use hallpass_rules::{Directory, EndArming};

use crate::{
    ArmedEndWish, ArmedEnds, Change, DesiredAssignment, EndOutcome, GivenOtherwise, Grant,
    GrantState, GrantToArm, GroupSyncWrite, MembershipChange, PressRefused, Settings, ShownBy,
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

/// How ends of a target's access are to be armed today, and what stands in the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arming {
    wanted: ArmedEnds,
    obstacle: Option<&'static str>,
}

/// Why what was given without a required end is not lengthened.
const GIVEN_BEFORE: &str =
    "it was given before its end had to be armed; give it back, and ask for it anew";

impl Arming {
    /// By the settings, and what rules want besides.
    pub(crate) fn of(target: &Target, ruled: Option<EndArming>, settings: &Settings) -> Self {
        let ruled = match ruled {
            None => ArmedEnds::Off,
            Some(EndArming::Preferred) => ArmedEnds::Preferred,
            Some(EndArming::Required) => ArmedEnds::Required,
        };
        Self {
            wanted: settings.armed_ends.mode.of_every_grant().max(ruled),
            obstacle: out_of_reach(target, settings),
        }
    }

    /// How the end of a new grant is armed. Refused where it must be and cannot.
    pub(crate) const fn of_new_grant(self) -> Result<ArmedEnds, PressRefused> {
        match (self.wanted, self.obstacle) {
            (ArmedEnds::Required, Some(why)) => Err(PressRefused::EndNotArmed { why }),
            (ArmedEnds::Preferred | ArmedEnds::Off, Some(_)) => Ok(ArmedEnds::Off),
            (wanted, None) => Ok(wanted),
        }
    }

    /// Refuses a later end where it must be armed, and cannot or was not when the access was given: nobody keeps by
    /// asking again what they would not be given today.
    pub(crate) fn ensure_may_lengthen(self, grant: &Grant) -> Result<(), PressRefused> {
        self.of_new_grant()?;
        match (self.wanted, grant.armed_ends) {
            (ArmedEnds::Required, ArmedEnds::Off | ArmedEnds::Preferred) => {
                Err(PressRefused::EndNotArmed { why: GIVEN_BEFORE })
            }
            (ArmedEnds::Required, ArmedEnds::Required)
            | (ArmedEnds::Off | ArmedEnds::Preferred, _) => Ok(()),
        }
    }

    /// Refuses what comes to nothing, before anybody is asked to approve it. Another grant of what is held lengthens it as
    /// an extension does.
    pub(crate) fn ensure_possible<'a>(
        self,
        held: impl IntoIterator<Item = &'a Grant>,
    ) -> Result<(), PressRefused> {
        self.of_new_grant()?;
        for grant in held {
            self.ensure_may_lengthen(grant)?;
        }
        Ok(())
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
        Write::Insert(grant) => Some(of_new(grant, until(&grant.key))),
        Write::Update(grant) => {
            let is_held = until(&grant.key).is_some_and(|until| now < until);
            let lasts_until = if is_theirs(grant) {
                Some(now)
            } else if grant.is_over() && !is_held {
                // whether it is armed itself or not: an earlier grant that it followed without a gap may have been
                Some(session_revocation::none_left_after(
                    grant, directory, aws_now,
                ))
            } else {
                None
            };
            lasts_until.map(|lasts_until| ArmedEndWish::Over {
                key: grant.key.clone(),
                lasts_until,
            })
        }
    };
    let is_of_account = |grant: &Grant| matches!(grant.key.target, Target::Account { .. });
    let of_accounts = change.grants.iter().filter(|write| match write {
        Write::Insert(grant) | Write::Update(grant) => is_of_account(grant),
    });
    let wishes = of_accounts.filter_map(wish);
    wishes.chain(look_again(change, now)).collect()
}

/// Whether the person had it before, so that nothing of ours is left to be refused.
pub(crate) fn is_theirs(grant: &Grant) -> bool {
    let stood = match grant.state {
        GrantState::Ended { why, .. } => why == EndOutcome::Standing,
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ending { .. }
        | GrantState::Failed { .. } => false,
    };
    grant.standing || stood
}

/// Who came into a group by us may have by it what they hold for a while as well.
fn look_again(change: &Change, now: Timestamp) -> Option<ArmedEndWish> {
    let granted = change.grants.iter().filter_map(|write| match write {
        Write::Insert(grant) | Write::Update(grant) => {
            let is_group = matches!(grant.key.target, Target::Group { .. });
            let is_in = matches!(grant.state, GrantState::Active);
            (is_group && is_in).then(|| grant.key.user.clone())
        }
    });
    let followed = change
        .group_sync_items
        .iter()
        .filter_map(|write| match write {
            GroupSyncWrite::Remove(item) if item.change == MembershipChange::Add => {
                Some(item.key.user.clone())
            }
            GroupSyncWrite::Remove(_) | GroupSyncWrite::Insert(_) | GroupSyncWrite::Update(_) => {
                None
            }
        });
    let given = GivenOtherwise {
        members: granted.chain(followed).collect(),
        ..GivenOtherwise::default()
    };
    (!given.is_empty()).then(|| ArmedEndWish::LookAgain {
        at: now,
        given: Box::new(given),
        shown: ShownBy::Soon,
    })
}

fn of_new(grant: &Grant, until: Option<Timestamp>) -> ArmedEndWish {
    let (required, waits, gate) = match grant.armed_ends {
        ArmedEnds::Off => {
            return ArmedEndWish::Release {
                key: grant.key.clone(),
                asked_at: grant.scheduled_at,
                gone_by: REQUIRED_WAITS.after(grant.scheduled_at),
            };
        }
        ArmedEnds::Preferred => (
            false,
            PREFERRED_WAITS,
            PREFERRED_WAITS.after(grant.scheduled_at),
        ),
        ArmedEnds::Required => (true, REQUIRED_WAITS, Timestamp::MAX),
    };
    ArmedEndWish::Arm(Box::new(GrantToArm {
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
        moved_by: REQUIRED_WAITS.after(grant.scheduled_at),
    }))
}
