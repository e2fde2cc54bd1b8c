// SPDX-License-Identifier: MPL-2.0
//! English as it is read aloud.

mod figures;
mod tables;
#[cfg(test)]
mod tests;

use super::{
    Token,
    numbers::{number, whole},
};
use tables::ABBREVIATIONS;

/// The most tokens that a telephone number is written in.
const MOST_GROUPS: usize = 5;

/// What a token is made of: marks around a core.
struct Piece<'a> {
    core: &'a str,
    /// Marks behind it.
    trail: &'a str,
}

impl<'a> Piece<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim_start_matches([
            '(', '[', '{', '"', '“', '”', '«', '‘', '¡', '¿', '<', '>', '—', '–', '_', '~', ',',
        ]);
        // An apostrophe in front belongs to '90s and 'tis.
        let core = text.trim_end_matches([
            '.', ',', ';', ':', '!', '?', ')', ']', '}', '"', '”', '»', '\'', '’', '…', '<', '>',
            '—', '–', '_', '~',
        ]);
        Self {
            core,
            trail: &text[core.len()..],
        }
    }

    /// The mark behind it that the voice should hear.
    fn mark(&self) -> &'static str {
        let marks = [
            ("?", "?"),
            ("!", "!"),
            ("…", "."),
            (".", "."),
            (";", ";"),
            (":", ":"),
            (",", ","),
            ("—", ","),
        ];
        let found = marks.iter().find(|(mark, _)| self.trail.contains(mark));
        found.map_or("", |(_, said)| said)
    }
}

/// Reads the tokens of a text that was cleaned.
pub(super) fn read(tokens: &[Token]) -> Vec<Token> {
    let mut read: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let (spoken, used) = next(&tokens[at..]);
        let last = at + used - 1;
        read.push(Token {
            spoken,
            source: tokens[at].source.start..tokens[last].source.end,
            foreign: false,
        });
        at += used;
    }
    read
}

/// What is read for the first of the tokens, and how many that takes.
fn next(tokens: &[Token]) -> (String, usize) {
    let piece = Piece::of(&tokens[0].spoken);
    let following = tokens.get(1).map(|t| Piece::of(&t.spoken));
    // What ends with a mark is not joined with what follows.
    let joined = following.as_ref().filter(|_| piece.trail.is_empty());
    if let Some(found) = telephone(tokens) {
        return found;
    }
    if let Some(words) = abbreviation(&piece, following.as_ref()) {
        return (words, 1);
    }
    let core = piece.core;
    if let Some((words, taken)) = figures::money(core, joined.map(|f| f.core)) {
        let last = if taken {
            joined.unwrap_or(&piece)
        } else {
            &piece
        };
        return (words + last.mark(), 1 + usize::from(taken));
    }
    if let Some(found) = dated(&piece, tokens) {
        return found;
    }
    if let Some(follows) = joined {
        if let Some(words) = measured(core, follows.core) {
            return (words + follows.mark(), 2);
        }
        if let Some(words) = half_of_day(core, &tokens[1].spoken) {
            return (words + follows.mark().trim_start_matches('.'), 2);
        }
    }
    (single(core) + piece.mark(), 1)
}

/// A piece that stands alone.
fn single(core: &str) -> String {
    if core.is_empty() || core == "-" {
        return String::new();
    }
    let readers: [fn(&str) -> Option<String>; 11] = [
        figures::address,
        figures::date,
        figures::time,
        figures::decade,
        figures::measure,
        figures::year_alone,
        figures::version,
        figures::range,
        number,
        figures::special,
        figures::letters_and_figures,
    ];
    if let Some(words) = readers.iter().find_map(|reader| reader(core)) {
        return words;
    }
    if core.contains(['&', '@', '+', '=', '/', '_', '#', '%', '€', '$']) {
        return signs(core);
    }
    core.to_owned()
}

/// Letters with signs between them: `AT&T`, `and/or`.
fn signs(core: &str) -> String {
    let mut words = String::new();
    for c in core.chars() {
        match c {
            '&' => words.push_str(" and "),
            '@' => words.push_str(" at "),
            '+' => words.push_str(" plus "),
            '=' => words.push_str(" equals "),
            '%' => words.push_str(" percent "),
            '/' | '_' | '#' | '€' | '$' => words.push(' '),
            c => words.push(c),
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn telephone(tokens: &[Token]) -> Option<(String, usize)> {
    let most = tokens.len().min(MOST_GROUPS);
    (1..=most).rev().find_map(|used| {
        let texts: Vec<&str> = tokens[..used].iter().map(|t| t.spoken.as_str()).collect();
        let text = texts.join(" ");
        let bare = text.trim_end_matches(['.', ',', ';', '!', '?', ':']);
        let words = figures::telephone(bare)?;
        Some((words + Piece::of(&text).mark(), used))
    })
}

fn abbreviation(piece: &Piece<'_>, following: Option<&Piece<'_>>) -> Option<String> {
    let pointed = piece.trail.starts_with('.');
    let whole_token = format!("{}{}", piece.core, if pointed { "." } else { "" });
    let small = whole_token.to_ascii_lowercase();
    let rest = if pointed {
        &piece.trail[1..]
    } else {
        piece.trail
    };
    let after = Piece {
        core: "",
        trail: rest,
    };
    let capital = following.is_some_and(|f| f.core.starts_with(char::is_uppercase));
    let counted = following.is_some_and(|f| f.core.starts_with(|c: char| c.is_ascii_digit()));
    let known = match small.as_str() {
        "st." if capital => Some("Saint"),
        "st." => Some("Street"),
        "no." if counted => Some("number"),
        "nos." if counted => Some("numbers"),
        "p." if counted => Some("page"),
        _ => ABBREVIATIONS.iter().find(|a| a.0 == small).map(|a| a.1),
    };
    if let Some(words) = known {
        // At the end of all, the point ends the sentence too.
        let end = if pointed && following.is_none() {
            "."
        } else {
            after.mark()
        };
        return Some(format!("{words}{end}"));
    }
    // U.S., J. R. R.
    let letters: Vec<&str> = whole_token.split_terminator('.').collect();
    let initials = pointed
        && letters
            .iter()
            .all(|l| l.len() == 1 && l.starts_with(|c: char| c.is_ascii_uppercase()));
    initials.then(|| {
        let end = if following.is_none() {
            "."
        } else {
            after.mark()
        };
        format!("{}{end}", letters.join(" "))
    })
}

/// `May 3, 2024`, `Jan. 5`, `3 May 2024`, `May 2024`.
fn dated(piece: &Piece<'_>, tokens: &[Token]) -> Option<(String, usize)> {
    let at = |n: usize| tokens.get(n).map(|t| Piece::of(&t.spoken));
    let closed = |p: &Piece<'_>| p.trail.contains(['.', ';', ':', '!', '?']);
    let (month, day_at) = match figures::month(piece.core) {
        Some(month) if piece.trail.is_empty() || piece.trail == "." => (month, 1),
        Some(_) => return None,
        None => (
            figures::month(at(1)?.core).filter(|_| piece.trail.is_empty())?,
            0,
        ),
    };
    let second = at(1)?;
    let day_piece = if day_at == 1 { &second } else { piece };
    let Some(day) = figures::day(day_piece.core) else {
        // A month and a year.
        let year = figures::year_alone(second.core).filter(|_| day_at == 1)?;
        return Some((format!("{month} {year}{}", second.mark()), 2));
    };
    let said = if day_at == 1 {
        format!("{month} {day}")
    } else {
        format!("the {day} of {month}")
    };
    let pointed = day_at == 0 && second.trail == "." && figures::month(second.core).is_some();
    let third = at(2).filter(|_| !closed(&second) || pointed);
    if let Some(year) = third.as_ref().and_then(|p| figures::year_alone(p.core)) {
        let mark = third.as_ref().map_or("", Piece::mark);
        return Some((format!("{said}, {year}{mark}"), 3));
    }
    Some((format!("{said}{}", second.mark()), 2))
}

/// A number and the unit in the next token; `5 million km` has its unit later and is read well
/// without.
fn measured(amount: &str, sign: &str) -> Option<String> {
    // These are words as well.
    if matches!(
        sign,
        "s" | "m" | "g" | "h" | "l" | "L" | "V" | "W" | "min" | "sec" | "mi"
    ) {
        whole(amount).or_else(|| number(amount).map(|_| 0))?;
    }
    figures::with_unit(amount, figures::unit(sign)?)
}

/// `3 pm`, `3:05 p.m.`
fn half_of_day(clock: &str, next: &str) -> Option<String> {
    let half = next
        .trim_end_matches(['.', ',', ';', ':', '!', '?', ')'])
        .to_ascii_lowercase();
    let half = match half.as_str() {
        "am" | "a.m" => "am",
        "pm" | "p.m" => "pm",
        _ => return None,
    };
    figures::time(&format!("{clock}{half}"))
}
