//! The executor: applies stored ends to the accounts' policies, one account after another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_base::{HoldKey, TimeSpan, Timestamp};
use hallpass_plans::{Lane, LaneClaim, LeaseAnswer, StoreFault};

use super::fitting::{Allowance, fit};
use super::foreign::ForeignStatements;
use super::leaving::{Left, done, left};
use super::ledger::{Ledger, Look};
use super::loss::{LookedAt, LossMemory};
use super::observed::{Act, Observed, SeenPolicy, as_seen, begun, next, not_ours};
use super::orphan_policies::LitterSearch;
use super::other_access::{Otherwise, not_answered, not_known};
use super::outage_tracker::Silence;
use super::rounds::{Heard, Round};
use super::statement::{Denial, parts, policy_name};
use super::wanted::{hurry, is_spent, shared_roles, wanted};
use super::{
    ArmedEnd, ArmedEndStore, HomeRegion, NotArmed, OtherAccess, POLICIES_MAX, SettledEnds,
    WhyNotArmed,
};
use crate::account_policy::PolicyRoom;
use crate::policy_keeper::PolicyKeeper;
use crate::ports::{NewPolicy, OrganizationFault, PolicyRow};
use crate::surroundings::{of_management, of_surroundings, reasons, slot_taken, surroundings};

const TAG: &str = "hallpass:armed-ends";
/// Consecutive writes per account; the rest waits for the next tick.
const ACTS_MAX: u32 = 8;
/// Pause between non-urgent writes to one account: sixty grants within a minute then cost six
/// writes.
const WRITE_PAUSE: TimeSpan = TimeSpan::seconds(10);
const UNSEEN: &str = "AWS does not return the written policy";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndArmerSettings {
    /// If false, existing enforced expiries stay until they are over, and none is added.
    pub is_on: bool,
    pub policies: usize,
    pub characters: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndArmerReport {
    pub acts: u32,
    /// Ends seen in force for the first time, or at another instant.
    pub armed: u32,
    /// Overdue unenforced ends among them, denied because the home Region is lost.
    pub denied: u32,
    /// Ends reported as not enforced.
    pub not_armed: u32,
    /// Ends in force that could not be moved.
    pub not_moved: u32,
    /// Accounts whose policies deny people without a stored end, with their number: left unchanged.
    pub unknown: Vec<(String, usize)>,
    pub gone: u32,
    /// Accounts to retry soon, with the reason: AWS was busy or did not respond.
    pub delayed: Vec<(String, String)>,
    pub failed: Vec<(String, String)>,
}

pub struct EndArmer {
    pub(super) keeper: PolicyKeeper,
    others: Arc<dyn OtherAccess>,
    pub(super) ends: Arc<dyn ArmedEndStore>,
    pub(super) settings: EndArmerSettings,
    region: Option<(Arc<dyn HomeRegion>, TimeSpan)>,
    loss: LossMemory,
    room: PolicyRoom,
    silence: Silence,
    written: Mutex<BTreeMap<String, Timestamp>>,
    pub(super) litter: LitterSearch,
    pub(super) foreign: Option<Arc<ForeignStatements>>,
}

impl EndArmer {
    pub fn new(
        keeper: PolicyKeeper,
        others: Arc<dyn OtherAccess>,
        ends: Arc<dyn ArmedEndStore>,
        settings: EndArmerSettings,
    ) -> Self {
        Self {
            keeper,
            others,
            ends,
            settings,
            region: None,
            loss: LossMemory::default(),
            room: PolicyRoom::default(),
            silence: Silence::default(),
            written: Mutex::default(),
            litter: LitterSearch::default(),
            foreign: None,
        }
    }

    #[must_use]
    pub fn telling(mut self, foreign: Arc<ForeignStatements>) -> Self {
        foreign.begin_anew();
        self.foreign = Some(foreign);
        self
    }

    /// Denies overdue unenforced ends once the home Region has been lost for `lost_after`.
    #[must_use]
    pub fn with_home_region(mut self, region: Arc<dyn HomeRegion>, lost_after: TimeSpan) -> Self {
        self.region = Some((region, lost_after));
        self
    }

    fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        let (region, _) = self.region.as_ref()?;
        region.lost_since(now)
    }

    /// As [`Self::lost_since`], once long enough to deny overdue ends.
    fn denies_since(&self, now: Timestamp) -> Option<Timestamp> {
        let (region, lost_after) = self.region.as_ref()?;
        let since = region.lost_since(now)?;
        (self.settings.is_on && lost_after.after(since) <= now).then_some(since)
    }

    /// Runs due work.
    ///
    /// # Errors
    /// The store does not respond. AWS errors are in the report, and stored.
    pub async fn tick(&self) -> Result<EndArmerReport, StoreFault> {
        let mut report = EndArmerReport::default();
        let mut accounts: BTreeMap<String, Vec<ArmedEnd>> = BTreeMap::new();
        let now = self.keeper.clock.now();
        let denies = self.denies_since(now);
        let is_lost = self.lost_since(now).is_some();
        let open = self.ends.open_armed_ends().await?;
        for end in self.loss.hurry(open, (is_lost, denies), now) {
            if let Some(account) = end.account().map(str::to_owned) {
                accounts.entry(account).or_default().push(end);
            }
        }
        self.look_for_others(&mut accounts, now).await;
        self.silence.ask_again(&mut accounts, now);
        let known: BTreeSet<String> = accounts.keys().cloned().collect();
        accounts.retain(|account, ends| {
            ends.iter().any(|end| end.due <= now) && !self.is_paused(account, ends, now)
        });
        let seeks_litter = self.litter.is_due(now, self.settings.is_on);
        if accounts.is_empty() && !seeks_litter {
            return Ok(report);
        }
        let lane = Lane::kept_policies().name;
        if seeks_litter {
            if !self.leased(&lane).await? {
                return Ok(report);
            }
            // before accounts are processed: a finding there may require another look
            self.litter.note_looked(now);
            self.remove_litter(&known, &mut report).await;
        }
        let mut round = Round::new(accounts, denies, self.keeper.clock.now());
        while let Some((account, ends)) = round.next(self.keeper.clock.now()) {
            if !self.leased(&lane).await? {
                return Ok(report);
            }
            let heard = self.tend(&account, ends, &mut report).await?;
            round.note(heard, self.keeper.clock.now());
        }
        if let Some(heard) = round.heard() {
            self.silence.note(heard == Heard::Something);
        }
        self.tell_unreached(round.left(), &mut report).await?;
        self.keeper
            .lanes
            .unlease(&lane, &self.keeper.holder)
            .await?;
        Ok(report)
    }

    async fn leased(&self, lane: &str) -> Result<bool, StoreFault> {
        let claim = LaneClaim::usual(&self.keeper.holder, self.keeper.clock.now());
        let leased = self.keeper.lanes.lease(lane, claim).await?;
        Ok(!matches!(leased, LeaseAnswer::Held { .. }))
    }

    fn is_paused(&self, account: &str, ends: &[ArmedEnd], now: Timestamp) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = written
            .get(account)
            .is_some_and(|at| *at <= now && now < WRITE_PAUSE.after(*at));
        rests
            && !ends
                .iter()
                .any(|end| end.due <= now && hurry(end, now).is_some())
    }

    /// Works on one account until it is stable.
    async fn tend(
        &self,
        account: &str,
        mut ends: Vec<ArmedEnd>,
        report: &mut EndArmerReport,
    ) -> Result<Heard, StoreFault> {
        let acts_before = report.acts;
        let otherwise = self.held_otherwise(&mut ends).await;
        let looked_at = LookedAt::all(&ends, &otherwise, self.keeper.clock.now());
        let mut seen = None;
        let work = self.work(account, &mut ends, &otherwise, (report, &mut seen));
        let looked = work.await;
        let heard = match &looked {
            Err(Left::Silent(_)) => Heard::Nothing,
            _ => Heard::Something,
        };
        let now = match &looked {
            Ok(look) => look.at,
            Err(_) => self.keeper.clock.now(),
        };
        let mut ledger = Ledger::new(now, self.keeper.ids.as_ref(), account);
        match looked {
            Ok(look) => ledger.settle(ends, &look),
            Err(Left::Unseen) => ledger.postpone(ends, UNSEEN, None),
            // an end started or moved: it is due at the next tick
            Err(Left::Moved) => return Ok(heard),
            Err(Left::NotStored(fault)) => return Err(fault),
            Err(Left::Passing(why) | Left::Silent(why)) => {
                ledger.postpone(ends, &why, seen.as_ref());
                report.delayed.push((account.to_owned(), why));
            }
            Err(Left::Refused(why) | Left::TooLong(why)) => {
                ledger.refuse(ends, &why, seen.as_ref());
                report.failed.push((account.to_owned(), why));
            }
            Err(Left::NoAccount(why)) => ledger.no_account(ends, &why),
        }
        let told = ledger.finish();
        if told.gone > 0 && report.acts == acts_before {
            // removed from outside, or by a process stopped between detach and delete
            self.litter.may_be_left();
        }
        let (armed, not_armed, gone) = (told.armed, told.not_armed, told.gone);
        let (denied, not_moved) = (told.denied, told.not_moved);
        let settled = self.ends.settle_armed_ends(told.change).await?;
        match settled {
            SettledEnds::Stored => {
                report.armed += armed;
                report.denied += denied;
                self.loss.looked_at(looked_at);
                report.not_armed += not_armed;
                report.not_moved += not_moved;
                report.gone += gone;
            }
            // a grant started or was extended meanwhile: it is due at the next tick
            SettledEnds::Moved => {}
        }
        Ok(heard)
    }

    /// Finds ends that must not be enforced because the user has the same access in another way;
    /// checked again whenever an end is due. If the check fails, the end stays unchanged, unless it
    /// is to be denied unasked. Also notes users without other access.
    async fn held_otherwise(&self, ends: &mut [ArmedEnd]) -> BTreeMap<HoldKey, Otherwise> {
        let now = self.keeper.clock.now();
        let (lost, denies) = (self.lost_since(now), self.denies_since(now));
        let shared = shared_roles(ends, now);
        let mut found = BTreeMap::new();
        for end in ends.iter_mut().filter(|end| end.is_wanted(now)) {
            if !self.settings.is_on && end.armed_until().is_none() {
                let words = "the configuration enforces no expiry".to_owned();
                let why = WhyNotArmed::Off;
                found.insert(end.key.clone(), Otherwise::Not(NotArmed { why, words }));
            } else if let Some(since) = denies.filter(|it| end.is_denied_unasked(*it, now)) {
                found.insert(end.key.clone(), Otherwise::Lost(since));
            } else if end.due > now {
                // due only through another end of the account: without its own check it is neither
                // started nor removed
                if end.is_unsettled() {
                    let words = "its turn has not come again".to_owned();
                    found.insert(end.key.clone(), Otherwise::Unknown(words));
                } else if let Some(why) = end.not_armed() {
                    found.insert(end.key.clone(), Otherwise::Not(why.clone()));
                }
            } else if let Some(since) = lost {
                // each query would only time out
                let words = not_answered(since);
                found.insert(end.key.clone(), Otherwise::Unknown(words));
            } else {
                // after Hallpass's assignment is removed, a remaining own assignment was given from
                // outside, unless it may belong to another end
                let role = Denial::of(end, now).map(|it| (it.user, it.role));
                let own = end.lasts_until.is_some() && !role.is_some_and(|it| shared.contains(&it));
                let others = self.others.held_otherwise(&end.key, &end.names, own);
                match others.await {
                    Ok(None) => end.alone_at = Some(now),
                    Ok(Some(words)) => {
                        end.alone_at = None;
                        let why = WhyNotArmed::HeldOtherwise;
                        found.insert(end.key.clone(), Otherwise::Not(NotArmed { why, words }));
                    }
                    Err(fault) => {
                        found.insert(end.key.clone(), not_known(&fault));
                    }
                }
            }
        }
        found
    }

    /// Reads and writes until the policies match. `unchanged`: seen in force and not changed since.
    async fn work(
        &self,
        account: &str,
        ends: &mut [ArmedEnd],
        otherwise: &BTreeMap<HoldKey, Otherwise>,
        (report, unchanged): (&mut EndArmerReport, &mut Option<BTreeSet<Denial>>),
    ) -> Result<Look, Left> {
        let mut last = None;
        for _ in 0..ACTS_MAX {
            let seen = self.look(account).await?;
            let now = self.keeper.clock.now();
            let denied = seen.denials();
            let (wanted, joined) = wanted(ends, otherwise, &denied, now);
            let allowance = Allowance {
                policies: self.settings.policies,
                characters: self.room.characters(self.settings.characters, now),
            };
            if let Some(desk) = &self.foreign {
                desk.note(account, not_ours(&seen, ends, now), now);
            }
            let known: BTreeSet<_> = ends.iter().filter_map(|it| Denial::of(it, now)).collect();
            let unknown = seen.unknown(&known, |denial| is_spent(denial, now));
            let count: usize = unknown.iter().map(BTreeSet::len).sum();
            let fitted = fit(&seen, (&wanted, unknown), allowance, now);
            let begun = begun(&wanted, &fitted, &denied, now);
            let Some(act) = next(&seen, &fitted) else {
                if count > 0 {
                    report.unknown.push((account.to_owned(), count));
                }
                return Ok(Look {
                    at: now,
                    denied,
                    beside_foreign: fitted.beside_foreign,
                    joined,
                    otherwise: otherwise.clone(),
                    is_narrow: self.room.is_narrow(now),
                });
            };
            if last.as_ref() == Some(&act) {
                return Err(Left::Unseen);
            }
            *unchanged = Some(denied.clone());
            let written = match self.check(account, &seen, &act).await {
                Ok(()) => {
                    // CRASH: a stored but unwritten intent is seen as not in force
                    self.intend(ends, &begun).await?;
                    self.act(account, &act).await
                }
                Err(left) => Err(left),
            };
            match written {
                Err(Left::TooLong(_)) if self.room.note_refused(now) => continue,
                Err(left @ (Left::Refused(_) | Left::TooLong(_))) => {
                    as_seen(ends, &denied, now);
                    return Err(left);
                }
                done => done?,
            }
            *unchanged = None;
            report.acts += 1;
            self.note_written(account);
            last = Some(act);
        }
        Err(Left::Unseen)
    }

    fn note_written(&self, account: &str) {
        let now = self.keeper.clock.now();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.retain(|_, at| now < WRITE_PAUSE.after(*at));
        written.insert(account.to_owned(), now);
    }

    pub(super) async fn look(&self, account: &str) -> Result<Observed, Left> {
        let attached = match self.keeper.organization.policies_of(account).await {
            Ok(attached) => attached,
            Err(OrganizationFault::NotThere { message }) => return Err(Left::NoAccount(message)),
            Err(fault) => return Err(left(fault)),
        };
        let mut seen = Observed {
            attached,
            ..Observed::default()
        };
        for (number, place) in seen.ours.iter_mut().enumerate() {
            let name = policy_name(account, number);
            let Some(row) = seen.attached.iter().find(|row| row.name == name) else {
                continue;
            };
            let policy = self
                .keeper
                .organization
                .policy(&row.id)
                .await
                .map_err(left)?;
            *place = policy
                .map(|policy| seen_policy(&policy.row, policy.content))
                .transpose()?;
        }
        Ok(seen)
    }

    /// Checks for obstacles before a deny is written.
    async fn check(&self, account: &str, seen: &Observed, act: &Act) -> Result<(), Left> {
        let Act::Make { number, .. } = act else {
            return Ok(());
        };
        let around = surroundings(self.keeper.organization.as_ref()).await;
        let around = around.map_err(|unread| left(unread.fault))?;
        let mut found = of_surroundings(&around);
        found.extend(of_management(&around, account));
        found.extend(slot_taken(
            account,
            &seen.attached,
            &policy_name(account, *number),
        ));
        if found.is_empty() {
            Ok(())
        } else {
            Err(Left::Refused(reasons(&found)))
        }
    }

    pub(super) async fn act(&self, account: &str, act: &Act) -> Result<(), Left> {
        let organization = self.keeper.organization.as_ref();
        match act {
            Act::Make { number, content } => {
                let policy = NewPolicy {
                    name: policy_name(account, *number),
                    description: "ends of temporary access, enforced by AWS; kept by Hallpass"
                        .to_owned(),
                    content: content.clone(),
                    tags: BTreeMap::from([(TAG.to_owned(), account.to_owned())]),
                };
                // CRASH: a created but unattached policy is found by name, and attached
                let id = match organization.create_policy(&policy).await {
                    Ok(id) => id,
                    Err(OrganizationFault::AlreadyThere { .. }) => {
                        let id = self.find(&policy.name).await?;
                        self.check_alone(&id).await?;
                        done(organization.update_policy(&id, content).await)?;
                        id
                    }
                    Err(fault) => return Err(left(fault)),
                };
                done(organization.attach(&id, account).await)
            }
            Act::Update { id, content } => done(organization.update_policy(id, content).await),
            Act::Remove { id } => {
                done(organization.detach(id, account).await)?;
                // CRASH: a detached but undeleted policy denies nothing; it is found as litter, or
                // by name
                done(organization.delete_policy(id).await)
            }
        }
    }

    /// Refuses an unattached policy with Hallpass's name and a foreign statement: the effect of
    /// attaching it is unknown. Its own statements may belong to ended grants, so the new text
    /// omits them.
    async fn check_alone(&self, id: &str) -> Result<(), Left> {
        let policy = { self.keeper.organization.policy(id).await }.map_err(left)?;
        let policy = policy.ok_or(Left::Unseen)?;
        let name = policy.row.name.clone();
        if seen_policy(&policy.row, policy.content)?
            .parts
            .foreign
            .is_empty()
        {
            return Ok(());
        }
        Err(Left::Refused(format!(
            "policy `{name}` is attached nowhere and has a foreign statement; an operator should check it"
        )))
    }

    async fn find(&self, name: &str) -> Result<String, Left> {
        let all = self.keeper.organization.policies().await.map_err(left)?;
        let found = all.into_iter().find(|row| row.name == name);
        found.map(|row| row.id).ok_or(Left::Unseen)
    }
}

pub(super) fn seen_policy(row: &PolicyRow, content: String) -> Result<SeenPolicy, Left> {
    let Some(parts) = parts(&content) else {
        return Err(Left::Refused(format!(
            "policy `{}` cannot be read",
            row.name
        )));
    };
    Ok(SeenPolicy {
        id: row.id.clone(),
        content,
        parts,
    })
}

const _: () = assert!(POLICIES_MAX >= 1);
