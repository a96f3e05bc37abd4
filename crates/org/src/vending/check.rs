//! Validates rows (`organization.md` V-2). Every row gets all its errors, in column order.

use std::collections::BTreeMap;

use hallpass_aws_model::facts;

use super::email::is_account_email;
use super::facts::VendingFacts;
use super::fault::{FaultBasis, RowFault, RowFaults};
use super::file::{
    ACCOUNT_EMAIL, ACCOUNT_NAME, ASSIGN_GROUP, AccountsFile, FIRST_NAME, LAST_NAME, ORG_UNIT,
    PERMISSION_SET, PRODUCT_PREFIX, SSO_EMAIL, VendingRow,
};
use super::ports::WantedAccess;
use super::status::RowStatus;
use super::tags::check_tags;
use super::units::{OrgUnit, find_unit};

const NAME_MAX: usize = facts::ACCOUNT_NAME_CHARACTERS.count();
const PERSON_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendingRequest {
    pub name: String,
    pub email: String,
    pub unit: OrgUnit,
    pub user: RowUser,
    pub tags: BTreeMap<String, String>,
    pub access: Vec<WantedAccess>,
    /// An existing account to adopt.
    pub adopts: Option<String>,
    /// The existing account: adopted, or created by an earlier run of the list.
    pub there: Option<String>,
}

/// User with access from Account Factory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowUser {
    pub email: String,
    pub first_name: String,
    pub last_name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowVerdict {
    /// Written back unchanged: an earlier plan finished it.
    Kept,
    /// Errors for the column `ErrorMsg`.
    Invalid(Vec<RowFault>),
    Valid(Box<VendingRequest>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListWishes {
    /// Access for rows without their own.
    pub access: Vec<WantedAccess>,
    /// A row's own tags win.
    pub tags: BTreeMap<String, String>,
    /// Adopt accounts with a row's name and address.
    pub adopt: Adoption,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adoption {
    /// Such rows are invalid.
    #[default]
    Never,
    SameNameAndAddress,
}

pub fn check(
    file: &AccountsFile,
    wishes: &ListWishes,
    facts: &VendingFacts,
) -> BTreeMap<usize, RowVerdict> {
    let mut first: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut verdicts = BTreeMap::new();
    for row in file.rows() {
        let mut repeats = |column: &'static str| {
            let cell = row.cell(column).to_lowercase();
            let number = *first.entry((column, cell)).or_insert(row.number);
            (number != row.number).then_some(number)
        };
        let repeats = Repeats {
            name: repeats(ACCOUNT_NAME),
            email: repeats(ACCOUNT_EMAIL),
        };
        let verdict = if is_done(&row) {
            RowVerdict::Kept
        } else {
            judge(&row, &repeats, wishes, facts)
        };
        verdicts.insert(row.number, verdict);
    }
    verdicts
}

/// Counts rows to create, by the list alone, before organization checks.
pub fn wanted_rows(file: &AccountsFile) -> usize {
    let verdicts = check(file, &ListWishes::default(), &VendingFacts::default());
    let wants = |verdict: &&RowVerdict| match verdict {
        RowVerdict::Kept => false,
        RowVerdict::Valid(_) => true,
        RowVerdict::Invalid(faults) => faults.iter().all(|it| it.basis == FaultBasis::Organization),
    };
    verdicts.values().filter(wants).count()
}

struct Repeats {
    name: Option<usize>,
    email: Option<usize>,
}

/// True if an earlier plan finished the row, with any result.
fn is_done(row: &VendingRow<'_>) -> bool {
    match RowStatus::named(row.status()) {
        Some(RowStatus::Succeeded | RowStatus::Exists) => !row.account_id().is_empty(),
        Some(RowStatus::Failed | RowStatus::NotProvisioned | RowStatus::AssignFailed) => true,
        Some(
            RowStatus::Valid
            | RowStatus::Launching
            | RowStatus::UnderChange
            | RowStatus::Assigning
            | RowStatus::Invalid,
        )
        | None => false,
    }
}

fn filled<'a>(
    row: &VendingRow<'a>,
    column: &'static str,
    wrong: &mut RowFaults,
) -> Option<&'a str> {
    let cell = row.cell(column);
    if cell.trim().is_empty() || cell == "None" {
        wrong.in_list(column, format!("{column} is required"));
        return None;
    }
    Some(cell)
}

fn judge(
    row: &VendingRow<'_>,
    repeats: &Repeats,
    wishes: &ListWishes,
    facts: &VendingFacts,
) -> RowVerdict {
    let mut wrong = RowFaults::default();
    let name = check_name(row, repeats, facts, &mut wrong);
    check_sso_email(row, &mut wrong);
    let found = check_email(row, repeats, wishes.adopt, facts, &mut wrong);
    check_person(row, &mut wrong);
    let unit = check_unit(row, found.id(), facts, &mut wrong);
    let access = check_access(row, wishes, facts, &mut wrong);
    let tags = check_tags(row, &wishes.tags, &mut wrong);
    match unit {
        Some(unit) if wrong.is_empty() => RowVerdict::Valid(Box::new(VendingRequest {
            name: name.to_owned(),
            email: row.cell(ACCOUNT_EMAIL).to_owned(),
            unit,
            user: RowUser {
                email: row.cell(SSO_EMAIL).to_owned(),
                first_name: row.cell(FIRST_NAME).to_owned(),
                last_name: row.cell(LAST_NAME).to_owned(),
            },
            tags,
            access,
            there: found.id().map(str::to_owned),
            adopts: match found {
                FoundAccount::TakenOn(id) => Some(id),
                FoundAccount::None | FoundAccount::Ours(_) => None,
            },
        })),
        _ => RowVerdict::Invalid(wrong.into_vec()),
    }
}

fn check_name<'a>(
    row: &VendingRow<'a>,
    repeats: &Repeats,
    facts: &VendingFacts,
    wrong: &mut RowFaults,
) -> &'a str {
    let Some(name) = filled(row, ACCOUNT_NAME, wrong) else {
        return "";
    };
    let is_name = name.len() <= NAME_MAX
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-');
    if !is_name {
        wrong.in_list(
            ACCOUNT_NAME,
            format!("{ACCOUNT_NAME} must be 1-{NAME_MAX} characters of A-Z a-z 0-9 _ -"),
        );
    }
    if let Some(number) = repeats.name {
        wrong.in_list(ACCOUNT_NAME, format!("{ACCOUNT_NAME} repeats row {number}"));
    }
    let product = format!("{PRODUCT_PREFIX}{name}");
    if let Some(taken) = facts.products.iter().find(|it| it.name == product) {
        wrong.in_organization(
            ACCOUNT_NAME,
            format!("{ACCOUNT_NAME} in use by product {}", taken.id),
        );
    }
    name
}

fn is_address(column: &'static str, cell: &str, wrong: &mut RowFaults) {
    if !is_account_email(cell) {
        wrong.in_list(column, format!("{column} is not a valid e-mail address"));
    }
}

fn check_sso_email(row: &VendingRow<'_>, wrong: &mut RowFaults) {
    if let Some(cell) = filled(row, SSO_EMAIL, wrong) {
        is_address(SSO_EMAIL, cell, wrong);
    }
}

enum FoundAccount {
    None,
    TakenOn(String),
    Ours(String),
}

impl FoundAccount {
    fn id(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::TakenOn(id) | Self::Ours(id) => Some(id),
        }
    }
}

fn check_email(
    row: &VendingRow<'_>,
    repeats: &Repeats,
    adopt: Adoption,
    facts: &VendingFacts,
    wrong: &mut RowFaults,
) -> FoundAccount {
    let Some(cell) = filled(row, ACCOUNT_EMAIL, wrong) else {
        return FoundAccount::None;
    };
    is_address(ACCOUNT_EMAIL, cell, wrong);
    if let Some(number) = repeats.email {
        wrong.in_list(
            ACCOUNT_EMAIL,
            format!("{ACCOUNT_EMAIL} repeats row {number}"),
        );
    }
    let key = cell.to_ascii_lowercase();
    if let Some(plan) = facts.unfinished.get(&key) {
        wrong.in_organization(ACCOUNT_EMAIL, format!("already in plan {plan}"));
        return FoundAccount::None;
    }
    let Some(there) = facts.account_of(cell) else {
        return FoundAccount::None;
    };
    let is_same = there.active && there.name == row.cell(ACCOUNT_NAME);
    if is_same && facts.is_ours(&key, &there.id) {
        return FoundAccount::Ours(there.id.clone());
    }
    if is_same && adopt == Adoption::SameNameAndAddress {
        return FoundAccount::TakenOn(there.id.clone());
    }
    wrong.in_organization(
        ACCOUNT_EMAIL,
        format!("{ACCOUNT_EMAIL} in use by account {}", there.id),
    );
    FoundAccount::None
}

fn check_person(row: &VendingRow<'_>, wrong: &mut RowFaults) {
    for column in [FIRST_NAME, LAST_NAME] {
        if let Some(cell) = filled(row, column, wrong)
            && cell.chars().count() > PERSON_MAX
        {
            wrong.in_list(
                column,
                format!("{column} must be at most {PERSON_MAX} characters"),
            );
        }
    }
}

/// Checks the unit; an existing account must be in it, or in the root: elsewhere it was placed on
/// purpose.
fn check_unit(
    row: &VendingRow<'_>,
    there: Option<&str>,
    facts: &VendingFacts,
    wrong: &mut RowFaults,
) -> Option<OrgUnit> {
    let cell = filled(row, ORG_UNIT, wrong)?;
    let unit = match find_unit(cell, facts) {
        Ok(unit) => unit,
        Err(refused) => {
            wrong.in_organization(ORG_UNIT, refused.to_string());
            return None;
        }
    };
    let parent = there.and_then(|account| facts.parents.get(account));
    if let Some(parent) = parent.filter(|it| **it != unit.id && **it != facts.root) {
        wrong.in_organization(
            ORG_UNIT,
            format!("OrgUnit is not that of the account, which is in {parent}"),
        );
    }
    Some(unit)
}

fn check_access(
    row: &VendingRow<'_>,
    wishes: &ListWishes,
    facts: &VendingFacts,
    wrong: &mut RowFaults,
) -> Vec<WantedAccess> {
    let (group, set) = (row.cell(ASSIGN_GROUP), row.cell(PERMISSION_SET));
    if group.is_empty() && set.is_empty() {
        return wishes.access.clone();
    }
    let group = filled(row, ASSIGN_GROUP, wrong).and_then(|named| {
        let found = facts.group(named);
        if found.is_none() {
            wrong.in_organization(ASSIGN_GROUP, format!("{ASSIGN_GROUP} does not exist"));
        }
        found
    });
    let set = filled(row, PERMISSION_SET, wrong).and_then(|named| {
        let found = facts.permission_sets.iter().find(|it| it.as_str() == named);
        if found.is_none() {
            wrong.in_organization(PERMISSION_SET, format!("{PERMISSION_SET} does not exist"));
        }
        found.cloned()
    });
    let both = group
        .zip(set)
        .map(|(principal, permission_set)| WantedAccess {
            principal,
            permission_set,
        });
    both.into_iter().collect()
}
