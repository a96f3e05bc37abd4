//! Sessions of whoever was acted on: cut off in member accounts (`policies.md` §12), or how that is done.

use hallpass_chores::plans::chore_failed;
use hallpass_chores::plans::{self, PlanArgs, PlanContext, Settled, quoted};
use hallpass_iam::generate::sessions::{RevocationForm, RevocationSpec, generate};
use hallpass_model::TimeSpan;
use hallpass_org::pci::StalePerson;
use hallpass_org::sessions::{ApplyRevocation, Ends, POLICY_NAME, plan_apply};
use hallpass_terminal::exit::Failure;

/// The longest role session that AWS issues (AWS: "Methods to assume a role").
const SESSION_MAX: TimeSpan = TimeSpan::hours(12);

/// The plan that cuts the sessions of these people off, settled; and what to know of it.
///
/// # Errors
/// A name that a pattern would read differently, or an organization that does not answer.
pub(super) async fn end(
    context: &PlanContext,
    args: &PlanArgs,
    people: &[&StalePerson],
) -> Result<(Settled, Vec<String>), Failure> {
    let now = context.clock.now();
    let spec = RevocationSpec {
        users: people.iter().map(|it| it.user_name.clone()).collect(),
        ..RevocationSpec::new(RevocationForm::Scp)
    };
    let made = generate(&spec, now)?;
    let (organization, kept) = (context.organization.as_ref(), context.kept.as_ref());
    let root = organization.root().await.map_err(|fault| {
        Failure::failed(format!(
            "the root of the organization cannot be read: {fault}"
        ))
    })?;
    let wanted = ApplyRevocation {
        wanted: made.revocations,
        name: POLICY_NAME.to_owned(),
        targets: vec![root.id],
        ends: Ends::After(SESSION_MAX),
    };
    let draft = plan_apply(organization, kept, &wanted, now)
        .await
        .map_err(chore_failed)?;
    let question = format!("Cut off the sessions of {} people?", people.len());
    let settled = plans::settle(context, draft, args, &question).await?;
    Ok((settled, made.warnings))
}

/// How somebody does it by hand.
pub(super) fn by_hand(people: &[&StalePerson]) -> String {
    let users = people
        .iter()
        .map(|it| format!(" --user {}", quoted(&it.user_name)));
    let users: String = users.collect();
    format!(
        "sessions that are open go on up to their length. To cut them off: `hallpass people sessions generate --as scp{users} > \
         cut.json`, then `hallpass people sessions apply cut.json --target ROOT --apply`; `--end-sessions` does both"
    )
}
