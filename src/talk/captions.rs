// SPDX-License-Identifier: MPL-2.0
//! Captions: what is written below the picture, and when.

use std::{fmt::Write, path::Path};

use unicode_segmentation::UnicodeSegmentation;

use super::Line;

/// The longest line, characters as readers count them, and how many lines a caption has: what
/// broadcasters use.
const LINE: usize = 42;
const LINES: usize = 2;

/// How captions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// WebVTT, of the W3C.
    WebVtt,
    /// SubRip.
    Srt,
}

impl Format {
    /// What the end of a file's name says: `.vtt` or `.srt`.
    pub fn of(file: &Path) -> Option<Self> {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "vtt" => Some(Self::WebVtt),
            "srt" => Some(Self::Srt),
            _ => None,
        }
    }
}

/// What is shown from one sample of a clause to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// The first sample.
    pub start: u64,
    /// The sample after the last.
    pub end: u64,
    /// Without line breaks.
    pub text: String,
}

/// The captions of a clause of which so many samples were heard: each as much as two lines hold,
/// divided between words.
pub fn cues(line: &Line, heard: u64) -> Vec<Cue> {
    let clause = &line.clause;
    let whole = heard >= clause.samples.len() as u64;
    let words: Vec<_> = clause.words.iter().filter(|w| w.start < heard).collect();
    if words.is_empty() {
        let text = one_line(&clause.text);
        // A clause whose words the voice does not tell.
        let shown = clause.words.is_empty() && heard > 0 && !text.is_empty();
        let cue = shown.then_some(Cue {
            start: 0,
            end: heard,
            text,
        });
        return cue.into_iter().collect();
    }
    // Where each word begins in the clause's text; the first takes what stands before it.
    let place = |at: u64| usize::try_from(at.saturating_sub(clause.at)).unwrap_or(usize::MAX);
    let end_of = |word: usize| match words.get(word + 1) {
        Some(next) => place(next.at),
        None if whole => clause.text.len(),
        None => place(words[word].at) + words[word].text.len(),
    };
    let mut cues = Vec::new();
    let (mut first, mut from) = (0, 0);
    for last in 0..words.len() {
        let too_long = |to: usize| {
            let text = clause.text.get(from..to).unwrap_or_default();
            text.trim().graphemes(true).count() > LINE * LINES
        };
        let over = last + 1 == words.len() || too_long(end_of(last + 1));
        if !over {
            continue;
        }
        let to = end_of(last);
        cues.push(Cue {
            start: words[first].start,
            end: (words[last].start + words[last].length).min(heard),
            text: one_line(clause.text.get(from..to).unwrap_or_default()),
        });
        (first, from) = (last + 1, to);
    }
    cues.retain(|cue| cue.end > cue.start && !cue.text.is_empty());
    cues
}

/// White space of all kinds becomes single spaces, and what cannot be seen goes.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    let words: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
    words.join(" ")
}

/// Writes captions one after the other.
#[derive(Clone, Debug)]
pub struct Writer {
    format: Format,
    number: u64,
}

impl Writer {
    /// Nothing is written yet.
    pub fn new(format: Format) -> Self {
        Self { format, number: 0 }
    }

    /// What a file begins with.
    pub fn head(&self) -> &'static str {
        match self.format {
            Format::WebVtt => "WEBVTT\n\n",
            Format::Srt => "",
        }
    }

    /// A caption from `start` to `end`, ns.
    pub fn entry(&mut self, start: u64, end: u64, text: &str) -> String {
        self.number += 1;
        let mut entry = String::new();
        if self.format == Format::Srt {
            // Writing to a String cannot fail.
            let _ = writeln!(entry, "{}", self.number);
        }
        let text = two_lines(&self.safe(text));
        let (start, end) = (self.time(start), self.time(end));
        let _ = write!(entry, "{start} --> {end}\n{text}\n\n");
        entry
    }

    /// What would be taken for a mark of the format is written in another way.
    fn safe(&self, text: &str) -> String {
        match self.format {
            Format::WebVtt => text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
            // Nothing can be escaped there; tags would be.
            Format::Srt => text.replace('<', "‹").replace('>', "›"),
        }
    }

    fn time(&self, ns: u64) -> String {
        let ms = (ns + 500_000) / 1_000_000;
        let mark = match self.format {
            Format::WebVtt => '.',
            Format::Srt => ',',
        };
        let (s, ms) = (ms / 1_000, ms % 1_000);
        format!(
            "{:02}:{:02}:{:02}{mark}{ms:03}",
            s / 3_600,
            s / 60 % 60,
            s % 60
        )
    }
}

/// Broken at the space that is nearest to the middle, if it does not fit in one line.
fn two_lines(text: &str) -> String {
    let long = text.graphemes(true).count();
    if long <= LINE {
        return text.to_owned();
    }
    let spaces = text
        .grapheme_indices(true)
        .enumerate()
        .filter(|(_, (_, g))| *g == " ");
    let middle = spaces.min_by_key(|(nth, _)| nth.abs_diff(long / 2));
    match middle {
        Some((_, (at, _))) => format!("{}\n{}", &text[..at], &text[at + 1..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::{Clause, Word};
    use proptest::prelude::*;

    /// Each word sounds for 100 samples, with the clause at byte 1000 of its text.
    fn line(text: &str) -> Line {
        let mut words = Vec::new();
        let mut at = 0;
        for part in text.split_inclusive(' ') {
            words.push(Word {
                text: part.trim_end_matches([' ', '.', ',']).to_owned(),
                at: 1_000 + at,
                start: 100 * words.len() as u64 + 20,
                length: 100,
            });
            at += part.len() as u64;
        }
        Line {
            utterance: 1,
            number: 0,
            clause: Clause {
                text: text.into(),
                at: 1_000,
                language: "en".into(),
                rate: 1_000,
                samples: vec![0.0; 100 * words.len() + 200],
                phones: Vec::new(),
                words,
                marks: Vec::new(),
            },
        }
    }

    #[test]
    fn a_short_clause_is_one_caption() {
        let line = line("Hello, my world.");
        assert_eq!(
            cues(&line, 500),
            [Cue {
                start: 20,
                end: 320,
                text: "Hello, my world.".into()
            }]
        );
    }

    #[test]
    fn only_what_was_heard_is_shown() {
        let line = line("Hello, my world.");
        let cut = cues(&line, 130);
        assert_eq!(cut[0].text, "Hello, my");
        assert_eq!((cut[0].start, cut[0].end), (20, 130));
        assert_eq!(cues(&line, 10), []);
    }

    #[test]
    fn files_read_as_their_formats_want() {
        let mut vtt = Writer::new(Format::WebVtt);
        assert_eq!(vtt.head(), "WEBVTT\n\n");
        assert_eq!(
            vtt.entry(3_723_004_000_000, 3_724_000_400_000, "1 < 2 & so --> on"),
            "01:02:03.004 --> 01:02:04.000\n1 &lt; 2 &amp; so --&gt; on\n\n"
        );
        let mut srt = Writer::new(Format::Srt);
        srt.entry(0, 1, "one");
        let long = "and so the story goes on and on without an end in sight";
        assert_eq!(
            srt.entry(0, 1_500_000_000, long),
            "2\n00:00:00,000 --> 00:00:01,500\n\
             and so the story goes on and\non without an end in sight\n\n"
        );
        assert_eq!(Format::of(Path::new("a/b.VTT")), Some(Format::WebVtt));
        assert_eq!(Format::of(Path::new("b.txt")), None);
    }

    proptest! {
        /// Captions hold all the words once, in order, and do not overlap.
        #[test]
        fn nothing_is_lost_and_nothing_comes_twice(
            words in prop::collection::vec("[a-zäж你]{1,20}[,.]?", 1..60),
        ) {
            let text = words.join(" ");
            let line = line(&text);
            let cues = cues(&line, line.clause.samples.len() as u64);
            let joined: Vec<&str> = cues.iter().map(|c| c.text.as_str()).collect();
            prop_assert_eq!(joined.join(" "), text);
            let mut end = 0;
            for cue in &cues {
                prop_assert!(end <= cue.start && cue.start < cue.end);
                prop_assert!(cue.text.graphemes(true).count() <= LINE * LINES);
                end = cue.end;
            }
        }
    }
}
