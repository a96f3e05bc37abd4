//! Writes results to findings by their current state: user labels stay (`organization.md` R-6,
//!

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::{EnrichOutcome, FindingKey, Intent, Room, StandingFinding, annotation, write_standing};
use hallpass_base::{TimeSpan, Timestamp};

use super::{LOOKED_AT, RemediationWorker};
use crate::remediation::deviation::{Deviation, REMEDIATED_BY, RESULT, deviations_of};
use crate::remediation::item::{
    Label, Remediation, RemediationPhase, RemediationResult, WorkflowStatus, WriteBack,
};
use crate::remediation::ports::{RemediationStore, RemediationStoreFault};
use crate::remediation::standing::{Standing, of_finding};

/// Findings per call (Security Hub API Reference, `BatchUpdateFindings`).
const TOLD_AT_ONCE: usize = 100;
const TELL_AGAIN: TimeSpan = TimeSpan::seconds(30);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Telling {
    /// Already written: a crash came before that was stored. With its label.
    Known(Option<Label>),
    /// Writes note and fields, and this workflow status if any.
    Write(Option<WorkflowStatus>),
    Left,
    /// Nothing: the deviation changed, which ends the remediation.
    Over(String),
}

impl RemediationWorker {
    /// Updates findings and returns their number. After a store error, unrecorded updates are
    /// repeated.
    pub async fn tell(&self) -> Result<usize, RemediationStoreFault> {
        let now = self.clock.now();
        if self.store.paused().await?.is_some() {
            return Ok(0);
        }
        let due = self.store.due_remediations(now, LOOKED_AT).await?;
        let is_due = |it: &Remediation| it.write_back.as_ref().is_some_and(|it| it.from <= now);
        let mut seen = BTreeSet::new();
        let mut keys: Vec<FindingKey> = Vec::new();
        let mut told = 0;
        let (mut items, mut siblings) = (Vec::new(), Vec::new());
        let mut unread = None;
        for it in due.into_iter().filter(is_due) {
            match it.deviation.finding.clone() {
                Some(key) if items.len() < TOLD_AT_ONCE && seen.insert(key.clone()) => {
                    match siblings_of(self.store.as_ref(), &it).await {
                        Ok(all) => {
                            keys.push(key);
                            items.push(it);
                            siblings.push(all);
                        }
                        Err(fault) => {
                            let again = EnrichOutcome::Again(fault.to_string());
                            self.note_told(it, &again, None, now).await?;
                            unread = Some(fault);
                        }
                    }
                }
                Some(_) => {}
                None => {
                    told += usize::from(self.note_told(it, &EnrichOutcome::Gone, None, now).await?);
                }
            }
        }
        if items.is_empty() {
            return unread.map_or(Ok(told), Err);
        }
        let tellings: Mutex<BTreeMap<usize, (Telling, Option<Label>)>> = Mutex::default();
        let judge = |place: usize, standing: &StandingFinding, _: Room| {
            let (Some(it), Some(siblings)) = (items.get(place), siblings.get(place)) else {
                return Intent::Leave("it has nothing to report (this is a bug)".to_owned());
            };
            let Some(write_back) = it.write_back.as_ref() else {
                return Intent::Leave("it has nothing to report (this is a bug)".to_owned());
            };
            let author = &self.settings.updated_by;
            let telling = telling(it, siblings, write_back, standing, author);
            let (intent, label) = self.intent(it, write_back, standing, &telling);
            let mut tellings = tellings.lock().unwrap_or_else(PoisonError::into_inner);
            tellings.insert(place, (telling, label));
            intent
        };
        let outcomes = write_standing(self.findings.as_ref(), &keys, &judge).await;
        let mut tellings = tellings
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for (place, (it, outcome)) in items.into_iter().zip(outcomes).enumerate() {
            let telling = tellings.remove(&place);
            told += usize::from(self.note_told(it, &outcome, telling, now).await?);
        }
        unread.map_or(Ok(told), Err)
    }

    /// Builds the update of a finding, and its resulting label.
    fn intent(
        &self,
        it: &Remediation,
        write_back: &WriteBack,
        standing: &StandingFinding,
        telling: &Telling,
    ) -> (Intent, Option<Label>) {
        match telling {
            Telling::Write(status) => {
                let own = own_fields(it, write_back);
                let (finding, note) = (&standing.finding, &write_back.note);
                let name = status.map(WorkflowStatus::name);
                let update = annotation(finding, note, &own, name, &self.settings);
                let written = update.note.as_ref().map(|it| it.text.clone());
                let label = status.map(|status| Label {
                    status,
                    note: written.unwrap_or_else(|| note_of(standing)),
                });
                (Intent::Write(update), label)
            }
            Telling::Known(label) => (Intent::Leave(String::new()), label.clone()),
            Telling::Left | Telling::Over(_) => (Intent::Leave(String::new()), None),
        }
    }

    async fn note_told(
        &self,
        mut it: Remediation,
        outcome: &EnrichOutcome,
        telling: Option<(Telling, Option<Label>)>,
        now: Timestamp,
    ) -> Result<bool, RemediationStoreFault> {
        let is_over = !matches!(outcome, EnrichOutcome::Again(_));
        let wrote = matches!(
            outcome,
            EnrichOutcome::Written | EnrichOutcome::WrittenLess(_)
        );
        let is_moot = *outcome == EnrichOutcome::Gone && touched_nothing(&it);
        let (telling, label) = telling.unzip();
        match (&mut it.write_back, telling) {
            (Some(write_back), _) if !is_over => write_back.from = TELL_AGAIN.after(now),
            (Some(_), Some(Telling::Over(why))) => it = it.drifted(why),
            (Some(_), None) if is_moot => {
                it = it.drifted("Security Hub does not have the finding".to_owned());
            }
            (_, telling) => {
                let stands = matches!(telling, Some(Telling::Known(_))) || wrote;
                if let Some(label) = label.flatten().filter(|_| stands) {
                    it.labelled = Some(label);
                }
                it.write_back = None;
            }
        }
        match self.store.change_remediation(&it).await {
            Ok(()) => Ok(is_over),
            Err(RemediationStoreFault::Raced(_)) => Ok(false),
            Err(fault) => Err(fault),
        }
    }
}

/// Returns the last decided remediation of every other resource of the finding.
pub async fn siblings_of(
    store: &dyn RemediationStore,
    it: &Remediation,
) -> Result<Vec<Remediation>, RemediationStoreFault> {
    let mut all = Vec::new();
    for resource in &it.deviation.others {
        let account = &it.deviation.account;
        let found = store
            .of_resource(account, resource, Timestamp::UNIX_EPOCH)
            .await?;
        let same = |other: &Remediation| other.deviation.finding == it.deviation.finding;
        all.extend(found.into_iter().filter(same));
    }
    Ok(all)
}

/// Returns the workflow status. A settling status applies only when all resources of the finding
/// are settled.
fn wanted(
    it: &Remediation,
    siblings: &[Remediation],
    write_back: &WriteBack,
    standing: &StandingFinding,
) -> Option<WorkflowStatus> {
    let status = write_back.status;
    let own = &it.deviation;
    let is_done = |row: &Deviation| {
        let mut of_row = siblings.iter();
        let last = of_row.find(|other| other.deviation.resource == row.resource);
        last.is_some_and(|other| {
            // a remediation of an earlier state of the finding does not count
            other.deviation.updated_at >= own.updated_at
                && matches!(other.phase, RemediationPhase::Finished { .. })
        })
    };
    match status {
        WorkflowStatus::New | WorkflowStatus::Notified => Some(status),
        WorkflowStatus::Resolved | WorkflowStatus::Suppressed => {
            let rows = deviations_of(&standing.finding, &standing.document);
            let mut others = rows.iter().filter(|row| row.resource != own.resource);
            others.all(is_done).then_some(status)
        }
    }
}

/// Returns whether the finding still has Hallpass's last label, which may be reset. `own` is the
/// author of Hallpass notes.
pub fn is_labelled_by_us(it: &Remediation, standing: &StandingFinding, own: &str) -> bool {
    let workflow = standing.workflow();
    match &it.labelled {
        Some(label) => {
            let note = standing.finding.note.as_ref();
            let is_ours = note.is_some_and(|it| it.updated_by == own);
            label.status.name() == workflow && (is_ours || label.note == note_of(standing))
        }
        None => is_open(workflow),
    }
}

fn is_open(workflow: &str) -> bool {
    matches!(workflow, "" | "NEW" | "NOTIFIED")
}

/// Returns whether no account was changed. Then a changed finding needs no update.
fn touched_nothing(it: &Remediation) -> bool {
    match &it.phase {
        RemediationPhase::Finished { result } => *result != RemediationResult::Changed,
        RemediationPhase::Manual { .. } => it.changed_at.is_none(),
        RemediationPhase::Observed
        | RemediationPhase::Waiting { .. }
        | RemediationPhase::Pending { .. }
        | RemediationPhase::Drifted { .. }
        | RemediationPhase::Undone { .. } => false,
    }
}

fn telling(
    it: &Remediation,
    siblings: &[Remediation],
    write_back: &WriteBack,
    standing: &StandingFinding,
    author: &str,
) -> Telling {
    let own = own_fields(it, write_back);
    let fields = &standing.finding.fields;
    let says_so = |(key, value): (&String, &String)| fields.get(key) == Some(value);
    let wanted = wanted(it, siblings, write_back, standing);
    let has_label = standing.workflow() == write_back.status.name();
    // suppressions of one rule share one text, so it may stem from an earlier one
    let is_of_this_time = write_back.status != WorkflowStatus::Suppressed;
    if own.iter().all(says_so) && (is_of_this_time || wanted.is_none() || has_label) {
        return Telling::Known(has_label.then(|| Label {
            status: write_back.status,
            note: note_of(standing),
        }));
    }
    if !standing.finding.active && !touched_nothing(it) {
        return Telling::Left;
    }
    if matches!(it.phase, RemediationPhase::Undone { .. }) {
        let mut all = std::iter::once(it).chain(siblings);
        return if all.any(|it| is_labelled_by_us(it, standing, author)) {
            Telling::Write(Some(write_back.status))
        } else {
            Telling::Left
        };
    }
    if touched_nothing(it) {
        return match of_finding(&it.deviation, Some(standing)) {
            Standing::Open(_) => Telling::Write(wanted),
            Standing::Over(why) => Telling::Over(why),
        };
    }
    // the account was changed: the finding reports it in addition to any user decision
    Telling::Write(wanted.filter(|_| is_open(standing.workflow())))
}

fn note_of(standing: &StandingFinding) -> String {
    let note = standing.finding.note.as_ref();
    note.map(|it| it.text.clone()).unwrap_or_default()
}

fn own_fields(it: &Remediation, write_back: &WriteBack) -> BTreeMap<String, String> {
    let by = match write_back.status {
        WorkflowStatus::Suppressed => format!("rule {}", it.rule),
        WorkflowStatus::New | WorkflowStatus::Notified | WorkflowStatus::Resolved => {
            it.id.to_string()
        }
    };
    BTreeMap::from([
        (REMEDIATED_BY.to_owned(), by),
        (RESULT.to_owned(), write_back.result.clone()),
    ])
}
