//! Removes drills by their tags.

use hallpass_base::Timestamp;
use hallpass_enforcement::{Drill, OrgStore, Organization, Surroundings, surroundings};
use hallpass_iam::BadInput;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepId, StepTarget};
use serde_json::json;

use super::list::{Among, Tagged, tagged};
use super::{DrillFile, ID_DIGITS, name_of};
use crate::steps::{Deletion, Instant, Mark, Pair, PolicyRef, PolicyStepKind, StepBasis, stored};
use crate::{ChoreError, unread};

/// Plans the removal of a drill from all targets. A deleted one is only marked in the store. A
/// policy with changed text is `drifted`, and stays.
///
/// # Errors
/// `E_ID` for an invalid drill id; AWS or the store does not respond.
pub async fn plan_remove(
    organization: &dyn Organization,
    store: &dyn OrgStore,
    drill: &str,
) -> Result<PlanDraft, ChoreError> {
    let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if drill.len() != ID_DIGITS || !drill.bytes().all(is_digit) {
        let message = format!("`{drill}` is no drill's id; `hallpass org outage list` shows them");
        return Err(BadInput::new("E_ID", message, "DRILL").into());
    }
    let around = surroundings(organization).await?;
    let mut found = tagged(organization, Among::Named).await?;
    found.retain(|it| it.id == drill);
    if found.is_empty() {
        found = tagged(organization, Among::All).await?;
        found.retain(|it| it.id == drill);
    }
    let mut draft = draft(&around, "outage.remove");
    draft.remember(json!({ "drills": [drill] }));
    let kept = store.drill(drill).await?;
    let found = with_basis(organization, kept.as_ref(), found).await?;
    remove(&mut draft, &around, drill, &found);
    Ok(draft)
}

/// Plans the removal of every drill whose end has passed.
///
/// # Errors
/// AWS or the store does not respond.
pub async fn plan_reap(
    organization: &dyn Organization,
    store: &dyn OrgStore,
    now: Timestamp,
) -> Result<(PlanDraft, Vec<String>), ChoreError> {
    let around = surroundings(organization).await?;
    let mut found = tagged(organization, Among::Named).await?;
    // unreadable ends are listed for manual removal
    found.retain(|it| it.ends_at.is_some_and(|end| end <= now));
    let mut ids: Vec<String> = found.iter().map(|it| it.id.clone()).collect();
    let kept = store.drills().await?;
    let all = tagged(organization, Among::Named).await?;
    let is_over = kept.iter().filter(|drill| {
        drill.removed_at.is_none() && drill.ends_at <= now && all.iter().all(|it| it.id != drill.id)
    });
    ids.extend(is_over.map(|drill| drill.id.clone()));
    ids.sort();
    ids.dedup();
    let mut draft = draft(&around, "outage.reap");
    draft.remember(json!({ "drills": ids }));
    for id in &ids {
        let (of_drill, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| it.id == *id);
        let own = kept.iter().find(|it| it.id == *id);
        let of_drill = with_basis(organization, own, of_drill).await?;
        remove(&mut draft, &around, id, &of_drill);
        found = others;
    }
    Ok((draft, ids))
}

fn draft(around: &Surroundings, kind: &str) -> PlanDraft {
    // removals of denials have no limit
    let limits = PlanLimits {
        changes_max: usize::MAX,
        ..PlanLimits::DESTRUCTIVE
    };
    PlanDraft::new(kind, &around.caller.organization, limits)
}

/// The expected text of each policy. A policy with another text is no drill any more, regardless of
/// its tags.
async fn with_basis(
    organization: &dyn Organization,
    kept: Option<&Drill>,
    found: Vec<Tagged>,
) -> Result<Vec<(Tagged, StepBasis)>, ChoreError> {
    let mut judged = Vec::new();
    for it in found {
        let policy = organization.policy(&it.row.id).await;
        let policy = policy.map_err(unread(format!("policy `{}`", it.row.name)))?;
        let text = policy.map(|policy| match kept {
            Some(drill) => drill.statement.clone(),
            // drill of another store: its id is derived from text and target
            None if is_unchanged(&it, &policy.content) => policy.content,
            None => String::new(),
        });
        let basis = StepBasis {
            text,
            ..StepBasis::default()
        };
        judged.push((it, basis));
    }
    Ok(judged)
}

fn is_unchanged(found: &Tagged, content: &str) -> bool {
    DrillFile::read(content).is_ok_and(|file| {
        let mut targets = found.targets.iter();
        found.targets.is_empty() || targets.any(|it| file.drill_id(it) == found.id)
    })
}

fn remove(
    draft: &mut PlanDraft,
    around: &Surroundings,
    drill: &str,
    found: &[(Tagged, StepBasis)],
) {
    let of_organization = |key: String| StepTarget::global(&around.caller.management_account, key);
    let lane = Lane::organizations_write;
    let mut deleted: Vec<StepId> = Vec::new();
    for (it, basis) in found {
        let named = PolicyRef {
            name: it.row.name.clone(),
            id: Some(it.row.id.clone()),
        };
        let mut detached = Vec::new();
        for target in &it.targets {
            let pair = Pair {
                policy: named.clone(),
                target: target.clone(),
                basis: basis.clone(),
            };
            let place = of_organization(format!("target {target}, policy {}", it.row.name));
            detached.push(draft.step(place, PolicyStepKind::Detach, stored(&pair), lane(), &[]));
        }
        let place = of_organization(format!("policy {}", it.row.name));
        let deletion = Deletion {
            policy: named,
            tags: it.tags.clone(),
            basis: basis.clone(),
        };
        deleted.push(draft.step(
            place,
            PolicyStepKind::Delete,
            stored(&deletion),
            lane(),
            &detached,
        ));
    }
    if found.is_empty() {
        // by name: a policy may have lost its tags
        let named = PolicyRef {
            name: name_of(drill),
            id: None,
        };
        let place = of_organization(format!("policy {}", named.name));
        deleted.push(draft.step(place, PolicyStepKind::Delete, stored(&named), lane(), &[]));
    }
    let mark = Mark {
        drill: drill.to_owned(),
        instant: Instant::Removed,
    };
    let place = of_organization(format!("drill {drill}"));
    draft.step(
        place,
        PolicyStepKind::MarkDrill,
        stored(&mark),
        Lane::usual(),
        &deleted,
    );
}
