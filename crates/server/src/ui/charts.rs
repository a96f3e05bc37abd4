const WIDTH: usize = 96;
pub(crate) const HEIGHT: f64 = 40.0;

pub(crate) struct Bar {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) width: String,
    pub(crate) height: String,
    pub(crate) is_hot: bool,
}

/// A bar for each row; none for zero. The axis ends at the highest value, or at `least`.
pub(super) fn bars<T>(rows: &[T], value: impl Fn(&T) -> f64, least: f64, hot: f64) -> Vec<Bar> {
    let top = rows.iter().map(&value).fold(least, f64::max);
    let wide = WIDTH / rows.len().max(1);
    rows.iter()
        .enumerate()
        .filter(|(_, row)| value(row) > 0.0)
        .map(|(place, row)| {
            let height = (value(row) / top * (HEIGHT - 2.0)).max(1.0);
            Bar {
                x: format!("{}.4", place * wide),
                width: format!("{}.2", wide.saturating_sub(1)),
                y: format!("{:.1}", HEIGHT - height),
                height: format!("{height:.1}"),
                is_hot: value(row) > hot,
            }
        })
        .collect()
}

pub(crate) fn seconds(lag: f64) -> String {
    match lag {
        0.0..10.0 => format!("{lag:.1}s"),
        10.0..60.0 => format!("{lag:.0}s"),
        60.0..3_600.0 => format!("{:.0}m", lag / 60.0),
        _ => format!("{:.1}h", lag / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_ends_has_no_bars() {
        assert!(bars(&[0.0; 24], |slowest| *slowest, 5.0, 5.0).is_empty());
    }

    #[test]
    fn seconds_read_well() {
        for (lag, words) in [
            (0.42, "0.4s"),
            (41.2, "41s"),
            (720.0, "12m"),
            (7_200.0, "2.0h"),
        ] {
            assert_eq!(seconds(lag), words);
        }
    }
}
