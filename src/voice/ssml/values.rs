// SPDX-License-Identifier: MPL-2.0
//! Values of SSML's attributes. What is not understood is `None`, and changes nothing.

/// The longest pause that can be asked for, s.
const LONGEST_BREAK: f32 = 10.0;

/// `0.8s`, `300ms`, in s.
pub(super) fn time(value: &str) -> Option<f32> {
    let value = value.trim().to_ascii_lowercase();
    let seconds: f32 = match value.strip_suffix("ms") {
        Some(ms) => ms.trim().parse::<f32>().ok()? / 1_000.0,
        None => value.strip_suffix('s')?.trim().parse().ok()?,
    };
    (seconds.is_finite() && seconds >= 0.0).then(|| seconds.min(LONGEST_BREAK))
}

/// How long a break of a strength is, s. The specification leaves that to us.
pub(super) fn strength(value: &str) -> Option<f32> {
    Some(match value.trim() {
        "none" => 0.0,
        "x-weak" => 0.1,
        "weak" => 0.2,
        "medium" => 0.4,
        "strong" => 0.75,
        "x-strong" => 1.2,
        _ => return None,
    })
}

/// A factor of speed: `slow`, `80%`, `+20%`, `1.2`.
pub(super) fn rate(value: &str) -> Option<f32> {
    let value = value.trim();
    let factor = match value {
        "x-slow" => 0.5,
        "slow" => 0.75,
        "medium" | "default" => 1.0,
        "fast" => 1.3,
        "x-fast" => 1.7,
        _ => match (relative(value, "%"), value.strip_suffix('%')) {
            (Some(change), _) => 1.0 + change / 100.0,
            (None, Some(percent)) => number(percent)? / 100.0,
            (None, None) => number(value)?,
        },
    };
    (factor > 0.0).then_some(factor)
}

/// Semitones: `low`, `+2st`, `-10%`. Frequencies are not understood: no voice tells its own.
pub(super) fn pitch(value: &str) -> Option<f32> {
    let value = value.trim();
    Some(match value {
        "x-low" => -8.0,
        "low" => -4.0,
        "medium" | "default" => 0.0,
        "high" => 4.0,
        "x-high" => 8.0,
        _ => match (relative(value, "st"), relative(value, "%")) {
            (Some(semitones), _) => semitones,
            (None, Some(change)) if change > -100.0 => 12.0 * (1.0 + change / 100.0).log2(),
            _ => return None,
        },
    })
}

/// A factor of loudness: `soft`, `-6dB`, `80`.
pub(super) fn volume(value: &str) -> Option<f32> {
    let value = value.trim();
    Some(match value {
        "silent" => 0.0,
        "x-soft" => 0.25,
        "soft" => 0.5,
        "medium" | "default" => 1.0,
        "loud" => 1.5,
        "x-loud" => 2.0,
        _ => match relative(value, "dB").or_else(|| relative(value, "db")) {
            Some(change) => 10f32.powf(change.min(24.0) / 20.0),
            None => number(value).filter(|n| (0.0..=100.0).contains(n))? / 100.0,
        },
    })
}

/// A number with a sign and that unit.
fn relative(value: &str, unit: &str) -> Option<f32> {
    let amount = value.strip_suffix(unit)?.trim();
    amount.starts_with(['+', '-']).then(|| number(amount))?
}

fn number(value: &str) -> Option<f32> {
    value.trim().parse().ok().filter(|n: &f32| n.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_specification() {
        assert_eq!(time("300ms"), Some(0.3));
        assert_eq!(time(" 1.5S "), Some(1.5));
        assert_eq!(time("1e9s"), Some(10.0));
        for wrong in ["", "s", "-1s", "5", "NaNs", "infs"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
        assert_eq!(rate("80%"), Some(0.8));
        assert_eq!(rate("+20%"), Some(1.2));
        assert_eq!(rate("1.5"), Some(1.5));
        assert_eq!(rate("-100%"), None);
        assert_eq!(pitch("+2st"), Some(2.0));
        assert_eq!(pitch("+100%"), Some(12.0));
        assert_eq!(pitch("120Hz"), None);
        assert_eq!(pitch("2st"), None);
        assert!((volume("-6dB").expect("a level") - 0.501).abs() < 1e-3);
        assert_eq!(volume("80"), Some(0.8));
        assert_eq!(volume("loudest"), None);
    }
}
