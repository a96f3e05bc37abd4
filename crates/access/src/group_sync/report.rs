//! What is kept of the newest run, for pages, commands and metrics: numbers, and the first names.

use hallpass_base::{GroupId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Addition, GroupPlan, GroupProblem, GroupSyncBrake, GroupSyncItem, GroupSyncPlan, ManualMember,
};

/// People by number, and the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPeople<T> {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T: Clone> FirstPeople<T> {
    fn of(all: &[T], most: usize) -> Self {
        Self {
            count: u64::try_from(all.len()).unwrap_or(u64::MAX),
            first: all.iter().take(most).cloned().collect(),
        }
    }
}

/// What a run found of a group, and began there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    /// As the configuration names it.
    pub named: String,
    /// Its id, where there is one of that name.
    pub group: Option<GroupId>,
    /// Its name.
    pub name: Option<String>,
    /// Why nothing is done about it.
    pub problem: Option<GroupProblem>,
    /// Members.
    pub members: u64,
    /// Who is to be added.
    pub add: FirstPeople<Addition>,
    /// Who is there and wanted by no rule.
    pub manual: FirstPeople<ManualMember>,
    /// How many of these are to be removed.
    pub remove: u64,
    /// Why none of them is, although the configuration says so.
    pub brake: Option<GroupSyncBrake>,
    /// People of whom is not known whether a rule wants them there.
    pub unknown: u64,
    /// Memberships that grants hold, or that are being changed.
    pub held: u64,
    /// Memberships that AWS refuses to change: who, and its words.
    pub refused: FirstPeople<(String, String)>,
}

impl GroupReport {
    /// What people call the group.
    pub fn shown(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.named)
    }
}

impl GroupSyncPlan {
    /// The plan with at most so many names in each list.
    pub fn report(&self, most: usize) -> Vec<GroupReport> {
        let one = |plan: &GroupPlan| GroupReport {
            named: plan.named.to_string(),
            group: plan.group.as_ref().map(|(id, _)| id.clone()),
            name: plan.group.as_ref().map(|(_, name)| name.clone()),
            problem: plan.problem.clone(),
            members: plan.members,
            add: FirstPeople::of(&plan.add, most),
            manual: FirstPeople::of(&plan.manual, most),
            remove: u64::try_from(plan.remove.len()).unwrap_or(u64::MAX),
            brake: plan.brake,
            unknown: plan.unknown,
            held: plan.held,
            refused: FirstPeople::of(&refused(plan), most),
        };
        self.groups.iter().map(one).collect()
    }
}

fn refused(plan: &GroupPlan) -> Vec<(String, String)> {
    let words = |item: &GroupSyncItem| Some((item.who.clone(), item.refusal()?.to_owned()));
    plan.refused.iter().filter_map(words).collect()
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum GroupSyncOutcome {
    /// The directory could not be read whole: nothing was changed.
    Failed {
        /// What was said.
        error: String,
    },
    /// Everything was looked at, and what was to be done has begun.
    Looked {
        /// Each group.
        groups: Vec<GroupReport>,
    },
}

/// The newest run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSyncRun {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: GroupSyncOutcome,
    /// Grows with every run; 0 where there was none before. Guards concurrent writers.
    pub version: u64,
}
