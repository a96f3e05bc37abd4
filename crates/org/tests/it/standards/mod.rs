//! Security Hub standards (`organization.md` §4).

mod central;
mod comparing;
mod exporting;
mod following;
mod governed;
mod hubs;
mod persons;
mod stops;
mod world;
mod writes;
