//! Why a generator or checker cannot do what it was asked, with the code that scripts rely on.

use std::fmt;

/// Codes of bad wishes (`policies.md` §1, §7–§14). Their text form is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WishCode {
    /// An option is missing, or does not go with another one.
    Arg,
    /// Not an ARN, or not one of the kind that is needed.
    Arn,
    /// An identifier of the wrong form or of the wrong kind.
    Id,
    /// A path of an organization that does not end in `/` or `/*`.
    PathSlash,
    /// A perimeter side that this kind of policy cannot hold.
    SideType,
    /// A service that resource control policies do not support.
    RcpService,
    /// A global service together with a region that it never reports.
    GlobalRegion,
    /// A window of time that is empty, too long or over.
    Window,
    /// A user name that cannot be used in a pattern.
    Name,
    /// A time without a zone, or out of order.
    Time,
    /// A duration outside its range.
    Duration,
    /// A graph that names something unknown.
    Graph,
    /// The management account where it must not be.
    Mgmt,
    /// A country code that does not exist.
    Country,
    /// Larger than the policy's kind allows (§5).
    Size,
}

impl WishCode {
    /// The stable text of the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arg => "E_ARG",
            Self::Arn => "E_ARN",
            Self::Id => "E_ID",
            Self::PathSlash => "E_PATH_SLASH",
            Self::SideType => "E_SIDE_TYPE",
            Self::RcpService => "E_RCP_SERVICE",
            Self::GlobalRegion => "E_GLOBAL_REGION",
            Self::Window => "E_WINDOW",
            Self::Name => "E_NAME",
            Self::Time => "E_TIME",
            Self::Duration => "E_DURATION",
            Self::Graph => "E_GRAPH",
            Self::Mgmt => "E_MGMT",
            Self::Country => "E_COUNTRY",
            Self::Size => "E_SIZE",
        }
    }
}

impl fmt::Display for WishCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A wish that cannot be fulfilled; nothing was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {place})")]
pub struct WishError {
    /// What kind of mistake.
    pub code: WishCode,
    /// What is wrong and what to write instead.
    pub message: String,
    /// The option it stands in (`--id`), or a JSON pointer into a file.
    pub place: String,
}

impl WishError {
    /// An error at an option or pointer.
    pub fn new(code: WishCode, message: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            place: place.into(),
        }
    }

    /// The same mistake, standing somewhere else.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }
}
