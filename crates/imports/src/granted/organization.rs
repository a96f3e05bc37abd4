//! Which AWS organization, and which identity store, resources are of: those of another give nothing here.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::report::RowNote;
use crate::terraform::{Resource, Setting};

/// The ids of the organization that rules are imported for, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationIds {
    /// `o-…`.
    pub organization: Option<String>,
    /// `d-…`.
    pub identity_store: Option<String>,
}

/// Whose the resources are by one attribute.
pub(super) struct Whose<'a> {
    key: &'static str,
    own: Option<&'a str>,
    found: BTreeSet<String>,
}

impl<'a> Whose<'a> {
    /// By an attribute, of all resources that have it.
    pub(super) fn of<'r>(
        key: &'static str,
        own: Option<&'a str>,
        resources: impl Iterator<Item = &'r Resource>,
    ) -> Self {
        Self {
            key,
            own,
            found: resources.filter_map(|it| it.text(key)).collect(),
        }
    }

    /// That a resource is of ours, as far as that can be told.
    ///
    /// # Errors
    /// Why nothing of it can be said.
    pub(super) fn ensure_own(
        &self,
        it: &Resource,
        notes: &mut Vec<RowNote>,
    ) -> Result<(), RowNote> {
        let key = self.key;
        let not_said = |what: String| RowNote::NotSaid(what.into());
        let id = match it.values.get(key) {
            None | Some(Setting::Is(Value::Null)) => None,
            Some(Setting::Is(_)) if it.text(key).is_some() => it.text(key),
            Some(_) => {
                return Err(not_said(format!(
                    "only Terraform computes its `{key}`: import the plan or state (`terraform show -json`)"
                )));
            }
        };
        let shown = |id: &str| hallpass_model::text::line(id, 40);
        match (self.own, id) {
            (Some(own), Some(id)) if id != own => Err(not_said(format!(
                "its `{key}` is `{}`, and `--facts` are of `{own}`",
                shown(&id)
            ))),
            (None, _) if self.found.len() > 1 => {
                let found: Vec<String> = self.found.iter().map(|it| shown(it)).collect();
                Err(not_said(format!(
                    "`{key}` has several values in these files ({}), and which is yours `--facts` say",
                    found.join(", ")
                )))
            }
            (None, Some(_)) => {
                if !notes.contains(&NOT_COMPARED) {
                    notes.push(NOT_COMPARED);
                }
                Ok(())
            }
            (Some(_), _) | (None, None) => Ok(()),
        }
    }
}

const NOT_COMPARED: RowNote =
    RowNote::Configuration("whether it is of your organization is compared with `--facts` alone");
