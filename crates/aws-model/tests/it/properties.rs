//! No input makes the crate panic, and the two directions agree.

use hallpass_aws_model::{
    OperationModel, ServiceModel, ShapeKind, check_output, json_to_query_xml, query_to_json,
    tables, validate,
};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|all| Value::Object(Map::from_iter(all))),
        ]
    })
}

fn all_operations() -> Vec<(&'static ServiceModel, &'static OperationModel)> {
    let services = tables().services();
    services
        .flat_map(|it| it.operations().map(move |operation| (it, operation)))
        .collect()
}

fn named(
    service: &ServiceModel,
    shape: &str,
    values: &mut dyn Iterator<Item = Value>,
    depth: u8,
) -> Value {
    let any = |values: &mut dyn Iterator<Item = Value>| values.next().unwrap_or(Value::Null);
    let Some(shape) = service.shape(shape) else {
        return Value::Null;
    };
    match &shape.kind {
        _ if depth > 5 => any(values),
        ShapeKind::Structure { members, .. } => {
            let members = members.iter();
            let members = members.map(|member| {
                (
                    member.wire().to_owned(),
                    named(service, &member.shape, values, depth + 1),
                )
            });
            Value::Object(members.collect())
        }
        ShapeKind::List { element, .. } => Value::Array(
            (0..2)
                .map(|_| named(service, element, values, depth + 1))
                .collect(),
        ),
        _ => any(values),
    }
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(input in any_json(), pick in any::<prop::sample::Index>()) {
        let all = all_operations();
        let (service, operation) = all[pick.index(all.len())];
        let _checked = validate(service, operation, &input);
        let _compared = check_output(service, operation, &input);
        let _written = json_to_query_xml(service, operation, &input);
    }

    #[test]
    fn named_members_with_any_values_never_panic(
        values in prop::collection::vec(any_json(), 1..6),
        pick in any::<prop::sample::Index>(),
    ) {
        let all = all_operations();
        let (service, operation) = all[pick.index(all.len())];
        let mut endless = values.iter().cycle().cloned();
        for shape in operation.input.iter().chain(&operation.output) {
            let value = named(service, shape, &mut endless, 0);
            let _checked = validate(service, operation, &value);
            let _compared = check_output(service, operation, &value);
            let _written = json_to_query_xml(service, operation, &value);
        }
    }

    #[test]
    fn arbitrary_forms_never_panic(
        fields in prop::collection::vec(("[A-Za-z0-9.]{0,24}", ".{0,8}"), 0..8),
        steps in prop::collection::vec(("(Tags|PolicyArns|TransitiveTagKeys)(.member)?(.[0-9a]{1,12})?(.Key)?", ".{0,8}"), 0..4),
    ) {
        let (service, operation) = crate::find("sts AssumeRole");
        let fields: Vec<_> = fields.into_iter().chain(steps).collect();
        if let Ok(value) = query_to_json(service, operation, &fields) {
            let _checked = validate(service, operation, &value);
        }
    }
}
