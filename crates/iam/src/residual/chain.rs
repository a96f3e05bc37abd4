//! Follows role chaining and computes how long the sessions last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hallpass_base::{TimeSpan, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainRole {
    pub assumes: Vec<String>,
    pub account: Option<String>,
}

/// Role → roles (`--chain`). Every named role has an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    pub roles: BTreeMap<String, ChainRole>,
    /// Service control policies have no effect there.
    pub management_account: Option<String>,
    pub entrances: BTreeSet<String>,
}

impl Graph {
    pub(super) fn starts(&self) -> Vec<&str> {
        if self.entrances.is_empty() {
            self.roles.keys().map(String::as_str).collect()
        } else {
            self.entrances.iter().map(String::as_str).collect()
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) links: Vec<Link>,
    /// Cycles of roles: each can be assumed again before the previous session ends.
    pub(super) rings: Vec<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) path: Vec<String>,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    pub(super) is_denied: bool,
}

impl Link {
    fn role(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn ends_after(&self, other: &Self) -> bool {
        match (self.end, other.end) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(end), Some(other)) => end > other,
        }
    }
}

impl Reached {
    pub(super) fn or(self, other: Self) -> Self {
        let mut worst: BTreeMap<String, Link> = BTreeMap::new();
        for link in self.links.into_iter().chain(other.links) {
            let known = worst.get(link.role());
            if known.is_none_or(|known| link.ends_after(known)) {
                worst.insert(link.role().to_owned(), link);
            }
        }
        let rings: BTreeSet<Vec<String>> = self.rings.into_iter().chain(other.rings).collect();
        Self {
            links: worst.into_values().collect(),
            rings: rings.into_iter().collect(),
        }
    }
}

type Edges<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// The end of one role. The name is the previous role on the worst path.
#[derive(Clone, Copy)]
enum Until<'a> {
    End(Timestamp, Option<&'a str>),
    Never(Option<&'a str>),
}

/// Follows the graph from the roles held directly (name → last end). `cap` returns when a deny
/// stops every session of a role; `step` is the duration of a chained session.
pub(super) fn follow<'a>(
    graph: &'a Graph,
    held: &BTreeMap<&'a str, Timestamp>,
    cap: impl Fn(&str) -> Option<Timestamp>,
    step: TimeSpan,
) -> Reached {
    let mut edges = Edges::new();
    for (name, role) in &graph.roles {
        edges.insert(name, role.assumes.iter().map(String::as_str).collect());
    }
    let reached = finished(&edges, held.keys().copied());
    let reached: BTreeSet<&str> = reached.into_iter().collect();
    edges.retain(|name, _| reached.contains(name));

    // a role on a cycle is held until a deny applies
    let mut known: BTreeMap<&str, Until<'_>> = BTreeMap::new();
    for ring in rings(&edges) {
        for role in ring {
            if let Some(cap) = cap(role) {
                known.insert(role, Until::End(cap, None));
            }
        }
    }
    let mut inner = edges.clone();
    for next in inner.values_mut() {
        next.retain(|to| !known.contains_key(to));
    }
    let endless = rings(&inner);
    for role in endless.iter().flatten() {
        known.insert(role, Until::Never(None));
    }
    for (role, end) in held {
        let end = cap(role).map_or(*end, |cap| cap.min(*end));
        known.entry(role).or_insert(Until::End(end, None));
    }
    spread(&inner, held, &cap, step, &mut known);
    Reached {
        links: links(held, &known, &cap, step),
        rings: endless.iter().map(|it| around(&inner, it)).collect(),
    }
}

fn spread<'a>(
    edges: &Edges<'a>,
    held: &BTreeMap<&'a str, Timestamp>,
    cap: &impl Fn(&str) -> Option<Timestamp>,
    step: TimeSpan,
    known: &mut BTreeMap<&'a str, Until<'a>>,
) {
    let starts: Vec<&str> = known.keys().copied().chain(held.keys().copied()).collect();
    let mut order = finished(edges, starts.into_iter());
    order.reverse();
    for role in order {
        let Some(until) = known.get(role).copied() else {
            continue;
        };
        for next in edges.get(role).into_iter().flatten() {
            let offered = match (until, cap(next)) {
                (Until::End(end, _), None) => Until::End(step.after(end), Some(role)),
                (Until::End(end, _), Some(cap)) => {
                    Until::End(step.after(end).min(cap.max(end)), Some(role))
                }
                (Until::Never(_), None) => Until::Never(Some(role)),
                (Until::Never(_), Some(cap)) => Until::End(cap, Some(role)),
            };
            match (known.get(next), offered) {
                (Some(Until::Never(_)), _) => {}
                (Some(Until::End(old, _)), Until::End(new, _)) if *old >= new => {}
                _ => {
                    known.insert(next, offered);
                }
            }
        }
    }
}

fn links<'a>(
    held: &BTreeMap<&'a str, Timestamp>,
    known: &BTreeMap<&'a str, Until<'a>>,
    cap: &impl Fn(&str) -> Option<Timestamp>,
    step: TimeSpan,
) -> Vec<Link> {
    let end_of = |role: &str| match known.get(role) {
        Some(Until::End(end, _)) => Some(*end),
        Some(Until::Never(_)) | None => None,
    };
    let mut links = Vec::new();
    for (role, until) in known {
        let (end, before) = match until {
            Until::End(end, before) => (Some(*end), *before),
            Until::Never(before) => (None, *before),
        };
        let is_held = end.is_some() && held.get(role).is_some_and(|held| Some(*held) >= end);
        if before.is_none() && is_held {
            continue;
        }
        let start = match before {
            Some(before) => end_of(before),
            None => end.map(|end| step.before(end)),
        };
        links.push(Link {
            path: path(role, known),
            start: start.map(|start| end.map_or(start, |end| start.min(end))),
            end,
            is_denied: end.is_some() && end == cap(role),
        });
    }
    links
}

const PATH_MAX: usize = 8;

fn path<'a>(role: &'a str, known: &BTreeMap<&'a str, Until<'a>>) -> Vec<String> {
    let mut path = vec![role.to_owned()];
    let mut at = role;
    while let Some(Until::End(_, Some(before)) | Until::Never(Some(before))) = known.get(at) {
        if path.len() >= PATH_MAX {
            path.push("…".to_owned());
            break;
        }
        path.push((*before).to_owned());
        at = before;
    }
    path.reverse();
    path
}

fn finished<'a>(edges: &Edges<'a>, starts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut order = Vec::new();
    for start in starts {
        if !edges.contains_key(start) || !seen.insert(start) {
            continue;
        }
        // an explicit stack: the graph may be deeper than the call stack
        let mut stack = vec![(start, 0_usize)];
        while let Some((role, taken)) = stack.pop() {
            match edges.get(role).and_then(|next| next.get(taken)) {
                Some(next) => {
                    stack.push((role, taken + 1));
                    if edges.contains_key(next) && seen.insert(next) {
                        stack.push((next, 0));
                    }
                }
                None => order.push(role),
            }
        }
    }
    order
}

/// Strongly connected components that have an edge.
fn rings<'a>(edges: &Edges<'a>) -> Vec<Vec<&'a str>> {
    let mut back = Edges::new();
    for (from, next) in edges {
        back.entry(from).or_default();
        for to in next.iter().filter(|to| edges.contains_key(**to)) {
            back.entry(to).or_default().push(from);
        }
    }
    let mut rings = Vec::new();
    for role in finished(edges, edges.keys().copied()).into_iter().rev() {
        if !back.contains_key(role) {
            continue;
        }
        let mut group = finished(&back, std::iter::once(role));
        for member in &group {
            back.remove(member);
        }
        let own = edges.get(role).is_some_and(|next| next.contains(&role));
        if group.len() > 1 || own {
            group.sort_unstable();
            rings.push(group);
        }
    }
    rings.sort_unstable();
    rings
}

fn around(edges: &Edges<'_>, group: &[&str]) -> Vec<String> {
    let Some(first) = group.first().copied() else {
        return Vec::new();
    };
    let mut came: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([first]);
    while let Some(role) = queue.pop_front() {
        for next in edges.get(role).into_iter().flatten() {
            if *next == first {
                let mut way = vec![first.to_owned(), role.to_owned()];
                let mut at = role;
                while let Some(before) = came.get(at) {
                    way.push((*before).to_owned());
                    at = before;
                }
                if role == first {
                    way.pop();
                    way.push(first.to_owned());
                }
                way.reverse();
                return way;
            }
            if group.binary_search(next).is_ok() && !came.contains_key(next) {
                came.insert(next, role);
                queue.push_back(next);
            }
        }
    }
    group.iter().map(|it| (*it).to_owned()).collect()
}
