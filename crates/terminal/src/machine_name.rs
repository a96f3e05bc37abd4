pub fn host() -> String {
    let said = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| said("HOSTNAME"))
        .or_else(|| said("COMPUTERNAME"))
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}

pub fn node(address: &str) -> String {
    match address.rsplit_once(':') {
        Some((_, port)) => format!("{}:{port}", host()),
        None => host(),
    }
}
