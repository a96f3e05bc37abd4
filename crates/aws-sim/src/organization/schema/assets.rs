//! The keys of workloads, shares and commitments.

use super::Field;
use super::FieldKind::{List, Map, Object, OneOf, Text, Time, Whole};
use super::Need::{May, Must};

pub(super) const WORKLOAD: &[Field] = &[
    ("name", Must, Text),
    ("account", Must, Text),
    ("region", Must, Text),
    ("environment", Must, OneOf(&["PRODUCTION", "PREPRODUCTION"])),
    ("updated", Must, Time),
    ("shared_with", May, List(&Text)),
    ("lenses", Must, List(&Object(LENS))),
    ("milestones", May, List(&Object(MILESTONE))),
];

const LENS: &[Field] = &[
    ("alias", Must, Text),
    ("updated", May, Time),
    ("risks", May, Map(&Map(&Whole))),
];

const MILESTONE: &[Field] = &[("name", Must, Text), ("at", Must, Time)];

pub(super) const SHARE: &[Field] = &[
    ("name", Must, Text),
    ("account", Must, Text),
    ("region", Must, Text),
    ("principals", Must, List(&Text)),
    ("resources", Must, List(&Text)),
];

pub(super) const COMMITMENT: &[Field] = &[
    ("account", Must, Text),
    ("kind", Must, OneOf(&["reservation", "savings_plan"])),
    ("id", Must, Text),
];
