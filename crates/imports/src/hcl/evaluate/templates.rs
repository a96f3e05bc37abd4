use std::rc::Rc;

use hallpass_rules::Position;
use hcl_edit::template::{Element, Strip};

use super::{Evaluated, Evaluator, HclPlace};
use crate::hcl::value::{EvalProblem, HclValue};

impl Evaluator<'_> {
    pub(super) fn text(&mut self, at: HclPlace, position: Position, text: &str) -> Evaluated {
        self.work.spend(at, text.len() / 16)?;
        if !text.contains("${") && !text.contains("%{") {
            return Ok(HclValue::text(at, text));
        }
        let template = hcl_edit::parser::parse_template(text)
            .map_err(|_| EvalProblem::fails(at, "a template that cannot be read"))?;
        let before = self.place.text.replace((position, Rc::from(text)));
        let value = self.template(at, template.iter());
        self.place.text = before;
        value
    }

    /// A template of a single expression keeps the value's type.
    pub(super) fn template<'t>(
        &mut self,
        at: HclPlace,
        elements: impl Iterator<Item = &'t Element>,
    ) -> Evaluated {
        let elements: Vec<&Element> = elements.collect();
        if let [Element::Interpolation(only)] = elements.as_slice() {
            return self.expression(&only.expr);
        }
        let mut text = String::new();
        let mut strips = false;
        for element in elements {
            match element {
                Element::Literal(literal) => {
                    let part = literal.value().as_str();
                    text.push_str(if strips { part.trim_start() } else { part });
                    strips = false;
                }
                Element::Interpolation(inner) => {
                    if matches!(inner.strip, Strip::Start | Strip::Both) {
                        text.truncate(text.trim_end().len());
                    }
                    let value = self.expression(&inner.expr)?;
                    let value = self.work.made(value)?;
                    text.push_str(&value.into_text()?);
                    strips = matches!(inner.strip, Strip::End | Strip::Both);
                }
                Element::Directive(_) => {
                    let message = "a template with `%{`, which only Terraform computes";
                    return Err(EvalProblem::unknown(at, message));
                }
            }
        }
        Ok(HclValue::text(at, text))
    }
}
