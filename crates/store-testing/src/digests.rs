//! A digest of each kind, with every field set.

use hallpass_access::{
    Brake, ChangedHolding, Digest, DigestKind, DigestNews, EntitledPrincipal, Entitlement,
    EntitlementsFound, FirstOf, ItemChange, ItemKind, LeftOut, LookedOutcome, NamedEntitlement,
    NamedHolding, NextSweep, StuckHolding, SweepAction, SweepConfirmed, SweepDone, SweepLooked,
    SweepPurpose, SweepWork, Unread, UnreadPlace,
};
use hallpass_base::TimeSpan;

use super::{account, at, group_id, names, person, sweep_id};

const ADOPT: SweepAction = SweepAction::Adopt {
    length: TimeSpan::hours(8),
};

fn holding(n: u64) -> NamedHolding {
    NamedHolding {
        names: names(),
        holder: person(n).name,
    }
}

fn changed(n: u64, change: ItemChange, kind: ItemKind) -> ChangedHolding {
    ChangedHolding {
        holding: holding(n),
        change,
        kind,
    }
}

fn looked(outcome: LookedOutcome) -> SweepLooked {
    SweepLooked {
        purpose: SweepPurpose::Check,
        begun_at: at(1),
        outcome,
        changed: FirstOf::all(std::iter::empty()),
        gone: FirstOf::all(std::iter::empty()),
        unknown_as_before: 0,
        accepted: 0,
        entitlements: None,
        unread: 0,
        unread_places: Vec::new(),
        left_out: Vec::new(),
        next: None,
    }
}

fn planned() -> SweepLooked {
    SweepLooked {
        purpose: SweepPurpose::Sweep,
        changed: FirstOf {
            named: vec![
                changed(1, ItemChange::New, ItemKind::Unknown),
                changed(2, ItemChange::Changed, ItemKind::UnderGrant),
            ],
            count: 23,
        },
        gone: FirstOf {
            named: vec![holding(3)],
            count: 2,
        },
        unknown_as_before: 4,
        accepted: 5,
        unread: 7,
        unread_places: [1, 2]
            .map(|n| Unread {
                what: UnreadPlace::Account {
                    account: account(n),
                },
                error: "AccessDenied".to_owned(),
            })
            .into(),
        left_out: vec![
            LeftOut::Entitlements,
            LeftOut::InactiveAccounts { count: 2 },
        ],
        next: Some(NextSweep {
            at: at(86_400),
            action: ADOPT,
        }),
        ..looked(LookedOutcome::Planned(SweepWork {
            action: ADOPT,
            count: 23,
        }))
    }
}

fn stopped() -> SweepLooked {
    SweepLooked {
        purpose: SweepPurpose::Sweep,
        next: Some(NextSweep {
            at: at(86_400),
            action: SweepAction::Remove,
        }),
        ..looked(LookedOutcome::Stopped(Brake::Items {
            would: 60,
            most: 50,
        }))
    }
}

fn working(action: SweepAction) -> SweepLooked {
    SweepLooked {
        purpose: SweepPurpose::Sweep,
        ..looked(LookedOutcome::Working(SweepWork { action, count: 3 }))
    }
}

fn entitled() -> SweepLooked {
    let one = |n: u64, principal: EntitledPrincipal, holder: &str| NamedEntitlement {
        entitlement: Entitlement {
            application: "arn:aws:account-access:eu-west-1:111122223333:application/aam-1"
                .to_owned(),
            id: format!("ent-{n}"),
            role: format!("arn:aws:iam::{}:role/teams/Deploy", account(n)),
            account: account(n),
            principal,
        },
        account_name: "payments-prod".to_owned(),
        holder: holder.to_owned(),
        is_new: true,
    };
    SweepLooked {
        entitlements: Some(EntitlementsFound {
            of_people: 3,
            of_groups: 2,
            new: FirstOf {
                named: vec![
                    one(1, EntitledPrincipal::User(person(1).user), &person(1).name),
                    one(2, EntitledPrincipal::Group(group_id(1)), "oncall"),
                ],
                count: 3,
            },
        }),
        unread: 2,
        unread_places: [None, Some(account(3))]
            .map(|account| Unread {
                what: UnreadPlace::Entitlements { account },
                error: "AccessDeniedException: no".to_owned(),
            })
            .into(),
        ..looked(LookedOutcome::Done)
    }
}

pub fn digests() -> Vec<Digest> {
    let looked_at = |looked: SweepLooked| DigestNews::Looked(Box::new(looked));
    let confirmed = SweepConfirmed {
        by: person(900).name,
        begun_at: at(1),
        work: SweepWork {
            action: SweepAction::Remove,
            count: 1,
        },
        items: FirstOf {
            named: vec![holding(1)],
            count: 21,
        },
    };
    let done = SweepDone {
        begun_at: at(1),
        gone: 2,
        adopted: 3,
        left_alone: 4,
        stuck: FirstOf {
            named: vec![StuckHolding {
                holding: holding(1),
                reason: "denied".to_owned(),
            }],
            count: 1,
        },
    };
    let failed = DigestNews::Failed {
        error: "AWS does not answer".to_owned(),
        again_after: TimeSpan::minutes(10),
    };
    [
        (DigestKind::SweepPlanned, looked_at(planned())),
        (DigestKind::SweepStopped, looked_at(stopped())),
        (DigestKind::SweepFound, looked_at(working(ADOPT))),
        (
            DigestKind::SweepFound,
            looked_at(working(SweepAction::Remove)),
        ),
        (
            DigestKind::SweepFound,
            looked_at(looked(LookedOutcome::Done)),
        ),
        (DigestKind::SweepFound, looked_at(entitled())),
        (DigestKind::SweepFound, DigestNews::Confirmed(confirmed)),
        (DigestKind::SweepDone, DigestNews::Done(done)),
        (DigestKind::SweepFailed, failed),
    ]
    .map(|(digest, news)| Digest {
        digest,
        sweep: sweep_id(1),
        at: at(2),
        news,
    })
    .into()
}
