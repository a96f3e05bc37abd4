//! Workflows, selectors, availabilities and policies of Common Fate.

use std::collections::{BTreeMap, BTreeSet};

use super::cedar::{Condition, PolicyScope, alternatives};
use super::jit_policy;
use super::keys::ResourceKeys;
use super::organization::{OrganizationIds, Whose};
use super::policies::{CedarPolicies, Deed, Excluded, MANAGER, Permit, area, people};
use super::priority::{Priority, Ranked, bar_lower, priority};
use super::workflow::{Workflow, with_reasons, workflow};
use crate::collected::{ImportRow, RowHead};
use crate::draft::{Approval, Area, Askers, RuleDraft, StageDraft};
use crate::names::{LookUp, People};
use crate::report::RowNote;
use crate::terraform::Resource;

/// The resources, file by file.
#[derive(Default)]
pub(super) struct Cloud(Vec<(String, Resource)>);

/// What an id or an address names; nothing where it names several.
type ById<T> = BTreeMap<String, Option<T>>;

fn take_ids<T: Clone>(known: &mut ById<T>, resource: &Resource, found: &T) {
    for id in resource.ids() {
        let is_new = !known.contains_key(&id);
        known.insert(id, is_new.then(|| found.clone()));
    }
}

const WORKFLOW: &str = "commonfate_access_workflow";
const AVAILABILITIES: [&str; 2] = ["commonfate_aws_idc_account_availabilities", JIT_POLICY];
const JIT_POLICY: &str = "commonfate_aws_jit_policy";
const SELECTOR_KEYS: ResourceKeys = ResourceKeys {
    read: &["id", "name", "when", ORGANIZATION],
    otherwise: &[],
};
const AVAILABILITY_KEYS: ResourceKeys = ResourceKeys {
    read: &[
        "id",
        "workflow_id",
        "aws_permission_set_arn",
        "aws_account_selector_id",
        ORGANIZATION,
        IDENTITY_STORE,
    ],
    // each release of the provider has a name of its own for it
    otherwise: &[("priority", SUGGESTED), ("role_priority", SUGGESTED)],
};
const SUGGESTED: &str = "it is the order in which pages suggest roles";
const ORGANIZATION: &str = "aws_organization_id";
const IDENTITY_STORE: &str = "aws_identity_store_id";
const POLICIES: [&str; 2] = ["commonfate_policyset", "commonfate_access_policy"];
const COUNTED: &str = "only Terraform knows whether it is there (`count`, `for_each`): import the plan or state (`terraform show -json`)";
const NOT_OF_ACCOUNTS: &str = "it gives no permission set in an account";
const OF_ITS_OWN: &str = "it is of how Common Fate runs";

impl Cloud {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something of it may become a rule by which people ask.
    pub(super) fn has_availabilities(&self) -> bool {
        let mut kinds = self.0.iter().map(|(_, it)| it.kind.as_str());
        kinds.any(|kind| AVAILABILITIES.contains(&kind))
    }

    pub(super) fn take(&mut self, file: &str, resource: Resource) {
        self.0.push((file.to_owned(), resource));
    }

    /// What becomes of every resource.
    pub(super) fn rows(self, ids: &OrganizationIds, look: &mut LookUp<'_>) -> Vec<ImportRow> {
        let mut rows = Vec::new();
        let all = || self.0.iter().map(|(_, it)| it);
        let organization = Whose::of(ORGANIZATION, ids.organization.as_deref(), all());
        let identity_store = Whose::of(IDENTITY_STORE, ids.identity_store.as_deref(), all());
        let mut workflows: ById<Workflow> = ById::new();
        let mut priorities: ById<Priority> = ById::new();
        let mut selectors: ById<Vec<Area>> = ById::new();
        let mut policies = CedarPolicies::default();
        for (file, it) in &self.0 {
            let mut row = ImportRow::told(head_of(file, it), Vec::new());
            let is_policy = POLICIES.contains(&it.kind.as_str());
            if it.kind == WORKFLOW {
                take_ids(&mut priorities, it, &priority(it));
            }
            if it.is_counted() && !is_policy {
                row.notes.push(RowNote::NotSaid(COUNTED.into()));
                rows.push(row);
                continue;
            }
            match it.kind.as_str() {
                WORKFLOW => match workflow(it, &mut row.notes) {
                    Ok(found) => take_ids(&mut workflows, it, &found),
                    Err(note) => row.notes.push(note),
                },
                "commonfate_aws_account_selector" => {
                    match selector(it, &organization, &mut row.notes) {
                        Ok(found) => take_ids(&mut selectors, it, &found),
                        Err(note) => row.notes.push(note),
                    }
                }
                _ if is_policy => {
                    let text = it.text("text").or_else(|| it.text("cedar"));
                    let text = text.filter(|_| !it.is_counted());
                    let set = it.text("id").unwrap_or_else(|| it.name.clone());
                    match text {
                        Some(text) => rows.extend(policies.take(file, it.line, &set, &text, look)),
                        None => rows.push(policies.take_unread(file, it.line, &set)),
                    }
                    continue;
                }
                kind if AVAILABILITIES.contains(&kind) => continue,
                kind if is_availability(kind) => {
                    row.notes.push(RowNote::NotSaid(NOT_OF_ACCOUNTS.into()));
                }
                _ => row.notes.push(RowNote::SaysNothing(OF_ITS_OWN)),
            }
            rows.push(row);
        }
        let known = KnownResources {
            workflows,
            priorities,
            selectors,
            policies,
            organization,
            identity_store,
        };
        let availabilities =
            { self.0.iter() }.filter(|(_, it)| AVAILABILITIES.contains(&it.kind.as_str()));
        let mut ranked: Vec<Ranked> = availabilities
            .map(|(file, it)| known.ranked(head_of(file, it), it, look))
            .collect();
        bar_lower(&mut ranked);
        rows.extend(ranked.into_iter().filter_map(|it| it.row));
        if !known.policies.permits.is_empty() {
            rows.extend(known.approvers(look));
        }
        rows
    }
}

fn is_availability(kind: &str) -> bool {
    [
        "_availabilities",
        "_availability",
        "_availability_spec",
        "_jit_policy",
    ]
    .iter()
    .any(|end| kind.ends_with(end))
}

fn head_of(file: &str, resource: &Resource) -> RowHead {
    let table = match resource.kind.as_str() {
        WORKFLOW => "workflow",
        "commonfate_aws_account_selector" => "selector",
        kind if is_availability(kind) => "availability",
        _ => "resource",
    };
    let mut head = RowHead::of(
        table,
        file,
        resource.line,
        &format!("{}.{}", resource.kind, resource.name),
    );
    head.name = resource
        .text("name")
        .unwrap_or_else(|| resource.name.clone());
    head
}

/// The permission set of an availability, as it calls it.
fn role_of(it: &Resource) -> Option<String> {
    let arn = it.text("aws_permission_set_arn");
    arn.or_else(|| it.text("role"))
}

fn people_of_step(conditions: &[Condition], look: &mut LookUp<'_>) -> Option<People> {
    let entities = conditions.iter().flat_map(|it| match it {
        Condition::Is(entity) => vec![entity.clone()],
        Condition::In(entities) => entities.clone(),
        _ => Vec::new(),
    });
    let mut found = people(&PolicyScope::OneOf(entities.collect()), look).unwrap_or_default();
    found.manager = conditions.contains(&Condition::Manager);
    (!found.is_nobody()).then_some(found)
}

fn selector(
    it: &Resource,
    organization: &Whose<'_>,
    notes: &mut Vec<RowNote>,
) -> Result<Vec<Area>, RowNote> {
    SELECTOR_KEYS.tell(it, notes)?;
    organization.ensure_own(it, notes)?;
    let when = it.text("when").ok_or(RowNote::Unclear {
        attribute: "when",
        due: "an expression that stands in the file",
    })?;
    let found =
        alternatives(&when).and_then(|all| all.iter().map(area).collect::<Option<Vec<Area>>>());
    found.ok_or_else(|| {
        RowNote::NotSaid(
            "rules choose accounts by id and unit: write by hand what `when` selects".into(),
        )
    })
}

struct KnownResources<'a> {
    workflows: ById<Workflow>,
    priorities: ById<Priority>,
    selectors: ById<Vec<Area>>,
    policies: CedarPolicies,
    organization: Whose<'a>,
    identity_store: Whose<'a>,
}

impl KnownResources<'_> {
    /// An availability, with what it is for as far as that is known.
    fn ranked(&self, head: RowHead, it: &Resource, look: &mut LookUp<'_>) -> Ranked {
        let role = role_of(it);
        let set = role.as_ref().and_then(|role| look.permission_set(role));
        let (workflow, areas) = if it.kind == JIT_POLICY {
            let read = jit_policy::read(it, &mut Vec::new()).ok();
            (None, read.map(|(_, areas)| areas))
        } else {
            let selector = it.id_of("aws_account_selector_id");
            let areas = selector.and_then(|id| self.selectors.get(&id)?.clone());
            (it.id_of("workflow_id"), areas)
        };
        let by_id = |id: &String| self.workflows.get(id)?.as_ref();
        let its = workflow.as_ref().and_then(by_id);
        let own = match &workflow {
            Some(id) => self.priorities.get(id).copied().flatten().flatten(),
            None if it.kind == JIT_POLICY => priority(it),
            None => None,
        };
        let row = (!it.is_counted()).then(|| self.availability(head, it, look));
        let is_whole = row.as_ref().is_some_and(|row| {
            let has = |what: &'static str| row.notes.contains(&RowNote::Narrower(what.into()));
            let is_part = has(CROSSED) || has(AT_ONCE) && has(NEVER_BEGINS);
            !is_part && row.drafts.iter().all(RuleDraft::loads)
        });
        Ranked {
            is_whole,
            has_steps: its.is_some_and(|it| !it.steps.is_empty()),
            row,
            role,
            set,
            areas,
            workflow,
            priority: own,
        }
    }

    fn availability(&self, head: RowHead, it: &Resource, look: &mut LookUp<'_>) -> ImportRow {
        let mut row = ImportRow::told(head, Vec::new());
        match self.drafts(it, look, &mut row.notes) {
            Ok(drafts) => {
                for mut draft in drafts {
                    draft.name.clone_from(&row.head.name);
                    draft.description = format!("Common Fate: {}", row.head.name);
                    row.drafts.push(draft);
                }
            }
            Err(note) => row.notes.push(note),
        }
        row
    }

    fn drafts(
        &self,
        it: &Resource,
        look: &mut LookUp<'_>,
        notes: &mut Vec<RowNote>,
    ) -> Result<Vec<RuleDraft>, RowNote> {
        let not_said = |what: &str| RowNote::NotSaid(what.to_owned().into());
        if let Some(policy) = &self.policies.barred {
            return Err(not_said(&format!(
                "the policy {policy}, may forbid it, or part of it"
            )));
        }
        let role = role_of(it).ok_or_else(|| not_said("its permission set is not in this file"))?;
        let set = look.permission_set(&role).ok_or_else(|| {
            not_said("its permission set is not named here (`--facts`, `--names`)")
        })?;
        // by name: a role may be written as another id of the same permission set
        let is_excluded = self.policies.requests_excluded.has_set(&set, look);
        let is_excluded = is_excluded
            .ok_or_else(|| not_said("a permission set that is forbidden is not named here"))?;
        let (no_askers, no_approvers) = self.forbidden_people(look)?;
        let (workflow, areas) = self.parts(it, notes)?;
        let mut found = Vec::new();
        for permit in self
            .policies
            .of(Deed::Request)
            .filter(|permit| permit.is_about(&role))
        {
            let Some(askers) = people(&permit.scope, look) else {
                notes.push(unnamed("request"));
                continue;
            };
            for area in &areas {
                let Some(area) = area
                    .and(&permit.area)
                    .and_then(|it| it.and(&self.policies.requests_excluded.area))
                else {
                    notes.push(RowNote::Narrower(CROSSED.into()));
                    continue;
                };
                if area.is_nowhere() || is_excluded {
                    continue;
                }
                let mut draft = RuleDraft::new("granted", "", String::new(), area);
                draft.sets = Some(BTreeSet::from([set.clone()]));
                draft.askers = Askers::These(askers.clone());
                draft.except_askers = no_askers.clone();
                draft.except_approvers = no_approvers.clone();
                draft.seconds = Some(workflow.seconds);
                self.decided(&draft, permit, &role, &workflow, look, notes, &mut found)?;
            }
        }
        if found.is_empty() {
            return Err(not_said("no policy that can be said lets anybody have it"));
        }
        Ok(with_reasons(found, &workflow.reasons))
    }

    /// Whom policies forbid to ask, and to approve.
    fn forbidden_people(&self, look: &mut LookUp<'_>) -> Result<(People, People), RowNote> {
        let of = [
            &self.policies.requests_excluded,
            &self.policies.approvals_excluded,
        ];
        match of.map(|excluded| excluded.people(look)) {
            [Some(askers), Some(approvers)] => Ok((askers, approvers)),
            [None, _] | [_, None] => Err(RowNote::NotSaid(FORBIDDEN_UNNAMED.into())),
        }
    }

    /// The workflow and the accounts of an availability.
    fn parts(
        &self,
        it: &Resource,
        notes: &mut Vec<RowNote>,
    ) -> Result<(Workflow, Vec<Area>), RowNote> {
        if it.kind == JIT_POLICY {
            return jit_policy::read(it, notes);
        }
        AVAILABILITY_KEYS.tell(it, notes)?;
        self.organization.ensure_own(it, notes)?;
        self.identity_store.ensure_own(it, notes)?;
        let not_said = |what: &'static str| RowNote::NotSaid(what.into());
        let workflow = it
            .id_of("workflow_id")
            .and_then(|id| self.workflows.get(&id)?.as_ref());
        let workflow = workflow.ok_or_else(|| {
            not_said("its workflow cannot be said, or is in no file that is imported")
        })?;
        let selector = it
            .id_of("aws_account_selector_id")
            .and_then(|id| self.selectors.get(&id)?.as_ref());
        let areas = selector.ok_or_else(|| {
            not_said("its selector cannot be said, or is in no file that is imported")
        })?;
        Ok((workflow.clone(), areas.clone()))
    }

    /// The rules by which a request is granted at once, and with an approval.
    #[expect(
        clippy::too_many_arguments,
        reason = "one availability and one permit, with all that decides on them"
    )]
    fn decided(
        &self,
        draft: &RuleDraft,
        permit: &Permit,
        role: &str,
        workflow: &Workflow,
        look: &mut LookUp<'_>,
        notes: &mut Vec<RowNote>,
        found: &mut Vec<RuleDraft>,
    ) -> Result<(), RowNote> {
        let at_once = self.policies.of(Deed::Activate);
        for auto in at_once.filter(|it| !it.approved && it.is_about(role)) {
            let askers = match (&permit.scope, &auto.scope) {
                (PolicyScope::Anyone, scope) | (scope, PolicyScope::Anyone) => people(scope, look),
                (one, other) if one == other => people(one, look),
                _ => None,
            };
            let area = draft.area.and(&auto.area).filter(|area| !area.is_nowhere());
            match (askers, area) {
                (Some(askers), Some(area)) if workflow.steps.is_empty() => {
                    let mut draft = draft.clone();
                    draft.askers = Askers::These(askers);
                    draft.area = area;
                    draft.approval = Approval::Never;
                    found.push(draft);
                }
                _ => notes.push(RowNote::Narrower(AT_ONCE.into())),
            }
        }
        if !self.policies.approved_begins() {
            notes.push(RowNote::Narrower(NEVER_BEGINS.into()));
            return Ok(());
        }
        let mut draft = draft.clone();
        if !workflow.steps.is_empty() {
            let stages = workflow.steps.iter().map(|(name, when)| {
                Some(StageDraft {
                    name: name.clone(),
                    people: people_of_step(when, look)?,
                    quorum: 1,
                })
            });
            let stages: Option<Vec<_>> = stages.collect();
            let everyone = |it: &Permit| {
                let anyone = it.scope == PolicyScope::Anyone && !it.manager;
                anyone && it.area == Area::default() && it.role.is_none()
            };
            let limited = !self.policies.of(Deed::Approve).any(everyone);
            let forbidden = !self.policies.approvals_excluded.is_nothing();
            match stages {
                Some(stages) if !limited && !forbidden => {
                    if stages.iter().any(|it| it.people.manager) && !notes.contains(&MANAGER) {
                        notes.push(MANAGER);
                    }
                    draft.approval = Approval::Stages(stages);
                }
                _ => return Err(RowNote::NotSaid(STEPS.into())),
            }
        }
        found.push(draft);
        Ok(())
    }

    /// A rule for each permit to approve.
    fn approvers(&self, look: &mut LookUp<'_>) -> Vec<ImportRow> {
        let mut rows = Vec::new();
        for (place, permit) in self.policies.of(Deed::Approve).enumerate() {
            let mut row = ImportRow::told(
                RowHead::of("approvers", "", None, &format!("{}", place + 1)),
                Vec::new(),
            );
            match self.approver(permit, look) {
                Ok(draft) => row.drafts.extend(draft),
                Err(note) => row.notes.push(note),
            }
            rows.push(row);
        }
        rows
    }

    fn approver(
        &self,
        permit: &Permit,
        look: &mut LookUp<'_>,
    ) -> Result<Option<RuleDraft>, RowNote> {
        let excluded: &Excluded = &self.policies.approvals_excluded;
        if self.policies.barred.is_some() {
            return Err(RowNote::NotSaid(
                "a policy may forbid it, or part of it".into(),
            ));
        }
        let approvers = if permit.manager {
            Some(People {
                manager: true,
                ..People::default()
            })
        } else {
            people(&permit.scope, look)
        };
        let approvers = approvers.ok_or_else(|| {
            RowNote::NotSaid("nobody to whom it permits approvals is named here (`--names`)".into())
        })?;
        let (_, no_approvers) = self.forbidden_people(look)?;
        let area = permit.area.and(&excluded.area);
        let area = area.ok_or_else(|| RowNote::NotSaid(CROSSED.into()))?;
        let mut draft = RuleDraft::new(
            "granted-approve",
            "",
            "Common Fate: who may approve".to_owned(),
            area,
        );
        if let Some(role) = &permit.role {
            if excluded.roles.contains(role) {
                return Ok(None);
            }
            let set = look.permission_set(role).ok_or_else(|| {
                RowNote::NotSaid(
                    "its permission set is not named here (`--facts`, `--names`)".into(),
                )
            })?;
            draft.sets = Some([set].into());
        }
        for role in &excluded.roles {
            let set = look.permission_set(role).ok_or_else(|| {
                RowNote::NotSaid("a permission set that is forbidden is not named here".into())
            })?;
            draft.except_sets.insert(set);
        }
        draft.approval = Approval::By(approvers);
        draft.except_approvers = no_approvers;
        Ok(Some(draft))
    }
}

impl Permit {
    fn is_about(&self, role: &str) -> bool {
        self.role.as_deref().is_none_or(|it| it == role)
    }
}

const FORBIDDEN_UNNAMED: &str =
    "somebody to whom a policy forbids it is not named here (`--names`)";
const CROSSED: &str =
    "a policy and a selector each name units, and rules cannot say the accounts that are in both";
const AT_ONCE: &str =
    "a policy lets some people have it at once for whom rules ask for an approval";
const NEVER_BEGINS: &str =
    "no policy lets everyone activate what was approved: only what needs no approval is imported";
const STEPS: &str = "its approval steps are for people whom the policies let approve only in part, or who are not named here";

fn unnamed(what: &str) -> RowNote {
    RowNote::Narrower(
        format!("nobody to whom a policy permits to {what} it is named here (`--names`)").into(),
    )
}
