//! Step kinds and their names in stored plans. Each names the form of its wanted state.

use crate::control_tower::FactoryStepKind;
use crate::steps::{StepKind, step_kinds};

step_kinds! {
    pub(crate) enum EnrolmentStepKind {
        /// The account is in its unit: `MoveSpec`.
        Move = "enrolment.move",
        /// Automatic enrolment is complete: `PlaceSpec`.
        Wait = "enrolment.wait",
        /// Enrolment by a baseline reset is complete: `PlaceSpec`.
        Reset = "enrolment.reset-baseline",
        /// The unit's controls are effective in the account: `ControlsSpec`.
        Controls = "enrolment.reset-controls",
        /// The unit is registered: `RegisterSpec`.
        Register = "enrolment.register",
        /// The role exists: `RoleSpec`.
        CreateRole = "enrolment.create-role",
        /// It has full permissions: `RoleSpec`.
        GrantRole = "enrolment.grant-role",
        /// The stack set exists: `StackSetSpec`.
        StackSet = "enrolment.create-stack-set",
        /// The role exists in an account and is accessible: `StackInstanceSpec`.
        StackInstance = "enrolment.create-stack-instance",
        /// A newly accessible account has no obstacles: `InsideSpec`.
        Inside = "enrolment.look-inside",
    }
}

step_kinds! {
    pub(crate) enum ConfigStepKind {
        /// The recorder is stopped: `ConfigSpec`.
        StopRecorder = "enrolment.stop-recorder",
        /// The delivery channel is deleted: `ConfigSpec`.
        DeleteChannel = "enrolment.delete-channel",
        /// The recorder is deleted: `ConfigSpec`.
        DeleteRecorder = "enrolment.delete-recorder",
        /// The recorder is restored: `ConfigSpec`.
        PutRecorder = "enrolment.put-recorder",
        /// The delivery channel is restored: `ConfigSpec`.
        PutChannel = "enrolment.put-channel",
        /// The recorder is restarted: `ConfigSpec`.
        StartRecorder = "enrolment.start-recorder",
    }
}

/// Every kind of step of [`EnrolmentStepExecutor`](super::EnrolmentStepExecutor).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnyStepKind {
    Enrolment(EnrolmentStepKind),
    Config(ConfigStepKind),
    Factory(FactoryStepKind),
}

impl StepKind for AnyStepKind {
    fn named(name: &str) -> Option<Self> {
        let enrolment = EnrolmentStepKind::named(name).map(Self::Enrolment);
        let config = || ConfigStepKind::named(name).map(Self::Config);
        let factory = || FactoryStepKind::named(name).map(Self::Factory);
        enrolment.or_else(config).or_else(factory)
    }
}
