//! AWS Well-Architected Tool: stated workloads with lens reviews and milestones, visible to owner
//! and shared accounts. Answering questions is not simulated.

use std::collections::BTreeMap;

use crate::base::{Millis, hash};
use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::{Output, seconds},
    context::{Context, HandlerResult},
    errors::{self, ApiError},
    instants::instant,
    service::SimService,
};
use crate::organization::{StatedLens, StatedWorkload};

const NAME: &str = "wellarchitected";
/// Version of every lens (?).
const LENS_VERSION: &str = "2026-01-15";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: errors::REST_JSON_VALIDATION,
        secrets: &["NextToken"],
        page_rows: 50,
        ..SimService::named("WellArchitected", NAME)
    },
    begin: |call| call.admit(),
    operations: &[&[
        ("ListWorkloads", Reads(list)),
        ("GetWorkload", Reads(get)),
        ("ListLensReviews", Reads(list_lenses)),
        ("GetLensReview", Reads(get_lens)),
        ("ListMilestones", Reads(list_milestones)),
    ]],
};

/// 32 hexadecimal digits (`WorkloadId` of the model).
fn id(of: &StatedWorkload) -> String {
    let half = |part: &str| hash(&format!("workload/{part}/{}", of.name));
    format!("{:016x}{:016x}", half("a"), half("b"))
}

fn arn(of: &StatedWorkload) -> String {
    let (region, account) = (&of.region, &of.account);
    format!(
        "arn:aws:wellarchitected:{region}:{account}:workload/{}",
        id(of)
    )
}

fn seen<'a>(context: &'a Context<'_>) -> impl Iterator<Item = &'a StatedWorkload> {
    let (own, region) = (&context.caller.account, &context.call.region);
    let all = context.state.workloads.iter();
    all.filter(move |it| {
        it.region == *region && (it.account == *own || it.shared_with.contains(own))
    })
}

fn find<'a>(context: &'a Context<'_>) -> Result<&'a StatedWorkload, ApiError> {
    let wanted = context.text("WorkloadId");
    let found = seen(context).find(|it| id(it) == wanted);
    let missing = || {
        let text = format!("[ValidationException] Workload {wanted} not found");
        ApiError::new("ResourceNotFoundException", text)
    };
    found.ok_or_else(missing)
}

fn updated(of: &StatedWorkload) -> Millis {
    instant(Some(&of.updated)).unwrap_or_default()
}

fn lens_updated(of: &StatedWorkload, lens: &StatedLens) -> Millis {
    instant(lens.updated.as_ref()).unwrap_or_else(|| updated(of))
}

fn counts<'a>(pillars: impl Iterator<Item = &'a BTreeMap<String, u32>>) -> Value {
    let mut sum: BTreeMap<&str, u32> = BTreeMap::new();
    for (level, count) in pillars.flatten() {
        *sum.entry(level).or_default() += count;
    }
    json!(sum)
}

fn summary(it: &StatedWorkload) -> Value {
    json!({
        "WorkloadId": id(it), "WorkloadArn": arn(it), "WorkloadName": it.name, "Owner": it.account,
        "UpdatedAt": seconds(updated(it)), "ImprovementStatus": "NOT_APPLICABLE",
        "Lenses": it.lenses.iter().map(|lens| &lens.alias).collect::<Vec<_>>(),
        "RiskCounts": counts(it.lenses.iter().flat_map(|lens| lens.risks.values())),
    })
}

fn list(context: &Context<'_>) -> HandlerResult {
    let prefix = context.text("WorkloadNamePrefix").to_lowercase();
    let fitting = seen(context).filter(|it| it.name.to_lowercase().starts_with(&prefix));
    let mut rows: Vec<(String, Value)> = fitting.map(|it| (it.name.clone(), summary(it))).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    context.listing(rows)
}

fn get(context: &Context<'_>) -> HandlerResult {
    let found = find(context)?;
    let mut workload = summary(found);
    if let Some(members) = workload.as_object_mut() {
        members.insert("Environment".to_owned(), found.environment.as_str().into());
        members.insert("AwsRegions".to_owned(), json!([found.region]));
        members.insert("AccountIds".to_owned(), json!([found.account]));
    }
    Ok(Output::Members(json!({ "Workload": workload })))
}

/// The state at a milestone is not stored.
fn refuse_milestone(context: &Context<'_>) -> Result<(), ApiError> {
    let given = context.call.input.get("MilestoneNumber");
    if given.is_none_or(Value::is_null) {
        return Ok(());
    }
    let text = "a review at a milestone is not simulated";
    Err(ApiError::new("ValidationException", text))
}

fn review(of: &StatedWorkload, lens: &StatedLens) -> Value {
    let is_own = lens.alias.starts_with("arn:");
    let arn = if is_own {
        lens.alias.clone()
    } else {
        format!("arn:aws:wellarchitected::aws:lens/{}", lens.alias)
    };
    json!({
        "LensAlias": lens.alias, "LensArn": arn, "LensName": lens.alias, "LensVersion": LENS_VERSION,
        "LensStatus": "CURRENT", "UpdatedAt": seconds(lens_updated(of, lens)),
        "RiskCounts": counts(lens.risks.values()),
    })
}

fn list_lenses(context: &Context<'_>) -> HandlerResult {
    refuse_milestone(context)?;
    let found = find(context)?;
    let mut lenses: Vec<&StatedLens> = found.lenses.iter().collect();
    lenses.sort_by(|a, b| a.alias.cmp(&b.alias));
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = lenses
        .into_iter()
        .filter(|it| after.as_ref().is_none_or(|after| it.alias > *after))
        .map(|it| (0, it.alias.clone(), review(found, it)));
    let (rows, token) = page.take(rows);
    Ok(of_workload(found, context.paged(rows, token)))
}

fn get_lens(context: &Context<'_>) -> HandlerResult {
    refuse_milestone(context)?;
    let found = find(context)?;
    let alias = context.text("LensAlias");
    let lens = found.lenses.iter().find(|it| it.alias == alias);
    let missing = || {
        let text = format!("[ValidationException] Lens {alias} is not applied to the workload");
        ApiError::new("ResourceNotFoundException", text)
    };
    let lens = lens.ok_or_else(missing)?;
    let mut answer = review(found, lens);
    let pillars = lens.risks.iter().map(
        |(pillar, risks)| json!({ "PillarId": pillar, "PillarName": pillar, "RiskCounts": risks }),
    );
    if let Some(members) = answer.as_object_mut() {
        let pillars: Vec<Value> = pillars.collect();
        members.insert("PillarReviewSummaries".to_owned(), pillars.into());
    }
    let answer = json!({ "WorkloadId": id(found), "LensReview": answer });
    Ok(Output::Members(answer))
}

fn list_milestones(context: &Context<'_>) -> HandlerResult {
    let found = find(context)?;
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = (1..).zip(&found.milestones).map(|(number, it)| {
        let at = instant(Some(&it.at)).unwrap_or_default();
        let row = json!({
            "MilestoneNumber": number, "MilestoneName": it.name, "RecordedAt": seconds(at),
            "WorkloadSummary": summary(found),
        });
        (0, format!("{number:05}"), row)
    });
    let rows = rows.filter(|(_, id, _)| after.as_ref().is_none_or(|after| id > after));
    let (rows, token) = page.take(rows);
    Ok(of_workload(found, context.paged(rows, token)))
}

fn of_workload(found: &StatedWorkload, output: Output) -> Output {
    match output {
        Output::Members(mut answer) => {
            if let Some(members) = answer.as_object_mut() {
                members.insert("WorkloadId".to_owned(), id(found).into());
            }
            Output::Members(answer)
        }
        other => other,
    }
}
