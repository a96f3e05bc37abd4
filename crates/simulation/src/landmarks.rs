//! Landmark states: a run over seeds fails when it never reached one of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

macro_rules! landmarks {
    ($($(#[doc = $doc:literal])* $name:ident = $says:literal,)*) => {
        /// A state that two-node simulations must reach in at least one seed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Landmark {
            $($(#[doc = $doc])* $name,)*
        }

        impl Landmark {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }
        }
    };
}

landmarks! {
    /// Two people hold, or wait for, one permission set in one account: their operations share a
    /// lane.
    TwoHolders = "two people with one permission set",
    Overlap = "two live grants of one key",
    LeaderKilled = "a leader killed",
    LeaderOversleeps = "a leader paused past its time, and going on",
    /// A write passed the last look, its node paused, and it reached AWS after the term.
    SentLate = "a write sent after the last look, too late",
    /// A node released the lead, and another took it within two seconds.
    HandedOver = "a clean hand-over",
    /// Two nodes claimed a free lead, and one was refused.
    ClaimedByTwo = "two nodes claiming together",
    /// A term began during a create of an earlier term, or with its outcome unknown.
    TakeoverInCreate = "a takeover in a create",
    TakeoverInDelete = "a takeover in a delete",
    TakeoverInSweep = "a takeover in a sweep",
    /// A term began after an earlier one had lost the answer to a create or a delete.
    TakeoverAfterLostAnswer = "a takeover with a lost answer",
    FenceRefused = "a write refused by the fence",
    LastLookRefused = "a write kept back by the last look",
    AnswerLost = "an answer of AWS lost",
    CommitLost = "the answer to a commit lost",
    RenewalLost = "the answer to a renewal lost",
    StoreCutOff = "a leader without the store",
    AwsCutOff = "a leader without AWS",
    /// The nodes' wall clocks differed by more than a minute.
    ClocksApart = "clocks apart",
    EndRefused = "an end refused by AWS",
    LockedWhileHeld = "a person locked while they held access",
    /// A later process sent a notice that an earlier one had taken but not sent.
    ToldAfterAKill = "news reported after a kill",
    /// A grant became overdue while no node worked, and was ended later.
    OverdueEnd = "an end that came due while no node worked",
    EndArmed = "an expiry enforced by AWS",
    /// A term began while a grant waited for its enforced expiry.
    TakeoverInArming = "a takeover while an expiry was being enforced",
    /// A policy passed the last look, its node paused, and it reached AWS after the term.
    PolicySentLate = "a policy sent after the last look, too late",
}

impl Landmark {
    /// Returns whether only simulations with enforced expiry reach it.
    pub const fn is_of_arming(self) -> bool {
        matches!(
            self,
            Self::EndArmed | Self::TakeoverInArming | Self::PolicySentLate
        )
    }
}

#[derive(Debug, Default)]
pub struct Reached(Mutex<BTreeMap<Landmark, u64>>);

impl Reached {
    pub fn note(&self, landmark: Landmark) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(landmark).or_default() += 1;
    }

    pub fn add(&self, other: &Self) {
        let others = other.counts();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (landmark, count) in others {
            *counts.entry(landmark).or_default() += count;
        }
    }

    pub fn counts(&self) -> BTreeMap<Landmark, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn missing(&self, arms: bool) -> Vec<Landmark> {
        let counts = self.counts();
        let all = Landmark::ALL.iter().copied();
        let expected = all.filter(|it| it.is_of_arming() == arms);
        expected.filter(|it| !counts.contains_key(it)).collect()
    }
}
