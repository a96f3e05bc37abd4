//! Plans of a list: account, unit and access per row. Names and forms are part of stored plans.

use hallpass_access_files::AccountAssignment;
use hallpass_aws_model::facts;
use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Lane, Plan, PlanDraft, PlanLimits, StepId, StepTarget, hash};
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

use super::check::{ListWishes, RowVerdict, VendingRequest};
use super::facts::VendingFacts;
use super::file::{AccountsFile, PRODUCT_PREFIX};
use super::people::{CREATE_USER, NewUser};
use super::ports::{NewAccount, WantedAccess};
use super::tags::AccountTags;
use crate::control_tower::{
    DesiredProduct, FactoryStepKind, FactoryUser, add_admission, add_product,
};
use crate::steps::{StepKind as _, step_kinds, stored};

pub const PLAN_KIND: &str = "org.vend";
/// Limit of searched plans, newest first.
pub const PLANS_LOOK: u32 = 2_000;

step_kinds! {
    pub(crate) enum VendingStepKind {
        /// An account of that name and address: [`DesiredAccount`].
        Create = "account.create",
        /// It is in its unit: [`AccountPlace`].
        Move = "account.move",
        /// The account has its tags: [`AccountTags`].
        Tag = "account.tag",
        /// Access is assigned: [`DesiredAccess`].
        Assign = "account.assign",
        /// Access is removed: [`DesiredAccess`].
        Unassign = "account.unassign",
    }
}

/// Step kinds that create or adopt an account.
pub(super) const CREATING: [&str; 2] = [
    VendingStepKind::Create.as_str(),
    FactoryStepKind::Provision.as_str(),
];

const ASSIGNMENTS: u32 = facts::OPERATIONS_OUTSTANDING.value;

/// True for steps of [`VendingStepExecutor`](super::VendingStepExecutor).
pub fn is_vending_step(kind: &str) -> bool {
    VendingStepKind::named(kind).is_some()
}

/// An account with its prerequisites, which must exist at creation, as it cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredAccount {
    #[serde(flatten)]
    pub(crate) account: NewAccount,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<NamedUnit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) access: Vec<WantedAccess>,
    /// An existing account: adopted, or created by an earlier run of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) there: Option<String>,
}

/// A unit as it was when the list was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamedUnit {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountPlace {
    pub(crate) email: String,
    /// Accepted previous parent.
    pub(crate) from: String,
    pub(crate) to: String,
}

/// The account need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredAccess {
    pub(crate) email: String,
    #[serde(flatten)]
    pub(crate) access: WantedAccess,
}

impl DesiredAccess {
    pub(crate) fn in_account(&self, account: AccountId) -> AccountAssignment {
        AccountAssignment {
            permission_set: self.access.permission_set.clone(),
            account,
            principal: self.access.principal.clone(),
        }
    }
}

/// Creates the accounts of a list (`organization.md` V-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountMaker {
    Organizations {
        /// Identity store in which missing users are created; `None`: none are.
        people: Option<String>,
    },
    /// Control Tower's Account Factory.
    Factory {
        /// Hallpass's principal in Service Catalog, by ARN.
        principal: String,
        /// Concurrent accounts, up to
        /// [`ACCOUNTS_AT_ONCE_MAX`](crate::control_tower::ACCOUNTS_AT_ONCE_MAX).
        at_once: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PlannedRow {
    Kept,
    Invalid {
        errors: Vec<String>,
    },
    Wanted {
        /// The lower-case account address, the key of its steps.
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        adopts: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendingPlan {
    /// Equal for equal lists with equal requests.
    pub source: String,
    pub file: AccountsFile,
    pub rows: Vec<PlannedRow>,
}

impl VendingPlan {
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

    pub fn of(plan: &Plan) -> Option<Self> {
        let is_ours = plan.kind == PLAN_KIND;
        let read = || serde_json::from_value(plan.facts.clone()).ok();
        is_ours.then(read).flatten()
    }

    pub fn draft(
        &self,
        verdicts: &BTreeMap<usize, RowVerdict>,
        facts: &VendingFacts,
        management: &str,
        maker: &AccountMaker,
        row_timeout: TimeSpan,
    ) -> PlanDraft {
        let mut draft = PlanDraft::new(PLAN_KIND, &facts.organization, PlanLimits::USUAL);
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
                    let target = target.clone();
                    add_product(&mut draft, target, &wish, &admitted, *at_once, row_timeout)
                }
                AccountMaker::Factory { .. } | AccountMaker::Organizations { .. } => {
                    add_account(&mut draft, &target, request, &facts.root, row_timeout)
                }
            };
            if let AccountMaker::Organizations {
                people: Some(store),
            } = maker
            {
                add_user(&mut draft, &target, request, store, &stands);
            }
            if !is_tagged_when_made(request, maker) {
                add_tags(&mut draft, &target, request, &stands);
            }
            add_access(&mut draft, &target, request, &stands);
        }
        draft
    }
}

/// Equal for equal lists with equal requests.
pub(crate) fn source(file: &AccountsFile, wishes: &ListWishes) -> String {
    let (access, never) = (&wishes.access, wishes.adopt == super::Adoption::Never);
    let all = if wishes.tags.is_empty() {
        // format before lists had tags
        stored(&(file, (access, never)))
    } else {
        stored(&(file, (access, never), &wishes.tags))
    };
    hash(&all.to_string())
}

/// Unique, as account addresses are.
fn key(request: &VendingRequest) -> String {
    request.email.to_ascii_lowercase()
}

fn product(request: &VendingRequest) -> DesiredProduct {
    DesiredProduct {
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

/// Returns the step after which the account is in its unit.
fn add_account(
    draft: &mut PlanDraft,
    target: &StepTarget,
    request: &VendingRequest,
    root: &str,
    row_timeout: TimeSpan,
) -> StepId {
    let account = DesiredAccount {
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
    let made = draft.step(
        target.clone(),
        VendingStepKind::Create,
        stored(&account),
        lane.clone(),
        &[],
    );
    draft.set_timeout(&made, row_timeout);
    let place = AccountPlace {
        email: request.email.clone(),
        from: root.to_owned(),
        to: request.unit.id.clone(),
    };
    draft.step(
        target.clone(),
        VendingStepKind::Move,
        stored(&place),
        lane,
        &[made],
    )
}

/// True if creation sets the tags; Account Factory and adoption do not.
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
    draft.step(
        target.clone(),
        VendingStepKind::Tag,
        stored(&wish),
        lane,
        after,
    );
}

/// Creates the row's user after the account, so that a failed account creates no user.
fn add_user(
    draft: &mut PlanDraft,
    target: &StepTarget,
    request: &VendingRequest,
    store: &str,
    stands: &StepId,
) {
    let lane = Lane {
        shared: false,
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
            // AWS allows one operation at a time per account and set
            apart: Some(format!("{}|{}", target.key, access.permission_set)),
            ..Lane::serial("sso-admin-write")
        };
        let wish = DesiredAccess {
            email: request.email.clone(),
            access: access.clone(),
        };
        let after = std::slice::from_ref(stands);
        let given = draft.step(
            target.clone(),
            VendingStepKind::Assign,
            stored(&wish),
            lane,
            after,
        );
        draft.set_timeout(&given, ASSIGN_TIMEOUT);
    }
}

const ASSIGN_TIMEOUT: TimeSpan = TimeSpan::minutes(15);
