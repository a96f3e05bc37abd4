use super::Field;
use super::FieldKind::{Any, Flag, List, Map, Number, Object, OneOf, Text, Time, Whole};
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
    ("kept", May, Flag),
];

pub(super) const COMMITMENT: &[Field] = &[
    ("account", Must, Text),
    ("kind", Must, OneOf(&["reservation", "savings_plan"])),
    ("id", Must, Text),
];

pub(super) const QUOTA: &[Field] = &[
    ("service", Must, Text),
    ("code", Must, Text),
    ("name", May, Text),
    ("value", Must, Number),
];

pub(super) const EVALUATION: &[Field] = &[
    ("id", Must, Text),
    ("rule", Must, Text),
    ("account", Must, Text),
    ("region", Must, Text),
    ("resource_type", Must, Text),
    ("resource_id", Must, Text),
    (
        "compliance",
        Must,
        OneOf(&[
            "COMPLIANT",
            "NON_COMPLIANT",
            "NOT_APPLICABLE",
            "INSUFFICIENT_DATA",
        ]),
    ),
    ("at", Must, Time),
];

pub(super) const FUNCTION: &[Field] = &[
    ("name", Must, Text),
    ("account", Must, Text),
    ("region", Must, Text),
    ("shared_with", May, List(&Text)),
    ("returns", Must, Any),
    ("error", May, OneOf(&["Handled", "Unhandled"])),
];

pub(super) const TRANSFER: &[Field] = &[
    ("id", Must, Text),
    ("direction", Must, OneOf(&["inbound", "outbound"])),
    ("other", Must, Text),
    ("name", Must, Text),
    (
        "status",
        Must,
        OneOf(&[
            "REQUESTED",
            "DECLINED",
            "CANCELED",
            "EXPIRED",
            "ACCEPTED",
            "WITHDRAWN",
        ]),
    ),
    ("start", Must, Time),
    ("end", May, Time),
    ("expires", May, Time),
];

pub(super) const INVITATION: &[Field] = &[
    ("id", Must, Text),
    ("account", Must, Text),
    ("organization", Must, Text),
    ("management", Must, Text),
    ("name", May, Text),
    ("email", May, Text),
    ("by_email", May, Flag),
    (
        "state",
        May,
        OneOf(&[
            "REQUESTED",
            "OPEN",
            "CANCELED",
            "ACCEPTED",
            "DECLINED",
            "EXPIRED",
        ]),
    ),
    ("expires", Must, Time),
];

pub(super) const NETWORK: &[Field] = &[
    ("vpce_access_required", Must, Flag),
    ("restrict_source_vpcs", May, List(&Text)),
    ("allow_source_ips", May, List(&Text)),
    ("exclude_application_arns", May, List(&Text)),
];
