//! Groups findings into update requests, and handles unprocessed ones (`organization.md` E-9).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use serde_json::{Value, json};

use crate::finding::Finding;
use crate::update::FindingUpdate;

const FINDINGS_MAX: usize = facts::FINDINGS_PER_CALL.count();

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateBatch {
    pub region: String,
    pub update: FindingUpdate,
    /// Unique product and id.
    pub identifiers: Vec<(String, String)>,
}

impl UpdateBatch {
    pub fn input(&self) -> Value {
        let identifiers = self.identifiers.iter();
        let identifiers: Vec<Value> = identifiers
            .map(|(product, id)| json!({ "Id": id, "ProductArn": product }))
            .collect();
        let mut members = self.update.members();
        members.insert("FindingIdentifiers".to_owned(), identifiers.into());
        Value::Object(members)
    }
}

/// Groups updates: a request has one note and one field map, and each finding once.
pub fn batches<'a>(
    updates: impl IntoIterator<Item = (&'a Finding, FindingUpdate)>,
) -> Vec<UpdateBatch> {
    let mut order: Vec<(String, FindingUpdate)> = Vec::new();
    let mut lots: BTreeMap<(String, FindingUpdate), Vec<(String, String)>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (finding, update) in updates {
        let identifier = (finding.product_arn.clone(), finding.id.clone());
        if !seen.insert((finding.region.clone(), identifier.clone())) {
            continue;
        }
        let key = (finding.region.clone(), update);
        let lot = lots.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        lot.push(identifier);
    }
    let mut all = Vec::new();
    for (region, update) in order {
        let key = (region, update);
        let lot = lots.remove(&key).unwrap_or_default();
        for some in lot.chunks(FINDINGS_MAX) {
            all.push(UpdateBatch {
                region: key.0.clone(),
                update: key.1.clone(),
                identifiers: some.to_vec(),
            });
        }
    }
    all
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    Repeat,
    Gone,
    Less(String),
    GiveUp(String),
}

pub(crate) fn left_out(answer: &Value) -> BTreeMap<(String, String), LeftOut> {
    let rows = answer.get("UnprocessedFindings").and_then(Value::as_array);
    let rows = rows.into_iter().flatten().filter_map(|row| {
        let text = |row: &Value, name| Some(row.get(name)?.as_str()?.to_owned());
        let identifier = row.get("FindingIdentifier")?;
        let key = (text(identifier, "ProductArn")?, text(identifier, "Id")?);
        let code = text(row, "ErrorCode").unwrap_or_default();
        let what = match code.as_str() {
            "ConcurrentUpdateError" | "InternalFailure" => LeftOut::Repeat,
            "FindingNotFound" => LeftOut::Gone,
            "InvalidInput" | "FindingSizeExceeded" => LeftOut::Less(code),
            _ => LeftOut::GiveUp(code),
        };
        Some((key, what))
    });
    rows.collect()
}
