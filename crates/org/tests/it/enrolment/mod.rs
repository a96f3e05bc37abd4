//! Enrolment in Control Tower (`organization.md` §7).

mod acceptance;
mod earlier;
mod events;
mod registering;
mod somebody;
mod stack_sets;
mod stacks;
mod stale;
mod stops;
mod tower;
mod world;
mod writes;
