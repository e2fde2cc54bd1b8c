// SPDX-License-Identifier: MPL-2.0
//! Single pieces of text with figures or signs in them, in English words.

use super::{
    super::numbers::{cardinal, digits, number, ordinal, whole, year},
    tables::{CURRENCIES, DOMAINS, MONTHS, SIZES, UNITS},
};

/// The month of that name or abbreviation, with or without a point.
pub(super) fn month(text: &str) -> Option<&'static str> {
    let name = text.trim_end_matches('.');
    let known = |month: &&&str| {
        **month == name
            || (month.get(..3) == Some(name))
            || (name == "Sept" && month.starts_with("Sep"))
    };
    MONTHS.iter().find(known).copied()
}

/// A year, as four figures alone: `1984`.
pub(super) fn year_alone(text: &str) -> Option<String> {
    let number = whole(text).filter(|n| text.len() == 4 && (1100..2100).contains(n))?;
    Some(year(number))
}

/// A day of a month: `3`, `3rd`.
pub(super) fn day(text: &str) -> Option<String> {
    let figures = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let ending = &text[figures.len()..];
    let number = whole(figures).filter(|n| (1..=31).contains(n) && figures.len() <= 2)?;
    matches!(ending, "" | "st" | "nd" | "rd" | "th").then(|| ordinal(number))
}

/// `2024-05-03`, `5/3/2024`: month, day, year.
pub(super) fn date(text: &str) -> Option<String> {
    let parts = |sign| text.split(sign).map(whole).collect::<Option<Vec<_>>>();
    let (y, m, d) = match (parts('-').as_deref(), parts('/').as_deref()) {
        (Some([y, m, d]), _) if text.len() == 10 => (*y, *m, *d),
        (_, Some([m, d, y])) => (*y, *m, *d),
        _ => return None,
    };
    let fits = (1..=31).contains(&d) && (1000..3000).contains(&y);
    let month = MONTHS.get(usize::try_from(m).ok()?.checked_sub(1)?)?;
    fits.then(|| format!("{month} {}, {}", ordinal(d), year(y)))
}

/// `3:05`, `14:30:10`, `3:05pm`, `3pm`.
pub(super) fn time(text: &str) -> Option<String> {
    let small = text.to_ascii_lowercase();
    let (clock, half) = match (small.strip_suffix("am"), small.strip_suffix("pm")) {
        (Some(clock), _) => (clock, " a m"),
        (_, Some(clock)) => (clock, " p m"),
        _ => (small.as_str(), ""),
    };
    let mut parts = clock.split(':');
    let hour = whole(parts.next()?).filter(|h| *h < 25)?;
    let rest: Vec<&str> = parts.collect();
    if rest.is_empty() {
        return (!half.is_empty() && hour > 0).then(|| format!("{}{half}", cardinal(hour)));
    }
    let two = |part: &&str| part.len() == 2 && whole(part).is_some_and(|n| n < 60);
    if rest.len() > 2 || !rest.iter().all(two) {
        return None;
    }
    let minute = whole(rest[0])?;
    let mut words = match (minute, half) {
        (0, "") if rest.len() == 1 => format!("{} o'clock", cardinal(hour)),
        (0, _) if rest.len() == 1 => cardinal(hour),
        (0..10, _) => format!("{} oh {}", cardinal(hour), cardinal(minute)),
        _ => format!("{} {}", cardinal(hour), cardinal(minute)),
    };
    if let Some(seconds) = rest.get(1).and_then(|s| whole(s)) {
        words = format!("{words} and {}", count(seconds, "second", "seconds"));
    }
    Some(words + half)
}

fn count(number: u64, one: &str, several: &str) -> String {
    format!(
        "{} {}",
        cardinal(number),
        if number == 1 { one } else { several }
    )
}

/// `$5.50`, `-€20`, `£1.5M`, `20€`; a size may follow as a word of its own. Whether it did.
pub(super) fn money(text: &str, next: Option<&str>) -> Option<(String, bool)> {
    let (sign, plain) = match text.strip_prefix(['-', '−']) {
        Some(plain) => ("minus ", plain),
        None => ("", text),
    };
    let plain = plain
        .strip_prefix("US")
        .filter(|p| p.starts_with('$'))
        .unwrap_or(plain);
    let (currency, amount) = CURRENCIES.iter().find_map(|c| {
        let amount = plain
            .strip_prefix(c.0)
            .or_else(|| plain.strip_suffix(c.0))?;
        Some((c, amount))
    })?;
    let attached = SIZES
        .iter()
        .filter_map(|(short, name)| Some((amount.strip_suffix(short)?, *name)))
        .find(|(amount, _)| number(amount).is_some());
    let apart = next.and_then(|next| {
        let known = ["thousand", "million", "billion", "trillion"];
        known.into_iter().find(|name| *name == next)
    });
    if let Some((amount, size)) = attached.or(apart.map(|size| (amount, size))) {
        let words = format!("{sign}{} {size} {}", number(amount)?, currency.2);
        return Some((words, attached.is_none()));
    }
    let (units, hundredths) = match amount.split_once('.') {
        Some((units, cents)) if cents.len() == 2 => (units, whole(cents)?),
        Some(_) => return Some((format!("{sign}{} {}", number(amount)?, currency.2), false)),
        None => (amount, 0),
    };
    let units = whole(units)?;
    let cents = count(hundredths, currency.3, currency.4);
    let words = match (units, hundredths) {
        (0, 1..) => cents,
        (_, 0) => count(units, currency.1, currency.2),
        _ => format!("{} and {cents}", count(units, currency.1, currency.2)),
    };
    Some((format!("{sign}{words}"), false))
}

/// The unit of that sign, for one and for several.
pub(super) fn unit(text: &str) -> Option<(&'static str, &'static str)> {
    let found = UNITS.iter().find(|(sign, ..)| *sign == text)?;
    Some((found.1, found.2))
}

/// `5kg`, `20°C`, `50%`: a number and its unit.
pub(super) fn measure(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".,-−".contains(c)))?;
    let (amount, sign) = text.split_at(end);
    with_unit(amount, unit(sign)?)
}

/// A number or a range of numbers, and its unit.
pub(super) fn with_unit(amount: &str, (one, several): (&str, &str)) -> Option<String> {
    let words = range(amount).or_else(|| number(amount))?;
    Some(format!(
        "{words} {}",
        if amount == "1" { one } else { several }
    ))
}

/// `10–20`, `1914-1918`.
pub(super) fn range(text: &str) -> Option<String> {
    let (from, to) = text.split_once(['–', '-', '—'])?;
    if from.is_empty() {
        return None;
    }
    let (a, b) = match (year_alone(from), year_alone(to)) {
        (Some(a), Some(b)) => (a, b),
        _ => (number(from)?, number(to)?),
    };
    Some(format!("{a} to {b}"))
}

/// `1st`, `22nd`, `1/2`, `24/7`, `3:1`, `#1`, `½`.
pub(super) fn special(text: &str) -> Option<String> {
    let halves = ["½", "⅓", "¼", "¾", "⅔"];
    let names = [
        "one half",
        "one third",
        "one quarter",
        "three quarters",
        "two thirds",
    ];
    if let Some(at) = halves.iter().position(|half| *half == text) {
        return Some(names[at].to_owned());
    }
    if let Some(rest) = text.strip_prefix('#') {
        return Some(format!("number {}", number(rest)?));
    }
    for ending in ["st", "nd", "rd", "th"] {
        if let Some(number) = text.strip_suffix(ending).and_then(whole) {
            return Some(ordinal(number));
        }
    }
    if let Some((a, b)) = text
        .split_once(':')
        .and_then(|(a, b)| Some((whole(a)?, whole(b)?)))
    {
        return Some(format!("{} to {}", cardinal(a), cardinal(b)));
    }
    let (over, under) = text
        .split_once('/')
        .and_then(|(a, b)| Some((whole(a)?, whole(b)?)))?;
    Some(match (over, under) {
        (24, 7) => "twenty-four seven".to_owned(),
        (1, 2) => "one half".to_owned(),
        (_, 4) if over < 4 => count(over, "quarter", "quarters"),
        (_, 3 | 5..=10) if over < under => {
            format!(
                "{} {}{}",
                cardinal(over),
                ordinal(under),
                if over == 1 { "" } else { "s" }
            )
        }
        _ => format!("{} over {}", cardinal(over), cardinal(under)),
    })
}

/// `1990s`, `'90s`.
pub(super) fn decade(text: &str) -> Option<String> {
    let short = text.strip_prefix(['\'', '’']);
    let figures = short.unwrap_or(text).strip_suffix('s')?;
    let number = whole(figures).filter(|n| n % 10 == 0)?;
    let words = match (short, figures.len()) {
        (Some(_), 2) => cardinal(number),
        (None, 4) => year(number),
        _ => return None,
    };
    Some(match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{words}s"),
    })
}

/// `v2.1`, `2.10.3`, `192.168.0.1`.
pub(super) fn version(text: &str) -> Option<String> {
    let (prefix, plain) = match text.strip_prefix(['v', 'V']) {
        Some(plain) => ("version ", plain),
        None => ("", text),
    };
    let parts: Vec<u64> = plain.split('.').map(whole).collect::<Option<_>>()?;
    if parts.len() < 3 && prefix.is_empty() {
        return None;
    }
    let dot = if parts.len() == 4 { " dot " } else { " point " };
    let words: Vec<String> = parts.iter().map(|n| cardinal(*n)).collect();
    Some(format!("{prefix}{}", words.join(dot)))
}

/// Addresses on the net and of mail, as people say them.
pub(super) fn address(text: &str) -> Option<String> {
    let (scheme, plain) = match text.split_once("://") {
        Some((_, plain)) => (true, plain),
        None => (false, text),
    };
    let host = plain.split(['/', '?', '#']).next()?;
    let dotted = host
        .split_once('.')
        .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
    let known = host
        .rsplit('.')
        .next()
        .is_some_and(|last| DOMAINS.contains(&last));
    let letters = host.starts_with(|c: char| c.is_alphanumeric());
    let ascii = text.is_ascii() && letters && dotted;
    if !(ascii && (scheme || host.starts_with("www.") || host.contains('@') || known)) {
        return None;
    }
    let mut words = Vec::new();
    for part in plain
        .trim_end_matches('/')
        .split_inclusive(|c: char| !c.is_alphanumeric())
    {
        let (name, sign) = match part.char_indices().last() {
            Some((at, c)) if !c.is_alphanumeric() => (&part[..at], Some(c)),
            _ => (part, None),
        };
        match name {
            "" => {}
            "www" => words.push("w w w".to_owned()),
            name => words.push(letters_and_figures(name).unwrap_or_else(|| name.to_owned())),
        }
        words.extend(sign.map(|sign| sign_name(sign).to_owned()));
    }
    Some(words.join(" "))
}

fn sign_name(sign: char) -> &'static str {
    match sign {
        '.' => "dot",
        '/' => "slash",
        '@' => "at",
        '-' => "dash",
        '_' => "underscore",
        ':' => "colon",
        '?' => "question mark",
        '#' => "hash",
        '=' => "equals",
        '&' => "and",
        '+' => "plus",
        _ => "",
    }
}

/// `MP3`, `COVID-19`, `4K`: letters and figures apart.
pub(super) fn letters_and_figures(text: &str) -> Option<String> {
    let mixed = text.contains(|c: char| c.is_ascii_digit()) && text.contains(char::is_alphabetic);
    if !mixed {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    let mut kind = None;
    for c in text.chars() {
        let now = if c.is_ascii_digit() {
            Some(true)
        } else {
            c.is_alphanumeric().then_some(false)
        };
        let apostrophe = matches!(c, '\'' | '’') && kind == Some(false);
        match (words.last_mut(), now) {
            (Some(word), now) if apostrophe || (now.is_some() && now == kind) => word.push(c),
            (_, Some(_)) => words.push(c.to_string()),
            (_, None) => {}
        }
        if !apostrophe {
            kind = now;
        }
    }
    let read = |word: String| number(&word).unwrap_or(word);
    Some(words.into_iter().map(read).collect::<Vec<_>>().join(" "))
}

/// A telephone number, its groups apart: `+1 (555) 123-4567` as one text.
pub(super) fn telephone(text: &str) -> Option<String> {
    let signs = |c: char| c.is_ascii_digit() || "+()-. ".contains(c);
    let count = text.bytes().filter(u8::is_ascii_digit).count();
    if !text.chars().all(signs) || !(7..=15).contains(&count) {
        return None;
    }
    let plus = text.starts_with('+');
    let groups: Vec<&str> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .collect();
    let shape: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let usual =
        matches!(shape.as_slice(), [3, 4] | [3, 3, 4] | [1, 3, 3, 4]) && !text.contains(". ");
    if !(usual || plus && groups.len() > 1 || text.starts_with('(') && groups.len() > 1) {
        return None;
    }
    let spoken: Vec<String> = groups.iter().map(|group| digits(group)).collect();
    Some(format!(
        "{}{}",
        if plus { "plus " } else { "" },
        spoken.join(", ")
    ))
}
