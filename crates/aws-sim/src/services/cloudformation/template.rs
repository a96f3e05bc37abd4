//! Template roles, with names from parameters. Refuses everything else.

use serde_json::Value;

use super::invalid;
use crate::core::{call::input_text, errors::ApiError, stack_sets::StackRole};

struct Resolver<'a> {
    template: &'a Value,
    input: &'a Value,
}

pub(super) fn roles(input: &Value) -> Result<Vec<StackRole>, ApiError> {
    let Some(body) = input_text(input, "TemplateBody") else {
        return Err(invalid("A template by its address is not simulated."));
    };
    let template: Value = serde_json::from_str(body)
        .map_err(|_| invalid("Template format error: templates in YAML are not simulated."))?;
    let Some(resources) = template.get("Resources").and_then(Value::as_object) else {
        let text = "Template format error: At least one Resources member must be defined.";
        return Err(invalid(text));
    };
    let resolver = Resolver {
        template: &template,
        input,
    };
    resolver.check()?;
    let all = resources.iter();
    all.map(|(logical, it)| resolver.role(logical, it))
        .collect()
}

impl Resolver<'_> {
    /// Every parameter has a value, and every value a parameter.
    fn check(&self) -> Result<(), ApiError> {
        let wanted = self.template.get("Parameters").and_then(Value::as_object);
        for (name, of) in wanted.into_iter().flatten() {
            if of.get("Default").is_none() && self.given(name).is_none() {
                return Err(invalid(format!("Parameters: [{name}] must have values")));
            }
        }
        let given = self.input.get("Parameters").and_then(Value::as_array);
        for one in given.into_iter().flatten() {
            let name = input_text(one, "ParameterKey").unwrap_or_default();
            if wanted.is_none_or(|all| !all.contains_key(name)) {
                let text = format!("Parameters: [{name}] do not exist in the template");
                return Err(invalid(text));
            }
        }
        Ok(())
    }

    fn given(&self, name: &str) -> Option<&str> {
        let all = self.input.get("Parameters").and_then(Value::as_array)?;
        let one = all
            .iter()
            .find(|it| input_text(it, "ParameterKey") == Some(name))?;
        input_text(one, "ParameterValue")
    }

    /// A parameter's value, or that of a pseudo parameter equal in every account.
    fn value(&self, name: &str) -> Result<String, ApiError> {
        if name == "AWS::Partition" {
            return Ok("aws".to_owned());
        }
        let default = || {
            let of = self.template.get("Parameters")?.get(name)?;
            input_text(of, "Default")
        };
        let found = self.given(name).or_else(default);
        let text = format!(
            "Template error: unresolved or not simulated: {name} in the Resources block of the template"
        );
        found.map(str::to_owned).ok_or_else(|| invalid(text))
    }

    fn text(&self, value: &Value) -> Result<String, ApiError> {
        if let Value::String(text) = value {
            return Ok(text.clone());
        }
        if let Some(name) = input_text(value, "Ref") {
            return self.value(name);
        }
        let Some(form) = input_text(value, "Fn::Sub") else {
            return Err(invalid(format!("{value} in a template is not simulated.")));
        };
        let (mut done, mut rest) = (String::new(), form);
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| invalid("Template error: `${` without `}`"))?;
            done.push_str(before);
            done.push_str(&self.value(name)?);
            rest = behind;
        }
        Ok(done + rest)
    }

    fn texts(&self, value: Option<&Value>) -> Result<Vec<String>, ApiError> {
        match value {
            None => Ok(Vec::new()),
            Some(Value::Array(all)) => all.iter().map(|it| self.text(it)).collect(),
            Some(one) => Ok(vec![self.text(one)?]),
        }
    }

    fn role(&self, logical: &str, resource: &Value) -> Result<StackRole, ApiError> {
        let kind = input_text(resource, "Type").unwrap_or_default();
        if kind != "AWS::IAM::Role" {
            return Err(invalid(format!("Resources of {kind} are not simulated.")));
        }
        let known = [
            "AssumeRolePolicyDocument",
            "ManagedPolicyArns",
            "Path",
            "RoleName",
        ];
        let properties = resource.get("Properties").cloned().unwrap_or_default();
        let mut names = properties.as_object().into_iter().flatten();
        if let Some((name, _)) = names.find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(invalid(format!("{name} of a role is not simulated.")));
        }
        let Some(name) = properties.get("RoleName") else {
            return Err(invalid("Roles without a name are not simulated."));
        };
        let statements = properties.pointer("/AssumeRolePolicyDocument/Statement");
        let mut trust = Vec::new();
        for statement in statements.and_then(Value::as_array).into_iter().flatten() {
            let principals = statement.get("Principal").and_then(Value::as_object);
            for of in principals.into_iter().flat_map(|it| it.values()) {
                trust.extend(self.texts(Some(of))?);
            }
        }
        let policies = self.texts(properties.get("ManagedPolicyArns"))?;
        let path = properties.get("Path").map(|it| self.text(it));
        Ok(StackRole {
            logical: logical.to_owned(),
            name: self.text(name)?,
            path: path.transpose()?,
            trust,
            policies: policies.iter().map(|it| short(it)).collect(),
        })
    }
}

/// The stored form of role policies: AWS's by name.
fn short(arn: &str) -> String {
    let own = arn.strip_prefix("arn:aws:iam::aws:policy/");
    own.map_or(arn, |path| path.rsplit('/').next().unwrap_or(path))
        .to_owned()
}
