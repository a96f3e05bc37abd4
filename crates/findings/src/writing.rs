//! Writes findings: reads each right before every attempt (`organization.md` E-9, E-13).

use hallpass_aws_model::facts;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::batch::{LeftOut, UpdateBatch, batches, left_out};
use crate::finding::FindingKey;
use crate::ports::FindingCalls;
use crate::standing::{StandingFinding, read_standing};
use crate::update::FindingUpdate;

/// Attempts per finding with concurrent updates.
const TRIES_MAX: u32 = 5;
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Findings read together: one request's; fewer if sent alone, so that none becomes stale.
const TOGETHER: usize = facts::FINDINGS_PER_CALL.count();
const ALONE: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnrichOutcome {
    Written,
    /// Written without note and tags, which Security Hub refused.
    WrittenLess(String),
    /// Its state differs from the event; nothing written.
    LeftAlone(String),
    Gone,
    GaveUp(String),
    Again(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    All,
    /// Minimal, after a refusal.
    Least,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    Write(FindingUpdate),
    Leave(String),
}

/// Maps a wanted finding's index and state to an action.
pub type Judge<'a> = dyn Fn(usize, &StandingFinding, Room) -> Intent + Send + Sync + 'a;

struct Waiting {
    place: usize,
    key: FindingKey,
    tries: u32,
    how: How,
}

enum How {
    /// With others of the same update.
    Together,
    /// Alone: a joint request was refused without naming one.
    Alone,
    Less(FindingUpdate, String),
}

impl How {
    const fn is_together(&self) -> bool {
        matches!(self, Self::Together)
    }
}

struct Board {
    waiting: VecDeque<Waiting>,
    outcomes: Vec<Option<EnrichOutcome>>,
    /// Whether a concurrent update requires a retry.
    repeats: bool,
}

/// Writes the updates of `judge`; returns results in order. Writes a duplicate once.
pub async fn write_standing(
    calls: &dyn FindingCalls,
    keys: &[FindingKey],
    judge: &Judge<'_>,
) -> Vec<EnrichOutcome> {
    let mut first: BTreeMap<&FindingKey, usize> = BTreeMap::new();
    let mut board = Board {
        waiting: VecDeque::new(),
        outcomes: vec![None; keys.len()],
        repeats: false,
    };
    for (place, key) in keys.iter().enumerate() {
        first.entry(key).or_insert_with(|| {
            board.waiting.push_back(Waiting {
                place,
                key: key.clone(),
                tries: 1,
                how: How::Together,
            });
            place
        });
    }
    while !board.waiting.is_empty() {
        if std::mem::take(&mut board.repeats) {
            calls.pause(TRY_AGAIN).await;
        }
        let lot = board.next_lot();
        board.write_lot(calls, lot, judge).await;
    }
    let outcome = |key: &FindingKey| {
        let place = first.get(key)?;
        board.outcomes.get(*place)?.clone()
    };
    let unsent = || EnrichOutcome::Again("it was not sent (this is a bug)".to_owned());
    keys.iter()
        .map(|key| outcome(key).unwrap_or_else(unsent))
        .collect()
}

impl Board {
    fn next_lot(&mut self) -> Vec<Waiting> {
        let together = self.waiting.front().is_some_and(|it| it.how.is_together());
        let most = if together { TOGETHER } else { ALONE };
        let mut lot = Vec::new();
        while lot.len() < most
            && let Some(next) = self
                .waiting
                .pop_front_if(|it| it.how.is_together() == together)
        {
            lot.push(next);
        }
        lot
    }

    fn ends(&mut self, place: usize, outcome: EnrichOutcome) {
        if let Some(stands) = self.outcomes.get_mut(place) {
            *stands = Some(outcome);
        }
    }

    async fn write_lot(&mut self, calls: &dyn FindingCalls, lot: Vec<Waiting>, judge: &Judge<'_>) {
        let mut read = read_standing(calls, lot.iter().map(|it| it.key.clone())).await;
        let mut together = Vec::new();
        let mut alone = Vec::new();
        let mut sent: BTreeMap<FindingKey, Waiting> = BTreeMap::new();
        for waiting in lot {
            let standing = match read.remove(&waiting.key) {
                Some(Ok(Some(standing))) => standing,
                Some(Ok(None)) | None => {
                    self.ends(waiting.place, EnrichOutcome::Gone);
                    continue;
                }
                Some(Err(refusal)) => {
                    self.ends(waiting.place, EnrichOutcome::Again(refusal.to_string()));
                    continue;
                }
            };
            let room = match &waiting.how {
                How::Together | How::Alone => Room::All,
                How::Less(..) => Room::Least,
            };
            match (judge(waiting.place, &standing, room), &waiting.how) {
                (Intent::Leave(why), _) => {
                    self.ends(waiting.place, EnrichOutcome::LeftAlone(why));
                    continue;
                }
                (Intent::Write(update), How::Less(refused, code)) if update == *refused => {
                    let gave_up = EnrichOutcome::GaveUp(code.clone());
                    self.ends(waiting.place, gave_up);
                    continue;
                }
                (Intent::Write(update), How::Together) => together.push((standing.finding, update)),
                (Intent::Write(update), How::Alone | How::Less(..)) => {
                    alone.push((standing.finding, update));
                }
            }
            sent.insert(waiting.key.clone(), waiting);
        }
        let mut all = batches(together.iter().map(|(it, update)| (it, update.clone())));
        for (finding, update) in &alone {
            all.extend(batches([(finding, update.clone())]));
        }
        for batch in all {
            self.send(calls, &batch, &mut sent).await;
        }
    }

    async fn send(
        &mut self,
        calls: &dyn FindingCalls,
        batch: &UpdateBatch,
        sent: &mut BTreeMap<FindingKey, Waiting>,
    ) {
        let region = Some(batch.region.as_str());
        let input = batch.input();
        let answer = calls.call(region, "securityhub", "BatchUpdateFindings", &input);
        let answer = answer.await;
        let mut left = match &answer {
            Ok(answer) => left_out(answer),
            Err(_) => BTreeMap::new(),
        };
        for identifier in &batch.identifiers {
            let key = FindingKey {
                product: identifier.0.clone(),
                id: identifier.1.clone(),
                region: batch.region.clone(),
            };
            let Some(waiting) = sent.remove(&key) else {
                continue;
            };
            let refused = match &answer {
                Ok(_) => left.remove(identifier),
                Err(refusal) if !refusal.is_about_input() => {
                    let again = EnrichOutcome::Again(refusal.to_string());
                    self.ends(waiting.place, again);
                    continue;
                }
                // one finding may cause the refusal
                Err(_) if batch.identifiers.len() > 1 => {
                    let how = How::Alone;
                    self.waiting.push_back(Waiting { how, ..waiting });
                    continue;
                }
                Err(refusal) => Some(LeftOut::Less(refusal.code.clone())),
            };
            self.settle(waiting, refused, &batch.update);
        }
    }

    fn settle(&mut self, mut waiting: Waiting, refused: Option<LeftOut>, update: &FindingUpdate) {
        let outcome = match (refused, &waiting.how) {
            (None, How::Together | How::Alone) => EnrichOutcome::Written,
            (None, How::Less(_, code)) => EnrichOutcome::WrittenLess(code.clone()),
            (Some(LeftOut::Gone), _) => EnrichOutcome::Gone,
            (Some(LeftOut::GiveUp(code)), _) | (Some(LeftOut::Less(code)), How::Less(..)) => {
                EnrichOutcome::GaveUp(code)
            }
            (Some(LeftOut::Less(code)), How::Together | How::Alone) => {
                waiting.how = How::Less(update.clone(), code);
                self.waiting.push_back(waiting);
                return;
            }
            (Some(LeftOut::Repeat), _) if waiting.tries < TRIES_MAX => {
                waiting.tries += 1;
                self.repeats = true;
                self.waiting.push_back(waiting);
                return;
            }
            (Some(LeftOut::Repeat), _) => {
                EnrichOutcome::Again("another writer updates it".to_owned())
            }
        };
        self.ends(waiting.place, outcome);
    }
}
