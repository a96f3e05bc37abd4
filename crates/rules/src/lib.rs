//! Access rules: parses, checks, decides and explains.
//!
//! Must not know networks, storage, clocks or Slack. All inputs are arguments: the rules, a
//! [`Directory`], and `now`.

mod absence;
mod account_tags;
mod address;
mod arming;
mod attributes;
mod cancel;
mod canonical;
pub mod cases;
mod checked_file;
mod content;
mod decision_kind;
mod diagnostic;
pub mod directory;
mod directory_absences;
mod directory_facts;
mod directory_on_call;
mod engine;
mod hours;
mod list_names;
mod named_facts;
mod never_together;
mod on_call;
mod read;
mod replay;
mod rule;
mod rule_names;
mod selftest;
mod subject;
pub mod syntax;
mod test_case;
mod ticket;

pub use absence::{Absences, Away};
pub use arming::EndArming;
pub use attributes::{AttributeConditions, HasAttributes, PersonAttribute, PersonAttributes};
pub use cancel::{CancelFlag, CancelOnDrop};
pub use canonical::{FormatRefused, canonical_toml};
pub use checked_file::{CheckVerdict, CheckedFile};
pub use decision_kind::DecisionKind;
pub use diagnostic::{Diagnostic, FindingCode, Position, Severity, nearest};
pub use directory::Directory;
pub use engine::{
    Approvable, ApprovalHours, ApprovalsOpen, Ask, Considered, Decision, DecisionQuestion,
    DecisionStep, Delegates, Effect, Explanation, JudgedPress, Nearest, NoManager, Outstanding,
    OverLimit, OwnLater, Permit, PressRefusedByRules, Principal, RequestBlocker, Requestable,
    RequesterManager, Requirement, RoleGroup, RuleColumns, RuleSummary, RuleWarning, Rules,
    SetBits, SignInRequirement, Stage, StageProgress, TicketProblem, TicketRequirement,
    people_with_another,
};
pub use hallpass_base::Glob;
pub use named_facts::{NamedFacts, ReadFacts, UnreadFact, UnreadFacts, WhyUnread};
pub use never_together::{Conflict, ExceptionTerms, HeldBy, HeldConflict, Holding, Holdings};
pub use on_call::{ON_CALL_PREFIX, OnCallFact, OnCallList, OnCallLists};
pub use read::{Loaded, RuleFile, load, load_until};
pub use replay::{Compared, DecisionChange, PastRequest, RequestLimit};
pub use rule::{GroupRef, RuleId, TextPattern};
pub use rule_names::RuleNames;
pub use selftest::{RuleTestOutcome, TestResult};
pub use subject::Subject;
pub use syntax::{SOURCE_BYTES_MAX, Syntax};
pub use ticket::{
    Assignee, Ticket, TicketFact, TicketFacts, TicketFound, TicketProblemKind, TicketRead,
    TicketTerms,
};
