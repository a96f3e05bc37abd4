//! Actions on inactive people and old passwords (`inventory.md` §7.3): selection, and plans with
//! one step per person. Callers find the people.

mod choose;
mod executor;
mod plan;
mod provider;
mod reach;
mod read_back;

pub use choose::{
    ActRefused, ChosenPeople, LeftPerson, PeopleGuards, SeenLog, StaleBecause, StalePerson, choose,
    is_called,
};
pub use executor::PeopleStepExecutor;
pub use plan::{DELETE_PLAN_KIND, DISABLE_PLAN_KIND, delete_plan, disable_plan, is_people_step};
pub use provider::{
    OKTA_PLAN_KIND, PeopleProvider, ProvidedPerson, ProviderFault, ProviderPeople, ProviderPerson,
    ProviderState, ProviderStepExecutor, Providers, SCIM_PLAN_KIND, is_provider_step, suspend_plan,
};
pub use reach::{PersonReach, reach_of};
