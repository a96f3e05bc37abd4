//! Control Tower, as chores need it: the landing zone, baselines and controls of units and accounts, and Account
//! Factory, which makes accounts and takes them on.

mod baselines;
mod factory;
mod landing;
mod obstacles;
mod product;
mod registration;
mod zone;

pub use baselines::{BaselineStatus, EnabledBaseline, EnabledControl};
pub(crate) use baselines::{controls_in, controls_of, enabled};
pub(crate) use factory::{
    FACTORY_FAILED, admit, enrolment_product, launch, look, look_admitted, principal, products,
    progress,
};
pub use landing::{FactoryFacts, FactoryProduct, factory_facts};
pub use obstacles::{FactoryObstacle, factory_obstacles};
pub use product::FactoryUser;
pub(crate) use product::{
    ADMIT, PROVISION, ProductWish, add_admission, add_product, control_tower_lane,
};
pub use registration::UnitBaseline;
pub(crate) use registration::unit_baseline;
pub(crate) use zone::landing_zone;
pub use zone::{LandingZone, governed_regions};

use crate::reading::UnreadFact;
use crate::step_executor::{failed, retry};

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
/// What a look that brought nothing means for a step.
pub(crate) fn unseen(fact: UnreadFact) -> hallpass_runner::StepError {
    if fact.passing {
        let why = format!("{}: {}", fact.action, fact.reason);
        return hallpass_runner::StepError::Retry(retry(hallpass_runner::Class::Throttle, why));
    }
    failed(&fact.action, &fact.reason)
}
