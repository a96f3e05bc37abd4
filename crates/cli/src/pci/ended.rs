//! Revokes member account sessions of users acted on (`policies.md` §12), or describes how.

use hallpass_app::chores::plans::chore::{Chore, Drafted, Opened};
use hallpass_app::chores::plans::{chore_failed, quoted};
use hallpass_iam::generate::sessions::{RevocationForm, RevocationSpec, generate};
use hallpass_org::pci::StalePerson;
use hallpass_org::sessions::{ApplyRevocation, Ends, POLICY_NAME, plan_apply};
use hallpass_plans::PlanDraft;
use hallpass_terminal::exit::Failure;

use super::rungs::RungShown;

pub(super) struct EndSessions {
    people: Vec<StalePerson>,
    spec: RevocationSpec,
}

impl EndSessions {
    pub(super) fn new(people: Vec<StalePerson>) -> Self {
        let spec = RevocationSpec {
            users: people.iter().map(|it| it.user_name.clone()).collect(),
            ..RevocationSpec::new(RevocationForm::Scp)
        };
        Self { people, spec }
    }
}

impl Chore for EndSessions {
    /// The plan depends on current policies; with notes on the generated one.
    type Facts = (PlanDraft, Vec<String>);
    type Shown = RungShown;

    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure> {
        let now = at.context.clock.now();
        let made = generate(&self.spec, now)?;
        let (organization, kept) = (at.context.organization.as_ref(), at.context.kept.as_ref());
        let root = organization.root().await.map_err(|fault| {
            Failure::failed(format!(
                "the root of the organization cannot be read: {fault}"
            ))
        })?;
        let wanted = ApplyRevocation {
            wanted: made.revocations,
            name: POLICY_NAME.to_owned(),
            targets: vec![root.id],
            ends: Ends::longest(),
        };
        let draft = plan_apply(organization, kept, &wanted, now)
            .await
            .map_err(chore_failed)?;
        Ok((draft, made.warnings))
    }

    fn draft(&self, (draft, warnings): Self::Facts) -> Result<Drafted<RungShown>, Failure> {
        let question = format!("Revoke the sessions of {} people?", self.people.len());
        let mut shown = RungShown::of_all(self.people.clone());
        shown.notes = warnings;
        Ok(Drafted::plan(draft, question, shown))
    }
}

pub(super) fn by_hand(people: &[StalePerson]) -> String {
    let users = people
        .iter()
        .map(|it| format!(" --user {}", quoted(&it.user_name)));
    let users: String = users.collect();
    format!(
        "open sessions continue up to their duration. To revoke them: `hallpass people sessions generate \
         --as scp{users} > \
         cut.json`, then `hallpass people sessions apply cut.json --target ROOT --apply`; `--end-sessions` \
         does both"
    )
}
