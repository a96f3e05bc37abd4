//! The promises of the journey, under overlaps, faults and stops.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod absences;
mod acting;
mod approval_hours;
mod approving;
mod armed;
mod armed_before;
mod armed_bench;
mod armed_by_rule;
mod armed_extended;
mod armed_given;
mod armed_lives;
mod armed_rough_lives;
mod at_once;
mod bounded;
mod breaking;
mod campaigns;
mod clocks;
mod crashes;
mod crashes_of_guards;
mod crashes_of_sweeps;
mod deciding;
mod directory;
mod draining;
mod drifting;
mod endings;
mod entitlements;
mod exporting;
mod guarded;
mod identity;
mod interleavings;
mod keeping;
mod left_groups;
mod looking;
mod lost_answers;
mod memberships;
mod never_together;
mod nodes;
mod on_call;
mod other_rules;
mod outliving;
mod outstanding;
mod overlaps;
mod people_leaving;
mod plans_of_sweeps;
mod previews;
mod quotas;
mod recorded_rules;
mod region_lost;
mod renamed;
mod reported_ends;
mod standing;
mod starting;
mod sweeping;
mod sweeps_meanwhile;
mod taken_away;
mod tickets;
mod together;
mod torn;
mod warned;
