//! Steps of access review campaigns (`access.md` §28). Pure: all facts are arguments; `service`
//! reads and stores.

mod answering;
mod beginning;
mod planning;

pub(crate) use answering::{AnsweredBy, NewAnswer, answer, reassign};
pub(crate) use beginning::{CampaignFacts, begin, listed, next_form};
pub(crate) use planning::{LinesPlanned, plan};
