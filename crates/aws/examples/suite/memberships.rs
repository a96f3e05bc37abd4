use std::time::Duration;

use hallpass_assignments::{CenterFault, IdentityCenter, Missing, SentOperation, Urgency};
use hallpass_base::{GroupId, HoldKey, Target, UserId};

use crate::report::{Report, equal};
use crate::world::{Fixtures, NOBODY, World};

pub(crate) async fn run(report: &mut Report, world: &World, fixtures: &Fixtures) {
    let aws = &world.aws;
    let key = fixtures.membership();
    let created = aws.create(&key).await;
    report.check(
        "M-01",
        "a membership is created immediately",
        equal(&created, &Ok(SentOperation::Done)),
    );
    report.check(
        "M-02",
        "the user is among the members",
        world.held(&key, 1).await,
    );
    let again = aws.create(&key).await;
    report.check(
        "M-03",
        "the same again is a conflict",
        match again {
            Err(CenterFault::Conflict { .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    let deleted = removed(world, &key).await;
    report.check(
        "M-04",
        "a delete finds the membership",
        equal(&deleted, &Ok(SentOperation::Done)),
    );
    let left = world.held(&key, 0).await;
    if left.is_err() {
        drop(aws.delete(&key, Urgency::End).await);
    }
    report.check("M-05", "and leaves no member", left);
    let absent = aws.delete(&key, Urgency::End).await;
    report.check("M-06", "deleting it again finds nothing", not_found(absent));
    strangers(report, world, &key).await;
}

async fn removed(world: &World, key: &HoldKey) -> Result<SentOperation, CenterFault> {
    let mut last = world.aws.delete(key, Urgency::End).await;
    for _ in 0..20 {
        if !matches!(last, Err(CenterFault::NotFound { .. })) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        last = world.aws.delete(key, Urgency::End).await;
    }
    last
}

async fn strangers(report: &mut Report, world: &World, key: &HoldKey) {
    let (Ok(user), Ok(group)) = (UserId::new(NOBODY), GroupId::new(NOBODY)) else {
        return;
    };
    let stranger = HoldKey {
        user,
        target: key.target.clone(),
    };
    let elsewhere = HoldKey {
        user: key.user.clone(),
        target: Target::Group { group },
    };
    report.check(
        "M-07",
        "a user who does not exist cannot be a member",
        not_found(world.aws.create(&stranger).await),
    );
    report.check(
        "M-08",
        "a group that does not exist has no members",
        not_found(world.aws.create(&elsewhere).await),
    );
    for (id, what, key, wanted) in [
        ("M-09", "nothing of it is missing", key, None),
        (
            "M-10",
            "a missing user is noticed",
            &stranger,
            Some(Missing::Principal),
        ),
        (
            "M-11",
            "a missing group is noticed",
            &elsewhere,
            Some(Missing::Principal),
        ),
    ] {
        report.check(id, what, equal(&world.aws.missing(key).await, &Ok(wanted)));
    }
}

fn not_found(result: Result<SentOperation, CenterFault>) -> Result<(), String> {
    match result {
        Err(CenterFault::NotFound { .. }) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
