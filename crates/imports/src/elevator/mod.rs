//! Imports sso-elevator: its statements, and the settings of its Terraform module.
//!
//! The source is an object of its bucket, variable files, a Terraform folder with the module, or a
//! Terraform plan with all values computed. Statements keep their form and meaning (`access.md` §1
//! and §2); settings become configuration lines.

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
