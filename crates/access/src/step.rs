//! Results of decisions: changed rows with records and notices. Pure functions return steps; the
//! driver folds each once into its [`Change`]. Only this module decides whether a row is new, and
//! the order of records and notices.

use hallpass_audit::Draft;

use crate::approving::ApprovalWords;
use crate::{
    Change, DesiredAssignment, Grant, Notice, OutlivingSessions, Request, RequestState, Write,
};

#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub(crate) struct RequestStep {
    pub(crate) request: Request,
    pub(crate) record: Option<Draft>,
    pub(crate) notice: Option<Notice>,
}

impl RequestStep {
    pub(crate) fn insert_change(self) -> Change {
        self.fold(Write::Insert)
    }

    pub(crate) fn update_change(self) -> Change {
        self.fold(Write::Update)
    }

    fn fold(self, write: fn(Request) -> Write<Request>) -> Change {
        Change {
            audit: self.record.into_iter().collect(),
            notices: self.notice.into_iter().collect(),
            requests: vec![write(self.request)],
            ..Change::default()
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum ApprovedGrant {
    New(Grant),
    Extended(Grant),
}

#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub(crate) struct Approved {
    pub(crate) request: Request,
    pub(crate) grant: ApprovedGrant,
    pub(crate) records: [Draft; 2],
    /// The new grant's end can never be enforced, though wanted.
    pub(crate) not_armed: Option<Draft>,
    /// An earlier end on the same key was repeated.
    pub(crate) repeated_end: Option<Draft>,
    pub(crate) notice: Notice,
    pub(crate) desired: Vec<DesiredAssignment>,
}

#[derive(Clone, Debug)]
pub(crate) enum ApprovedThrough {
    /// Approved at the request, which is stored for the first time.
    Asking {
        created: Draft,
    },
    Press,
    BreakGlass {
        opened: Draft,
        alarm: Notice,
    },
}

impl Approved {
    pub(crate) fn with_words(mut self, words: ApprovalWords) -> Self {
        let [approved, granted] = self.records;
        self.records = [words.record(approved), granted];
        if let RequestState::Approved { comment, .. } = &mut self.request.state {
            *comment = words.comment;
        }
        self.request.confirmed.extend(words.confirmed);
        self
    }

    pub(crate) fn fold(self, through: ApprovedThrough) -> Change {
        let (request, created, opened, alarm) = match through {
            ApprovedThrough::Asking { created } => {
                (Write::Insert(self.request), Some(created), None, None)
            }
            ApprovedThrough::Press => (Write::Update(self.request), None, None, None),
            ApprovedThrough::BreakGlass { opened, alarm } => {
                (Write::Update(self.request), None, Some(opened), Some(alarm))
            }
        };
        let records = self.repeated_end.into_iter().chain(created);
        let records = records.chain(self.records).chain(opened);
        let records = records.chain(self.not_armed);
        // The alert first: it is news to all recipients.
        let notices = alarm.into_iter().chain([self.notice]);
        Change {
            audit: records.collect(),
            notices: notices.collect(),
            desired: self.desired,
            requests: vec![request],
            grants: vec![match self.grant {
                ApprovedGrant::New(grant) => Write::Insert(grant),
                ApprovedGrant::Extended(grant) => Write::Update(grant),
            }],
            ..Change::default()
        }
    }
}

#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub(crate) enum PressStep {
    Changed(Box<RequestStep>),
    Approved(Box<(Approved, ApprovedThrough)>),
}

impl PressStep {
    pub(crate) fn fold(self) -> Change {
        match self {
            Self::Changed(step) => step.update_change(),
            Self::Approved(step) => {
                let (approved, through) = *step;
                approved.fold(through)
            }
        }
    }

    pub(crate) fn approved(approved: Approved, through: ApprovedThrough) -> Self {
        Self::Approved(Box::new((approved, through)))
    }
}

impl From<RequestStep> for PressStep {
    fn from(step: RequestStep) -> Self {
        Self::Changed(Box::new(step))
    }
}

/// A step of grants on one key, with at most one change of the desired assignment. Empty if nothing
/// is due.
#[derive(Clone, Debug, Default)]
#[must_use = "a step that is not committed has not happened"]
pub(crate) struct GrantStep {
    pub(crate) grants: Vec<Grant>,
    pub(crate) records: Vec<Draft>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) desired: Option<DesiredAssignment>,
    pub(crate) sessions: Option<OutlivingSessions>,
}

impl GrantStep {
    pub(crate) fn of(grant: Grant) -> Self {
        Self {
            grants: vec![grant],
            ..Self::default()
        }
    }

    pub(crate) fn with_notice(mut self, notice: impl Into<Option<Notice>>) -> Self {
        self.notices.extend(notice.into());
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.grants.is_empty() && self.desired.is_none()
    }

    pub(crate) fn fold(self) -> Change {
        Change {
            audit: self.records,
            notices: self.notices,
            desired: self.desired.into_iter().collect(),
            sessions_to_revoke: self.sessions.into_iter().collect(),
            grants: self.grants.into_iter().map(Write::Update).collect(),
            ..Change::default()
        }
    }
}
