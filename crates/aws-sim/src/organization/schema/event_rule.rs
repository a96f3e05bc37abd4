use super::Field;
use super::FieldKind::{Any, List, OneOf, Text};
use super::Need::{May, Must};

pub(super) const EVENT_RULE: &[Field] = &[
    ("account", Must, Text),
    ("region", Must, Text),
    ("name", May, Text),
    ("queue", May, Text),
    ("topic", May, Text),
    ("source", May, Text),
    ("detail_type", May, Text),
    ("pattern", May, Any),
    ("state", May, OneOf(STATES)),
    ("description", May, Text),
    ("role", May, Text),
    ("managed_by", May, Text),
    ("targets", May, List(&Any)),
];

const STATES: &[&str] = &[
    "ENABLED",
    "DISABLED",
    "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
];
