//! Rungs of `hallpass activity pci act`: each is a separate chore for the people still left
//! (`inventory.md` H-17).

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access_files::{
    AccountAssignment, GroupMember, PrincipalRef, ReviewedAccess, removal_plan,
};
use hallpass_app::chores::access_look::directory;
use hallpass_app::chores::plans::chore::{Chore, Drafted, Opened, Shown};
use hallpass_app::chores::plans::{self, PlanContext, Settled};
use hallpass_base::{AccountId, GroupId, PermissionSetArn, UserId};
use hallpass_org::ReadCalls;
use hallpass_org::pci::{
    PeopleProvider, ProvidedPerson, ProviderPeople, Providers, StalePerson, delete_plan,
    disable_plan, reach_of, suspend_plan,
};
use hallpass_plans::{PlanReport, StepEnd};
use hallpass_rules::Directory;
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::Format;
use serde_json::json;

use super::provided::split;

const CUT_PLAN_KIND: &str = "pci.cut";
const CUT_CHANGES_MAX: usize = 500;

pub(super) struct RungShown {
    meant: Vec<StalePerson>,
    reach: RungReach,
    /// People who keep temporary access.
    holding: BTreeSet<UserId>,
    pub(super) left: Vec<StalePerson>,
    pub(super) is_open: bool,
    pub(super) notes: Vec<String>,
}

enum RungReach {
    /// Per person; the text reports the number not reached.
    EachPerson(String),
    All,
}

impl RungShown {
    fn of_each(meant: Vec<StalePerson>, unreached: impl Into<String>) -> Self {
        Self {
            reach: RungReach::EachPerson(unreached.into()),
            ..Self::of_all(meant)
        }
    }

    pub(super) const fn of_all(meant: Vec<StalePerson>) -> Self {
        Self {
            meant,
            reach: RungReach::All,
            holding: BTreeSet::new(),
            left: Vec::new(),
            is_open: false,
            notes: Vec::new(),
        }
    }

    /// Filters out people with temporary access: deleting one would orphan a live assignment.
    pub(super) fn without_access(&self, people: &[StalePerson]) -> Vec<StalePerson> {
        let keeps = |it: &&StalePerson| self.holding.contains(&it.user_id);
        people.iter().filter(|it| !keeps(it)).cloned().collect()
    }
}

impl Shown for RungShown {
    async fn tell(&mut self, _at: &Opened<'_>, settled: &Settled) -> Result<(), Failure> {
        let report = &settled.report;
        match &self.reach {
            RungReach::EachPerson(unreached) => {
                let done = done_targets(report);
                let is_done =
                    |it: &StalePerson| done.contains(format!("user {}", it.user_name).as_str());
                let left: Vec<_> = self.meant.iter().filter(|it| !is_done(it)).collect();
                if !report.is_planned() && !left.is_empty() {
                    self.notes
                        .push(format!("{} people are not {unreached}", left.len()));
                }
                self.left.extend(left.into_iter().cloned());
                self.is_open = report.targets.iter().any(|it| is_open(it.outcome));
            }
            RungReach::All => {
                if !settled.was_begun() || settled.exit != Exit::Ok {
                    self.left.clone_from(&self.meant);
                }
            }
        }
        Ok(())
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        match settled {
            Some(settled) => plans::print(&settled.report, None, format),
            None => Ok(()),
        }
    }
}

fn done_targets(report: &PlanReport) -> BTreeSet<&str> {
    let is_done = |outcome| matches!(outcome, StepEnd::Changed | StepEnd::Unchanged);
    let rows = report.targets.iter().filter(|it| is_done(it.outcome));
    rows.map(|it| it.target.key.as_str()).collect()
}

/// Whether the result is still unknown. Only a certain failure leads to the next rung.
const fn is_open(outcome: StepEnd) -> bool {
    match outcome {
        StepEnd::Unchanged | StepEnd::Changed | StepEnd::Failed => false,
        StepEnd::Skipped | StepEnd::Blocked | StepEnd::Drifted | StepEnd::InProgress => true,
    }
}

fn organization(at: &Opened<'_>) -> String {
    let about = at.context.aws.about();
    about.organization_id.clone().unwrap_or_default()
}

pub(super) struct Suspend<'a> {
    provider: PeopleProvider,
    port: &'a dyn ProviderPeople,
    people: Vec<StalePerson>,
}

impl<'a> Suspend<'a> {
    pub(super) fn new(
        provider: PeopleProvider,
        providers: &'a Providers,
        people: Vec<StalePerson>,
    ) -> Result<Self, Failure> {
        let port = match provider {
            PeopleProvider::Okta => providers.okta.as_deref(),
            PeopleProvider::Scim => providers.scim.as_deref(),
        };
        let name = provider.name();
        Ok(Self {
            provider,
            port: port.ok_or_else(|| Failure::bug(format!("no `{name}` was opened")))?,
            people,
        })
    }
}

impl Chore for Suspend<'_> {
    type Facts = (Vec<ProvidedPerson>, Vec<StalePerson>, String);
    type Shown = RungShown;

    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure> {
        let (there, others) =
            split(at.context, self.provider, self.port, self.people.clone()).await?;
        Ok((there, others, organization(at)))
    }

    fn draft(
        &self,
        (there, others, organization): Self::Facts,
    ) -> Result<Drafted<RungShown>, Failure> {
        let (name, base) = (self.provider.name(), self.port.base());
        let draft = suspend_plan(self.provider, base, &organization, &there);
        let question = format!("Suspend {} people at {base}?", there.len());
        let meant = there.into_iter().map(|it| it.person).collect();
        let mut shown = RungShown::of_each(meant, format!("suspended at {base}"));
        let count = others.len();
        let elsewhere = format!("{count} people are not at `{name}`, or not by their name");
        if count > 0 && !draft.is_empty() {
            shown.notes.push(elsewhere.clone());
        }
        shown.left = others;
        Ok(Drafted::plan_or(draft, question, shown, elsewhere))
    }
}

/// Disables people in the identity store, or deletes them if allowed and their access is removed.
pub(super) enum InStore {
    Disable(Vec<StalePerson>),
    Delete(Vec<StalePerson>),
}

impl Chore for InStore {
    type Facts = (String, String);
    type Shown = RungShown;

    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure> {
        let store = at.context.aws.about().identity_store_id.clone();
        Ok((store, organization(at)))
    }

    fn draft(&self, (store, organization): Self::Facts) -> Result<Drafted<RungShown>, Failure> {
        Ok(match self {
            Self::Disable(people) => Drafted::plan(
                disable_plan(&store, &organization, people),
                format!("Disable {} people?", people.len()),
                RungShown::of_each(
                    people.clone(),
                    "disabled: the identity store did not take it, or does not show it",
                ),
            ),
            Self::Delete(people) => Drafted::plan(
                delete_plan(&store, &organization, people),
                format!("Delete {} people for good?", people.len()),
                RungShown::of_all(people.clone()),
            ),
        })
    }
}

/// Removes people from groups and deletes their direct assignments.
pub(super) struct RevokedAccess(pub(super) Vec<StalePerson>);

pub(super) struct RevokeFacts {
    removals: Vec<ReviewedAccess>,
    /// One entry per temporary grant.
    temporary: Vec<UserId>,
    organization: String,
    directory: Arc<Directory>,
}

impl Chore for RevokedAccess {
    type Facts = RevokeFacts;
    type Shown = RungShown;

    async fn gather(&self, at: &Opened<'_>) -> Result<RevokeFacts, Failure> {
        let (removals, temporary) = removals(at.context, &self.0).await?;
        Ok(RevokeFacts {
            removals,
            temporary,
            organization: organization(at),
            directory: directory(&at.context.access(), false).await?,
        })
    }

    fn draft(&self, facts: RevokeFacts) -> Result<Drafted<RungShown>, Failure> {
        let mut shown = RungShown::of_all(self.0.clone());
        let (removals, temporary) = (facts.removals, facts.temporary);
        let count = temporary.len();
        if count > 0 {
            shown
                .notes
                .push(format!("{count} of their grants are temporary, and expire"));
        }
        shown.holding = temporary.into_iter().collect();
        let (organization, directory) = (&facts.organization, facts.directory.as_ref());
        let people = json!({ "people": self.0 });
        let mut draft = removal_plan(CUT_PLAN_KIND, &removals, organization, directory, people);
        draft.limits_mut().changes_max = CUT_CHANGES_MAX;
        let question = format!("Take {} assignments and memberships away?", removals.len());
        let nothing = "there is no access to take away";
        Ok(Drafted::plan_or(draft, question, shown, nothing))
    }
}

/// Collects a person's direct access that no grant holds.
async fn removals(
    context: &PlanContext,
    people: &[StalePerson],
) -> Result<(Vec<ReviewedAccess>, Vec<UserId>), Failure> {
    let about = context.aws.about();
    let sets = context.center.sets().await;
    let sets =
        sets.map_err(|fault| Failure::failed(format!("permission sets cannot be read: {fault}")))?;
    let unusable =
        |error: String| Failure::failed(format!("AWS answered what cannot be used: {error}"));
    let (mut found, mut temporary) = (Vec::new(), Vec::new());
    for person in people {
        let calls: &dyn ReadCalls = context.calls.as_ref();
        let instance = about.instance_arn.as_str();
        let store = about.identity_store_id.as_str();
        let reach = reach_of(calls, instance, store, &person.user_id);
        let reach = reach.await.map_err(|fact| {
            let (action, reason) = (fact.action, fact.reason);
            Failure::failed(format!(
                "what people can use cannot be read: {action}: {reason}"
            ))
        })?;
        for group in reach.groups {
            let member = GroupMember {
                group: GroupId::new(group).map_err(|it| unusable(it.to_string()))?,
                user: person.user_id.clone(),
            };
            if context
                .grants
                .is_temporary_member(&member)
                .await
                .map_err(Failure::failed)?
            {
                temporary.push(person.user_id.clone());
            } else {
                found.push(ReviewedAccess::Membership(member));
            }
        }
        for (account, set) in reach.assignments {
            let arn = PermissionSetArn::new(set).map_err(|it| unusable(it.to_string()))?;
            let name = sets
                .iter()
                .find(|(_, it)| **it == arn)
                .map(|(name, _)| name.clone());
            let assignment = AccountAssignment {
                permission_set: name.ok_or_else(|| unusable(format!("no set is `{arn}`")))?,
                account: AccountId::new(account).map_err(|it| unusable(it.to_string()))?,
                principal: PrincipalRef::User(person.user_id.clone()),
            };
            if context
                .grants
                .is_temporary(&arn, &assignment)
                .await
                .map_err(Failure::failed)?
            {
                temporary.push(person.user_id.clone());
            } else {
                found.push(ReviewedAccess::Assignment(assignment));
            }
        }
    }
    Ok((found, temporary))
}

#[cfg(test)]
mod tests {
    use hallpass_org::pci::StaleBecause;
    use hallpass_rules::directory::Snapshot;

    use super::*;

    fn person(number: u8) -> StalePerson {
        StalePerson {
            user_id: UserId::new(format!("{number:08}-0000-4000-8000-000000000000")).unwrap(),
            user_name: format!("p{number}"),
            because: StaleBecause::Inactive,
            days: 100,
            is_weak_match: false,
        }
    }

    #[test]
    fn h_17_whoever_holds_something_for_a_time_is_not_without_access() {
        let people = vec![person(1), person(2)];
        let facts = RevokeFacts {
            removals: Vec::new(),
            temporary: vec![person(1).user_id, person(1).user_id],
            organization: "o-ab12cd34ef".to_owned(),
            directory: Arc::new(Directory::new(Snapshot::default())),
        };
        let drafted = RevokedAccess(people.clone()).draft(facts).unwrap();
        let Drafted::Plan { shown, .. } = drafted else {
            panic!("it is no plan");
        };
        assert_eq!(shown.without_access(&people), [person(2)]);
        assert_eq!(shown.notes.len(), 1);
    }
}
