//! Saves an address of a page, or removes it.

use axum::{Router, extract::State, http::HeaderValue, response::Response, routing::post};
use hallpass_base::GroupId;

use super::{
    saved::{SavedLink, SavedOn, value_of},
    shell::{Posted, see_other},
    sign_in::with_cookie,
    words::plain,
};
use crate::App;

const NAME_CHARACTERS_MAX: usize = 60;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/saved", post(change))
}

/// Saves the form's fields on its page, or removes them with `remove`.
async fn change(
    State(app): State<App>,
    Posted { viewer, form }: Posted<Vec<(String, String)>>,
) -> Response {
    let field = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    };
    let wanted = field("on");
    let page = SavedOn::ALL.into_iter().find(|page| page.path() == wanted);
    let Some(page) = page else {
        return see_other("/");
    };
    let address = page.address(&form);
    let mut links = viewer.saved.on(page).to_vec();
    links.retain(|link| link.address != address);
    if field("remove").is_empty() {
        let name = match page {
            SavedOn::Ask => target_name(&app, &field),
            SavedOn::Reports => plain(field("name")),
        };
        let name: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
        let name = if name.is_empty() {
            "Report".to_owned()
        } else {
            name
        };
        let saved = SavedLink {
            name,
            address: address.clone(),
        };
        links.insert(0, saved);
    }
    let (cookie, value) = (page.cookie(), value_of(&links));
    let text = format!("{cookie}={value}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
    match HeaderValue::from_str(&text) {
        Ok(cookie) => with_cookie(see_other(&address), cookie),
        Err(_) => see_other(&address),
    }
}

fn target_name<'a>(app: &App, field: &impl Fn(&str) -> &'a str) -> String {
    let directory = app.access.directory();
    if let Ok(group) = GroupId::new(field("group")) {
        let known = directory.group(&group).map(|group| group.name.as_str());
        return plain(known.unwrap_or(group.as_str()));
    }
    let account = app.access.account_of(field("account"));
    let account = account.and_then(|id| directory.account(&id));
    let account = account.map_or(field("account"), |account| &account.name);
    plain(&format!("{account} / {}", field("permission_set")))
}
