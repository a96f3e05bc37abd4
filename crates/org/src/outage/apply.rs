//! Plans a drill: safety checks and steps.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use hallpass_enforcement::{
    Drill, NewPolicy, Organization, Refusal, Surroundings, of_management, of_surroundings,
    slot_taken, surroundings,
};
use hallpass_iam::BadInput;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepTarget};
use serde_json::json;

use super::{BreakGlass, DrillFile, TAG_END, TAG_ID, name_of, probes};
use crate::facts::gather;
use crate::refusal::{lint, of_break_glass, of_production, of_root};
use crate::steps::{Guard, Instant, Mark, Pair, PolicyRef, PolicyStepKind, StepBasis, stored};
use crate::{ChoreError, unread};

#[derive(Clone, Debug)]
pub struct ApplyDrill {
    pub file: DrillFile,
    pub target: String,
    pub prod: Vec<String>,
    pub break_glass: BreakGlass,
}

/// Plans a drill. Its first step reports a refusal.
///
/// # Errors
/// `E_ID` for the target; AWS does not respond.
pub async fn plan_apply(
    organization: &dyn Organization,
    wanted: &ApplyDrill,
) -> Result<(PlanDraft, Drill), ChoreError> {
    check_target(&wanted.target)?;
    let around = surroundings(organization).await?;
    let rows = organization
        .accounts_below(&wanted.target)
        .await
        .map_err(unread(format!("the accounts below `{}`", wanted.target)))?;
    let file = &wanted.file;
    let drill = Drill {
        id: file.drill_id(&wanted.target),
        target: wanted.target.clone(),
        accounts: rows
            .into_iter()
            .filter(|row| row.active)
            .map(|row| row.id)
            .collect(),
        statement: file.content.clone(),
        starts_at: file.starts_at,
        ends_at: file.ends_at,
        applied_at: None,
        removed_at: None,
    };
    Ok((draft(&around, wanted, &drill), drill))
}

fn draft(around: &Surroundings, wanted: &ApplyDrill, drill: &Drill) -> PlanDraft {
    let (caller, name) = (&around.caller, name_of(&drill.id));
    let mut draft = PlanDraft::new(
        "outage.apply",
        &caller.organization,
        PlanLimits::DESTRUCTIVE,
    );
    draft.remember(json!({ "drill": drill }));
    let lane = Lane::organizations_write();
    let of_organization = |key: &str| StepTarget::global(&caller.management_account, key);
    let guard = Guard::Outage {
        name: name.clone(),
        target: drill.target.clone(),
        content: drill.statement.clone(),
        prod: wanted.prod.clone(),
        break_glass: wanted.break_glass,
    };
    let checked = draft.step(
        of_organization("preconditions"),
        PolicyStepKind::Guard,
        stored(&guard),
        Lane::usual(),
        &[],
    );
    let kept = draft.step(
        of_organization(&format!("drill {}", drill.id)),
        PolicyStepKind::KeepDrill,
        stored(drill),
        Lane::usual(),
        &[checked],
    );
    let policy = NewPolicy {
        name: name.clone(),
        description: format!("outage drill {}, ends {}", drill.id, drill.ends_at),
        content: drill.statement.clone(),
        tags: BTreeMap::from([
            (TAG_ID.to_owned(), drill.id.clone()),
            (TAG_END.to_owned(), drill.ends_at.to_string()),
        ]),
    };
    let target = of_organization(&format!("policy {name}"));
    let put = draft.step(
        target,
        PolicyStepKind::Put,
        stored(&policy),
        lane.clone(),
        &[kept],
    );
    let pair = Pair {
        policy: PolicyRef { name, id: None },
        target: drill.target.clone(),
        basis: StepBasis::default(),
    };
    let target = of_organization(&format!("target {}", drill.target));
    let attached = draft.step(target, PolicyStepKind::Attach, stored(&pair), lane, &[put]);
    let mark = Mark {
        drill: drill.id.clone(),
        instant: Instant::Applied,
    };
    let target = of_organization(&format!("drill {}", drill.id));
    draft.step(
        target,
        PolicyStepKind::MarkDrill,
        stored(&mark),
        Lane::usual(),
        &[attached],
    );
    draft
}

/// Finds all obstacles to a drill (`policies.md` §8.3.1) in the current state.
///
/// # Errors
/// AWS does not respond.
pub async fn check_drill(
    organization: &dyn Organization,
    name: &str,
    target: &str,
    content: &str,
    prod: &[String],
    break_glass: BreakGlass,
    now: Timestamp,
) -> Result<Vec<Refusal>, ChoreError> {
    let around = surroundings(organization).await?;
    let mut found = of_surroundings(&around);
    found.extend(of_root(&around, target));
    found.extend(of_management(&around, target));
    found.extend(lint(content));
    let file = DrillFile::read(content)?;
    found.extend(of_window(&file, now));
    found.extend(of_probes(&file));
    if !found.is_empty() {
        // already refused: skip the expensive account checks
        return Ok(found);
    }
    let exempt: &[String] = match break_glass {
        BreakGlass::Needed => &file.exempt,
        BreakGlass::Waived => &[],
    };
    let facts = gather(organization, target, exempt).await?;
    found.extend(slot_taken(target, &facts.attached, name));
    found.extend(of_production(&facts, prod));
    if break_glass == BreakGlass::Needed {
        found.extend(of_break_glass(&facts, &file.exempt));
    }
    Ok(found)
}

fn of_window(file: &DrillFile, now: Timestamp) -> Option<Refusal> {
    (file.ends_at <= now).then(|| Refusal {
        code: "over".to_owned(),
        message: format!("the drill ended at {}", file.ends_at),
        help: "generate it again".to_owned(),
    })
}

/// Samples that the engine decides differently than a drill requires.
fn of_probes(file: &DrillFile) -> Option<Refusal> {
    let Ok(rows) = probes(file) else {
        return None;
    };
    let bad: Vec<String> = rows
        .iter()
        .filter(|row| !row.is_good())
        .map(|row| format!("{}: {} instead of {}", row.action, row.got, row.expected))
        .collect();
    (!bad.is_empty()).then(|| Refusal {
        code: "no_drill".to_owned(),
        message: format!("the policy is no drill: {}", bad.join("; ")),
        help: "generate it again with `hallpass org outage generate`".to_owned(),
    })
}

/// Validates the form of a root, unit or account id.
pub(crate) fn check_target(target: &str) -> Result<(), BadInput> {
    let is_account = target.len() == 12 && target.bytes().all(|b| b.is_ascii_digit());
    let is_place = ["ou-", "r-"]
        .iter()
        .any(|prefix| target.starts_with(prefix))
        && target
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_account || is_place {
        return Ok(());
    }
    let message = format!("`{target}` is no id of a unit (`ou-…`) or an account (12 digits)");
    Err(BadInput::new("E_ID", message, "--target"))
}
