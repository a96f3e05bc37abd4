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
        place: "access",
        pairs: &[
            ("approving", "request"),
            ("break_glass", "request"),
            ("request", "start"),
            ("ask", "start"),
            ("preview", "start"),
            ("decide", "start"),
        ],
        why: "a request holds what each step adds to it, and each step is a file of its own beside its type",
    },
    KnownCircles {
        place: "access",
        pairs: &[
            ("decide", "grant"),
            ("desired", "grant"),
            ("desired", "haste"),
            ("grant", "records"),
            ("grant", "step"),
            ("end", "guard_removals"),
        ],
        why: "a grant is made by deciding and moved by steps that are written about it",
    },
    KnownCircles {
        place: "access",
        pairs: &[
            ("approving", "press_refused"),
            ("break_glass", "press_refused"),
        ],
        why: "a refusal says the limit, which stands where it is checked",
    },
    KnownCircles {
        place: "access",
        pairs: &[
            ("change", "lock"),
            ("change", "sweep"),
            ("records", "sweep"),
        ],
        why: "a change carries rows of locks and sweeps, which are changed by one",
    },
    KnownCircles {
        place: "access",
        pairs: &[
            ("grant", "ports"),
            ("guard_removals", "ports"),
            ("ports", "sweep"),
        ],
        why: "what a port answers decides a step, and a port speaks the types of steps",
    },
    KnownCircles {
        place: "access",
        pairs: &[("preview", "service")],
        why: "what the service read of standing access is judged as it was read",
    },
    KnownCircles {
        place: "access/service",
        pairs: &[("catalog", "search")],
        why: "the catalog is what is searched, and a search is how it is shown",
    },
    KnownCircles {
        place: "access-files",
        pairs: &[("compare", "steps"), ("refusal", "steps")],
        why: "steps are made of a difference and refused as one",
    },
    KnownCircles {
        place: "access-files",
        pairs: &[("memberships", "ports")],
        why: "a port answers members, and memberships leave alone what a port says is a grant's",
    },
    KnownCircles {
        place: "activity/log",
        pairs: &[("elements", "read")],
        why: "the fault of reading is that of each element",
    },
    KnownCircles {
        place: "activity/pci",
        pairs: &[("events", "identity")],
        why: "whose an event is decides whether it counts",
    },
    KnownCircles {
        place: "activity/pci",
        pairs: &[("fold", "state")],
        why: "the state is the fold as it is stored",
    },
    KnownCircles {
        place: "assignments",
        pairs: &[("ports", "queue")],
        why: "the store answers how long lines are, by the tasks that stand in them",
    },
    KnownCircles {
        place: "fanout",
        pairs: &[("order", "schedule"), ("retry", "schedule")],
        why: "the schedule keeps order and retries, which speak of its slices",
    },
    KnownCircles {
        place: "guard",
        pairs: &[("memory", "ports")],
        why: "what a port keeps is the memory",
    },
    KnownCircles {
        place: "org/readiness",
        pairs: &[("checks", "joining"), ("checks", "leaving")],
        why: "the list of checks, and two groups of it in files of their own",
    },
    KnownCircles {
        place: "org/vending",
        pairs: &[("facts", "ports")],
        why: "what a port answers is a fact, and facts are read over it",
    },
    KnownCircles {
        place: "rules",
        pairs: &[
            ("engine", "read"),
            ("engine", "selftest"),
            ("read", "syntax"),
        ],
        why: "rules are read into the engine, carry their tests, and HCL knows the lists that matter",
    },
    KnownCircles {
        place: "rules/engine",
        pairs: &[("check", "names")],
        why: "one check in a file of its own",
    },
    KnownCircles {
        place: "rules/read",
        pairs: &[("native", "native_targets")],
        why: "one form of the file, its targets apart",
    },
    KnownCircles {
        place: "server",
        pairs: &[
            ("app", "health"),
            ("app", "hooks"),
            ("app", "limits"),
            ("app", "session"),
        ],
        why: "a handler takes all of `App`, which holds a piece for each",
    },
    KnownCircles {
        place: "simulation",
        pairs: &[("guard", "world")],
        why: "the world has a guard, which acts in the world",
    },
    KnownCircles {
        place: "slack-sim",
        pairs: &[("page", "router")],
        why: "the page is routed, and reads parameters as the router does",
    },
    KnownCircles {
        place: "slack-sim/page",
        pairs: &[("frame", "talk")],
        why: "a frame around a talk",
    },
    KnownCircles {
        place: "store/sqlite",
        pairs: &[
            ("audit", "commit"),
            ("commit", "locks"),
            ("commit", "session_revocation"),
        ],
        why: "one transaction writes all of them, and each may begin one",
    },
    KnownCircles {
        place: "store/sqlite",
        pairs: &[
            ("assignments", "ends"),
            ("assignments", "queue_columns"),
            ("audit", "finding"),
        ],
        why: "one table each, its readers apart",
    },
];
