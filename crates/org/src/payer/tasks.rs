//! Setup tasks of a shared payer with owner and state (`organization.md` Y-3).

use hallpass_plans::{CheckOutcome, CheckResult};
use serde::Serialize;

use super::file::PayerSide;
use crate::billing_transfers::BillingTransfer;
use crate::reading::ReadFact;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerTaskState {
    /// Done, or manually confirmed.
    Done,
    Open,
    /// A fact is unread.
    Unknown,
    /// Needs a manual check: no API returns it.
    AskPeople,
    /// An alternative that is not started.
    Optional,
}

impl PayerTaskState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Open => "open",
            Self::Unknown => "unknown",
            Self::AskPeople => "ask_people",
            Self::Optional => "optional",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PayerTask {
    pub id: &'static str,
    pub title: &'static str,
    /// `partner`, `customer`, or both.
    pub owners: Vec<&'static str>,
    pub state: PayerTaskState,
    pub notes: Vec<String>,
}

const BOTH: &[PayerSide] = &[PayerSide::Partner, PayerSide::Customer];
const PARTNER: &[PayerSide] = &[PayerSide::Partner];
const CUSTOMER: &[PayerSide] = &[PayerSide::Customer];

type TaskRow = (
    &'static str,
    &'static str,
    &'static [PayerSide],
    &'static [&'static str],
);

/// Id, title, owners, and checks, in order of execution.
const TASKS: [TaskRow; 8] = [
    (
        "set-up-payer",
        "set up the payer account: root user, contacts, all features",
        BOTH,
        &[
            "root-mfa",
            "root-access-keys",
            "root-password",
            "root-mfa-device",
            "security-questions",
            "contact-billing",
            "contact-operations",
            "contact-security",
            "phone",
            "all-features",
            "payer-workloads",
        ],
    ),
    (
        "customer-role",
        "make the customer's roles: everything but billing",
        PARTNER,
        &[
            "customer-access",
            "customer-no-billing",
            "customer-cannot-raise-itself",
        ],
    ),
    (
        "partner-role",
        "make the partner's roles: billing alone",
        CUSTOMER,
        &["partner-billing-only", "partner-cannot-raise-itself"],
    ),
    (
        "units",
        "make the units, with service control policies on",
        CUSTOMER,
        &["scp-type"],
    ),
    (
        "copy-policies",
        "copy the service control policies",
        CUSTOMER,
        &["scp-baseline"],
    ),
    (
        "archive-invoices",
        "archive invoices: they are lost with a transfer",
        BOTH,
        &["invoices-archived", "contract-exit"],
    ),
    (
        "move-accounts",
        "invite the accounts, accept, and move each into its unit",
        CUSTOMER,
        &["accounts-moved", "accounts-in-root"],
    ),
    (
        "alerts",
        "tell both of sign-ins of the root user",
        BOTH,
        &["root-login-alert"],
    ),
];

/// Derives tasks from check results. The first one decides if there is an alternative.
pub fn payer_tasks(
    checks: &[CheckResult],
    transfers: &ReadFact<Vec<BillingTransfer>>,
) -> Vec<PayerTask> {
    let names = |owners: &[PayerSide]| owners.iter().map(|it| it.name()).collect();
    let mut tasks = vec![PayerTask {
        owners: names(BOTH),
        ..instead(transfers)
    }];
    for (id, title, owners, of) in TASKS {
        let of = checks.iter().filter(|it| of.contains(&it.id.as_str()));
        let mut state = PayerTaskState::Done;
        let mut notes = Vec::new();
        for check in of {
            let found = state_of(&check.outcome);
            if found != PayerTaskState::Done {
                let row = check.row();
                notes.push(format!("{}: {} ({})", row.id, row.evidence, row.status));
            }
            state = worse(state, found);
        }
        tasks.push(PayerTask {
            id,
            title,
            owners: names(owners),
            state,
            notes,
        });
    }
    tasks
}

fn state_of(outcome: &CheckOutcome) -> PayerTaskState {
    match outcome {
        CheckOutcome::Pass(_) | CheckOutcome::Attested { .. } | CheckOutcome::NotApplicable(_) => {
            PayerTaskState::Done
        }
        CheckOutcome::Fail(_) => PayerTaskState::Open,
        CheckOutcome::Unknown { .. } => PayerTaskState::Unknown,
        CheckOutcome::Manual(_) => PayerTaskState::AskPeople,
    }
}

/// Open work outranks unknown state, which outranks manual checks.
fn worse(a: PayerTaskState, b: PayerTaskState) -> PayerTaskState {
    let order = [
        PayerTaskState::Open,
        PayerTaskState::Unknown,
        PayerTaskState::AskPeople,
    ];
    let found = order.into_iter().find(|it| *it == a || *it == b);
    found.unwrap_or(PayerTaskState::Done)
}

fn instead(transfers: &ReadFact<Vec<BillingTransfer>>) -> PayerTask {
    let (state, notes) = match transfers {
        Err(unread) => (
            PayerTaskState::Unknown,
            vec![format!("{}: {}", unread.action, unread.reason)],
        ),
        Ok(found) => {
            let is = |wanted: &str| found.iter().any(|it| it.status == wanted);
            let state = if is("ACCEPTED") {
                PayerTaskState::Done
            } else if is("REQUESTED") {
                PayerTaskState::Open
            } else {
                PayerTaskState::Optional
            };
            let note = |it: &BillingTransfer| {
                let (direction, other) = (it.direction, &it.other);
                format!("{direction}, {other}: {} from {}", it.status, it.start)
            };
            (state, found.iter().map(note).collect())
        }
    };
    PayerTask {
        id: "billing-transfer",
        title: "or transfer billing: the partner gets the bill, the customer keeps its own organization, and no payer account is shared",
        owners: Vec::new(),
        state,
        notes,
    }
}
