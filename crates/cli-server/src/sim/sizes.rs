use clap::ValueEnum;
use hallpass_aws_sim::organization::{
    DEFAULT_SEED, OrganizationFile, Shape, Sizes, generate, large, make_messy, small,
};

const SMALL: Sizes = Sizes {
    accounts: 40,
    users: 60,
    groups: 15,
    permission_sets: 12,
    assignments_per_account: 4,
    ou_depth: 2,
};

/// Sizes and seed of a generated organization.
#[derive(Debug, clap::Args)]
pub(super) struct SizeArgs {
    /// A sample of 40 accounts and 60 people, or of 5,000 and 20,000
    #[arg(long, value_enum, value_name = "SCALE", conflicts_with_all = [
        "accounts", "users", "groups", "permission_sets", "assignments_per_account", "ou_depth",
        "shape",
    ])]
    scale: Option<Scale>,
    /// Accounts
    #[arg(long, value_name = "N", value_parser = count)]
    accounts: Option<usize>,
    /// Users
    #[arg(long, value_name = "N", value_parser = count)]
    users: Option<usize>,
    /// Groups
    #[arg(long, value_name = "N", value_parser = count)]
    groups: Option<usize>,
    /// Permission sets
    #[arg(long, value_name = "N", value_parser = count)]
    permission_sets: Option<usize>,
    /// Assignments per account, on average
    #[arg(long, value_name = "N", value_parser = count)]
    assignments_per_account: Option<usize>,
    /// Levels of organizational units
    #[arg(long, value_name = "N", value_parser = depth)]
    ou_depth: Option<usize>,
    /// Company type
    #[arg(long, value_enum, value_name = "SHAPE")]
    shape: Option<ShapeArg>,
    /// Share of realistic mess, from 0 to 1: departed users, duplicate names
    #[arg(long, value_name = "SHARE", value_parser = share)]
    messy: Option<f64>,
    /// Random seed; the same seed generates the same organization
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scale {
    Small,
    Large,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShapeArg {
    /// Few units
    Startup,
    /// Products under Workloads/{Prod,NonProd}
    Enterprise,
    /// All accounts under the root
    Flat,
    /// As many levels as requested
    Deep,
}

impl From<ShapeArg> for Shape {
    fn from(shape: ShapeArg) -> Self {
        match shape {
            ShapeArg::Startup => Self::Startup,
            ShapeArg::Enterprise => Self::Enterprise,
            ShapeArg::Flat => Self::Flat,
            ShapeArg::Deep => Self::Deep,
        }
    }
}

/// Several times the largest real organization.
const COUNT_MAX: usize = 200_000;
/// AWS allows five.
const DEPTH_MAX: usize = 50;

fn up_to(text: &str, most: usize) -> Result<usize, String> {
    let number = text.parse::<usize>().ok();
    let number = number.filter(|number| *number <= most);
    number.ok_or_else(|| format!("from 0 to {most}"))
}

fn count(text: &str) -> Result<usize, String> {
    up_to(text, COUNT_MAX)
}

fn depth(text: &str) -> Result<usize, String> {
    up_to(text, DEPTH_MAX)
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    let number = number.filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "from 0 to 1".to_owned())
}

impl SizeArgs {
    pub(super) fn is_given(&self) -> bool {
        self.scale.is_some() || self.shape.is_some() || self.messy.is_some() || self.has_numbers()
    }

    fn has_numbers(&self) -> bool {
        let numbers = [
            self.accounts,
            self.users,
            self.groups,
            self.permission_sets,
            self.assignments_per_account,
            self.ou_depth,
        ];
        numbers.iter().any(Option::is_some)
    }

    pub(super) fn generate(&self) -> OrganizationFile {
        let mut file = match self.scale {
            Some(Scale::Small) => small(),
            Some(Scale::Large) => large(),
            None => self.generate_sizes(),
        };
        file.seed = self.seed.or(file.seed);
        make_messy(&mut file, self.messy.unwrap_or(0.0));
        file
    }

    fn generate_sizes(&self) -> OrganizationFile {
        let sizes = Sizes {
            accounts: self.accounts.unwrap_or(SMALL.accounts),
            users: self.users.unwrap_or(SMALL.users),
            groups: self.groups.unwrap_or(SMALL.groups),
            permission_sets: self.permission_sets.unwrap_or(SMALL.permission_sets),
            assignments_per_account: self
                .assignments_per_account
                .unwrap_or(SMALL.assignments_per_account),
            ou_depth: self.ou_depth.unwrap_or(SMALL.ou_depth),
        };
        let shape = self.shape.map_or_else(Shape::default, Into::into);
        generate(&sizes, shape, self.seed.unwrap_or(DEFAULT_SEED))
    }
}
