//! States that matter: a run over seeds is red when it never reached one of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

macro_rules! landmarks {
    ($($(#[doc = $doc:literal])* $name:ident = $says:literal,)*) => {
        /// A state that lives with two nodes must reach somewhere among their seeds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Landmark {
            $($(#[doc = $doc])* $name,)*
        }

        impl Landmark {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What was reached, for people.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }
        }
    };
}

landmarks! {
    /// Two people hold, or wait for, one permission set in one account: their operations stand in one lane.
    TwoHolders = "two people with one permission set",
    /// One person has two live grants of the same.
    Overlap = "two live grants of one key",
    /// A leader's process was killed.
    LeaderKilled = "a leader killed",
    /// A leader was paused, and went on after its time was over.
    LeaderOversleeps = "a leader paused past its time, and going on",
    /// A request to write had passed the last look when its node was paused, and reached AWS after its time.
    SentLate = "a write sent after the last look, too late",
    /// A node gave the lead back, and another had it within two seconds.
    HandedOver = "a clean hand-over",
    /// Two nodes asked for a lead that nobody had, and one was told who was first.
    ClaimedByTwo = "two nodes claiming at once",
    /// A term began while a create of an earlier one was under way, or its answer unknown.
    TakeoverInCreate = "a takeover in a create",
    /// The same of a delete.
    TakeoverInDelete = "a takeover in a delete",
    /// The same of a sweep that looks.
    TakeoverInSweep = "a takeover in a sweep",
    /// A term began while the answer to a create or a delete had been lost by an earlier one.
    TakeoverAfterLostAnswer = "a takeover with a lost answer",
    /// The store refused a write of a node that led no more.
    FenceRefused = "a write refused by the fence",
    /// The last look kept a write from AWS.
    LastLookRefused = "a write kept back by the last look",
    /// AWS did what it was asked, and its answer was lost.
    AnswerLost = "an answer of AWS lost",
    /// A commit took place, and its answer was lost.
    CommitLost = "the answer to a commit lost",
    /// A renewal took place, and its answer was lost.
    RenewalLost = "the answer to a renewal lost",
    /// A leader could not reach the store.
    StoreCutOff = "a leader cut off from the store",
    /// A leader could not reach AWS.
    AwsCutOff = "a leader cut off from AWS",
    /// The wall clocks of the nodes differed by more than a minute.
    ClocksApart = "clocks apart",
    /// AWS refused an end.
    EndRefused = "an end refused by AWS",
    /// A person was locked while they held something.
    LockedWhileHeld = "a person locked while they held access",
    /// Somebody was told by a later process what an earlier one had taken and not told.
    ToldAfterAKill = "news told after a kill",
    /// An end became overdue while nobody worked, and came.
    OverdueEnd = "an end that came due while nobody worked",
    /// AWS refuses by itself what somebody holds, from its end on.
    EndArmed = "an end armed at AWS",
    /// A term began while a grant waited for its end to be armed.
    TakeoverInArming = "a takeover while an end was being armed",
    /// A policy had passed the last look when its node was paused, and reached AWS after its time.
    PolicySentLate = "a policy sent after the last look, too late",
}

impl Landmark {
    /// Whether only lives reach it in which ends are armed at AWS.
    pub const fn is_of_arming(self) -> bool {
        matches!(
            self,
            Self::EndArmed | Self::TakeoverInArming | Self::PolicySentLate
        )
    }
}

/// How often each was reached.
#[derive(Debug, Default)]
pub struct Reached(Mutex<BTreeMap<Landmark, u64>>);

impl Reached {
    /// It was reached once more.
    pub fn note(&self, landmark: Landmark) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(landmark).or_default() += 1;
    }

    /// Takes over what another has.
    pub fn add(&self, other: &Self) {
        let others = other.counts();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (landmark, count) in others {
            *counts.entry(landmark).or_default() += count;
        }
    }

    /// How often each was reached that was.
    pub fn counts(&self) -> BTreeMap<Landmark, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Those that were never reached, of lives in which ends are armed at AWS or not.
    pub fn missing(&self, arms: bool) -> Vec<Landmark> {
        let counts = self.counts();
        let all = Landmark::ALL.iter().copied();
        let expected = all.filter(|it| it.is_of_arming() == arms);
        expected.filter(|it| !counts.contains_key(it)).collect()
    }
}
