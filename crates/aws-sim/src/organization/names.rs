//! Words that names are made of: invented combinations, no real company's people.

/// Given names of many origins.
pub(super) const GIVEN: &[&str] = &[
    "Adaeze", "Aisha", "Akira", "Alejandra", "Amara", "Anders", "Anika", "Anouk", "Arjun", "Astrid",
    "Bashir", "Beatriz", "Bilal", "Bianca", "Camille", "Carlos", "Chiara", "Chen", "Dagny", "Daniel",
    "Deepa", "Diego", "Dmitri", "Elena", "Elif", "Emeka", "Emil", "Esther", "Farah", "Fatima",
    "Felix", "Fiona", "Freya", "Gabriel", "Giulia", "Hana", "Hassan", "Helena", "Hiroshi", "Ibrahim",
    "Ida", "Imani", "Ingrid", "Isabel", "Ivan", "Jamila", "Javier", "Jonas", "Julia", "Kaito",
    "Karim", "Katarzyna", "Kenji", "Kofi", "Lars", "Laura", "Leila", "Lena", "Liam", "Linh",
    "Lucas", "Lucia", "Magnus", "Malik", "Marek", "Maria", "Marta", "Mateo", "Matteo", "Mei",
    "Mikkel", "Milan", "Mina", "Nadia", "Naoki", "Niamh", "Nikolai", "Nina", "Olga", "Oliver",
    "Omar", "Oscar", "Pablo", "Paula", "Petra", "Rahul", "Rania", "Ravi", "Rosa", "Ruth",
    "Sakura", "Samuel", "Sanna", "Santiago", "Sara", "Sofia", "Stefan", "Sunita", "Tariq", "Teresa",
    "Theo", "Thandi", "Tuan", "Ulrike", "Valentina", "Viktor", "Wei", "Yara", "Yusuf", "Zofia",
];

/// Family names of many origins.
pub(super) const FAMILY: &[&str] = &[
    "Abebe", "Adeyemi", "Agarwal", "Almeida", "Andersen", "Aydin", "Bakker", "Banerjee", "Bauer",
    "Becker", "Bergström", "Bianchi", "Brandt", "Byrne", "Cardoso", "Castillo", "Chaudhry", "Cohen",
    "Costa", "Dahl", "Das", "Delgado", "Demir", "Diallo", "Dubois", "Eriksen", "Farkas", "Fernandes",
    "Fischer", "Fontaine", "Fujita", "Garcia", "Gupta", "Hansen", "Hashimoto", "Hernandez", "Hoffmann",
    "Horvat", "Ibáñez", "Ito", "Ivanova", "Jansen", "Johansson", "Kamau", "Kaur", "Keller", "Khan",
    "Kim", "Kovacs", "Kowalski", "Krüger", "Kumar", "Larsen", "Laurent", "Lehtonen", "Lopez", "Lund",
    "Maas", "Marino", "Mbeki", "Mehta", "Mendes", "Meyer", "Molnar", "Mori", "Müller", "Murphy",
    "Nakamura", "Nguyen", "Nielsen", "Novak", "Nowak", "Okafor", "Olsen", "Ortega", "Osei", "Park",
    "Patel", "Pereira", "Petrov", "Popescu", "Quinn", "Ramos", "Rao", "Ricci", "Rojas", "Rossi",
    "Saito", "Santos", "Schneider", "Sharma", "Silva", "Singh", "Sørensen", "Suzuki", "Takeda",
    "Tanaka", "Toth", "Tran", "Vargas", "Virtanen", "Visser", "Wagner", "Walsh", "Weber", "Yamamoto",
    "Yilmaz", "Zhang", "Zimmermann",
];

/// Products that accounts are named for.
pub(super) const PRODUCTS: &[&str] = &[
    "payments", "edge", "orders", "catalog", "search", "identity", "billing", "analytics",
    "fulfilment", "pricing", "checkout", "inventory", "notifications", "reporting", "ledger",
    "risk", "fraud", "loyalty", "messaging", "media", "maps", "routing", "dispatch", "telemetry",
    "metering", "forecast", "recommendations", "profiles", "sessions", "storefront", "returns",
    "shipping", "warehouse", "suppliers", "contracts", "invoicing", "payroll", "documents",
    "signing", "archive", "partners", "marketplace", "campaigns", "experiments", "features",
    "streaming", "ingest", "lake", "warehousing", "ml-platform", "labeling", "vision", "speech",
    "translation", "support", "helpdesk", "scheduling", "booking", "ticketing", "fleet", "devices",
    "firmware", "gateway", "proxy", "dns", "certificates", "secrets", "registry", "builds",
    "artifacts", "deployments", "observability", "logging", "tracing", "alerts", "incidents",
    "backup", "compliance", "consent", "privacy",
];

/// Teams that groups are named for.
pub(super) const ROLES: &[&str] =
    &["eng", "leads", "sre", "data", "qa", "readers", "admins", "oncall", "contractors"];

/// Job titles.
pub(super) const TITLES: &[&str] = &[
    "Software Engineer", "Senior Software Engineer", "Staff Engineer", "Engineering Manager",
    "Site Reliability Engineer", "Data Engineer", "Data Analyst", "Product Manager",
    "Security Engineer", "Support Engineer", "QA Engineer", "Finance Analyst",
];
