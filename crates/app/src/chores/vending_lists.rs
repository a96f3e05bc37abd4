//! Validates account lists: the data read, the creator of accounts, the rows' results, and the
//! plan. For the command and for dropped lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{ConfiguredAccess, ConfiguredPrincipal, Loaded};
use clap::ValueEnum;
use hallpass_base::{PermissionSetName, TimeSpan};
use hallpass_enforcement::OrganizationFault;
use hallpass_org::control_tower::{factory_facts, registered_units};
use hallpass_org::vending::{
    AccountMaker, AccountsFile, Adoption, KnownAccount, ListWishes, ListingAge, NotOneUser,
    RowStatus, RowVerdict, VendingFacts, VendingPlan, WantedAccess, check, checked_results,
    earlier_plans, gather, has_room, new_accounts,
};
use hallpass_org::{ServiceCalls, account_quota};
use hallpass_plans::{PlanDraft, PlanId};
use hallpass_rules::directory::Account;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;

use crate::chores::access_look::directory;
use crate::chores::account_factory::can_launch;
use crate::chores::plans::{self, PlanContext, earlier_unread};

/// An account takes minutes, and longer in Account Factory's queue.
pub const ROW_TIMEOUT: TimeSpan = TimeSpan::minutes(90);

/// Who creates the accounts of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VendVia {
    /// Account Factory where Control Tower governs the organization, else Organizations
    Auto,
    /// Account Factory of Control Tower
    AccountFactory,
    /// Organizations
    Organizations,
}

/// Options of a list, from flags and configuration.
pub struct ListChoice {
    /// Access for rows that state none.
    pub assign: Vec<ConfiguredAccess>,
    /// Tags of every account.
    pub tags: BTreeMap<String, String>,
    /// Whether to create users missing in Identity Center.
    pub create_users: bool,
    /// Parallel creations by Account Factory.
    pub at_once: u32,
    /// Whether to adopt existing accounts.
    pub adoption: Adoption,
    /// Who creates them.
    pub via: VendVia,
}

impl ListChoice {
    /// For a list without flags.
    ///
    /// # Errors
    /// Exit 2 for an invalid configuration.
    pub fn of_configuration(loaded: &Loaded) -> Result<Self, Failure> {
        Ok(Self {
            assign: loaded.vending_access()?,
            tags: loaded.vending_tags()?,
            create_users: false,
            at_once: 1,
            adoption: Adoption::Never,
            via: VendVia::Auto,
        })
    }
}

pub enum JudgedList {
    /// An unfinished plan of this list exists.
    GoesOn(PlanId),
    Judged(Box<ListVerdicts>),
}

/// The rows of a list, and the data they were checked with.
pub struct ListVerdicts {
    pub facts: VendingFacts,
    pub verdicts: BTreeMap<usize, RowVerdict>,
    pub maker: AccountMaker,
    pub vending: VendingPlan,
}

impl ListVerdicts {
    /// Rows to create.
    pub fn wanted(&self) -> usize {
        let all = self.verdicts.values();
        all.filter(|it| matches!(it, RowVerdict::Valid(_))).count()
    }

    pub fn counts(&self) -> BTreeMap<RowStatus, usize> {
        let mut counts = BTreeMap::new();
        for result in checked_results(&self.vending).values() {
            *counts.entry(result.status).or_default() += 1;
        }
        counts
    }

    /// The list with result columns.
    pub fn csv(&self) -> String {
        self.vending.file.write(&checked_results(&self.vending))
    }

    pub fn draft(&self, context: &PlanContext, row_timeout: TimeSpan) -> PlanDraft {
        let management = context.aws.about().management_account.clone();
        let management = management.unwrap_or_default();
        self.vending.draft(
            &self.verdicts,
            &self.facts,
            &management,
            &self.maker,
            row_timeout,
        )
    }
}

/// Reads the data and validates a list.
///
/// # Errors
/// Exit 1 when AWS fails, 2 for unknown names, 4 for an impossible list.
pub async fn judge(
    context: &PlanContext,
    file: &AccountsFile,
    choice: &ListChoice,
) -> Result<JudgedList, Failure> {
    let reads_directory = !choice.assign.is_empty() || choice.via != VendVia::AccountFactory;
    let mut facts = facts(context, file, reads_directory).await?;
    let wishes = wishes(choice, &facts)?;
    let earlier = earlier_plans(context.plans.as_ref(), file, &wishes).await;
    let earlier = earlier.map_err(|it| earlier_unread(&it))?;
    if let Some(plan) = earlier.resume {
        return Ok(JudgedList::GoesOn(plan));
    }
    facts.unfinished = earlier.unfinished;
    let heeded = facts.heed_earlier(context.accounts.as_ref(), earlier.ours);
    heeded.await.map_err(unread)?;
    let store = context.aws.about().identity_store_id.as_str();
    let made_by = (context.calls.as_ref(), store);
    let maker = maker(made_by, file, &mut facts, choice).await?;
    let verdicts = check(file, &wishes, &facts);
    room(context, &facts, &verdicts).await?;
    Ok(JudgedList::Judged(Box::new(ListVerdicts {
        vending: VendingPlan::new(file, &wishes, &verdicts),
        facts,
        verdicts,
        maker,
    })))
}

/// Saves a list's plan without applying it; `None` if no row is to be created.
///
/// # Errors
/// Exit 4 for violated limits or checks.
pub async fn save(
    context: &PlanContext,
    judged: &ListVerdicts,
    row_timeout: TimeSpan,
) -> Result<Option<PlanId>, Failure> {
    if judged.wanted() == 0 {
        return Ok(None);
    }
    let draft = judged.draft(context, row_timeout);
    plans::save_unapplied(context, draft).await.map(Some)
}

async fn facts(
    context: &PlanContext,
    file: &AccountsFile,
    reads_directory: bool,
) -> Result<VendingFacts, Failure> {
    let caller = context.organization.caller().await.map_err(unread)?;
    if caller.account != caller.management_account {
        let message = format!("account {} cannot make accounts", caller.account);
        return Err(Failure::refused(message).help("use credentials of the management account"));
    }
    let root = context.organization.root().await.map_err(unread)?;
    let addresses: BTreeSet<String> = file
        .rows()
        .map(|row| row.cell("AccountEmail").to_ascii_lowercase())
        .collect();
    let names_groups = file.rows().any(|row| !row.cell("AssignGroup").is_empty());
    let mut snapshot = None;
    if names_groups || reads_directory {
        let began = context.clock.now();
        let directory = directory(&context.access(), false).await?;
        let accounts = directory.accounts().iter();
        // the directory already listed them: one listing serves the run
        context.seen.seed(began, accounts.map(known)).await;
        snapshot = Some(directory);
    }
    let age = match &snapshot {
        Some(_) => ListingAge::Run,
        None => ListingAge::Now,
    };
    let accounts = context.seen.all(age).await.map_err(unread)?;
    let read = gather(
        context.accounts.as_ref(),
        accounts.values().cloned().collect(),
        &caller.organization,
        &root.id,
        &addresses,
    );
    let mut facts = read.await.map_err(unread)?;
    if let Some(snapshot) = snapshot {
        let snapshot = snapshot.snapshot();
        let groups = snapshot.groups.iter();
        facts.groups = groups.map(|it| (it.name.clone(), it.id.clone())).collect();
        for person in &snapshot.people {
            let addresses = person.emails.iter().map(ToString::to_string);
            for name in addresses.chain([person.user_name.clone()]) {
                facts.heed_user(&name, &person.user_id, person.enabled);
            }
        }
        for set in &snapshot.permission_sets {
            if let Ok(name) = set.name.parse::<PermissionSetName>() {
                let arn = set.arn.to_string();
                facts.permission_set_arns.insert(arn, name.clone());
                facts.permission_sets.insert(name);
            }
        }
    }
    Ok(facts)
}

fn known(account: &Account) -> KnownAccount {
    KnownAccount {
        id: account.id.as_str().to_owned(),
        name: account.name.clone(),
        email: account.email.clone(),
        active: account.active,
    }
}

/// Refuses a list that exceeds the account quota, before the first creation.
async fn room(
    context: &PlanContext,
    facts: &VendingFacts,
    verdicts: &BTreeMap<usize, RowVerdict>,
) -> Result<(), Failure> {
    if new_accounts(verdicts) == 0 {
        return Ok(());
    }
    match account_quota(context.calls.as_ref()).await {
        Ok(allowed) => has_room(facts, verdicts, allowed).map_err(|full| {
            Failure::refused(format!("{full}; nothing was made"))
                .help("ask for a higher quota in Service Quotas (us-east-1), which takes days, or make the list shorter")
        }),
        Err(why) => {
            output::say(&format!(
                "warning: how many accounts the organization may have is not known ({}: {})",
                why.action, why.reason
            ));
            Ok(())
        }
    }
}

/// Selects the creator, and Control Tower facts for the rows: an account in an ungoverned unit can
/// never be adopted later (`organization.md` V-3, V-5).
async fn maker(
    (calls, store): (&dyn ServiceCalls, &str),
    file: &AccountsFile,
    facts: &mut VendingFacts,
    choice: &ListChoice,
) -> Result<AccountMaker, Failure> {
    let via = choice.via;
    let by_organizations = AccountMaker::Organizations {
        people: choice.create_users.then(|| store.to_owned()),
    };
    if via == VendVia::Organizations {
        match registered_units(calls).await {
            Ok(Some(units)) => facts.heed_registered(&units),
            Ok(None) => {}
            Err(why) => output::say(&format!(
                "warning: whether Control Tower governs the units is not known, and not checked ({}: {})",
                why.action, why.reason
            )),
        }
        return Ok(by_organizations);
    }
    let found = factory_facts(calls).await;
    let found = found.map_err(|why| unknown_zone(via, &why.action, &why.reason))?;
    let Some(found) = found else {
        if via == VendVia::Auto {
            return Ok(by_organizations);
        }
        let message = "there is no landing zone of Control Tower in this Region";
        return Err(Failure::bad_input(message).help("set `aws.region` to its home Region"));
    };
    can_launch(&found.obstacles)?;
    if found.zone.enrols_by_itself {
        output::say(
            "note: this landing zone enrols accounts that are moved; `--via organizations` takes minutes a row, Account \
             Factory half an hour",
        );
    }
    facts.heed_registered(&found.registered);
    facts.heed_products(file, found.products);
    Ok(AccountMaker::Factory {
        principal: found.principal,
        at_once: choice.at_once,
    })
}

/// Unreadable Control Tower does not mean that it is absent.
fn unknown_zone(via: VendVia, action: &str, reason: &str) -> Failure {
    if via == VendVia::Auto {
        let message = format!(
            "whether Control Tower governs the organization is not known ({action}: {reason}); nothing was made"
        );
        return Failure::refused(message).help(
            "try again; `--via organizations` makes accounts without Control Tower, `--via account-factory` by it",
        );
    }
    Failure::failed(format!("Control Tower cannot be read: {action}: {reason}"))
}

fn wishes(choice: &ListChoice, facts: &VendingFacts) -> Result<ListWishes, Failure> {
    let mut access = BTreeSet::new();
    for wanted in &choice.assign {
        let unusable = |what: String| Failure::bad_input(what).at(wanted.place);
        let principal = match &wanted.who {
            ConfiguredPrincipal::Group(group) => facts
                .group(group)
                .ok_or_else(|| unusable(format!("there is no group `{group}`")))?,
            ConfiguredPrincipal::User(user) => facts.user(user).map_err(|why| {
                unusable(match why {
                    NotOneUser::Nobody => format!("there is no user `{user}`"),
                    NotOneUser::Disabled => format!("user `{user}` is disabled"),
                    NotOneUser::Several => format!("several users are called `{user}`"),
                })
            })?,
        };
        let set = wanted.permission_set.as_str();
        let by_arn = facts.permission_set_arns.get(set);
        let named = facts.permission_sets.iter().find(|it| it.as_str() == set);
        let permission_set = by_arn
            .or(named)
            .ok_or_else(|| unusable(format!("there is no permission set `{set}`")))?
            .clone();
        access.insert(WantedAccess {
            principal,
            permission_set,
        });
    }
    Ok(ListWishes {
        access: access.into_iter().collect(),
        adopt: choice.adoption,
        tags: choice.tags.clone(),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub fn unread(fault: OrganizationFault) -> Failure {
    let help = match &fault {
        OrganizationFault::Throttled { .. } => {
            "other programs use the same quota: try again later, or lower `aws.requests_per_second`"
        }
        OrganizationFault::Unreachable { .. } => "try again; nothing was changed",
        OrganizationFault::Refused { .. }
        | OrganizationFault::NotThere { .. }
        | OrganizationFault::AlreadyThere { .. }
        | OrganizationFault::Conflict { .. } => {
            "`hallpass server doctor --iam-policy --for vending` shows the permissions that are needed"
        }
    };
    Failure::failed(format!("the organization cannot be read: {fault}")).help(help)
}

#[cfg(test)]
mod tests;
