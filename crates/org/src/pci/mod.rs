//! What is done about people who were not there for too long, or whose password is too old (`inventory.md` §7.3): who
//! may be acted on, and plans of one step a person. How somebody was found is for whoever asks.

mod choose;
mod executor;
mod plan;
mod reach;

pub use choose::{
    ActRefused, ChosenPeople, LeftPerson, PeopleGuards, SeenLog, StaleBecause, StalePerson, choose,
};
pub use executor::PeopleStepExecutor;
pub use plan::{DELETE_PLAN_KIND, DISABLE_PLAN_KIND, delete_plan, disable_plan, is_people_step};
pub use reach::{PersonReach, reach_of};
