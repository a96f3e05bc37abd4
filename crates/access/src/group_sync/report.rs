//! The stored summary of the newest run: counts, and the first names.

use hallpass_base::{GroupId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Addition, GroupPlan, GroupProblem, GroupSyncBrake, GroupSyncItem, GroupSyncPlan, ManualMember,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPeople<T> {
    pub count: u64,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    pub named: String,
    pub group: Option<GroupId>,
    pub name: Option<String>,
    pub problem: Option<GroupProblem>,
    pub members: u64,
    pub add: FirstPeople<Addition>,
    pub manual: FirstPeople<ManualMember>,
    pub remove: u64,
    pub brake: Option<GroupSyncBrake>,
    pub unknown: u64,
    pub held: u64,
    pub refused: FirstPeople<(String, String)>,
}

impl GroupReport {
    pub fn shown(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.named)
    }
}

impl GroupSyncPlan {
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum GroupSyncOutcome {
    /// The directory could not be read completely: nothing was changed.
    Failed { error: String },
    /// Everything was compared, and the due changes have begun.
    Looked { groups: Vec<GroupReport> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSyncRun {
    pub began: Timestamp,
    pub ended: Timestamp,
    #[serde(flatten)]
    pub outcome: GroupSyncOutcome,
    /// Grows with every run; initially 0. Guards concurrent writers.
    pub version: u64,
}
