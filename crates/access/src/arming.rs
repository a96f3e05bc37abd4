//! Decides which ends are enforced. A change of an assignment's end moves the enforced end in the
//! same commit.

use hallpass_base::{HoldKey, Target, TimeSpan, Timestamp};
use hallpass_rules::{Directory, EndArming};

use crate::{
    ActionRefused, ArmedEndRequest, ArmedEnds, Change, DesiredAssignment, EndOutcome,
    ExternalAccess, Grant, GrantState, GrantToArm, GroupSyncWrite, MembershipChange, NeverArmed,
    Settings, ShownBy, Write, session_revocation,
};

/// How long a create waits if enforcement is optional.
const PREFERRED_WAITS: TimeSpan = TimeSpan::seconds(60);
/// After this, required enforcement fails: as long as a create may take (`access.md` §6).
const REQUIRED_WAITS: TimeSpan = TimeSpan::minutes(5);

/// Why enforcement is impossible for a target; `None` if it is possible.
fn out_of_reach(target: &Target, settings: &Settings) -> Option<NeverArmed> {
    if !settings.armed_ends.mode.is_on() {
        return Some(NeverArmed::Off);
    }
    match target {
        Target::Group { .. } => Some(NeverArmed::Group),
        Target::Account { account, .. } => (settings.management_account.as_ref() == Some(account))
            .then_some(NeverArmed::ManagementAccount),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewArming {
    pub(crate) armed_ends: ArmedEnds,
    pub(crate) never_armed: Option<NeverArmed>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Arming {
    wanted: ArmedEnds,
    obstacle: Option<NeverArmed>,
}

const GIVEN_BEFORE: &str =
    "it was granted before enforced expiry was required; end it early and request it again";

impl Arming {
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

    /// Refuses a grant whose required enforcement is impossible.
    pub(crate) const fn of_new_grant(self) -> Result<NewArming, ActionRefused> {
        let (armed_ends, never_armed) = match (self.wanted, self.obstacle) {
            (ArmedEnds::Required, Some(why)) => {
                return Err(ActionRefused::EndNotArmed { why: why.words() });
            }
            (ArmedEnds::Preferred, Some(why)) => (ArmedEnds::Off, Some(why)),
            (ArmedEnds::Off, Some(_)) => (ArmedEnds::Off, None),
            (wanted, None) => (wanted, None),
        };
        Ok(NewArming {
            armed_ends,
            never_armed,
        })
    }

    /// Refuses a later end if enforcement is required but impossible, or missing in the grant.
    pub(crate) fn ensure_may_lengthen(self, grant: &Grant) -> Result<(), ActionRefused> {
        self.of_new_grant()?;
        match (self.wanted, grant.armed_ends) {
            (ArmedEnds::Required, ArmedEnds::Off | ArmedEnds::Preferred) => {
                Err(ActionRefused::EndNotArmed { why: GIVEN_BEFORE })
            }
            (ArmedEnds::Required, ArmedEnds::Required)
            | (ArmedEnds::Off | ArmedEnds::Preferred, _) => Ok(()),
        }
    }

    /// Refuses an impossible request before approvers see it, including a second grant that extends
    /// held access.
    pub(crate) fn ensure_possible<'a>(
        self,
        held: impl IntoIterator<Item = &'a Grant>,
    ) -> Result<(), ActionRefused> {
        self.of_new_grant()?;
        for grant in held {
            self.ensure_may_lengthen(grant)?;
        }
        Ok(())
    }
}

pub(crate) fn wishes(
    change: &Change,
    directory: &Directory,
    now: Timestamp,
    aws_now: Timestamp,
) -> Vec<ArmedEndRequest> {
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
                // An earlier adjacent grant may have been enforced.
                Some(session_revocation::none_left_after(
                    grant, directory, aws_now,
                ))
            } else {
                None
            };
            lasts_until.map(|lasts_until| ArmedEndRequest::Over {
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

/// Whether the user had the access before Hallpass, so there is nothing to deny.
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

/// A user added to a group may also get their temporary access through the group.
fn look_again(change: &Change, now: Timestamp) -> Option<ArmedEndRequest> {
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
    let given = ExternalAccess {
        members: granted.chain(followed).collect(),
        ..ExternalAccess::default()
    };
    (!given.is_empty()).then(|| ArmedEndRequest::LookAgain {
        at: now,
        given: Box::new(given),
        shown: ShownBy::Soon,
    })
}

fn of_new(grant: &Grant, until: Option<Timestamp>) -> ArmedEndRequest {
    let (required, waits, gate) = match grant.armed_ends {
        ArmedEnds::Off => {
            return ArmedEndRequest::Release {
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
    ArmedEndRequest::Arm(Box::new(GrantToArm {
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

#[cfg(test)]
mod tests {
    use hallpass_base::{AccountId, GroupId, PermissionSetArn};

    use super::*;
    use crate::{ArmedEndSettings, ArmedEndsMode};

    #[test]
    fn what_is_wanted_and_cannot_be_keeps_why() {
        let set = PermissionSetArn::new(
            "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef",
        );
        let set = set.unwrap();
        let account = |id: &str| Target::Account {
            account: AccountId::new(id).unwrap(),
            permission_set: set.clone(),
        };
        let group = Target::Group {
            group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
        };
        let (management, member) = (account("111111111111"), account("222222222222"));
        let (off, preferred) = (ArmedEnds::Off, ArmedEnds::Preferred);
        let ruled = Some(EndArming::Preferred);
        for (mode, rule, target, armed_ends, never_armed) in [
            (ArmedEndsMode::Off, None, &management, off, None),
            (
                ArmedEndsMode::Off,
                ruled,
                &member,
                off,
                Some(NeverArmed::Off),
            ),
            (ArmedEndsMode::ByRule, None, &group, off, None),
            (
                ArmedEndsMode::ByRule,
                ruled,
                &group,
                off,
                Some(NeverArmed::Group),
            ),
            (ArmedEndsMode::Preferred, None, &member, preferred, None),
            (
                ArmedEndsMode::Preferred,
                None,
                &group,
                off,
                Some(NeverArmed::Group),
            ),
            (
                ArmedEndsMode::Preferred,
                None,
                &management,
                off,
                Some(NeverArmed::ManagementAccount),
            ),
        ] {
            let settings = Settings {
                armed_ends: ArmedEndSettings {
                    mode,
                    ..ArmedEndSettings::default()
                },
                management_account: Some(AccountId::new("111111111111").unwrap()),
                ..Settings::default()
            };
            let found = Arming::of(target, rule, &settings).of_new_grant().unwrap();
            let expected = NewArming {
                armed_ends,
                never_armed,
            };
            assert_eq!(found, expected, "{mode:?} {rule:?} {target}");
        }
    }

    #[test]
    fn what_is_required_and_cannot_be_is_refused_with_why() {
        let group = Target::Group {
            group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
        };
        let settings = Settings {
            armed_ends: ArmedEndSettings {
                mode: ArmedEndsMode::Required,
                ..ArmedEndSettings::default()
            },
            ..Settings::default()
        };
        let refused = Arming::of(&group, None, &settings).of_new_grant();
        let why = NeverArmed::Group.words();
        assert!(matches!(refused, Err(ActionRefused::EndNotArmed { why: told }) if told == why));
    }
}
