use hallpass_assignments::CenterFault;

use crate::fault::CallFailure;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("`{operation}` failed: {fault}")]
    Call {
        operation: &'static str,
        fault: CenterFault,
    },
    #[error("no instance of IAM Identity Center in `{region}` is visible to `{arn}`")]
    NoInstance { region: String, arn: String },
    #[error("several instances of IAM Identity Center: {}; choose one by its ARN", .found.join(", "))]
    SeveralInstances { found: Vec<String> },
    #[error("instance `{wanted}` is not visible; visible: {}", .found.join(", "))]
    UnknownInstance { wanted: String, found: Vec<String> },
    /// AWS reports another instance than this connection started with.
    #[error("this server keeps using {before}, and AWS reports {told} now")]
    AnotherInstance {
        /// The earlier one, with its identity store.
        before: String,
        told: String,
    },
}

impl ConnectError {
    pub(crate) fn call(operation: &'static str, failure: CallFailure) -> Self {
        Self::Call {
            operation,
            fault: failure.fault,
        }
    }

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
