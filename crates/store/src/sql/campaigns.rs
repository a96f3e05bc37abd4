//! Access review campaigns and their lines.

use std::fmt::Write as _;

use async_trait::async_trait;
use hallpass_access::{
    AnswerFilter, AnswerKind, Campaign, CampaignLine, CampaignStore, LineCount, LineFilter,
    LineUse, ReadError, Write,
};
use hallpass_base::{CampaignId, UserId};

use super::keyed_table::one_row;
use super::{SqlStore, number, places};
use crate::database::{Optional, OwnedValue, ToValue, Transaction, Value, named};
use crate::fault::StorageFault;
use crate::rows::{body, read_body};
use crate::steps::wrong_version;

pub(super) fn campaign(tx: &Transaction<'_>, write: &Write<Campaign>) -> Result<(), StorageFault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO campaigns (id, version, state, body) VALUES (:id, :version, :state, :body)",
        ),
        Write::Update(row) => (
            Campaign {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE campaigns SET version = :version, state = :state, body = :body
             WHERE id = :id AND version = :version - 1",
        ),
    };
    let written = tx.prepare(sql)?.execute(named! {
        ":id": row.id.to_string(),
        ":version": number(row.version),
        ":state": row.state.name(),
        ":body": body(&row)?,
    });
    one_row(written, || format!("campaign {}", row.id))
}

/// A line changes only while its campaign is open: commits run one after the other.
pub(super) fn line(tx: &Transaction<'_>, write: &Write<CampaignLine>) -> Result<(), StorageFault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO campaign_lines (campaign_id, number, version, reviewer, answer, used, search, body)
             VALUES (:campaign, :number, :version, :reviewer, :answer, :used, :search, :body)",
        ),
        Write::Update(row) => (
            CampaignLine {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE campaign_lines SET version = :version, reviewer = :reviewer, answer = :answer,
                 used = :used, search = :search, body = :body
             WHERE campaign_id = :campaign AND number = :number AND version = :version - 1
                 AND EXISTS (SELECT 1 FROM campaigns WHERE id = :campaign AND state = 'open')",
        ),
    };
    let written = tx.prepare(sql)?.execute(named! {
        ":campaign": row.campaign.to_string(),
        ":number": i64::from(row.number),
        ":version": number(row.version),
        ":reviewer": row.reviewer.user.as_str(),
        ":answer": row.answer.as_ref().map(|it| it.answer.name()),
        ":used": row.used.name(),
        ":search": row.search_text(),
        ":body": body(&row)?,
    });
    one_row(written, || {
        format!("line {} of campaign {}", row.number, row.campaign)
    })
}

/// A query with values in the order of its placeholders.
struct LinesQuery {
    sql: String,
    values: Vec<OwnedValue>,
}

impl LinesQuery {
    fn any_of(&mut self, column: &str, values: Vec<OwnedValue>) {
        if !values.is_empty() {
            let places = places(self.values.len() + 1, values.len());
            let _ = write!(self.sql, " AND {column} IN ({places})");
            self.values.extend(values);
        }
    }

    fn bind(&mut self, value: OwnedValue) -> usize {
        self.values.push(value);
        self.values.len()
    }

    fn of(id: CampaignId, filter: &LineFilter, limit: u32) -> Self {
        let mut these = Self {
            sql: "SELECT body FROM campaign_lines WHERE campaign_id = ?1 AND number > ?2"
                .to_owned(),
            values: vec![
                OwnedValue::Text(id.to_string()),
                OwnedValue::Integer(i64::from(filter.after)),
            ],
        };
        let reviewers = filter.reviewers.iter();
        let reviewers = reviewers.map(|it| OwnedValue::Text(it.to_string()));
        these.any_of("reviewer", reviewers.collect());
        let numbers = filter.numbers.iter();
        let numbers = numbers.map(|it| OwnedValue::Integer(i64::from(*it)));
        these.any_of("number", numbers.collect());
        match filter.answer {
            None => {}
            Some(AnswerFilter::Open) => these.sql += " AND answer IS NULL",
            Some(AnswerFilter::Is(kind)) => {
                these.any_of("answer", vec![OwnedValue::Text(kind.name().to_owned())]);
            }
        }
        if filter.unused {
            let never = LineUse::Never.name().to_owned();
            these.any_of("used", vec![OwnedValue::Text(never)]);
        }
        if !filter.text.is_empty() {
            let place = these.bind(OwnedValue::Text(pattern(&filter.text)));
            let _ = write!(these.sql, " AND search LIKE ?{place} ESCAPE '\\'");
        }
        let place = these.bind(OwnedValue::Integer(i64::from(limit)));
        let _ = write!(these.sql, " ORDER BY number LIMIT ?{place}");
        these
    }
}

/// Matches texts that contain this one.
fn pattern(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}

fn lines(tx: &Transaction<'_>, query: &LinesQuery) -> Result<Vec<CampaignLine>, StorageFault> {
    let values: Vec<Value<'_>> = query.values.iter().map(ToValue::to_value).collect();
    let texts = tx
        .prepare(&query.sql)?
        .query_map(values.as_slice(), |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let lines = texts.iter().map(|text| read_body("campaign line", text));
    lines.collect()
}

fn counts(tx: &Transaction<'_>, id: CampaignId) -> Result<Vec<LineCount>, StorageFault> {
    let rows = tx
        .prepare(
            "SELECT reviewer, answer, count(*) FROM campaign_lines WHERE campaign_id = ?1
             GROUP BY reviewer, answer",
        )?
        .query_map([id.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<Vec<(String, Option<String>, i64)>, _>>()?;
    let mut counts = Vec::new();
    for (reviewer, answer, lines) in rows {
        let unreadable = || wrong_version(&format!("a line of campaign {id}"));
        let kind = |name: String| AnswerKind::ALL.into_iter().find(|it| it.name() == name);
        counts.push(LineCount {
            reviewer: UserId::new(reviewer).map_err(|_| unreadable())?,
            answer: answer.and_then(kind),
            lines: u32::try_from(lines).unwrap_or(u32::MAX),
        });
    }
    counts.sort();
    Ok(counts)
}

#[async_trait]
impl CampaignStore for SqlStore {
    async fn campaign(&self, id: CampaignId) -> Result<Option<Campaign>, ReadError> {
        let read = self.read(move |tx| {
            let text: Option<String> = tx
                .prepare("SELECT body FROM campaigns WHERE id = ?1")?
                .query_row([id.to_string()], |row| row.get(0))
                .optional()?;
            text.map(|text| read_body("campaign", &text)).transpose()
        });
        Ok(read.await?)
    }

    async fn campaigns(&self, limit: u32) -> Result<Vec<Campaign>, ReadError> {
        let read = self.read(move |tx| {
            let texts = tx
                .prepare("SELECT body FROM campaigns ORDER BY id DESC LIMIT ?1")?
                .query_map([i64::from(limit)], |row| row.get(0))?
                .collect::<Result<Vec<String>, _>>()?;
            texts
                .iter()
                .map(|text| read_body("campaign", text))
                .collect()
        });
        Ok(read.await?)
    }

    async fn campaign_lines(
        &self,
        id: CampaignId,
        filter: &LineFilter,
        limit: u32,
    ) -> Result<Vec<CampaignLine>, ReadError> {
        let query = LinesQuery::of(id, filter, limit);
        Ok(self.read(move |tx| lines(tx, &query)).await?)
    }

    async fn campaign_line_counts(&self, id: CampaignId) -> Result<Vec<LineCount>, ReadError> {
        Ok(self.read(move |tx| counts(tx, id)).await?)
    }
}
