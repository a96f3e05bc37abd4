#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoredEvent {
    /// It has an error code: it did not happen.
    ApiError,
    FailedSignIn,
    ForeignLoginTarget,
    Future,
    /// An intermediate step of a sign-in.
    NotActivity,
    OtherEvent,
    OtherIdentityStore,
    Unattributable,
    /// A user id unknown here.
    UnknownUser,
    /// Use, while only sign-ins count.
    UseNotCounted,
}

impl IgnoredEvent {
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
