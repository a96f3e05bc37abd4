use super::FactStanding::{Lower, NotVerified, Read, Until};
use super::{Fact, FactSource, facts, source};

const QUOTAS: FactSource = source(
    "AWS Organizations User Guide, \"Quotas for AWS Organizations\"",
    "Maximum and minimum values",
);
const THROTTLES: FactSource = source(
    "AWS Organizations User Guide, \"Quotas for AWS Organizations\"",
    "Throttling limits",
);
const CREATE_ACCOUNT: FactSource = source(
    "AWS Organizations API Reference, \"CreateAccount\"",
    "Request Parameters",
);
const INVITATIONS: FactSource = source(
    "AWS Organizations User Guide, \"Managing account invitations with AWS Organizations\"",
    "Considerations",
);
const HANDSHAKES: FactSource = source(
    "AWS Organizations API Reference, \"ListHandshakesForAccount\"",
    "",
);
const TAG: FactSource = source("AWS Organizations API Reference, \"Tag\"", "Contents");

facts! {
    OF_ORGANIZATIONS;
    SCP_CHARACTERS = 10_240 "characters", "organizations.scp.characters",
        "one service control policy, as sent, white space included",
        "size errors of `policy lint`, `policy size` and generators; when the policies of ended sessions and \
         enforced expiries are full; limit of the simulator",
        QUOTAS, Read("2026-11-27");
    SCPS_PER_TARGET = 10 "policies", "organizations.scp.per-target",
        "service control policies attached directly to a root, unit or account, `FullAWSAccess` among them",
        "`no_slot` of outage rehearsals, ended sessions and enforced expiries; `policy lint --tree`; maximum \
         parts of `--split`",
        QUOTAS, Read("2026-11-27");
    SCP_CHARACTERS_BEFORE = 5_120 "characters", "organizations.scp.characters.before",
        "one service control policy, as sent, in an organization that AWS holds to the old limit",
        "policy size in an organization that refused more as `POLICY_CONTENT_LIMIT_EXCEEDED`; the switch \
         `scp_quotas` of the simulator",
        QUOTAS, Until("2026-05-15");
    SCPS_PER_TARGET_BEFORE = 5 "policies", "organizations.scp.per-target.before",
        "service control policies attached directly to a root, unit or account, before",
        "the switch `scp_quotas` of the simulator",
        QUOTAS, Until("2026-05-15");
    RCP_CHARACTERS = 5_120 "characters", "organizations.rcp.characters",
        "one resource control policy, as sent, white space included",
        "size errors of `policy lint`, `policy size` and generators; limit of the simulator",
        QUOTAS, Read("2026-11-25");
    RCPS_PER_TARGET = 5 "policies", "organizations.rcp.per-target",
        "resource control policies attached directly to a root, unit or account, `RCPFullAWSAccess` among them",
        "limit of the simulator",
        QUOTAS, Read("2026-11-27");
    AI_OPT_OUT_CHARACTERS = 2_500 "characters", "organizations.ai-opt-out.characters",
        "one opt-out policy of AI services",
        "limit of the simulator",
        QUOTAS, Read("2026-11-25");
    MANAGEMENT_POLICY_CHARACTERS = 10_000 "characters", "organizations.management-policy.characters",
        "one policy of any other type",
        "limit of the simulator",
        QUOTAS, Read("2026-11-25");
    FEW_POLICIES_PER_TARGET = 5 "policies", "organizations.few-policies.per-target",
        "opt-out policies of AI services, and chat policies, attached directly to one target",
        "limit of the simulator",
        QUOTAS, Read("2026-11-27");
    MANAGEMENT_POLICIES_PER_TARGET = 10 "policies", "organizations.management-policy.per-target",
        "policies of any other type, attached directly to one target",
        "limit of the simulator",
        QUOTAS, Read("2026-11-27");
    SCPS = 10_000 "policies", "organizations.scp.count",
        "service control policies of an organization",
        "limit of the simulator",
        QUOTAS, Read("2026-11-25");
    POLICIES_OF_OTHER_TYPES = 1_000 "policies", "organizations.other-policy.count",
        "policies of an organization of each other type",
        "limit of the simulator",
        QUOTAS, Lower { says: "2,000 resource control policies", read: "2026-11-27" };
    UNITS = 2_000 "units", "organizations.unit.count",
        "organizational units of an organization",
        "limit of the simulator",
        QUOTAS, Read("2026-11-25");
    UNIT_DEPTH = 5 "levels", "organizations.unit.depth",
        "organizational units below one another under a root",
        "how far the tree is walked; how deep generated organizations are",
        QUOTAS, Read("2026-11-27");
    ORGANIZATION_CALLS = 10 "calls a second", "organizations.calls",
        "reads of one account, over all operations: a measured rate; AWS's page has rates of single operations",
        "call rate to Organizations; limit of the simulator",
        THROTTLES, NotVerified;
    ACCOUNTS_MOST = 50_000 "accounts", "organizations.account.most",
        "accounts of an organization, as many as AWS raises its quota to",
        "limit of the simulator where its file names no quota",
        QUOTAS, Read("2026-11-27");
    ACCOUNTS_MADE_AT_ONCE = 5 "accounts", "organizations.account.at-once",
        "accounts whose creation is under way",
        "limit of the simulator",
        QUOTAS, Read("2026-11-27");
    TAGS_PER_ACCOUNT = 50 "tags", "organizations.tag.count",
        "tags of a root, unit or account; a policy is held to as many, which the page does not name",
        "which rows of `org vend` are refused; limit of the simulator",
        QUOTAS, Read("2026-11-27");
    TAG_KEY_CHARACTERS = 128 "characters", "organizations.tag.key",
        "the key of a tag",
        "which rows of `org vend` are refused; which attributes `policy abac secrets` takes",
        TAG, Read("2026-11-27");
    TAG_VALUE_CHARACTERS = 256 "characters", "organizations.tag.value",
        "the value of a tag",
        "which rows of `org vend` are refused; which attributes `policy abac secrets` takes",
        TAG, Read("2026-11-27");
    ACCOUNT_NAME_CHARACTERS = 50 "characters", "organizations.account.name",
        "the name of an account that is made",
        "errors of `org vend`",
        CREATE_ACCOUNT, Read("2026-11-28");
    ACCOUNT_EMAIL_CHARACTERS = 64 "characters", "organizations.account.email",
        "the address of an account that is made",
        "errors of `org vend`",
        CREATE_ACCOUNT, Read("2026-11-28");
    INVITATION_OPEN_DAYS = 15 "days", "organizations.invitation.open",
        "an invitation to an organization, until it expires unless it is answered",
        "when the simulator says that an invitation was sent; until when one to a transfer of the bill is open, where its file does not say",
        INVITATIONS, Read("2026-11-28");
    HANDSHAKE_KEPT_DAYS = 30 "days", "organizations.handshake.kept",
        "a handshake that was answered, canceled or has expired, until it is shown no more",
        "which invitations the simulator still lists",
        HANDSHAKES, Read("2026-11-28");
}
