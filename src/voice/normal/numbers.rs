// SPDX-License-Identifier: MPL-2.0
//! Numbers in English words.

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const GROUPS: [(u64, &str); 4] = [
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
];
/// What ends differently as an ordinal.
const ORDINALS: [(&str, &str); 7] = [
    ("one", "first"),
    ("two", "second"),
    ("three", "third"),
    ("five", "fifth"),
    ("eight", "eighth"),
    ("nine", "ninth"),
    ("twelve", "twelfth"),
];

/// How many: 1234 is one thousand two hundred and thirty-four.
pub(super) fn cardinal(number: u64) -> String {
    for (size, name) in GROUPS {
        if number >= size {
            let (high, low) = (number / size, number % size);
            let link = if (1..100).contains(&low) { " and" } else { "" };
            let rest = if low > 0 {
                format!("{link} {}", cardinal(low))
            } else {
                String::new()
            };
            return format!("{} {name}{rest}", cardinal(high));
        }
    }
    let n = number as usize;
    match n {
        0..20 => SMALL[n].to_owned(),
        20..100 if n.is_multiple_of(10) => TENS[n / 10].to_owned(),
        20..100 => format!("{}-{}", TENS[n / 10], SMALL[n % 10]),
        _ if n.is_multiple_of(100) => format!("{} hundred", SMALL[n / 100]),
        _ => format!("{} hundred and {}", SMALL[n / 100], cardinal(number % 100)),
    }
}

/// Which one: 21 is twenty-first.
pub(super) fn ordinal(number: u64) -> String {
    let words = cardinal(number);
    let at = words.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (head, last) = words.split_at(at);
    let last = match ORDINALS.iter().find(|(cardinal, _)| *cardinal == last) {
        Some((_, ordinal)) => (*ordinal).to_owned(),
        None => match last.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{last}th"),
        },
    };
    format!("{head}{last}")
}

/// A year: 1984 is nineteen eighty-four.
pub(super) fn year(number: u64) -> String {
    let (century, rest) = (number / 100, number % 100);
    match (number, rest) {
        (2000..2010, _) | (0..1100, _) | (2100.., _) => cardinal(number),
        (_, 0) => format!("{} hundred", cardinal(century)),
        (_, 1..10) => format!("{} oh {}", cardinal(century), cardinal(rest)),
        _ => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// One digit after the other; what is none is left out.
pub(super) fn digits(text: &str) -> String {
    let names: Vec<&str> = text
        .chars()
        .filter_map(|c| Some(SMALL[c.to_digit(10)? as usize]))
        .collect();
    names.join(" ")
}

/// A whole number as it is written, with or without commas between thousands.
pub(super) fn whole(text: &str) -> Option<u64> {
    let plain = text.replace(',', "");
    let grouped = text.split(',').skip(1).all(|group| group.len() == 3);
    let figures = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit());
    (figures && grouped && plain.len() <= 15).then(|| plain.parse().ok())?
}

/// A number as it is written: `1,234`, `3.14`, `-5`, `.5`, `007`; `None` if it is none.
pub(super) fn number(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix(['-', '−']) {
        return Some(format!("minus {}", number(rest)?));
    }
    let (before, after) = match text.split_once('.') {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    };
    let fraction = match after {
        Some(after) if !after.is_empty() && after.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits(after))
        }
        Some(_) => return None,
        None => None,
    };
    let long = before.len() > 1 && before.bytes().all(|b| b.is_ascii_digit());
    let words = match whole(before) {
        Some(_) if before.len() > 1 && before.starts_with('0') => digits(before),
        Some(number) => cardinal(number),
        None if long => digits(before),
        None if before.is_empty() && fraction.is_some() => String::new(),
        None => return None,
    };
    Some(match fraction {
        Some(fraction) => format!("{words} point {fraction}").trim().to_owned(),
        None => words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many() {
        for (number, words) in [
            (0, "zero"),
            (13, "thirteen"),
            (80, "eighty"),
            (101, "one hundred and one"),
            (1_234, "one thousand two hundred and thirty-four"),
            (2_005, "two thousand and five"),
            (1_000_000, "one million"),
            (7_000_200_000, "seven billion two hundred thousand"),
        ] {
            assert_eq!(cardinal(number), words);
        }
    }

    #[test]
    fn which_one_and_when() {
        for (number, words) in [
            (1, "first"),
            (12, "twelfth"),
            (20, "twentieth"),
            (23, "twenty-third"),
            (100, "one hundredth"),
            (115, "one hundred and fifteenth"),
        ] {
            assert_eq!(ordinal(number), words);
        }
        for (number, words) in [
            (1984, "nineteen eighty-four"),
            (1900, "nineteen hundred"),
            (1905, "nineteen oh five"),
            (2000, "two thousand"),
            (2008, "two thousand and eight"),
            (2026, "twenty twenty-six"),
        ] {
            assert_eq!(year(number), words);
        }
    }

    #[test]
    fn as_it_is_written() {
        for (text, words) in [
            (
                "1,234,567",
                "one million two hundred and thirty-four thousand five hundred and sixty-seven",
            ),
            ("3.14", "three point one four"),
            (".5", "point five"),
            ("-0.2", "minus zero point two"),
            ("007", "zero zero seven"),
            (
                "12345678901234567890",
                "one two three four five six seven eight nine zero one two three four five six seven eight nine zero",
            ),
        ] {
            assert_eq!(number(text).as_deref(), Some(words));
        }
        for text in ["", ".", "1.", "1,23", "a1", "1.2.3", "--1x"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
