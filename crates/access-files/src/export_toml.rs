//! Converts an exported file to TOML, which `hallpass rules fmt` normalizes.

use hallpass_rules::canonical_toml;
use hallpass_rules::syntax::{self, MapEntry, Node, Syntax};

use crate::export::Exported;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cannot be written as TOML: {0}; write it as YAML")]
pub struct NotToml(String);

impl Exported {
    /// Converts the file to TOML. Its comments move to the top.
    ///
    /// # Errors
    /// If it holds a value that TOML lacks, or exceeds the size limit.
    pub fn into_toml(self, name: &str) -> Result<Self, NotToml> {
        let read = syntax::parse(&self.text, Syntax::Yaml);
        let first = read.findings.iter().find(|it| it.is_error());
        if let Some(finding) = first {
            return Err(NotToml(finding.message.clone()));
        }
        let root = read.root.ok_or_else(|| NotToml("it is empty".to_owned()))?;
        let toml::Value::Table(table) = value(&root)? else {
            return Err(NotToml("it is no table".to_owned()));
        };
        let written = toml::to_string(&table).map_err(|error| NotToml(error.to_string()))?;
        let remarks = self.text.lines().take_while(|line| line.starts_with('#'));
        let remarks: String = remarks.flat_map(|line| [line, "\n"]).collect();
        let text = canonical_toml(name, &format!("{remarks}\n{written}"));
        let text = text.map_err(|refused| NotToml(refused.to_string()))?;
        Ok(Self { text, ..self })
    }
}

fn value(node: &Node) -> Result<toml::Value, NotToml> {
    Ok(match &node.value {
        syntax::Value::Null => return Err(NotToml("a value is empty".to_owned())),
        syntax::Value::Bool(flag) => toml::Value::Boolean(*flag),
        syntax::Value::Number(number) => {
            let whole = number.parse();
            toml::Value::Integer(whole.map_err(|_| NotToml(format!("`{number}`")))?)
        }
        syntax::Value::Text(text) => toml::Value::String(text.clone()),
        syntax::Value::List(items) => {
            toml::Value::Array(items.iter().map(value).collect::<Result<_, _>>()?)
        }
        syntax::Value::Map(entries) => {
            let entry = |it: &MapEntry| Ok((it.key.clone(), value(&it.value)?));
            toml::Value::Table(entries.iter().map(entry).collect::<Result<_, _>>()?)
        }
    })
}
