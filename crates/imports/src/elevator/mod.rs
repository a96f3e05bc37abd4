//! sso-elevator: its statements, and the settings of its Terraform module.
//!
//! They stand in an object of its bucket, in files of variables, in a module with what a folder of
//! Terraform defines for it, or in a plan of Terraform, in which everything is computed. Statements keep their form, which Hallpass decides by as sso-elevator
//! does (`access.md` §1 and §2); settings become lines of the configuration.

mod convert;
mod differing;
mod file;
mod first;
mod folder;
mod memberships;
mod people;
mod plan;
mod settings;
mod source;
mod statements;
mod values;
mod variables;

pub use convert::{ElevatorOptions, Sweeps, import, import_folder};
pub use file::ElevatorRefused;
pub use folder::TerraformFolder;
pub use statements::StatementsFile;
pub use variables::OtherValues;
