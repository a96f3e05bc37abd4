//! Emoji codes that apps like to use.

/// Code, picture.
const EMOJI: &[(&str, &str)] = &[
    ("+1", "👍"),
    ("-1", "👎"),
    ("alarm_clock", "⏰"),
    ("arrow_right", "➡️"),
    ("bell", "🔔"),
    ("black_circle", "⚫"),
    ("bulb", "💡"),
    ("calendar", "📅"),
    ("closed_lock_with_key", "🔐"),
    ("exclamation", "❗"),
    ("eyes", "👀"),
    ("gear", "⚙️"),
    ("hourglass", "⌛"),
    ("hourglass_flowing_sand", "⏳"),
    ("information_source", "ℹ️"),
    ("key", "🔑"),
    ("large_blue_circle", "🔵"),
    ("large_green_circle", "🟢"),
    ("large_orange_circle", "🟠"),
    ("large_purple_circle", "🟣"),
    ("large_yellow_circle", "🟡"),
    ("link", "🔗"),
    ("lock", "🔒"),
    ("memo", "📝"),
    ("no_entry", "⛔"),
    ("no_entry_sign", "🚫"),
    ("ok_hand", "👌"),
    ("question", "❓"),
    ("red_circle", "🔴"),
    ("rocket", "🚀"),
    ("rotating_light", "🚨"),
    ("smile", "😄"),
    ("stopwatch", "⏱️"),
    ("tada", "🎉"),
    ("thumbsup", "👍"),
    ("thumbsdown", "👎"),
    ("ticket", "🎫"),
    ("timer_clock", "⏲️"),
    ("unlock", "🔓"),
    ("warning", "⚠️"),
    ("wave", "👋"),
    ("white_check_mark", "✅"),
    ("white_circle", "⚪"),
    ("x", "❌"),
];

/// The picture of a code, without its colons.
pub(super) fn picture(code: &str) -> Option<&'static str> {
    let found = EMOJI.iter().find(|(name, _)| *name == code);
    found.map(|(_, picture)| *picture)
}
