//! Numbers for reading: three significant digits and a unit prefix.

/// `12`, `3.4 k`, `56 M`: never more digits than an estimate deserves.
pub(crate) fn quantity(value: f64) -> String {
    let (scaled, prefix) = match value.abs() {
        size if size >= 999.5e9 => (value / 1e12, " T"),
        size if size >= 999.5e6 => (value / 1e9, " G"),
        size if size >= 999.5e3 => (value / 1e6, " M"),
        size if size >= 999.5 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let n_decimals = if scaled.abs() >= 99.95 || (prefix.is_empty() && scaled.fract() == 0.0) {
        0
    } else if scaled.abs() >= 9.995 {
        1
    } else {
        2
    };
    format!("{scaled:.n_decimals$}{prefix}")
}

/// `12 M → 3 M (-75 %)`.
pub(crate) fn change(before: f64, after: f64) -> String {
    if before <= 0.0 {
        return quantity(after);
    }
    let percent = (after / before - 1.0) * 100.0;
    // A saving is not rounded up to all or nothing.
    let percent =
        if percent > -99.95 || after == 0.0 { format!("{percent:+.0} %") } else { format!("{percent:+.2} %") };
    format!("{} → {} ({})", quantity(before), quantity(after), percent.replace("-0 %", "±0 %").replace("+0 %", "±0 %"))
}

/// `1 model`, `3 models`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::{change, count, quantity};

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (12.0, "12"),
            (0.256, "0.26"),
            (1234.0, "1.23 k"),
            (45_678_900.0, "45.7 M"),
            (999_700.0, "1.00 M"),
        ];
        for (value, expect) in cases {
            assert_eq!(quantity(value), expect);
        }
        assert_eq!(change(400.0, 100.0), "400 → 100 (-75 %)");
        assert_eq!(change(100.0, 100.0), "100 → 100 (±0 %)");
        assert_eq!(change(100.0, 110.0), "100 → 110 (+10 %)");
        assert_eq!(count(1, "model"), "1 model");
    }
}
