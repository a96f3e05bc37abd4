//! Control Tower: landing zone, baselines and controls of units and accounts, and Account Factory.

mod baselines;
mod factory;
mod landing;
mod obstacles;
mod product;
mod registration;
mod zone;

pub use baselines::{BaselineDrift, BaselineStatus, EnabledBaseline, EnabledControl};
pub(crate) use baselines::{controls_in, controls_of, enabled, has_controls};
pub(crate) use factory::{
    FACTORY_FAILED, admit, enrolment_product, launch, look, look_admitted, principal, products,
    progress,
};
pub use landing::{FactoryFacts, FactoryProduct, factory_facts, registered_units};
pub use obstacles::{FactoryObstacle, factory_obstacles};
pub use product::{ACCOUNTS_AT_ONCE_MAX, FactoryUser};
pub(crate) use product::{
    DesiredProduct, FactoryStepKind, add_admission, add_product, control_tower_lane,
};
pub use registration::UnitBaseline;
pub(crate) use registration::unit_baseline;
pub(crate) use zone::landing_zone;
pub use zone::{LandingZone, governed_regions};
