use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable as _};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::functions::{JsonFunctionKind, function};

#[derive(Debug)]
pub(crate) struct JsonOperators;

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let kind = match expr.op {
            BinaryOperator::Arrow => JsonFunctionKind::Get,
            BinaryOperator::LongArrow => JsonFunctionKind::GetText,
            BinaryOperator::HashArrow => JsonFunctionKind::GetPath,
            BinaryOperator::HashLongArrow => JsonFunctionKind::GetPathText,
            BinaryOperator::Question => JsonFunctionKind::HasKey,
            BinaryOperator::AtArrow if is_text(&expr.left, schema) => JsonFunctionKind::Contains,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let call = function(kind).call(vec![expr.left, expr.right]);
        Ok(PlannerResult::Planned(call))
    }
}

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    let kind = expr.get_type(schema);
    kind.is_ok_and(|it| {
        matches!(
            it,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        )
    })
}
