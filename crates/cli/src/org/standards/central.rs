//! Applies standards by the administrator's policies, if those configure the organization.

use hallpass_base::Timestamp;
use hallpass_org::ReadCalls;
use hallpass_org::standards::{
    CentralFacts, CentralHome, CentralRow, NoCentralHome, StandardsAccount, StandardsFacts,
    StandardsFile, StandardsScope, StandardsUnread, central_home, central_rows, needs_local_mode,
};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;

use super::{day, unread};

/// Who decides which standards are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    /// Policies if they configure the organization, else each account and Region
    Auto,
    /// Policies of the administrator
    Central,
    /// Each account and Region
    Local,
}

/// Returns policy facts if policies apply.
///
/// # Errors
/// Exit 4 if policies were requested and the organization has none.
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
        .help("`--enable-central` plans that")),
    }
}

pub(super) fn rows(
    file: &StandardsFile,
    facts: &StandardsFacts,
    central: &CentralFacts,
    scope: &StandardsScope,
    now: Timestamp,
) -> Vec<CentralRow> {
    let meant = |it: &StandardsAccount| scope.is_meant(it, &facts.tree);
    central_rows(file, facts, central, day(now), meant)
}

/// # Errors
/// Exit 2 with each entry that policies cannot express.
pub(super) fn can_say(file: &StandardsFile) -> Result<(), Failure> {
    let cannot = needs_local_mode(file);
    if !cannot.is_empty() {
        let mut failure = Failure::bad_input("central policies cannot say what the file says");
        for reason in cannot {
            failure = failure.detail(reason);
        }
        return Err(failure.help("`--mode local`, for accounts that look after themselves"));
    }
    Ok(())
}

pub(super) fn not_governed(facts: &StandardsFacts) -> Result<(), Failure> {
    match facts.governed.refusal(&facts.tree) {
        Some(why) => Err(Failure::refused(format!("the organization is {why}"))),
        None => Ok(()),
    }
}

pub(super) async fn home(calls: &dyn ReadCalls) -> Result<CentralHome, Failure> {
    let home = central_home(calls)
        .await
        .map_err(|fact| unread(StandardsUnread::Unread(fact), None))?;
    home.map_err(|why| {
        let help = match why {
            NoCentralHome::Administrator => "`hallpass org delegate --service securityhub --account ID --regions REGION,…`",
            NoCentralHome::Aggregator { .. } => {
                "create a finding aggregator in the Region that is to be home, in the account of the administrator"
            }
        };
        Failure::refused(why.to_string()).help(help)
    })
}

pub(super) fn warn() {
    output::say(
        "warning: Security Hub and its standards are not enabled automatically in new accounts any more, \
         accounts stay as they are until a policy applies to them, and standards of accounts under a policy \
         cannot be changed there",
    );
}
