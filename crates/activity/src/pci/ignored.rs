//! Why events change nothing.

/// Why an event changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoredEvent {
    /// It did not happen: there is an error code.
    ApiError,
    /// A sign-in that did not succeed.
    FailedSignIn,
    /// A sign-in to something else than an access portal.
    ForeignLoginTarget,
    /// It lies after the instant that is judged at.
    Future,
    /// A step on the way to a sign-in.
    NotActivity,
    /// An event of another service with the same name.
    OtherEvent,
    /// A user of another identity store.
    OtherIdentityStore,
    /// It says of nobody that it is theirs.
    Unattributable,
    /// A user id that is nobody's here.
    UnknownUser,
    /// Use, where only sign-ins count.
    UseNotCounted,
}

impl IgnoredEvent {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiError => "api_error",
            Self::FailedSignIn => "failed_sign_in",
            Self::ForeignLoginTarget => "foreign_login_target",
            Self::Future => "future",
            Self::NotActivity => "not_activity",
            Self::OtherEvent => "other_event",
            Self::OtherIdentityStore => "other_identity_store",
            Self::Unattributable => "unattributable",
            Self::UnknownUser => "unknown_user",
            Self::UseNotCounted => "use_not_counted",
        }
    }
}
