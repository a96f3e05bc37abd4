//! Which of several availabilities counts there: the one whose workflow has the highest priority. Rules have no such
//! order: every limit of every rule counts. So what may stand behind something that rules cannot say is not said either.

use hallpass_model::PermissionSetArn;
use hallpass_model::text::line;
use serde_json::Value;

use crate::collected::ImportRow;
use crate::draft::{Approval, Area};
use crate::report::RowNote;
use crate::terraform::{Resource, Setting};

/// A priority; `None` where it cannot be read, and may be any.
pub(super) type Priority = Option<i64>;

/// What the provider sends where nobody set one.
const UNSET: i64 = 0;

/// The priority of a workflow, or of a policy that is one.
pub(super) fn priority(it: &Resource) -> Priority {
    match it.values.get("priority") {
        None | Some(Setting::Is(Value::Null)) => Some(UNSET),
        Some(_) => it.text("priority")?.trim().parse().ok(),
    }
}

/// An availability, and what may come before it or after it.
pub(super) struct Ranked {
    /// Its row; `None` where it has one already, and gives nothing.
    pub(super) row: Option<ImportRow>,
    /// The permission set as it calls it, and by its name at AWS.
    pub(super) role: Option<String>,
    pub(super) set: Option<String>,
    /// The accounts that it is for, where they are known.
    pub(super) areas: Option<Vec<Area>>,
    /// What its workflow is called; a policy that is one has none.
    pub(super) workflow: Option<String>,
    pub(super) priority: Priority,
    /// Whether its workflow has steps, so that nobody has it at once.
    pub(super) has_steps: bool,
    /// Whether its rules, where it has some, hold for everybody and everywhere that it is for, and load.
    pub(super) is_whole: bool,
}

impl Ranked {
    /// Whether both may be for the same permission set.
    fn may_be_for_set_of(&self, other: &Self) -> bool {
        match (&self.set, &other.set, &self.role, &other.role) {
            (Some(one), Some(two), _, _) => one == two,
            (_, _, Some(one), Some(two)) => {
                let is_arn = |it: &String| PermissionSetArn::new(it.as_str()).is_ok();
                one == two || !is_arn(one) || !is_arn(two)
            }
            (_, _, None, _) | (_, _, _, None) => true,
        }
    }

    /// Whether this may be used where both are for the same.
    fn may_come_before(&self, other: &Self) -> bool {
        // by one workflow it is the same either way
        let is_same = self.workflow.is_some() && self.workflow == other.workflow;
        let is_below =
            matches!((self.priority, other.priority), (Some(own), Some(its)) if own < its);
        !is_same && !is_below && self.may_be_for_set_of(other)
    }

    fn may_be_in(&self, area: &Area) -> bool {
        let areas = self.areas.as_ref();
        areas.is_none_or(|all| all.iter().any(|it| it.may_meet(area)))
    }

    /// Whether its rules make those of another as strict as they are: both name the permission set alike, so that the
    /// same policies are about both.
    fn covers(&self, other: &Self) -> bool {
        let drafts = self.row.as_ref().map(|it| it.drafts.as_slice());
        let drafts = drafts.unwrap_or_default();
        !drafts.is_empty() && self.is_whole && self.role.is_some() && self.role == other.role
    }

    /// Whether another one gives more by its rules than where this is used instead.
    fn bars(&self, other: &Self) -> bool {
        if !self.may_come_before(other) {
            return false;
        }
        let drafts = other.row.iter().flat_map(|it| &it.drafts);
        let covers = self.covers(other);
        let mut wider =
            drafts.filter(|it| !covers || self.has_steps && it.approval == Approval::Never);
        wider.any(|it| self.may_be_in(&it.area))
    }

    fn name(&self) -> String {
        let name = self.row.as_ref().map(|it| it.head.name.as_str());
        name.map_or_else(String::new, |it| format!(" `{}`", line(it, 80)))
    }
}

/// Takes the rules from what may stand behind an availability that rules cannot say, or that asks for an approval where
/// it does not. What has lost its rules that way stands before others as one that cannot be said.
pub(super) fn bar_lower(all: &mut [Ranked]) {
    loop {
        let by = |(place, it): (usize, &Ranked)| {
            let gives = it.row.as_ref().is_some_and(|it| !it.drafts.is_empty());
            let mut others = all.iter().enumerate().filter(|_| gives);
            let (_, by) = others.find(|(other, by)| *other != place && by.bars(it))?;
            Some((place, by.name()))
        };
        let barred: Vec<(usize, String)> = all.iter().enumerate().filter_map(by).collect();
        if barred.is_empty() {
            return;
        }
        for (place, by) in barred {
            if let Some(row) = all.get_mut(place).and_then(|it| it.row.as_mut()) {
                row.drafts.clear();
                let what = format!(
                    "availability{by} may be for the same, with a `priority` that is not lower, and no rule says it as \
                     strictly: write both by hand"
                );
                row.notes.push(RowNote::NotSaid(what.into()));
            }
        }
    }
}
