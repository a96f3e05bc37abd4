//! How assignments are found, and what that costs (`inventory.md` §3.1).

use std::fmt;
use std::str::FromStr;

use hallpass_aws_model::facts;

/// A way to find all assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnumerationPlan {
    /// Every permission set in every account.
    Nested,
    /// Every permission set in the accounts that have its role.
    Provisioned,
    /// Every person and every group. Assignments whose principal is gone are not found.
    Principal,
}

impl EnumerationPlan {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nested, Self::Provisioned, Self::Principal];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nested => "nested",
            Self::Provisioned => "provisioned",
            Self::Principal => "principal",
        }
    }

    /// Whether it finds assignments whose principal is gone.
    pub const fn finds_orphans(self) -> bool {
        !matches!(self, Self::Principal)
    }
}

impl fmt::Display for EnumerationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EnumerationPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|it| it.name() == text);
        found.ok_or_else(|| "one of nested, provisioned, principal".to_owned())
    }
}

/// Which way assignments are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanChoice {
    /// One that finds assignments whose principal is gone.
    #[default]
    WithOrphans,
    /// The one with the fewest calls.
    Cheapest,
    /// This one.
    Fixed(EnumerationPlan),
}

/// How much there is, as the cheap lists say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnumerationSizes {
    /// Accounts of the organization.
    pub accounts: usize,
    /// Permission sets.
    pub permission_sets: usize,
    /// People of the directory.
    pub users: usize,
    /// Its groups.
    pub groups: usize,
    /// Pairs of a permission set and an account that has its role.
    pub pairs: usize,
}

impl EnumerationSizes {
    /// The calls that a plan makes to list assignments, without further pages of answers. Where sets are
    /// provisioned is listed by each of them.
    pub const fn calls(&self, plan: EnumerationPlan) -> usize {
        match plan {
            EnumerationPlan::Nested => self.accounts * self.permission_sets,
            EnumerationPlan::Provisioned => self.pairs,
            EnumerationPlan::Principal => self.users + self.groups,
        }
    }

    /// How long these take at the least.
    pub const fn seconds(&self, plan: EnumerationPlan) -> usize {
        self.calls(plan).div_ceil(facts::CENTER_CALLS.count())
    }

    /// The plan that is taken (`inventory.md` W-8).
    pub fn chosen(&self, choice: PlanChoice) -> EnumerationPlan {
        match choice {
            PlanChoice::Fixed(plan) => plan,
            PlanChoice::WithOrphans => EnumerationPlan::Provisioned,
            PlanChoice::Cheapest if self.pairs <= self.users + self.groups => {
                EnumerationPlan::Provisioned
            }
            PlanChoice::Cheapest => EnumerationPlan::Principal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_seconds_are_those_of_the_table() {
        // accounts, sets, people, groups, pairs: calls of each plan, and the cheaper of the last two
        let table = [
            (
                [100, 20, 1_000, 60, 400],
                [2_000, 400, 1_060],
                EnumerationPlan::Provisioned,
            ),
            (
                [500, 100, 3_000, 300, 5_000],
                [50_000, 5_000, 3_300],
                EnumerationPlan::Principal,
            ),
            (
                [1_000, 50, 200, 40, 20_000],
                [50_000, 20_000, 240],
                EnumerationPlan::Principal,
            ),
        ];
        for ([accounts, permission_sets, users, groups, pairs], calls, cheapest) in table {
            let sizes = EnumerationSizes {
                accounts,
                permission_sets,
                users,
                groups,
                pairs,
            };
            assert_eq!(EnumerationPlan::ALL.map(|it| sizes.calls(it)), calls);
            assert_eq!(sizes.chosen(PlanChoice::Cheapest), cheapest);
            let with_orphans = sizes.chosen(PlanChoice::WithOrphans);
            assert_eq!(with_orphans, EnumerationPlan::Provisioned);
            assert_eq!(sizes.seconds(EnumerationPlan::Nested), calls[0] / 20);
        }
    }
}
