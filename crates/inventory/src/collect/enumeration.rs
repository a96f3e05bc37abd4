use std::fmt;
use std::str::FromStr;

use hallpass_aws_model::facts;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnumerationPlan {
    /// Every permission set in every account.
    Nested,
    /// Every permission set in the accounts that have its role.
    Provisioned,
    /// Every user and every group. Misses assignments of deleted principals.
    Principal,
}

impl EnumerationPlan {
    pub const ALL: [Self; 3] = [Self::Nested, Self::Provisioned, Self::Principal];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nested => "nested",
            Self::Provisioned => "provisioned",
            Self::Principal => "principal",
        }
    }

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanChoice {
    #[default]
    WithOrphans,
    Cheapest,
    Fixed(EnumerationPlan),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnumerationSizes {
    pub accounts: usize,
    pub permission_sets: usize,
    pub users: usize,
    pub groups: usize,
    /// Pairs of a permission set and an account that has its role.
    pub pairs: usize,
}

impl EnumerationSizes {
    pub const fn calls(&self, plan: EnumerationPlan) -> usize {
        match plan {
            EnumerationPlan::Nested => self.accounts * self.permission_sets,
            EnumerationPlan::Provisioned => self.pairs,
            EnumerationPlan::Principal => self.users + self.groups,
        }
    }

    /// Minimum duration in seconds.
    pub const fn seconds(&self, plan: EnumerationPlan) -> usize {
        self.calls(plan).div_ceil(facts::CENTER_CALLS.count())
    }

    /// Chooses a plan (`inventory.md` W-8).
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
