//! Evaluates a Terraform folder: variables, locals, and expressions.
//!
//! Values only Terraform knows (resources, data, unsupported functions) are unknown values with
//! place and reason; they fail only on use. Depth, steps and output bytes are bounded.

mod collections;
mod decoded;
mod definitions;
mod evaluate;
mod functions;
mod operators;
mod source;
mod texts;
mod types;
mod value;
mod work;

pub(crate) use definitions::{Definition, Definitions, ModuleBlock};
pub(crate) use evaluate::{Evaluator, ReadFile};
pub(crate) use source::{HclFile, line_of, problem_of};
pub(crate) use value::{EvalProblem, HclKind, HclPlace, HclValue};
