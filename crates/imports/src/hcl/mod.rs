//! A folder of Terraform read as Terraform would read it: variables, locals, and the expressions over them.
//!
//! What only Terraform can know (resources, data, functions that are not here) is a value that is not
//! known, with its place and the reason: it is in nobody's way until somebody needs it. Everything is
//! bounded: depth, steps, and the bytes of what is made.

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
