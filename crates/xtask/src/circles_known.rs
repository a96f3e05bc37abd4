//! Circles between sibling modules that are known, and why each is left. The list may only shrink.

/// Pairs of siblings that import each other.
pub(crate) struct KnownCircles {
    /// The crate's folder, and the module that they are in.
    pub(crate) place: &'static str,
    /// Each in the order of the alphabet.
    pub(crate) pairs: &'static [(&'static str, &'static str)],
    /// Why nobody is misled.
    pub(crate) why: &'static str,
}

/// What is left.
pub(crate) const KNOWN: &[KnownCircles] = &[
    KnownCircles {
        place: "addresses",
        pairs: &[("address", "attached"), ("aggregator", "pages")],
        why: "a type and the one function that fills it",
    },
    KnownCircles {
        place: "aws-sim/core",
        pairs: &[
            ("account_access", "state"),
            ("account_creation", "state"),
            ("administrators", "state"),
            ("guardrails", "state"),
            ("iam", "state"),
            ("portal", "state"),
            ("queues", "state"),
        ],
        why: "the state of the world has a part of each, and each part acts on the world",
    },
    KnownCircles {
        place: "aws-sim/http",
        pairs: &[("rest", "routing")],
        why: "REST is one of the forms that routing knows",
    },
    KnownCircles {
        place: "aws-sim/organization",
        pairs: &[("file", "iam"), ("generate", "presets")],
        why: "the file has sections, and a section defaults as the file does",
    },
    KnownCircles {
        place: "aws-sim/services/iam",
        pairs: &[("policies", "roles")],
        why: "a role has policies, and a policy says which roles have it",
    },
    KnownCircles {
        place: "aws-wire",
        pairs: &[("form", "rest"), ("request", "rest")],
        why: "REST writes requests, and forms encode as paths do",
    },
    KnownCircles {
        place: "collect",
        pairs: &[
            ("assignments", "identity_center"),
            ("identity_center", "identity_store"),
            ("enumeration", "scope"),
        ],
        why: "listings of one service that begin where another ended",
    },
    KnownCircles {
        place: "iam/facts",
        pairs: &[("arns", "table"), ("globals", "table")],
        why: "the table of facts reads its patterns, which are rows of it",
    },
    KnownCircles {
        place: "iam/generate",
        pairs: &[("checked", "draft")],
        why: "a draft is checked by being generated",
    },
    KnownCircles {
        place: "iam/generate/sessions",
        pairs: &[("order", "spec")],
        why: "a spec has an order of words, by its form",
    },
    KnownCircles {
        place: "iam/vpn",
        pairs: &[("handler", "policy")],
        why: "the policy's text is the handler's default",
    },
    KnownCircles {
        place: "inventory",
        pairs: &[("diff", "snapshot")],
        why: "a snapshot carries what a difference says is old",
    },
    KnownCircles {
        place: "query/engine",
        pairs: &[("errors", "statement"), ("rewrite", "statement")],
        why: "a statement is rewritten before it is read, and errors point into it",
    },
    KnownCircles {
        place: "hallpass",
        pairs: &[
            ("alerts", "commands"),
            ("cli", "commands"),
            ("exit", "output"),
        ],
        why: "commands are parsed by `cli`, complete its words, and fail through the output that they write to",
    },
];
