//! By policies of the administrator, where it configures the organization.

use hallpass_model::Timestamp;
use hallpass_org::standards::{
    CentralFacts, CentralRow, StandardsAccount, StandardsFacts, StandardsFile, StandardsScope,
    central_rows, needs_local_mode,
};

use super::day;
use crate::exit::Failure;

/// Who says which standards are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    /// Policies where the organization is configured by them, else each account and Region
    Auto,
    /// Policies of the administrator
    Central,
    /// Each account and Region
    Local,
}

/// The facts of policies, where it is they that say it.
///
/// # Errors
/// Exit 4 where policies were asked for and the organization has none.
pub(super) fn central(
    mode: Mode,
    facts: &StandardsFacts,
) -> Result<Option<&CentralFacts>, Failure> {
    match (mode, &facts.central) {
        (Mode::Local, _) | (Mode::Auto, None) => Ok(None),
        (Mode::Auto | Mode::Central, Some(found)) => Ok(Some(found)),
        (Mode::Central, None) => Err(Failure::refused(
            "the organization is not configured centrally",
        )
        .help(
            "turn central configuration on in Security Hub, in the account of its administrator",
        )),
    }
}

/// Where policies are to hold.
///
/// # Errors
/// Exit 2 with each entry that policies cannot say.
pub(super) fn rows(
    file: &StandardsFile,
    facts: &StandardsFacts,
    central: &CentralFacts,
    scope: &StandardsScope,
    now: Timestamp,
) -> Result<Vec<CentralRow>, Failure> {
    let cannot = needs_local_mode(file);
    if !cannot.is_empty() {
        let mut failure = Failure::bad_input("central policies cannot say what the file says");
        for reason in cannot {
            failure = failure.detail(reason);
        }
        return Err(failure.help("`--mode local`, for accounts that look after themselves"));
    }
    let meant = |it: &StandardsAccount| scope.is_meant(it, &facts.tree);
    Ok(central_rows(file, facts, central, day(now), meant))
}
