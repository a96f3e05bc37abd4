//! Reads the policies to shrink: from files, or a permission set of the newest snapshot.

use std::path::Path;

use hallpass_activity::PolicyText;
use hallpass_app::reports::live_center::{self, LiveSet};
use hallpass_app::reports::policies::{SetSettings, sets};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use serde_json::{Map, Value, json};

use super::Args;
use super::fitting::Fitting;
use crate::policy::files::read_text;

#[derive(Debug)]
pub(super) struct GivenPolicies {
    pub(super) policies: Vec<PolicyText>,
    pub(super) boundary: Option<PolicyText>,
    settings: Option<SetSettings>,
    missing: Vec<String>,
    is_whole: bool,
}

impl GivenPolicies {
    pub(super) fn read(args: &Args) -> Result<Self, Failure> {
        if !args.policy.is_empty() {
            let read = |path: &Path| {
                let name = path.display().to_string();
                read_text(path).map(|text| PolicyText { name, text })
            };
            let policies = args.policy.iter().map(|it| read(it));
            return Ok(Self {
                policies: policies.collect::<Result<_, _>>()?,
                boundary: args.boundary.as_deref().map(read).transpose()?,
                settings: None,
                missing: Vec::new(),
                is_whole: true,
            });
        }
        if args.live {
            return Ok(Self::live(live_center::permission_set(&args.set)?));
        }
        let found = sets(&args.folder, Some(&args.set))?;
        let Some(set) = found.sets.into_iter().next() else {
            return Err(Failure::bug("a found set is missing"));
        };
        let named = |text: String| PolicyText {
            name: set.name.clone(),
            text,
        };
        Ok(Self {
            policies: set.documents.into_iter().map(named).collect(),
            // accounts may differ; then it is no certain limit
            boundary: match <[String; 1]>::try_from(set.boundary) {
                Ok([text]) => Some(PolicyText {
                    name: format!("{} (boundary)", set.name),
                    text,
                }),
                Err(_) => None,
            },
            settings: Some(set.settings),
            missing: set.missing,
            is_whole: found.is_whole,
        })
    }

    fn live(set: LiveSet) -> Self {
        let named = |(name, text)| PolicyText { name, text };
        let text = |name: &str| {
            let found = set.about.get(name).and_then(Value::as_str);
            found.map(str::to_owned)
        };
        Self {
            settings: Some(SetSettings {
                description: text("Description"),
                session_duration: text("SessionDuration"),
                relay_state: text("RelayState"),
                // only the snapshot has tags
                ps_tags: Value::Null,
                boundary: set.boundary_reference.clone(),
            }),
            policies: set.documents.into_iter().map(named).collect(),
            boundary: set.boundary.map(named),
            missing: set.missing,
            is_whole: true,
        }
    }

    pub(super) fn tell_missing(&self) -> bool {
        for policy in &self.missing {
            output::say(&format!(
                "the policy `{}` could not be read: its permissions are not in the new one",
                output::plain(policy)
            ));
        }
        self.missing.is_empty() && self.is_whole
    }

    pub(super) fn access_file(&self, name: &str, policy: &Value, fitting: &Fitting) -> Value {
        let mut set = Map::new();
        if let Some(settings) = &self.settings {
            let texts = [
                ("description", &settings.description),
                ("session_duration", &settings.session_duration),
                ("relay_state", &settings.relay_state),
            ];
            for (key, text) in texts {
                if let Some(text) = text.as_ref().filter(|it| !it.is_empty()) {
                    set.insert(key.to_owned(), json!(text));
                }
            }
            let boundary = settings.boundary.as_ref().and_then(written_boundary);
            set.extend(boundary.map(|it| ("permissions_boundary".to_owned(), it)));
            let tags = settings.ps_tags.as_object();
            if let Some(tags) = tags.filter(|it| !it.is_empty()) {
                set.insert("tags".to_owned(), json!(tags));
            }
        }
        match fitting {
            Fitting::Managed { policies, .. } => {
                let own = policies
                    .iter()
                    .map(|it| json!({"name": it.name, "path": "/"}));
                let own: Vec<Value> = own.collect();
                set.insert("customer_managed_policies".to_owned(), json!(own));
            }
            Fitting::Inline | Fitting::TooLong { .. } => {
                set.insert("inline_policy".to_owned(), policy.clone());
            }
        }
        json!({
            "version": 1,
            "instance": "auto",
            "settings": {"manage": "declared"},
            "permission_sets": {name: set},
            "assignments": [],
        })
    }
}

fn written_boundary(boundary: &Value) -> Option<Value> {
    if let Some(arn) = boundary.get("ManagedPolicyArn") {
        return Some(json!({"managed": arn}));
    }
    let own = boundary.get("CustomerManagedPolicyReference")?;
    let path = own.get("Path").cloned().unwrap_or_else(|| json!("/"));
    Some(json!({"customer_managed": {"name": own.get("Name")?, "path": path}}))
}
