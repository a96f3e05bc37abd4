//! Set up: what this installation has, what it lacks, and the lines that configure it.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use hallpass_access::Role;

use super::health_parts;
use super::shell::{Nav, PageResult, Shell, Viewer, page};
use super::words::{Badge, badge, plain};
use super::{documents, health_names::of_part, press::missing};
use crate::App;

pub(super) fn router() -> Router<App> {
    Router::new().route("/setup", get(show))
}

struct PartRow {
    name: &'static str,
    badge: Badge,
    words: String,
    lines: &'static str,
    document: &'static str,
    help: Option<String>,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    shell: Shell,
    done: usize,
    all: usize,
    rows: Vec<PartRow>,
}

const DONE: Badge = badge("Set up", "active");
const LACKS: Badge = badge("Not set up", "pending");

async fn show(State(app): State<App>, viewer: Viewer) -> PageResult {
    if app.setup.is_empty() || !viewer.actor.is(Role::Admin) {
        return missing(&app, &viewer).await;
    }
    let measured = health_parts::parts(&app, None).await;
    let rows: Vec<PartRow> = app
        .setup
        .iter()
        .map(|part| {
            let probed = part.probe.map(|probe| of_part(probe).0);
            let probed = measured.iter().find(|it| Some(it.name.as_str()) == probed);
            let (badge, words) = match (&part.configured, probed) {
                (Some(_), Some(state)) => (state.badge, state.now.clone()),
                (Some(configured), None) => (DONE, plain(configured)),
                (None, _) => (LACKS, part.without.to_owned()),
            };
            PartRow {
                name: part.name,
                badge,
                words,
                lines: if part.configured.is_some() {
                    ""
                } else {
                    part.lines
                },
                document: part.document,
                help: documents::address(part.document),
            }
        })
        .collect();
    let done = app
        .setup
        .iter()
        .filter(|it| it.configured.is_some())
        .count();
    Ok(page(&SetupPage {
        shell: viewer.shell(&app, Nav::Health, "Set up").await,
        done,
        all: rows.len(),
        rows,
    }))
}
