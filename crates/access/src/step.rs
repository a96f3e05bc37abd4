//! Steps: what a decision makes of a request, or of the grants on a key, with what is recorded and told
//! of it. Pure functions return steps; the driver folds each of them once into the [`Change`] that it
//! commits. Whether a row is new, and in which order records and notices come, is said here alone.

use hallpass_audit::Draft;

use crate::approving::ApprovalWords;
use crate::{
    Change, DesiredAssignment, Grant, Notice, OutlivingSessions, Request, RequestState, Write,
};

/// A request after a step that gives no access.
#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub(crate) struct RequestStep {
    pub(crate) request: Request,
    pub(crate) record: Option<Draft>,
    pub(crate) notice: Option<Notice>,
}

impl RequestStep {
    /// The step that makes the request.
    pub(crate) fn insert_change(self) -> Change {
        self.fold(Write::Insert)
    }

    /// A step of a request that was read.
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

/// What comes of an approval.
#[derive(Clone, Debug)]
pub(crate) enum ApprovedGrant {
    /// A grant of its own.
    New(Grant),
    /// A later end of the grant that it extends.
    Extended(Grant),
}

/// An approved request with its grant.
#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub(crate) struct Approved {
    pub(crate) request: Request,
    pub(crate) grant: ApprovedGrant,
    /// That it was approved, and what of the grant.
    pub(crate) records: [Draft; 2],
    /// That the end of the new grant is wanted to be armed, and never is.
    pub(crate) not_armed: Option<Draft>,
    /// That an earlier end on the same key had to be repeated.
    pub(crate) repeated_end: Option<Draft>,
    pub(crate) notice: Notice,
    pub(crate) desired: Vec<DesiredAssignment>,
}

/// How a request came to be approved.
#[derive(Clone, Debug)]
pub(crate) enum ApprovedThrough {
    /// As it was asked: it is stored for the first time.
    Asking { created: Draft },
    /// A press on a request that waits.
    Press,
    /// Break-glass: its requester, without waiting for anybody.
    BreakGlass { opened: Draft, alarm: Notice },
}

impl Approved {
    /// The same, with what whoever approved it said.
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
        // the alarm goes first: it is news to everybody, and the requester knows what they pressed
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

/// What a press makes of a request that was read.
#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub(crate) enum PressStep {
    /// It changes, and gives no access.
    Changed(Box<RequestStep>),
    /// It gives access, or a later end of it.
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

/// A step of stored grants on one key, with one change at most of what is desired of its assignment. Empty when there is
/// nothing to do.
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
    /// The grant changes, and nothing follows from it.
    pub(crate) fn of(grant: Grant) -> Self {
        Self {
            grants: vec![grant],
            ..Self::default()
        }
    }

    /// The same, with one more notice.
    pub(crate) fn with_notice(mut self, notice: impl Into<Option<Notice>>) -> Self {
        self.notices.extend(notice.into());
        self
    }

    /// Whether there is nothing to do.
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
