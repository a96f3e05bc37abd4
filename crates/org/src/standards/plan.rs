//! The plan of a file: standards per account and Region, then their controls. Names and forms are
//! part of stored plans.

use hallpass_aws_model::facts;
use hallpass_base::TimeSpan;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepId, StepProbe, StepTarget};

use super::central::CentralRow;
use super::central_steps::probe_own;
use super::compare::{ComparedHub, HubStanding};
use super::desired::{
    DesiredAssociation, DesiredConfiguration, DesiredControls, DesiredHub, DesiredPolicy,
    DesiredStandards,
};
use super::facts::{CentralFacts, CentralHome, HubLook, StandardsFacts};
use super::observations::{Associations, probe_controls, probe_off};
use crate::steps::{step_kinds, stored};

pub const PLAN_KIND: &str = "org.standards";
/// Changes central configuration: servers never resume such plans automatically.
const CONFIGURE_KIND: &str = "org.standards.configure";
/// Target key: one hub per account and Region.
const KEY: &str = "securityhub";

step_kinds! {
    pub(super) enum StandardsStepKind {
        /// Security Hub is on: [`DesiredHub`].
        EnableHub = "standards.enable-hub",
        /// Standards are on: [`DesiredStandards`].
        Enable = "standards.enable-standards",
        /// Controls of standards can be changed: [`DesiredStandards`].
        Wait = "standards.wait-controls-updatable",
        /// Controls are as wanted: [`DesiredControls`].
        Set = "standards.set-controls",
        /// Standards are off: [`DesiredStandards`].
        Disable = "standards.disable-standards",
        /// An administrator's policy exists: [`DesiredPolicy`].
        CentralPolicy = "standards.central-policy",
        /// A policy is associated with a root, unit or account: [`DesiredAssociation`].
        CentralAssociate = "standards.central-associate",
        /// The organization's configuration: [`DesiredConfiguration`].
        Configure = "standards.configure-organization",
    }
}

/// Timeout for AWS's change of the configuration.
const CONFIGURE_TIMEOUT: TimeSpan = TimeSpan::minutes(30);

const STANDARDS_AT_ONCE: usize = facts::STANDARDS_PER_CALL.count();
/// Per call; AWS states no limit (`organization.md` S-6).
const CONTROLS_AT_ONCE: usize = 100;
/// Timeout until controls can be changed (`organization.md` S-6).
const READY_TIMEOUT: TimeSpan = TimeSpan::minutes(20);

/// True for steps of [`StandardsStepExecutor`](super::StandardsStepExecutor).
pub fn is_standards_step(kind: &str) -> bool {
    kind.starts_with("standards.")
}

/// Plans central configuration of an organization (`organization.md` S-4). It counts as a removal:
/// new accounts get no default standards any more.
pub fn draft_configuration(organization: &str, home: &CentralHome) -> PlanDraft {
    let mut draft = PlanDraft::new(CONFIGURE_KIND, organization, PlanLimits::DESTRUCTIVE);
    let target = StepTarget {
        account: home.account.to_string(),
        region: home.region.clone(),
        key: "organization".to_owned(),
    };
    let wish = DesiredConfiguration {
        kind: "CENTRAL".to_owned(),
        auto_enable: false,
        auto_enable_standards: "NONE".to_owned(),
    };
    let lane = Lane::serial(format!("securityhub:{}:{}", home.account, home.region));
    let step = draft.step(
        target,
        StandardsStepKind::Configure,
        stored(&wish),
        lane,
        &[],
    );
    draft.set_timeout(&step, CONFIGURE_TIMEOUT);
    draft
}

/// Steps for central rows: policies, then associations.
pub fn draft_central(
    rows: &[CentralRow],
    facts: &StandardsFacts,
    central: &CentralFacts,
) -> PlanDraft {
    let mut draft = PlanDraft::new(PLAN_KIND, &facts.organization, PlanLimits::USUAL);
    let at = |key: &str| StepTarget {
        account: central.administrator.clone(),
        region: central.home.clone(),
        key: key.to_owned(),
    };
    let lane = || Lane {
        shared: false,
        ..Lane::serial(format!("{KEY}:{}:{}", central.administrator, central.home))
    };
    for row in rows {
        let Ok(policy) = &row.policy else { continue };
        let name = policy.name();
        let wish = stored(&DesiredPolicy {
            name: name.clone(),
            policy: policy.clone(),
        });
        let there = draft.step(
            at(&name),
            StandardsStepKind::CentralPolicy,
            wish,
            lane(),
            &[],
        );
        // an existing policy of this name is read and displayed when planning
        if central.names.values().all(|it| *it != name) {
            draft.compared(&there, StepProbe::Absent);
        }
        let wish = stored(&DesiredAssociation {
            target: row.target.clone(),
            policy: Some(name),
        });
        let id = draft.step(
            at(&row.target),
            StandardsStepKind::CentralAssociate,
            wish,
            lane(),
            &[there],
        );
        draft.set_timeout(&id, READY_TIMEOUT);
        draft.compared(&id, probe_own(central.held.get(&row.target)));
    }
    draft
}

/// Steps for rows compared with the file.
pub fn draft(rows: &[ComparedHub], facts: &StandardsFacts) -> PlanDraft {
    let mut draft = PlanDraft::new(PLAN_KIND, &facts.organization, PlanLimits::USUAL);
    for row in rows {
        match row.standing {
            HubStanding::Compared => {
                let place = (row.account.clone(), row.region.clone());
                let seen = match facts.hubs.get(&place) {
                    Some(HubLook::Seen(hub)) => Some(&hub.associations),
                    Some(HubLook::Skipped(_) | HubLook::Blocked(_) | HubLook::Unread(_)) | None => {
                        None
                    }
                };
                add(&mut draft, row, seen);
            }
            HubStanding::Blocked(_) | HubStanding::Skipped(_) | HubStanding::Unread(_) => {}
        }
    }
    draft
}

fn add(draft: &mut PlanDraft, row: &ComparedHub, seen: Option<&Associations>) {
    use StandardsStepKind as Kind;
    let target = StepTarget {
        account: row.account.clone(),
        region: row.region.clone(),
        key: KEY.to_owned(),
    };
    let lane = || Lane {
        shared: false,
        ..Lane::serial(format!("{KEY}:{}:{}", row.account, row.region))
    };
    let mut after: Vec<StepId> = Vec::new();
    let mut all = |kind: Kind, wishes: Vec<serde_json::Value>, after: &mut Vec<StepId>| {
        let step = |wish| {
            let id = draft.step(target.clone(), kind, wish, lane(), after);
            if kind == Kind::Wait {
                draft.set_timeout(&id, READY_TIMEOUT);
            }
            id
        };
        let ids: Vec<StepId> = wishes.into_iter().map(step).collect();
        if !ids.is_empty() {
            *after = ids;
        }
    };
    let standards = |arns: &[String]| -> Vec<serde_json::Value> {
        let chunks = arns.chunks(STANDARDS_AT_ONCE);
        let wishes = chunks.map(|it| stored(&DesiredStandards::of(it)));
        wishes.collect()
    };
    let controls = row.updates.chunks(CONTROLS_AT_ONCE);
    let controls = controls.map(|it| {
        stored(&DesiredControls {
            updates: it.to_vec(),
            named: Vec::new(),
        })
    });
    let named = (!row.named.is_empty()).then(|| {
        stored(&DesiredControls {
            updates: Vec::new(),
            named: row.named.clone(),
        })
    });
    let hub = row.enable_hub.then(|| stored(&DesiredHub {}));
    all(Kind::EnableHub, hub.into_iter().collect(), &mut after);
    all(Kind::Enable, standards(&row.enable), &mut after);
    all(Kind::Wait, standards(&row.wait), &mut after);
    all(Kind::Set, controls.chain(named).collect(), &mut after);
    let set = if row.updates.is_empty() {
        Vec::new()
    } else {
        after.clone()
    };
    all(Kind::Disable, standards(&row.disable), &mut after);
    let Some(seen) = seen else { return };
    for (id, arns) in after.iter().zip(row.disable.chunks(STANDARDS_AT_ONCE)) {
        draft.compared(id, probe_off(arns.to_vec(), seen));
    }
    for (id, updates) in set.iter().zip(row.updates.chunks(CONTROLS_AT_ONCE)) {
        draft.compared(id, probe_controls(updates, false, seen));
    }
}
