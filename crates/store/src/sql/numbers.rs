//! Immutable numbers for long texts: people, subjects, addresses, approver lists.

use hallpass_base::UserId;

use crate::database::{DatabaseError, Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::body;

#[derive(Clone, Copy)]
pub(super) enum Numbered {
    Principal,
    Subject,
    ApproverList,
    AuditText,
}

impl Numbered {
    const fn find(self) -> &'static str {
        match self {
            Self::Principal => "SELECT number FROM principals WHERE user_id = ?1",
            Self::Subject => "SELECT number FROM subjects WHERE name = ?1",
            Self::ApproverList => "SELECT number FROM approver_lists WHERE user_ids = ?1",
            Self::AuditText => "SELECT number FROM audit_texts WHERE text = ?1",
        }
    }

    const fn add(self) -> &'static str {
        match self {
            Self::Principal => "INSERT INTO principals (user_id) VALUES (?1) RETURNING number",
            Self::Subject => "INSERT INTO subjects (name) VALUES (?1) RETURNING number",
            Self::ApproverList => {
                "INSERT INTO approver_lists (user_ids) VALUES (?1) RETURNING number"
            }
            Self::AuditText => "INSERT INTO audit_texts (text) VALUES (?1) RETURNING number",
        }
    }
}

pub(super) fn find(
    tx: &Transaction<'_>,
    kind: Numbered,
    text: &str,
) -> Result<Option<i64>, DatabaseError> {
    tx.prepare(kind.find())?
        .query_row([text], |row| row.get(0))
        .optional()
}

pub(super) struct Given {
    pub(super) number: i64,
    pub(super) is_new: bool,
}

pub(super) fn give(
    tx: &Transaction<'_>,
    kind: Numbered,
    text: &str,
) -> Result<Given, DatabaseError> {
    if let Some(number) = find(tx, kind, text)? {
        return Ok(Given {
            number,
            is_new: false,
        });
    }
    let number = tx
        .prepare(kind.add())?
        .query_row([text], |row| row.get(0))?;
    Ok(Given {
        number,
        is_new: true,
    })
}

pub(super) fn approver_list(
    tx: &Transaction<'_>,
    approvers: &[UserId],
) -> Result<Option<i64>, StorageFault> {
    if approvers.is_empty() {
        return Ok(None);
    }
    let list = give(tx, Numbered::ApproverList, &body(&approvers)?)?;
    if list.is_new {
        let mut member = tx.prepare(
            "INSERT INTO approver_list_members (principal, list) VALUES (?1, ?2)
             ON CONFLICT DO NOTHING",
        )?;
        for approver in approvers {
            let user = give(tx, Numbered::Principal, approver.as_str())?.number;
            member.execute((user, list.number))?;
        }
    }
    Ok(Some(list.number))
}
