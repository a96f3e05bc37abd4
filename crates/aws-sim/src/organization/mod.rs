//! The organization file: parsing with all problems reported, derivation of missing ids, and
//! generation from a seed.

mod center;
mod derive;
mod drawn_people;
mod file;
mod generate;
mod iam;
mod import;
mod large;
mod messy_fixtures;
mod names;
mod on_call;
mod parse;
mod presets;
mod read;
mod resolve;
mod schema;
mod slack;
mod stated;
mod tickets;
mod tower;

pub use crate::base::Problem;
pub use center::{
    Assignment, CustomerManaged, ExternalId, Group, IdentityCenter, PermissionSet, Provisioned,
    StatedNetwork, User,
};
pub(crate) use derive::{membership_id, role_suffix};
pub(crate) use drawn_people::address;
pub use file::{
    AccessKey, Account, AccountContacts, ConfigAggregator, Consistency, Delegation, Entitlement,
    EventRule, InventoryBasis, Limit, OnCallSchedule, Organization, OrganizationFile,
    OrganizationPolicy, Ou, Speed, StatedCommitment, StatedInsight, StatedLens, StatedMilestone,
    StatedShare, StatedTicket, StatedTrail, StatedTransfer, StatedWorkload, TicketService,
};
pub(crate) use generate::DOMAIN;
pub use generate::{Shape, Sizes, generate};
pub use iam::{
    Iam, IamDelegationRequest, IamDelegationState, IamGroup, IamKey, IamManagedPolicy,
    IamMfaDevice, IamMfaKind, IamPassword, IamPolicies, IamRole, IamRoot, IamUser,
};

pub use large::large;
pub use messy_fixtures::make_messy;
pub(crate) use names::{FAMILY, GIVEN};
pub use parse::{parse, parse_value};
pub use presets::small;
pub(crate) use read::read_strictly;
pub(crate) use resolve::NameIndex;
pub(crate) use schema::check_part;
pub use stated::{StatedEvaluation, StatedFunction, StatedInvitation, StatedQuota};
pub use tower::{ConfigRecorderPlace, ControlTowerBasis, UnitControl};

pub const DEFAULT_SEED: u64 = 7;
