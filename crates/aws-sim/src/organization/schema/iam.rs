use super::FieldKind::{Any, Flag, List, Map, Object, OneOf, Text, Time, Whole};
use super::Need::{May, Must};
use super::{Field, TAGS, TEXTS};

pub(super) const IAM: &[Field] = &[
    ("users", May, List(&Object(IAM_USER))),
    ("groups", May, List(&Object(IAM_GROUP))),
    ("roles", May, List(&Object(IAM_ROLE))),
    ("managed", May, List(&Object(IAM_MANAGED_POLICY))),
    ("root", May, Object(IAM_ROOT)),
    ("password_policy", May, Map(&Any)),
    ("properties", May, TAGS),
    ("outbound_federation", May, Flag),
    ("delegation_requests", May, List(&Object(IAM_DELEGATION))),
];
const IAM_DELEGATION: &[Field] = &[
    ("id", Must, Text),
    ("state", May, OneOf(IAM_DELEGATION_STATES)),
    ("requestor", Must, Text),
    ("requestor_name", May, Text),
    ("description", May, Text),
    ("owner", May, Text),
    ("approver", May, Text),
    ("policy", May, Any),
    ("boundaries", May, TEXTS),
    ("session_duration", May, Whole),
    ("created", May, Time),
    ("updated", May, Time),
    ("expires", May, Time),
    ("notes", May, Text),
    ("rejection_reason", May, Text),
];
const IAM_DELEGATION_STATES: &[&str] = &[
    "UNASSIGNED",
    "ASSIGNED",
    "PENDING_APPROVAL",
    "ACCEPTED",
    "FINALIZED",
    "REJECTED",
    "EXPIRED",
];
const IAM_KEY: &[Field] = &[
    ("id", Must, Text),
    ("status", May, OneOf(&["Active", "Inactive"])),
    ("created", May, Time),
    ("last_used", May, Time),
    ("last_used_service", May, Text),
    ("last_used_region", May, Text),
];
const IAM_MFA: &[Field] = &[
    ("kind", May, OneOf(&["virtual", "hardware", "webauthn"])),
    ("enabled", May, Time),
];
const IAM_USER: &[Field] = &[
    ("name", Must, Text),
    ("path", May, Text),
    ("created", May, Time),
    ("tags", May, TAGS),
    (
        "password",
        May,
        Object(&[
            ("changed", May, Time),
            ("last_used", May, Time),
            ("reset_required", May, Flag),
        ]),
    ),
    ("mfa", May, Object(IAM_MFA)),
    ("groups", May, TEXTS),
    ("keys", May, List(&Object(IAM_KEY))),
    ("policies", May, TEXTS),
    ("inline", May, List(&Any)),
    ("boundary", May, Text),
];
const IAM_GROUP: &[Field] = &[
    ("name", Must, Text),
    ("path", May, Text),
    ("created", May, Time),
    ("policies", May, TEXTS),
    ("inline", May, List(&Any)),
];
const IAM_ROLE: &[Field] = &[
    ("name", Must, Text),
    ("path", May, Text),
    ("created", May, Time),
    ("trust", May, TEXTS),
    ("external_id", May, Text),
    ("trust_policy", May, Any),
    ("description", May, Text),
    ("max_session_duration", May, Whole),
    ("max_signin_session_duration", May, Whole),
    ("template", May, Text),
    ("last_used", May, Time),
    ("tags", May, TAGS),
    ("policies", May, TEXTS),
    ("inline", May, List(&Any)),
    ("boundary", May, Text),
];
const IAM_MANAGED_POLICY: &[Field] = &[
    ("name", Must, Text),
    ("path", May, Text),
    ("description", May, Text),
    ("created", May, Time),
    ("document", Must, Any),
];
const IAM_ROOT: &[Field] = &[
    ("mfa", May, Object(IAM_MFA)),
    ("password_last_used", May, Time),
    ("keys", May, List(&Object(IAM_KEY))),
];
