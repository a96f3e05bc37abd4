//! Insights: findings grouped by enriched fields (`organization.md` E-12).

use serde_json::{Value, json};

use crate::lookup::text;
use crate::ports::{CallRefusal, FindingCalls};

const PAGES_MAX: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsightToCreate {
    pub name: String,
    group_by: String,
    fields: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsightOutcome {
    Created,
    Unchanged,
    Planned,
}

impl InsightOutcome {
    pub fn words(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Unchanged => "unchanged",
            Self::Planned => "would be created",
        }
    }
}

impl InsightToCreate {
    /// Groups active findings with these fields; derives the name by default.
    pub fn new(name: Option<String>, group_by: &str, fields: &[(String, String)]) -> Self {
        let of: Vec<String> = fields
            .iter()
            .map(|(key, value)| format!(" of {key}={value}"))
            .collect();
        let of = of.concat();
        Self {
            name: name.unwrap_or_else(|| format!("Findings{of} by {group_by}")),
            group_by: group_by.to_owned(),
            fields: fields.to_vec(),
        }
    }

    fn input(&self) -> Value {
        let fields = self.fields.iter();
        let fields: Vec<Value> = fields
            .map(|(key, value)| json!({ "Key": key, "Value": value, "Comparison": "EQUALS" }))
            .collect();
        let mut filters = json!({ "RecordState": [{ "Value": "ACTIVE", "Comparison": "EQUALS" }] });
        if let Some(filters) = filters.as_object_mut().filter(|_| !fields.is_empty()) {
            filters.insert("UserDefinedFields".to_owned(), fields.into());
        }
        json!({ "Name": self.name, "Filters": filters, "GroupByAttribute": self.group_by })
    }
}

/// Creates an insight unless its name exists; returns its ARN, if any.
pub async fn create_insight(
    calls: &dyn FindingCalls,
    region: &str,
    wanted: &InsightToCreate,
    apply: bool,
) -> Result<(Option<String>, InsightOutcome), CallRefusal> {
    let mut input = json!({});
    for _ in 0..PAGES_MAX {
        let page = calls
            .call(Some(region), "securityhub", "GetInsights", &input)
            .await?;
        let rows = page.get("Insights").and_then(Value::as_array);
        if let Some(row) = rows
            .into_iter()
            .flatten()
            .find(|row| text(row, "/Name") == wanted.name)
        {
            return Ok((Some(text(row, "/InsightArn")), InsightOutcome::Unchanged));
        }
        match page
            .get("NextToken")
            .and_then(Value::as_str)
            .filter(|it| !it.is_empty())
        {
            Some(token) => input = json!({ "NextToken": token }),
            None => break,
        }
    }
    if !apply {
        return Ok((None, InsightOutcome::Planned));
    }
    let made = calls
        .call(
            Some(region),
            "securityhub",
            "CreateInsight",
            &wanted.input(),
        )
        .await?;
    Ok((Some(text(&made, "/InsightArn")), InsightOutcome::Created))
}
