use super::FieldKind::{Flag, List, Object, Text};
use super::Need::{May, Must};
use super::{Field, TEXTS};

pub(super) const SLACK: &[Field] = &[
    ("team", May, Text),
    ("team_name", May, Text),
    ("app_id", May, Text),
    ("app_name", May, Text),
    ("bot_user", May, Text),
    ("signing_secret", May, Text),
    ("bot_token", May, Text),
    ("app_token", May, Text),
    ("scopes", May, TEXTS),
    ("channels", May, List(&Object(SLACK_CHANNEL))),
    ("users", May, List(&Object(SLACK_USER))),
    ("user_groups", May, List(&Object(SLACK_USER_GROUP))),
    ("shortcuts", May, List(&Object(SLACK_SHORTCUT))),
    ("commands", May, TEXTS),
    ("request_url", May, Text),
    ("command_url", May, Text),
];
const SLACK_CHANNEL: &[Field] = &[
    ("id", Must, Text),
    ("name", Must, Text),
    ("members", May, TEXTS),
    ("private", May, Flag),
    ("archived", May, Flag),
    ("without_app", May, Flag),
];
const SLACK_USER_GROUP: &[Field] = &[
    ("id", Must, Text),
    ("handle", May, Text),
    ("users", May, TEXTS),
];
const SLACK_USER: &[Field] = &[
    ("id", Must, Text),
    ("email", May, Text),
    ("name", Must, Text),
    ("tz", May, Text),
    ("title", May, Text),
    ("guest", May, Flag),
    ("deleted", May, Flag),
    ("bot", May, Flag),
    ("team", May, Text),
];
const SLACK_SHORTCUT: &[Field] = &[("callback_id", Must, Text), ("name", Must, Text)];
