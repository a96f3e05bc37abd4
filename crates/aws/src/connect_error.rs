use hallpass_assignments::CenterFault;

use crate::fault::CallFailure;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No source of credentials has any.
    #[error(
        "there are no AWS credentials: not in the environment, `~/.aws`, a container or an instance role"
    )]
    NoCredentials { why: String },
    #[error("`{operation}` failed: {fault}")]
    Call {
        operation: &'static str,
        fault: CenterFault,
    },
    #[error("no instance of IAM Identity Center in `{region}` is visible to `{arn}`")]
    NoInstance { region: String, arn: String },
    /// The Region of the configuration, or of the environment, is not that of the instance.
    #[error("IAM Identity Center is in {home}; `aws.region` (or `AWS_REGION`) says {region}")]
    InstanceElsewhere { home: String, region: String },
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
        if failure.is_without_credentials() {
            let why = failure.fault.to_string();
            return Self::NoCredentials { why };
        }
        Self::Call {
            operation,
            fault: failure.fault,
        }
    }

    /// The message in one line, and what AWS or the SDK reported.
    pub fn in_short(&self) -> (String, Option<String>) {
        match self {
            Self::NoCredentials { why } => (self.to_string(), Some(why.clone())),
            Self::Call {
                operation,
                fault: CenterFault::Unreachable { message },
            } => (
                format!("`{operation}` got no answer"),
                Some(message.clone()),
            ),
            _ => (self.to_string(), None),
        }
    }

    /// A stable name, for `docs/reference/messages.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCredentials { .. } => "no-credentials",
            Self::Call { .. } => "aws-call",
            Self::NoInstance { .. } => "no-instance",
            Self::InstanceElsewhere { .. } => "other-region",
            Self::SeveralInstances { .. } => "several-instances",
            Self::UnknownInstance { .. } => "unknown-instance",
            Self::AnotherInstance { .. } => "another-instance",
        }
    }

    pub fn help(&self) -> &'static str {
        match self {
            Self::NoCredentials { .. } => {
                "sign in (`aws sso login`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID; then run `hallpass server doctor`. A service \
                 does not see your shell's: docs/operations/systemd.md"
            }
            Self::Call { .. } => {
                "check credentials, Region and endpoint; `hallpass server doctor` says which permission is missing"
            }
            Self::InstanceElsewhere { .. } => {
                "set `aws.region` to that Region; then run `hallpass server doctor`"
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
