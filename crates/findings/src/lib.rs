//! Enriches Security Hub findings with account data: name, OU, tags, security contact
//! (`organization.md` §2). [`gate`](wants) selects, [`update_of`] builds updates, [`batches`]
//! groups them; [`Enricher`] drives.
//!
//! Independent of networks, credentials, files and clocks: calls use [`FindingCalls`].

mod account;
mod finding;
mod settings;
mod text;

mod fields;
mod note;
mod update;

mod batch;
mod cache;

mod ports;

mod standing;
mod writing;

mod backfill;
mod enricher;
mod handler;
mod insight;
mod lookup;
mod template;

pub use account::{AccountFacts, AccountTag, MemberAccount, SecurityContact};
pub use backfill::{BackfillError, FoundFindings, find_findings, homes};
pub use batch::{UpdateBatch, batches};
pub use cache::ENTRY_LASTS;
pub use enricher::{EnrichReport, Enricher};
pub use fields::ENRICHED;
pub use finding::{
    EnrichTrigger, Finding, FindingKey, FindingNote, FindingProblem, WantedFinding, findings_of,
    read_finding, wants,
};
pub use handler::{CUSTOM_ACTION, FindingHandler, IMPORTED, forget_event, rule_pattern};
pub use insight::{InsightOutcome, InsightToCreate, create_insight};
pub use ports::{CallRefusal, FindingCalls, RefusalKind};
pub use settings::{DEFAULT_UPDATED_BY, EnrichSettings, NotePolicy, UnknownNotePolicy};
pub use standing::{StandingFinding, StandingFindings, read_standing};
pub use template::{ENRICH_ACTIONS, QUEUE_ACTIONS, management_template, template};
pub use update::{FindingUpdate, WrittenNote, annotation, update_of};
pub use writing::{EnrichOutcome, Intent, Judge, Room, write_standing};
pub mod events;
pub mod remediation;
pub mod remediation_testing;
