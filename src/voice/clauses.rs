// SPDX-License-Identifier: MPL-2.0
//! [`Clauses`]: text that comes in pieces becomes clauses short enough to be spoken as a whole.

use unicode_segmentation::UnicodeSegmentation;

use super::Delivery;

/// How long a clause may be by [`seconds`], at normal speed. The estimate is rough, and what it
/// is for is 10 s.
const LONGEST: f32 = 7.5;
/// The first clause may end at a comma once it is as long: speech begins soon, and does not
/// stumble over a short word.
const SHORTEST_FIRST: f32 = 1.0;
/// No more than this is looked at for the end of a clause, bytes; [`LONGEST`] is far less.
const WINDOW: usize = 4_096;
/// What is looked at behind the longest clause to tell whether a sentence ends with it, bytes.
const BEYOND: usize = 64;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseText {
    /// As it was written, without white space at its ends.
    pub text: String,
    /// Byte of the whole text at which it begins.
    pub at: u64,
}

/// Splits text as it arrives. Sentences stay whole where they are short enough; a sentence has
/// ended once something follows it that shows so, or the text has.
#[derive(Clone, Debug)]
pub struct Clauses {
    waiting: String,
    /// What of it has been given out.
    taken: usize,
    /// Bytes of the whole text before `waiting`.
    before: u64,
    finished: bool,
    first: bool,
    longest: f32,
}

impl Clauses {
    /// No text yet. `rate` is the speed at which it will be spoken, 1 being normal.
    pub fn new(rate: f32) -> Self {
        Self {
            waiting: String::new(),
            taken: 0,
            before: 0,
            finished: false,
            first: true,
            longest: LONGEST * rate.clamp(0.1, 10.0),
        }
    }

    /// The next piece of text; words and sentences may be cut anywhere.
    pub fn push(&mut self, text: &str) {
        // What was given out is let go of once it is the larger part.
        if self.taken > self.waiting.len() / 2 {
            self.waiting.drain(..self.taken);
            self.before += self.taken as u64;
            self.taken = 0;
        }
        self.waiting.push_str(text);
    }

    /// No more text comes: what waits is given out.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len() - self.taken
    }

    /// The next clause that has ended.
    pub fn next_clause(&mut self) -> Option<ClauseText> {
        loop {
            let rest = &self.waiting[self.taken..];
            let blank = rest.len() - rest.trim_start_matches(is_blank).len();
            self.taken += blank;
            let rest = &self.waiting[self.taken..];
            let end = self.end(rest)?;
            let text = rest[..end].trim_end_matches(is_blank).to_owned();
            let at = self.before + self.taken as u64;
            self.taken += end;
            if !text.is_empty() {
                self.first = false;
                return Some(ClauseText { text, at });
            }
        }
    }

    /// Where the clause that `rest` begins with ends, if that is known.
    fn end(&self, rest: &str) -> Option<usize> {
        let limit = reach(&rest[..floor(rest, WINDOW)], self.longest);
        let window = &rest[..floor(rest, limit + BEYOND)];
        let whole = window.len() == rest.len();
        if self.first
            && let Some(comma) = self.first_comma(&window[..limit])
        {
            return Some(comma);
        }
        let mut end = 0;
        for sentence in window.split_sentence_bounds() {
            end += sentence.len();
            if end > limit {
                return Some(inner_end(window, limit));
            }
            let certain = end < window.len() || (whole && self.finished);
            if certain && !goes_on(&window[..end], &window[end..]) {
                // The rules take a quote that opens right behind a point to be one that closes.
                let opens = |c| matches!(c, '“' | '「' | '『' | '‘' | '«' | '（' | '《');
                let before = window[..end].trim_end_matches(opens).len();
                return Some(if before > 0 { before } else { end });
            }
            // After these nothing else can belong to the sentence, but for a closing quote.
            let last = sentence.ends_with(['\n', '。', '！', '？'])
                && !sentence.contains(['“', '「', '『', '‘']);
            if last && end == window.len() && whole {
                return Some(end);
            }
        }
        match (whole, self.finished) {
            (true, false) => None,
            _ if end == 0 => None,
            _ => Some(end.min(limit)),
        }
    }

    /// Behind the first comma that leaves a first clause long enough, if a space follows it.
    fn first_comma(&self, window: &str) -> Option<usize> {
        let (mut long, mut after_comma) = (0.0, false);
        let mut figure_before = false;
        for (at, c) in window.char_indices() {
            let wide = matches!(c, '，' | '；' | '：');
            if after_comma && c.is_whitespace() && long >= SHORTEST_FIRST {
                // May 3, 2024
                let next = window[at..].trim_start().chars().next()?;
                if !(figure_before && next.is_ascii_digit()) {
                    return Some(at);
                }
            }
            if wide && long >= SHORTEST_FIRST {
                return Some(at + c.len_utf8());
            }
            after_comma = matches!(c, ',' | ';' | ':' | '،' | '—');
            figure_before = c.is_ascii_digit() || figure_before && after_comma;
            long += seconds(c);
        }
        None
    }
}

/// About how long a character sounds at normal speed, s.
pub(super) fn seconds(c: char) -> f32 {
    match c {
        '0'..='9' => 0.4,
        'a'..='z' | 'A'..='Z' => 0.065,
        _ if c.is_whitespace() => 0.02,
        // Han, Hangul; kana; emoji and other signs.
        '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{20000}'..='\u{3FFFF}' => 0.25,
        '\u{3040}'..='\u{30FF}' => 0.15,
        '\u{1F000}'..='\u{1FAFF}' | '%' | '$' | '€' | '£' | '&' | '+' | '=' | '@' | '#' => 0.5,
        _ if c.is_uppercase() || c.is_numeric() => 0.2,
        _ if c.is_alphabetic() => 0.09,
        _ => 0.05,
    }
}

/// About how long a text sounds, s: rough, and of figures and signs rougher.
pub fn estimated_seconds(text: &str, delivery: &Delivery) -> f32 {
    let words = text.split_whitespace().count() as f32;
    let delivery = delivery.sane();
    let letters: f32 = text.chars().map(seconds).sum();
    letters / delivery.rate + words * delivery.word_gap as f32 / 1_000.0
}

/// White space, and what has neither sound nor width.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{FEFF}')
}

/// The nearest end of a character at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// How many bytes can be spoken in that time.
fn reach(text: &str, limit: f32) -> usize {
    let mut long = 0.0;
    for (at, c) in text.char_indices() {
        long += seconds(c);
        if long > limit {
            return at.max(c.len_utf8());
        }
    }
    text.len()
}

/// Where to cut a sentence that is longer than `limit`: behind the last comma or the like that
/// leaves at least a third, else behind the last word, else behind the last whole character.
fn inner_end(text: &str, limit: usize) -> usize {
    let part = &text[..floor(text, limit)];
    let behind = |found: Option<(usize, char)>| found.map(|(at, c)| at + c.len_utf8());
    let narrow = |(at, c): &(usize, char)| {
        let rest = &text[at + c.len_utf8()..];
        let spaced = rest.starts_with(char::is_whitespace);
        let figures = text[..*at].ends_with(|c: char| c.is_ascii_digit())
            && rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
        matches!(c, ',' | ';' | ':' | '—' | '–' | ')' | '،' | '؛') && spaced && !figures
            || matches!(c, '，' | '、' | '；' | '：' | '）' | '।')
    };
    let comma = behind(part.char_indices().rev().find(narrow)).filter(|end| *end > part.len() / 3);
    let space = || {
        let found = part.char_indices().rev().find(|(_, c)| c.is_whitespace());
        behind(found).filter(|end| *end > part.len() / 3)
    };
    let character = || {
        let mut ends = text.grapheme_indices(true).map(|(at, g)| at + g.len());
        let last = ends.by_ref().take_while(|end| *end <= part.len()).last();
        // A single character that is longer than any should be is cut inside.
        last.unwrap_or(part.len())
    };
    comma.or_else(space).unwrap_or_else(character).max(1)
}

/// Words after whose point a sentence usually goes on, although a capital letter or a digit
/// follows.
const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "mx", "dr", "prof", "st", "gen", "sen", "rep", "gov", "capt", "cmdr", "lt",
    "col", "sgt", "rev", "hon", "pres", "messrs", "vs", "cf", "e.g", "i.e", "al", "fig", "eq",
    "vol", "ch", "approx", "dept", "ave", "blvd", "mt", "ft", "z.b", "d.h", "u.a", "bzw", "ca",
    "hr", "fr", "str", "mme", "mlle", "sra", "srta", "sr", "dña", "ing", "т.е", "т.д", "ул", "им",
];
/// The same, only before a digit.
const COUNTED: &[&str] = &[
    "no", "nos", "nr", "p", "pp", "sec", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep",
    "sept", "oct", "nov", "dec", "г", "п",
];

/// Whether what seems to be the end of a sentence is none.
fn goes_on(sentence: &str, next: &str) -> bool {
    let trimmed = sentence.trim_end();
    // A line has ended, whatever its last word.
    if sentence[trimmed.len()..].contains('\n') {
        return false;
    }
    // “Stop!” he said.
    if next.starts_with(char::is_lowercase) {
        return true;
    }
    let Some(before) = trimmed.strip_suffix('.') else {
        return false;
    };
    let word = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '“' | '«'))
        .next()
        .unwrap_or_default();
    let small = word.to_lowercase();
    let counted = next.starts_with(|c: char| c.is_ascii_digit());
    let mut letters = word.chars();
    let initial =
        matches!((letters.next(), letters.next()), (Some(c), None) if c.is_uppercase() && c != 'I');
    initial || TITLES.contains(&small.as_str()) || counted && COUNTED.contains(&small.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All clauses of a text that comes in pieces of so many bytes.
    fn split(text: &str, piece: usize) -> Vec<String> {
        let mut clauses = Clauses::new(1.0);
        clauses.first = false;
        let mut found = Vec::new();
        let mut from = 0;
        while from < text.len() {
            let mut to = floor(text, from + piece);
            while to <= from || !text.is_char_boundary(to) {
                to += 1;
            }
            clauses.push(&text[from..to]);
            from = to;
            found.extend(std::iter::from_fn(|| clauses.next_clause()));
        }
        clauses.finish();
        found.extend(std::iter::from_fn(|| clauses.next_clause()));
        for clause in &found {
            let at = clause.at as usize;
            assert_eq!(&text[at..at + clause.text.len()], clause.text);
        }
        found.into_iter().map(|c| c.text).collect()
    }

    #[track_caller]
    fn assert_split(text: &str, expected: &[&str]) {
        for piece in [1, 3, 7, 1_000] {
            assert_eq!(split(text, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn sentences_end_where_readers_pause() {
        assert_split(
            "Dr. Smith paid $3.50 to J. R. Jones. Did he? Yes! See p. 5 of vol. II.",
            &[
                "Dr. Smith paid $3.50 to J. R. Jones.",
                "Did he?",
                "Yes!",
                "See p. 5 of vol. II.",
            ],
        );
        assert_split(
            "“Stop!” he said. Then... silence, e.g. none. It was 5 p.m. and late.",
            &[
                "“Stop!” he said.",
                "Then... silence, e.g. none.",
                "It was 5 p.m. and late.",
            ],
        );
        assert_split(
            "Visit example.com now. Version 2.1 is out",
            &["Visit example.com now.", "Version 2.1 is out"],
        );
        assert_split(
            "你好。今天天气很好！“是吗？”他说。",
            &["你好。", "今天天气很好！", "“是吗？”", "他说。"],
        );
        assert_split(
            "これは本です。いいね？はい",
            &["これは本です。", "いいね？", "はい"],
        );
        assert_split(
            "No full stop\nnext line\n\nand more",
            &["No full stop", "next line", "and more"],
        );
        assert_split(" \u{200b}\n\t ", &[]);
    }

    #[test]
    fn long_sentences_are_cut_at_commas_or_spaces() {
        let clause = "and so the story goes on and on without an end in sight";
        let text = [clause; 6].join(", ");
        let found = split(&text, 50);
        assert!(found.len() >= 3, "{found:?}");
        assert!(found[..found.len() - 1].iter().all(|c| c.ends_with(',')));
        let words = ["word"; 200].join(" ");
        for clause in split(&words, 64) {
            assert!(clause.split(' ').all(|w| w == "word"), "{clause}");
        }
    }

    #[test]
    fn the_first_clause_does_not_wait_for_its_sentence() {
        let mut clauses = Clauses::new(1.0);
        clauses.push("Well, I think that it will rain, but ");
        let first = clauses.next_clause().expect("a clause").text;
        assert_eq!(first, "Well, I think that it will rain,");
        clauses.push("later, perhaps, or not at all");
        assert_eq!(clauses.next_clause(), None);
        clauses.finish();
        assert_eq!(clauses.next_clause().map(|c| c.at), Some(33));
    }

    #[test]
    fn ten_megabytes_without_a_space_pass_in_bounded_steps() {
        let mut clauses = Clauses::new(1.0);
        clauses.push(&"x".repeat(10 << 20));
        clauses.finish();
        let mut total = 0;
        while let Some(clause) = clauses.next_clause() {
            assert!(clause.text.len() <= 200);
            total += clause.text.len();
        }
        assert_eq!(total, 10 << 20);
    }

    #[test]
    fn what_was_given_out_is_let_go_of() {
        let mut clauses = Clauses::new(1.0);
        for n in 0..20_000 {
            clauses.push("One more sentence. ");
            assert!(clauses.next_clause().is_some() || n == 0);
        }
        assert!(
            clauses.waiting.capacity() < 4_096,
            "{}",
            clauses.waiting.capacity()
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_too_long(text in "(\\PC|[ .,!?\n。，a-zA-Z0-9]){0,300}", piece in 1usize..40) {
            let found = split(&text, piece);
            let bare = |t: &str| t.chars().filter(|c| !is_blank(*c)).collect::<String>();
            prop_assert_eq!(bare(&found.concat()), bare(&text));
            for clause in found {
                let long: f32 = clause.chars().map(seconds).sum();
                prop_assert!(long <= LONGEST + 0.6, "{long} s: {clause}");
            }
        }
    }
}
