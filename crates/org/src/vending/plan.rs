//! The plan of a list: for each row an account, its unit, and access to it. The names and forms are part of
//! stored plans.

use hallpass_access_files::AccountAssignment;
use hallpass_aws_model::facts;
use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Lane, Plan, PlanDraft, PlanLimits, StepId, StepTarget, hash};
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

use super::check::{ListWishes, RowVerdict, VendingRequest};
use super::file::{AccountsFile, PRODUCT_PREFIX};
use super::people::{CREATE_USER, NewUser};
use super::ports::{NewAccount, WantedAccess};
use super::tags::{AccountTags, TAG};
use crate::control_tower::{FactoryUser, ProductWish, add_admission, add_product};
use crate::steps::stored;

/// The kind of these plans.
pub const PLAN_KIND: &str = "org.vend";
/// Such plans that are looked through, newest first.
pub const PLANS_LOOK: u32 = 2_000;
/// An account of that name and address: [`AccountWish`].
pub(crate) const CREATE: &str = "account.create";
/// It stands in its unit: [`AccountPlace`].
pub(crate) const MOVE: &str = "account.move";
/// Somebody has access to it: [`AccessWish`].
pub(crate) const ASSIGN: &str = "account.assign";
/// They have it no more: [`AccessWish`].
pub(crate) const UNASSIGN: &str = "account.unassign";

/// Assignments at once.
const ASSIGNMENTS: u32 = facts::OPERATIONS_OUTSTANDING.value;

/// Whether steps of a kind are carried out by [`VendingStepExecutor`](super::VendingStepExecutor).
pub fn is_vending_step(kind: &str) -> bool {
    [CREATE, MOVE, TAG, ASSIGN, UNASSIGN].contains(&kind)
}

/// An account, and what it is made for: that has to be there still when it is made, which cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountWish {
    #[serde(flatten)]
    pub(crate) account: NewAccount,
    /// The unit that it is moved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<NamedUnit>,
    /// Who gets access to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) access: Vec<WantedAccess>,
    /// The account that is there already: taken on, or made by an earlier run of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) there: Option<String>,
}

/// A unit as it was when the list was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamedUnit {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Where an account is to stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountPlace {
    /// The address of its root user.
    pub(crate) email: String,
    /// Where it may be taken from.
    pub(crate) from: String,
    /// The unit.
    pub(crate) to: String,
}

/// Access to an account that need not be there yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessWish {
    /// The address of the account's root user.
    pub(crate) email: String,
    /// Who gets what.
    #[serde(flatten)]
    pub(crate) access: WantedAccess,
}

impl AccessWish {
    /// The assignment, once the account is known.
    pub(crate) fn in_account(&self, account: AccountId) -> AccountAssignment {
        AccountAssignment {
            permission_set: self.access.permission_set.clone(),
            account,
            principal: self.access.principal.clone(),
        }
    }
}

/// Who makes the accounts of a list (`organization.md` V-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountMaker {
    /// Organizations, and the account is moved.
    Organizations {
        /// The identity store in which people of the list are made who are not there; `None`: nobody is made.
        people: Option<String>,
    },
    /// Account Factory of Control Tower.
    Factory {
        /// Who we are to Service Catalog, by ARN.
        principal: String,
        /// Accounts that it makes at once, up to [`ACCOUNTS_AT_ONCE_MAX`](crate::control_tower::ACCOUNTS_AT_ONCE_MAX).
        at_once: u32,
    },
}

/// What a plan keeps of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PlannedRow {
    /// It is written back as it is.
    Kept,
    /// It cannot be used.
    Invalid {
        /// All that is wrong with it.
        errors: Vec<String>,
    },
    /// It has steps of its own.
    Wanted {
        /// The address of the account, in lower case: the key of its steps.
        key: String,
        /// The account that is taken on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        adopts: Option<String>,
    },
}

/// What a plan keeps of its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendingPlan {
    /// Equal for equal lists with equal wishes.
    pub source: String,
    /// The list as it was read.
    pub file: AccountsFile,
    /// Its rows, from row 2 on.
    pub rows: Vec<PlannedRow>,
}

impl VendingPlan {
    /// What is kept of a list that was checked.
    pub fn new(
        file: &AccountsFile,
        wishes: &ListWishes,
        verdicts: &BTreeMap<usize, RowVerdict>,
    ) -> Self {
        let rows = verdicts.values().map(|verdict| match verdict {
            RowVerdict::Kept => PlannedRow::Kept,
            RowVerdict::Invalid(errors) => PlannedRow::Invalid {
                errors: errors.iter().map(ToString::to_string).collect(),
            },
            RowVerdict::Valid(request) => PlannedRow::Wanted {
                key: key(request),
                adopts: request.adopts.clone(),
            },
        });
        Self {
            source: source(file, wishes),
            file: file.clone(),
            rows: rows.collect(),
        }
    }

    /// What a stored plan keeps; `None` of a plan of another kind.
    pub fn of(plan: &Plan) -> Option<Self> {
        let is_ours = plan.kind == PLAN_KIND;
        let read = || serde_json::from_value(plan.facts.clone()).ok();
        is_ours.then(read).flatten()
    }

    /// The steps for the rows that can be used.
    pub fn draft(
        &self,
        verdicts: &BTreeMap<usize, RowVerdict>,
        organization: &str,
        (root, management): (&str, &str),
        maker: &AccountMaker,
        row_timeout: TimeSpan,
    ) -> PlanDraft {
        let mut draft = PlanDraft::new(PLAN_KIND, organization, PlanLimits::USUAL);
        draft.remember(stored(self));
        let mut admitted: Vec<StepId> = Vec::new();
        for verdict in verdicts.values() {
            let RowVerdict::Valid(request) = verdict else {
                continue;
            };
            let target = StepTarget::global(management, key(request));
            let stands = match maker {
                AccountMaker::Factory { principal, at_once } if request.adopts.is_none() => {
                    if admitted.is_empty() {
                        admitted.push(add_admission(&mut draft, management, principal));
                    }
                    let wish = product(request);
                    let pace = (*at_once, row_timeout);
                    add_product(&mut draft, target.clone(), &wish, &admitted, pace)
                }
                AccountMaker::Factory { .. } | AccountMaker::Organizations { .. } => {
                    add_account(&mut draft, &target, request, root, row_timeout)
                }
            };
            if let AccountMaker::Organizations {
                people: Some(store),
            } = maker
            {
                add_user(&mut draft, &target, request, (store, &stands));
            }
            if !is_tagged_when_made(request, maker) {
                add_tags(&mut draft, &target, request, &stands);
            }
            add_access(&mut draft, &target, request, &stands);
        }
        draft
    }
}

/// Equal for equal lists with equal wishes.
pub(crate) fn source(file: &AccountsFile, wishes: &ListWishes) -> String {
    let (access, never) = (&wishes.access, wishes.adopt == super::Adoption::Never);
    let all = if wishes.tags.is_empty() {
        // as plans were called before lists had tags
        stored(&(file, (access, never)))
    } else {
        stored(&(file, (access, never), &wishes.tags))
    };
    hash(&all.to_string())
}

/// What tells the steps of a row from those of others: no two accounts share an address.
fn key(request: &VendingRequest) -> String {
    request.email.to_ascii_lowercase()
}

/// What Account Factory is asked for.
fn product(request: &VendingRequest) -> ProductWish {
    ProductWish {
        product: format!("{PRODUCT_PREFIX}{}", request.name),
        account: None,
        account_name: request.name.clone(),
        email: request.email.clone(),
        unit: request.unit.managed_name.clone(),
        sso_email: request.user.email.clone(),
        user: FactoryUser {
            first_name: request.user.first_name.clone(),
            last_name: request.user.last_name.clone(),
        },
    }
}

/// The account in its unit; the step after which it stands there.
fn add_account(
    draft: &mut PlanDraft,
    target: &StepTarget,
    request: &VendingRequest,
    root: &str,
    row_timeout: TimeSpan,
) -> StepId {
    let account = AccountWish {
        account: NewAccount {
            name: request.name.clone(),
            email: request.email.clone(),
            tags: request.tags.clone(),
        },
        unit: Some(NamedUnit {
            id: request.unit.id.clone(),
            name: request.unit.name.clone(),
        }),
        access: request.access.clone(),
        there: request.there.clone(),
    };
    let lane = Lane::organizations_write();
    let made = draft.step(target.clone(), CREATE, stored(&account), lane.clone(), &[]);
    draft.set_timeout(&made, row_timeout);
    let place = AccountPlace {
        email: request.email.clone(),
        from: root.to_owned(),
        to: request.unit.id.clone(),
    };
    draft.step(target.clone(), MOVE, stored(&place), lane, &[made])
}

/// Whether the call that makes the account gives it its tags, too; Account Factory does not, nor does taking it on.
fn is_tagged_when_made(request: &VendingRequest, maker: &AccountMaker) -> bool {
    let by_organizations = matches!(maker, AccountMaker::Organizations { .. });
    request.tags.is_empty() || (by_organizations && request.adopts.is_none())
}

fn add_tags(draft: &mut PlanDraft, target: &StepTarget, request: &VendingRequest, stands: &StepId) {
    let wish = AccountTags {
        email: request.email.clone(),
        tags: request.tags.clone(),
    };
    let (lane, after) = (Lane::organizations_write(), std::slice::from_ref(stands));
    draft.step(target.clone(), TAG, stored(&wish), lane, after);
}

/// The person of the row, once the account stands: for one that was not made nobody is made.
fn add_user(
    draft: &mut PlanDraft,
    target: &StepTarget,
    request: &VendingRequest,
    (store, stands): (&str, &StepId),
) {
    let lane = Lane {
        shared: false,
        // rows may name one person
        ..Lane::serial("identity-store-write")
    };
    let wish = NewUser {
        identity_store_id: store.to_owned(),
        email: request.user.email.clone(),
        given_name: request.user.first_name.clone(),
        family_name: request.user.last_name.clone(),
    };
    let after = std::slice::from_ref(stands);
    draft.step(target.clone(), CREATE_USER, stored(&wish), lane, after);
}

fn add_access(
    draft: &mut PlanDraft,
    target: &StepTarget,
    request: &VendingRequest,
    stands: &StepId,
) {
    for access in &request.access {
        let lane = Lane {
            width: ASSIGNMENTS,
            shared: false,
            // AWS takes one operation at a time for an account and a set
            apart: Some(format!("{}|{}", target.key, access.permission_set)),
            ..Lane::serial("sso-admin-write")
        };
        let wish = AccessWish {
            email: request.email.clone(),
            access: access.clone(),
        };
        let after = std::slice::from_ref(stands);
        let given = draft.step(target.clone(), ASSIGN, stored(&wish), lane, after);
        draft.set_timeout(&given, ASSIGN_TIMEOUT);
    }
}

/// How long giving access may take.
const ASSIGN_TIMEOUT: TimeSpan = TimeSpan::minutes(15);
