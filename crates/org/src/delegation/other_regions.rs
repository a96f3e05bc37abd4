//! Checks for an administrator in Regions outside a plan: deregistration in Organizations is
//! global, while services remove it per Region (AWS Security Hub User Guide, "Removing or changing
//! the delegated administrator").

use hallpass_base::AccountId;
use hallpass_plans::StepError;

use super::families::RegionalCalls;
use super::gather::{own_regions, regional};
use super::plan::DesiredAdministrator;
use crate::reading::{ReadCalls, enabled_regions};
use crate::steps::unseen;

/// No answer means no endpoint; a management account without Macie has no administrator (Amazon
/// Macie API Reference, `ListOrganizationAdminAccounts`).
const NOBODY: [&str; 2] = ["NoAnswer: ", "AccessDeniedException: Macie is not enabled"];

/// The reason not to deregister an administrator; `None` if it administers no other Region. An
/// unreadable Region counts as one.
///
/// # Errors
/// Temporary failures.
pub(super) async fn stands_elsewhere(
    calls: &dyn ReadCalls,
    own: &RegionalCalls,
    wish: &DesiredAdministrator,
) -> Result<Option<String>, StepError> {
    let (account, service) = (&wish.account, &wish.service);
    let why = "Organizations can only forget it everywhere";
    let mut others = match own_regions(calls).await {
        Ok(all) => all,
        Err(fact) if fact.passing => return Err(unseen(fact)),
        Err(fact) => {
            let said = format!("{}: {}", fact.action, fact.reason);
            return Ok(Some(format!(
                "where else {account} administers `{service}` is not known ({said}), and {why}"
            )));
        }
    };
    others.retain(|it| !wish.regions.contains(it));
    // an administrator cannot exist in a disabled Region
    if let Ok(account) = AccountId::new(account.clone())
        && let Ok(on) = enabled_regions(calls, &account).await
    {
        others.retain(|it| on.contains(it));
    }
    for region in &others {
        match regional(calls, own, region).await {
            Ok(Some(held)) if held == *account => {
                return Ok(Some(format!(
                    "{account} administers `{service}` in {region}, too, where nothing is to change, and {why}: name every \
                     Region, or `hallpass org delegate remove --service {service}` first"
                )));
            }
            Ok(_) => {}
            Err(fact) if NOBODY.iter().any(|it| fact.reason.starts_with(it)) => {}
            Err(fact) if fact.passing => return Err(unseen(fact)),
            Err(fact) => {
                let said = format!("{}: {}", fact.action, fact.reason);
                return Ok(Some(format!(
                    "whether {account} administers `{service}` in {region}, too, is not known ({said}), and {why}: once it does not, \
                     `aws organizations deregister-delegated-administrator` removes it"
                )));
            }
        }
    }
    Ok(None)
}
