//! Reports commits to `tracing`: started requests and their records. Only ids and fixed words;
//! never a reason, an address or a name.

use hallpass_audit::Record;
use hallpass_base::{RequestId, Target, UserId, traced::STEPS};

use crate::{Change, Origin, Request, Write};

pub(super) struct Begun {
    request: RequestId,
    user: UserId,
    origin: Origin,
    target: Option<Target>,
}

pub(super) fn begun(change: &Change) -> Vec<Begun> {
    let requests = change.requests.iter();
    requests
        .filter_map(|write| match write {
            Write::Insert(request) => Some(begins(request)),
            Write::Update(_) => None,
        })
        .collect()
}

fn begins(request: &Request) -> Begun {
    Begun {
        request: request.id,
        user: request.requester.user.clone(),
        origin: request.origin,
        target: request.key.as_ref().map(|key| key.target.clone()),
    }
}

pub(super) fn tell(begun: &[Begun], records: &[Record]) {
    for it in begun {
        let (account, set, group) = match &it.target {
            Some(Target::Account {
                account,
                permission_set,
            }) => (Some(account.as_str()), Some(permission_set.as_str()), None),
            Some(Target::Group { group }) => (None, None, Some(group.as_str())),
            None => (None, None, None),
        };
        tracing::info!(
            target: STEPS,
            {
                otel.name = "access request",
                begins = true,
                hallpass.request.id = %it.request,
                hallpass.source = it.origin.name(),
                user.id = it.user.as_str(),
                hallpass.account.id = account,
                hallpass.permission_set.arn = set,
                hallpass.group.id = group,
            },
            "a request begins"
        );
    }
    for record in records {
        // Records without a request have no trace.
        let Some(request) = record.text("access_request_id") else {
            continue;
        };
        tracing::info!(
            target: STEPS,
            {
                otel.name = record.event(),
                hallpass.request.id = request,
                hallpass.grant.id = record.text("grant_id"),
                hallpass.record.seq = record.seq(),
                hallpass.source = record.text("source"),
                user.id = record.text("actor_user_id"),
            },
            "a record"
        );
    }
}
