//! Why there is no connection, and what helps.

use hallpass_assignments::CenterFault;

use crate::fault::CallFailure;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// A call failed; says which.
    #[error("`{operation}` failed: {fault}")]
    Call {
        /// The operation.
        operation: &'static str,
        /// What AWS said.
        fault: CenterFault,
    },
    /// Nothing to work with.
    #[error("no instance of IAM Identity Center in `{region}` is visible to `{arn}`")]
    NoInstance {
        /// Where we looked.
        region: String,
        /// As whom.
        arn: String,
    },
    /// Which one is meant must be said.
    #[error("several instances of IAM Identity Center: {}; choose one by its ARN", .found.join(", "))]
    SeveralInstances {
        /// Their ARNs.
        found: Vec<String>,
    },
    /// The configured instance is not among those visible.
    #[error("instance `{wanted}` is not visible; visible: {}", .found.join(", "))]
    UnknownInstance {
        /// The configured ARN.
        wanted: String,
        /// The visible ones.
        found: Vec<String>,
    },
    /// AWS tells of another instance than the one that this connection goes on with.
    #[error("this server goes on with {before}, and AWS tells of {told} now")]
    AnotherInstance {
        /// The one of before, with its identity store.
        before: String,
        /// That of now.
        told: String,
    },
}

impl ConnectError {
    /// That a call failed.
    pub(crate) fn call(operation: &'static str, failure: CallFailure) -> Self {
        Self::Call {
            operation,
            fault: failure.fault,
        }
    }

    /// What would remedy it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Call { .. } => {
                "check credentials, Region and endpoint; `hallpass server doctor` says which permission is missing"
            }
            Self::NoInstance { .. } => {
                "use the home Region of IAM Identity Center, and the management account or its delegated administrator"
            }
            Self::SeveralInstances { .. } | Self::UnknownInstance { .. } => {
                "set the instance's ARN in the configuration"
            }
            Self::AnotherInstance { .. } => {
                "start the server again: it then uses the instance of now; where that is not meant, set `identity.instance_arn`"
            }
        }
    }
}
