//! Checks the whole organization (`organization.md` S-8): differences are reported or queued as
//! visits.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_enforcement::standards_visits::{StandardsChange, StandardsVisit, VisitCause};
use hallpass_plans::StoreFault;

use super::allowed::{FollowMode, LeftAlone, MayChange};
use super::compare::{HubStanding, compare};
use super::facts::StandardsFacts;
use super::file::StandardsFile;
use super::follow::{StandardsFollower, Swept, day, in_words};
use super::gather::{StandardsScope, gather_hubs, gather_organization};
use super::news::{StandardsNews, Told};
use super::typos::unknown_names;

type Found = BTreeMap<AccountId, (Vec<StandardsChange>, Vec<StandardsChange>)>;

impl StandardsFollower {
    /// Checks the whole organization; requests visits of changeable accounts, and reports the
    /// others.
    ///
    /// # Errors
    /// The organization or the store, as text; nothing was requested.
    pub async fn sweep(&self) -> Result<Swept, String> {
        let file = (self.file)();
        let scope = StandardsScope {
            regions: self.settings.regions.clone(),
            ..StandardsScope::default()
        };
        let facts = gather_organization(self.calls.as_ref(), Some(&file), &scope).await;
        let mut facts = facts.map_err(|why| why.to_string())?;
        let mut swept = Swept::default();
        let kept = |fault: StoreFault| fault.to_string();
        let mut found = Found::new();
        if facts.central.is_none() {
            gather_hubs(self.calls.as_ref(), Some(&file), &scope, &mut facts).await;
            let unknown = unknown_names(&file, &facts);
            if !unknown.is_empty() {
                let (hash, why) = (file.hash().to_owned(), in_words(&unknown));
                let news = StandardsNews::Unusable { hash, why };
                self.teller.tell(&news).await.map_err(kept)?;
                self.visits.swept(self.clock.now()).await.map_err(kept)?;
                return Ok(swept);
            }
            found = self.found(&file, &facts, &mut swept);
        }
        swept.differing = found.keys().cloned().collect();
        let told = self.sort(&file, &facts, found, &mut swept);
        let told = told.await.map_err(kept)?;
        self.tell_differences(told).await.map_err(kept)?;
        let now = self.clock.now();
        let visits = swept.asked.iter().cloned();
        let visits: Vec<StandardsVisit> = visits
            .map(|it| StandardsVisit::now(it, VisitCause::Sweep, now))
            .collect();
        self.visits.ask_visits(&visits).await.map_err(kept)?;
        self.visits.swept(now).await.map_err(kept)?;
        Ok(swept)
    }

    fn found(&self, file: &StandardsFile, facts: &StandardsFacts, swept: &mut Swept) -> Found {
        let mut found = Found::new();
        for row in compare(file, facts, self.choices(), day(self.clock.now())) {
            let Ok(account) = AccountId::new(row.account.clone()) else {
                continue;
            };
            if row.is_bad() {
                swept.unknown.insert(account);
            } else if row.standing == HubStanding::Compared {
                let (changes, left_on) = (row.changes(facts), row.left_on);
                if !(changes.is_empty() && left_on.is_empty()) {
                    let held = found.entry(account).or_default();
                    held.0.extend(changes);
                    held.1.extend(left_on);
                }
            }
        }
        found
    }

    async fn sort(
        &self,
        file: &StandardsFile,
        facts: &StandardsFacts,
        found: Found,
        swept: &mut Swept,
    ) -> Result<Told, StoreFault> {
        let applied = self.visits.last_applied().await?;
        let (mut told, mut may) = (Told::default(), Vec::new());
        for (account, (mut changes, left_on)) in found {
            match self.may_change(file, facts, applied.as_ref(), &account) {
                MayChange::No(why) => {
                    changes.extend(left_on);
                    told.add(why, account, changes);
                }
                MayChange::Yes | MayChange::WithinTheDay => {
                    told.add(LeftAlone::TurnedOn, account.clone(), left_on);
                    if !changes.is_empty() {
                        may.push((account, changes));
                    }
                }
            }
        }
        if self.settings.mode == FollowMode::Enforce {
            let today = day(self.clock.now()).to_string();
            let taken = self.visits.changes_taken(&today).await?;
            let left = self.settings.a_day.saturating_sub(taken);
            if may.len() > left {
                for (account, changes) in std::mem::take(&mut may) {
                    told.add(LeftAlone::TooMany { left }, account, changes);
                }
            }
        }
        swept.asked = may.into_iter().map(|(account, _)| account).collect();
        Ok(told)
    }
}
