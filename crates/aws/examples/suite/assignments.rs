use hallpass_assignments::{
    CenterFault, IdentityCenter, Missing, OperationKind, OperationStatus, SentOperation, Urgency,
};
use hallpass_base::{AccountId, HoldKey, PermissionSetArn, Target, UserId};

use crate::report::{Checked, Report, equal, holds};
use crate::world::{Ending, Fixtures, NOBODY, World};

pub(crate) async fn run(report: &mut Report, world: &World, fixtures: &Fixtures) {
    let key = fixtures.assignment();
    life(report, world, &key).await;
    strangers(report, world, &key).await;
    missing(report, world, &key).await;
}

async fn create(
    world: &World,
    key: &HoldKey,
) -> (
    Result<SentOperation, CenterFault>,
    Result<OperationStatus, String>,
) {
    let created = world.aws.create(key).await;
    let first = match &created {
        Ok(SentOperation::InProgress { operation_id }) => {
            let kind = OperationKind::Create;
            let first = world.aws.progress((kind, operation_id), Urgency::Grant);
            first.await.map_err(|fault| fault.to_string())
        }
        other => Err(format!("{other:?}")),
    };
    (created, first)
}

async fn life(report: &mut Report, world: &World, key: &HoldKey) {
    let (mut created, mut pending) = create(world, key).await;
    // on a busy machine a quick operation ends before the status call
    for _ in 0..5 {
        if pending != Ok(OperationStatus::Succeeded) {
            break;
        }
        drop(world.take(key).await);
        (created, pending) = create(world, key).await;
    }
    report.check(
        "A-01",
        "a create is in progress at first",
        pending.and_then(|progress| equal(&progress, &OperationStatus::InProgress)),
    );
    let ended = match created {
        Ok(sent) => world.finish(OperationKind::Create, sent).await,
        Err(fault) => Err(fault.to_string()),
    };
    report.check(
        "A-02",
        "it ends well",
        ended.and_then(|progress| equal(&progress, &OperationStatus::Succeeded)),
    );
    report.check(
        "A-03",
        "the user is among the holders",
        world.held(key, 1).await,
    );
    let again = ending(world, OperationKind::Create, key).await;
    report.check(
        "A-04",
        "the same again succeeds or is a conflict",
        match again {
            Ok(OperationStatus::Succeeded) | Err(CenterFault::Conflict { .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    report.check("A-05", "and leaves one holder", world.held(key, 1).await);
    report.check("A-06", "a delete ends well", world.take(key).await);
    report.check("A-07", "and leaves no holder", world.held(key, 0).await);
    if world.held(key, 0).await.is_err() {
        drop(world.take(key).await);
    }
    let absent = ending(world, OperationKind::Delete, key).await;
    report.check(
        "A-08",
        "deleting a missing assignment fails or is not found",
        match absent {
            Ok(OperationStatus::Failed { .. }) | Err(CenterFault::NotFound { .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    for (id, kind) in [
        ("A-09", OperationKind::Create),
        ("A-10", OperationKind::Delete),
    ] {
        let progress = world.aws.progress((kind, NOBODY), Urgency::End).await;
        report.check(
            id,
            &format!("an unknown operation ({kind:?}) is unknown"),
            equal(&progress, &Ok(OperationStatus::Unknown)),
        );
    }
}

async fn strangers(report: &mut Report, world: &World, key: &HoldKey) {
    let mut stranger = key.clone();
    stranger.user = nobody();
    report.check(
        "A-11",
        "a user who does not exist gets nothing",
        refused(&ending(world, OperationKind::Create, &stranger).await),
    );
    let mut no_set = key.clone();
    if let Target::Account { permission_set, .. } = &mut no_set.target {
        *permission_set = unknown_set(permission_set);
    }
    report.check(
        "A-12",
        "a permission set that does not exist is not found",
        match ending(world, OperationKind::Create, &no_set).await {
            Err(CenterFault::NotFound { .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
}

async fn missing(report: &mut Report, world: &World, key: &HoldKey) {
    let present = world.aws.missing(key).await;
    report.check(
        "A-13",
        "nothing of it is missing",
        equal(&present, &Ok(None)),
    );
    let mut stranger = key.clone();
    stranger.user = nobody();
    report.check(
        "A-14",
        "a missing user is noticed",
        equal(
            &world.aws.missing(&stranger).await,
            &Ok(Some(Missing::Principal)),
        ),
    );
    let mut no_account = key.clone();
    if let (Target::Account { account, .. }, Ok(unknown)) =
        (&mut no_account.target, AccountId::new("000000000404"))
    {
        *account = unknown;
    }
    report.check(
        "A-15",
        "a missing account is noticed",
        equal(
            &world.aws.missing(&no_account).await,
            &Ok(Some(Missing::Account)),
        ),
    );
}

async fn ending(world: &World, kind: OperationKind, key: &HoldKey) -> Ending {
    let sent = match kind {
        OperationKind::Create => world.aws.create(key).await?,
        OperationKind::Delete => world.aws.delete(key, Urgency::End).await?,
    };
    let ended = world.finish(kind, sent).await;
    ended.map_err(|message| CenterFault::Unreachable { message })
}

fn refused(ending: &Ending) -> Checked {
    holds(
        matches!(
            ending,
            Ok(OperationStatus::Failed { .. })
                | Err(CenterFault::NotFound { .. } | CenterFault::Refused { .. })
        ),
        format!("{ending:?}"),
    )
}

#[allow(clippy::expect_used, reason = "a constant of the right form")]
fn nobody() -> UserId {
    UserId::new(NOBODY).expect("a UUID")
}

fn unknown_set(arn: &PermissionSetArn) -> PermissionSetArn {
    let text = arn.as_str();
    let tail = "/ps-0000000000000000";
    let other = text
        .rsplit_once('/')
        .map(|(head, _)| format!("{head}{tail}"));
    other
        .and_then(|text| PermissionSetArn::new(text).ok())
        .unwrap_or_else(|| arn.clone())
}
