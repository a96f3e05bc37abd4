//! Commits a change in one transaction.

use hallpass_access::{
    AcceptanceWrite, Change, DesiredAssignment, Grant, GroupSyncWrite, Lock, MembershipChange,
    Message, Request, RequestState, StoredAnswer, Subject, Write,
};
use hallpass_assignments::AssignmentRow;
use hallpass_audit::{Draft, Record};

use super::numbers::{self, Numbered};
use super::{
    Space, absences, armed_ends, assignment_rows, assignments, audit, campaigns, counter,
    group_sync, locks, number, outbox, quotas, session_revocation, sweeps,
};
use crate::database::{ConstraintRefusal, DatabaseError, Optional, Transaction, named};
use crate::fault::StorageFault;
use crate::rows::{account_of, body, grant_body, instant, request_body, subject_name, subject_of};
use crate::steps::{
    answered_at, desired, exists_already, illegal_step, key_of, made_at, revocation_of,
    wrong_version,
};

/// Returns whether a change may give or decide access, including changes recorded after others;
/// pure removals do not.
pub(super) fn gives(change: &Change) -> bool {
    let makes_grant = |write: &Write<Grant>| matches!(write, Write::Insert(_));
    let adds = |write: &GroupSyncWrite| match write {
        GroupSyncWrite::Insert(item) | GroupSyncWrite::Update(item) => {
            item.change == MembershipChange::Add && item.is_working()
        }
        GroupSyncWrite::Remove(_) => false,
    };
    let accepts = |write: &AcceptanceWrite| !matches!(write, AcceptanceWrite::Withdraw(_));
    let lifts = |write: &Write<Lock>| match write {
        Write::Insert(lock) | Write::Update(lock) => lock.lifted.is_some(),
    };
    !change.requests.is_empty()
        || change.grants.iter().any(makes_grant)
        || change.group_sync_items.iter().any(adds)
        || !change.sweeps.is_empty()
        || change.accepted.iter().any(accepts)
        || change.locks.iter().any(lifts)
}

/// Returns whether a change gives or extends access: an agreed start does so without a press.
pub(super) fn grants(change: &Change) -> bool {
    let approves = |write: &Write<Request>| match write {
        Write::Insert(it) | Write::Update(it) => matches!(it.state, RequestState::Approved { .. }),
    };
    change.requests.iter().any(approves)
}

/// Returns the disk space a change may use: the reserve, if it ends access or is the server's, and
/// adds no request or grant.
pub(super) fn space(change: &Change) -> Space {
    let is_of_person = |it: &Draft| !it.is_of_system();
    let is_called = change.answer.is_some() || change.audit.iter().any(is_of_person);
    if change.adds_access() || !change.ends_access() && is_called {
        Space::Callers
    } else {
        Space::Ends
    }
}

pub(super) fn commit(tx: &Transaction<'_>, change: Change) -> Result<Vec<Record>, StorageFault> {
    locks::ensure_as_seen(tx, &change.locks_seen)?;
    if let Some(given) = &change.answer {
        // expired answers do not count against the quota
        forget_expired_answers(tx, given)?;
    }
    quotas::ensure(tx, &change.quotas, made_at(&change.audit))?;
    for write in &change.locks {
        locks::store(tx, write)?;
    }
    for write in &change.absences {
        absences::store(tx, write)?;
    }
    for write in &change.campaigns {
        campaigns::campaign(tx, write)?;
    }
    for write in &change.campaign_lines {
        campaigns::line(tx, write)?;
    }
    for (user, at) in &change.credentials_ended {
        locks::end_credentials(tx, user, *at)?;
    }
    for write in &change.requests {
        request(tx, write)?;
    }
    for write in &change.grants {
        grant(tx, write)?;
    }
    for wanted in &change.desired {
        store_desired(tx, wanted)?;
    }
    // before following desires: a past end does not move
    for wish in &change.armed_ends {
        armed_ends::wish(tx, wish)?;
    }
    let now = made_at(&change.audit);
    for wanted in &change.desired {
        armed_ends::follow(tx, wanted, now)?;
    }
    for sessions in &change.sessions_to_revoke {
        session_revocation::insert(tx, &revocation_of(sessions))?;
    }
    for write in &change.sweeps {
        sweeps::sweep(tx, write)?;
    }
    for write in &change.sweep_items {
        sweeps::item(tx, write)?;
    }
    for write in &change.accepted {
        sweeps::acceptance(tx, write)?;
    }
    for write in &change.group_assignments {
        sweeps::group_assignment(tx, write)?;
    }
    for write in &change.group_sync_items {
        group_sync::item(tx, write)?;
    }
    if let Some(run) = &change.group_sync_run {
        group_sync::run(tx, run)?;
    }
    let records = audit::append(tx, change.audit)?;
    if let Some(given) = &change.answer {
        answer(tx, given)?;
    }
    for told in change.notices {
        outbox::post(tx, &Message::Notice(told))?;
    }
    for told in change.digests {
        outbox::post(tx, &Message::Digest(told))?;
    }
    Ok(records)
}

fn prior_state(
    tx: &Transaction<'_>,
    table: &str,
    what: &str,
    id: &str,
    version: u64,
) -> Result<String, StorageFault> {
    tx.prepare(&format!(
        "SELECT state FROM {table} WHERE id = ?1 AND version = ?2"
    ))?
    .query_row((id, number(version)), |row| row.get(0))
    .optional()?
    .ok_or_else(|| wrong_version(what))
}

fn request(tx: &Transaction<'_>, write: &Write<Request>) -> Result<(), StorageFault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO requests (id, version, state, requester, subject, approvers, dedupe, due,
                 open_review, body)
             VALUES (:id, :version, :state, :requester, :subject, :approvers, :dedupe, :due,
                 :open_review, :body)",
        ),
        Write::Update(row) => (
            Request {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE requests SET version = :version, state = :state, requester = :requester,
                 subject = :subject, approvers = :approvers, dedupe = :dedupe, due = :due,
                 open_review = :open_review, body = :body
             WHERE id = :id AND version = :version - 1",
        ),
    };
    let (id, what) = (row.id.to_string(), format!("request {}", row.id));
    let prior = match write {
        Write::Insert(_) => None,
        Write::Update(read) => Some(prior_state(tx, "requests", &what, &id, read.version)?),
    };
    let columns = RequestColumns::of(tx, &row)?;
    let written = tx.prepare(sql)?.execute(named! {
        ":id": id,
        ":version": number(row.version),
        ":state": row.state.name(),
        ":requester": columns.requester,
        ":subject": columns.subject,
        ":approvers": columns.approvers,
        ":dedupe": columns.dedupe,
        ":due": row.due().map(instant),
        ":open_review": row.has_open_review(),
        ":body": request_body(&row)?,
    });
    match written {
        Ok(_) => reviewers(tx, &row),
        Err(error) => Err(match (error.refusal(), prior) {
            (Some(ConstraintRefusal::Trigger), Some(prior)) => {
                illegal_step(&what, &prior, row.state.name())
            }
            (Some(ConstraintRefusal::Twin), _) => {
                exists_already(&format!("{what}, or an equal pending request"))
            }
            _ => error.into(),
        }),
    }
}

pub(super) struct RequestColumns {
    pub(super) requester: i64,
    pub(super) subject: Option<i64>,
    pub(super) approvers: Option<i64>,
    pub(super) dedupe: Option<String>,
}

impl RequestColumns {
    pub(super) fn of(tx: &Transaction<'_>, row: &Request) -> Result<Self, StorageFault> {
        let user = row.requester.user.as_str();
        let is_pending = matches!(row.state, RequestState::Pending);
        Ok(Self {
            requester: numbers::give(tx, Numbered::Principal, user)?.number,
            subject: subject_number(tx, subject_of(row).as_ref())?,
            approvers: numbers::approver_list(tx, &row.decided.approver_users)?,
            dedupe: is_pending.then(|| row.dedupe_key()),
        })
    }
}

fn subject_number(
    tx: &Transaction<'_>,
    subject: Option<&Subject>,
) -> Result<Option<i64>, DatabaseError> {
    let name = subject.map(subject_name);
    let given = name.map(|name| numbers::give(tx, Numbered::Subject, &name));
    Ok(given.transpose()?.map(|given| given.number))
}

pub(super) fn reviewers(tx: &Transaction<'_>, row: &Request) -> Result<(), StorageFault> {
    for user in row.reviews.iter().filter_map(|it| it.user.as_ref()) {
        let user = numbers::give(tx, Numbered::Principal, user.as_str())?.number;
        tx.prepare(
            "INSERT INTO request_reviewers (principal, request_id) VALUES (?1, ?2)
             ON CONFLICT DO NOTHING",
        )?
        .execute((user, row.id.to_string()))?;
    }
    Ok(())
}

fn grant(tx: &Transaction<'_>, write: &Write<Grant>) -> Result<(), StorageFault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO grants (id, version, state, holder, subject, approver, account, granted,
                 hold_key, due, ends_at, live, over_at, stuck, seen_news, news, body)
             VALUES (:id, :version, :state, :holder, :subject, :approver, :account, :granted,
                 :hold_key, :due, :ends_at, :live, :over_at, :stuck, :seen_news,
                 coalesce((SELECT news FROM assignments WHERE hold_key = :hold_key), 0), :body)",
        ),
        Write::Update(row) => (
            Grant {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE grants SET version = :version, state = :state, holder = :holder,
                 subject = :subject, approver = :approver, account = :account, granted = :granted,
                 hold_key = :hold_key, due = :due, ends_at = :ends_at,
                 live = :live, over_at = :over_at, stuck = :stuck, seen_news = :seen_news,
                 news = coalesce((SELECT news FROM assignments WHERE hold_key = :hold_key), 0),
                 body = :body
             WHERE id = :id AND version = :version - 1",
        ),
    };
    let (id, what) = (row.id.to_string(), format!("grant {}", row.id));
    let prior = match write {
        Write::Insert(_) => None,
        Write::Update(read) => Some(prior_state(tx, "grants", &what, &id, read.version)?),
    };
    let columns = GrantColumns::of(tx, &row)?;
    if prior.is_none() {
        columns.remember_holder(tx, &row)?;
    }
    let written = tx.prepare(sql)?.execute(named! {
        ":id": id,
        ":version": number(row.version),
        ":state": row.state.name(),
        ":holder": columns.holder,
        ":subject": columns.subject,
        ":approver": columns.approver,
        ":account": account_of(&row.key.target),
        ":granted": row.granted_at.is_some(),
        ":hold_key": columns.hold_key,
        ":due": row.due().map(instant),
        ":ends_at": instant(row.due_to_end()),
        ":live": !row.is_over(),
        ":over_at": row.over_at().map(instant),
        ":stuck": row.stuck.is_some(),
        ":seen_news": number(row.seen_news),
        ":body": grant_body(&row)?,
    });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(match (error.refusal(), prior) {
            (Some(ConstraintRefusal::Trigger), Some(prior)) => {
                illegal_step(&what, &prior, row.state.name())
            }
            (Some(ConstraintRefusal::Twin), _) => exists_already(&what),
            _ => error.into(),
        }),
    }
}

pub(super) struct GrantColumns {
    pub(super) holder: i64,
    pub(super) subject: Option<i64>,
    pub(super) approver: Option<i64>,
    pub(super) hold_key: Option<String>,
}

impl GrantColumns {
    pub(super) fn of(tx: &Transaction<'_>, row: &Grant) -> Result<Self, StorageFault> {
        let subject = Subject::of(&row.key.target, &row.names);
        let approver = row.approver_user.as_ref();
        let approver = approver.map(|it| numbers::give(tx, Numbered::Principal, it.as_str()));
        Ok(Self {
            holder: numbers::give(tx, Numbered::Principal, row.holder.user.as_str())?.number,
            subject: subject_number(tx, subject.as_ref())?,
            approver: approver.transpose()?.map(|given| given.number),
            hold_key: (!row.is_over()).then(|| row.key.to_string()),
        })
    }

    /// Finds former users by the address of their newest grant.
    pub(super) fn remember_holder(
        &self,
        tx: &Transaction<'_>,
        row: &Grant,
    ) -> Result<(), DatabaseError> {
        tx.prepare(
            "INSERT INTO last_holders (address, holder) VALUES (?1, ?2)
             ON CONFLICT (address) DO UPDATE SET holder = excluded.holder",
        )?
        .execute((row.holder.email.as_str(), self.holder))?;
        Ok(())
    }
}

fn store_desired(tx: &Transaction<'_>, wanted: &DesiredAssignment) -> Result<(), StorageFault> {
    let key = key_of(wanted);
    let stored = assignment_rows::load(tx, key)?;
    let rev = stored.as_ref().map(|row| row.desired.rev);
    match desired(stored, wanted, rev_floor(tx)?)? {
        Some(row) if rev.is_some() => assignments::update(tx, &row),
        Some(row) => insert_assignment(tx, &row),
        None => {
            tx.prepare(
                "INSERT INTO counters (name, value) VALUES ('rev_floor', ?1)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value
                 WHERE counters.value < excluded.value",
            )?
            .execute([number(rev.unwrap_or(0))])?;
            tx.prepare("DELETE FROM assignments WHERE hold_key = ?1")?
                .execute([key.to_string()])?;
            Ok(())
        }
    }
}

fn insert_assignment(tx: &Transaction<'_>, row: &AssignmentRow) -> Result<(), StorageFault> {
    tx.prepare(
        "INSERT INTO assignments (hold_key, rev, until, asked_at, due, verdict, news, kind, lane,
             operation, body)
         VALUES (:hold_key, 0, '', '', '', '', 0, :kind, :lane, NULL, '')",
    )?
    .execute(named! {
        ":hold_key": row.key.to_string(),
        ":kind": account_of(&row.key.target).map_or("group", |_| "account"),
        ":lane": row.key.lane(),
    })?;
    assignments::update(tx, row)
}

fn rev_floor(tx: &Transaction<'_>) -> Result<u64, StorageFault> {
    let floor: Option<i64> = tx
        .prepare("SELECT value FROM counters WHERE name = 'rev_floor'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(floor.map_or(0, counter))
}

pub(super) fn forget_expired_answers(
    tx: &Transaction<'_>,
    given: &StoredAnswer,
) -> Result<(), DatabaseError> {
    if let Some(now) = answered_at(given) {
        tx.prepare("DELETE FROM answers WHERE until <= ?1")?
            .execute([instant(now)])?;
    }
    Ok(())
}

pub(super) fn answer(tx: &Transaction<'_>, given: &StoredAnswer) -> Result<(), StorageFault> {
    let text = body(given)?;
    let stored: String = tx
        .prepare(
            "INSERT INTO answers (actor, key, until, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (actor, key) DO UPDATE SET body = answers.body
             RETURNING body",
        )?
        .query_row(
            (
                given.actor.as_str(),
                &given.key,
                instant(given.until),
                &text,
            ),
            |row| row.get(0),
        )?;
    if stored == text {
        Ok(())
    } else {
        Err(exists_already("another answer to this idempotency key"))
    }
}
