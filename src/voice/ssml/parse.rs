// SPDX-License-Identifier: MPL-2.0
//! From an SSML document to the parts that are spoken one after the other.

use std::ops::Range;

use roxmltree::{Document, Node, ParsingOptions};

use super::{
    Part, Say, Style,
    values::{pitch, rate, strength, time, volume},
};

/// The largest document, bytes.
pub(super) const LARGEST: usize = 1 << 20;
/// Elements, texts and attributes of a document.
const MOST_NODES: u32 = 50_000;
/// Elements in each other.
const DEEPEST: usize = 64;
/// The pause after a paragraph, and after a sentence without a mark at its end, s.
const AFTER_PARAGRAPH: f32 = 0.7;
const AFTER_SENTENCE: f32 = 0.4;
/// The pause where the way of speaking changes within a sentence, s.
const AFTER_CHANGE: f32 = 0.02;

/// The parts of a document that begins at that byte of the whole text.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn parse(text: &str, begin: usize) -> Result<Vec<Part>, String> {
    if text.len() > LARGEST {
        return Err(format!("it is larger than {} kB", LARGEST >> 10));
    }
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|e| e.to_string())?;
    let root = document.root_element();
    if root.tag_name().name() != "speak" {
        return Err(format!(
            "it begins with <{}>, expected <speak>",
            root.tag_name().name()
        ));
    }
    let style = Style {
        hint: language(root),
        ..Style::default()
    };
    let mut parser = Parser {
        begin,
        ..Parser::default()
    };
    parser.children(root, &style, 0)?;
    parser.end(None);
    parser.remaining_marks();
    Ok(parser.parts)
}

fn language(node: Node) -> Option<String> {
    let tag = node.attribute((roxmltree::NS_XML_URI, "lang"))?;
    Some(tag.trim().to_owned()).filter(|tag| !tag.is_empty())
}

#[derive(Default)]
struct Parser {
    /// Where the document begins in the whole text.
    begin: usize,
    parts: Vec<Part>,
    /// The part that grows.
    part: Part,
    /// Marks that wait for something to stand before.
    marks: Vec<String>,
}

impl Parser {
    fn children(&mut self, node: Node, style: &Style, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("more than {DEEPEST} elements lie in each other"));
        }
        for child in node.children() {
            if let Some(text) = child.text().filter(|_| child.is_text()) {
                self.text(text, child.range(), style);
            } else if child.is_element() {
                self.element(child, style, depth + 1)?;
            }
        }
        Ok(())
    }

    fn element(&mut self, node: Node, style: &Style, depth: usize) -> Result<(), String> {
        match node.tag_name().name() {
            "break" => {
                let asked = node.attribute("time").map(time);
                let strength = node.attribute("strength").map(strength);
                let pause = asked.or(strength).unwrap_or(Some(0.4));
                let pause = pause.ok_or_else(|| self.wrong(node, "expected time=\"300ms\""))?;
                self.end(Some(pause));
            }
            "mark" => {
                let name = node.attribute("name");
                let name = name.ok_or_else(|| self.wrong(node, "it has no name"))?;
                self.marks.push(name.to_owned());
            }
            "p" | "s" => {
                self.end(None);
                self.children(node, style, depth)?;
                let long = node.tag_name().name() == "p";
                self.end_of_sentence(long);
            }
            "prosody" => {
                let inner = prosody(node, style);
                self.with(node, style, &inner, depth)?;
            }
            "voice" | "lang" => {
                let mut inner = style.clone();
                inner.language = language(node).or(inner.language);
                if let Some(name) = node.attribute("name") {
                    inner.voice = Some(name.trim().to_owned());
                }
                self.with(node, style, &inner, depth)?;
            }
            "sub" => {
                let alias = node.attribute("alias");
                let alias = alias.ok_or_else(|| self.wrong(node, "it has no alias"))?;
                self.said(node, style, depth, Some(Say::Text(alias.to_owned())))?;
            }
            "say-as" => {
                let kind = node.attribute("interpret-as").unwrap_or_default();
                let say = say_as(kind, &inner_text(node));
                self.said(node, style, depth, say.map(Say::Text))?;
            }
            "phoneme" => {
                let phonemes = node.attribute("ph");
                let phonemes = phonemes.ok_or_else(|| self.wrong(node, "it has no ph"))?;
                let say = Say::Phonemes {
                    alphabet: node.attribute("alphabet").unwrap_or("ipa").to_owned(),
                    phonemes: phonemes.to_owned(),
                };
                self.said(node, style, depth, Some(say))?;
            }
            "metadata" | "meta" | "lexicon" | "desc" => {}
            // What is not known is read without it: emphasis, audio's own words, a vendor's.
            _ => self.children(node, style, depth)?,
        }
        Ok(())
    }

    fn wrong(&self, node: Node, what: &str) -> String {
        let at = node.document().text_pos_at(node.range().start);
        format!("<{}> at {at}: {what}", node.tag_name().name())
    }

    /// An element in another style.
    fn with(
        &mut self,
        node: Node,
        outer: &Style,
        inner: &Style,
        depth: usize,
    ) -> Result<(), String> {
        if inner != outer {
            self.end(None);
        }
        self.children(node, inner, depth)?;
        if inner != outer {
            self.end(None);
        }
        Ok(())
    }

    /// An element whose words are said in another way than they are written.
    fn said(
        &mut self,
        node: Node,
        style: &Style,
        depth: usize,
        say: Option<Say>,
    ) -> Result<(), String> {
        let from = self.part.text.len();
        let begun = self.parts.len();
        self.children(node, style, depth)?;
        let whole = from..self.part.text.len();
        if let Some(say) = say.filter(|_| begun == self.parts.len() && !whole.is_empty()) {
            // What lies in it was read already.
            self.part.say.retain(|(range, _)| range.end <= from);
            self.part.say.push((whole, say));
        }
        Ok(())
    }

    fn text(&mut self, text: &str, source: Range<usize>, style: &Style) {
        if self.part.text.is_empty() {
            self.part.style = style.clone();
        }
        if !text.trim().is_empty() {
            // A mark stands before the word that follows it.
            let at = self.part.text.len() + text.len() - text.trim_start().len();
            let marks = self.marks.drain(..).map(|name| (at, name));
            self.part.marks.extend(marks);
        }
        let source = self.begin + source.start..self.begin + source.end;
        self.part.origin.push((self.part.text.len(), source));
        // A line's end is no sentence's.
        let spaced = text.chars().map(|c| {
            if c.is_whitespace() && c.len_utf8() == 1 {
                ' '
            } else {
                c
            }
        });
        self.part.text.extend(spaced);
    }

    /// The part ends, with a pause in place of that of its last mark.
    fn end(&mut self, pause: Option<f32>) {
        let part = std::mem::take(&mut self.part);
        if part.text.trim().is_empty() {
            // Marks of what is nothing but space wait on.
            let mut marks: Vec<String> = part.marks.into_iter().map(|(_, name)| name).collect();
            marks.append(&mut self.marks);
            self.marks = marks;
            match (pause, self.parts.last_mut()) {
                (None, _) => {}
                (Some(pause), Some(last)) if self.marks.is_empty() && last.broken => {
                    last.pause = Some(last.pause.unwrap_or(0.0) + pause);
                }
                (Some(pause), Some(last)) if self.marks.is_empty() => {
                    last.pause = Some(pause);
                    last.broken = true;
                }
                (Some(pause), _) => {
                    let marks = self.marks.drain(..).map(|name| (0, name)).collect();
                    self.parts.push(Part {
                        marks,
                        pause: Some(pause),
                        broken: true,
                        ..Part::default()
                    });
                }
            }
            return;
        }
        let ended = part
            .text
            .trim_end()
            .ends_with(|c: char| !c.is_alphanumeric());
        let change = (!ended).then_some(AFTER_CHANGE);
        self.parts.push(Part {
            broken: pause.is_some(),
            pause: pause.or(change),
            ..part
        });
    }

    /// The same at the end of a sentence or paragraph.
    fn end_of_sentence(&mut self, paragraph: bool) {
        self.end(None);
        let Some(last) = self.parts.last_mut().filter(|p| !p.broken) else {
            return;
        };
        if paragraph {
            last.pause = Some(AFTER_PARAGRAPH);
        } else if last.pause == Some(AFTER_CHANGE) {
            last.pause = Some(AFTER_SENTENCE);
        }
    }

    /// Marks behind all else stand at its end.
    fn remaining_marks(&mut self) {
        let marks = self.marks.drain(..).map(|name| (usize::MAX, name));
        match self.parts.last_mut() {
            Some(last) => last.marks.extend(marks),
            None => {
                let marks: Vec<_> = marks.collect();
                if !marks.is_empty() {
                    self.parts.push(Part {
                        marks,
                        pause: Some(AFTER_CHANGE),
                        ..Part::default()
                    });
                }
            }
        }
    }
}

fn prosody(node: Node, outer: &Style) -> Style {
    let value = |name: &str, read: fn(&str) -> Option<f32>| {
        let value = node.attribute(name)?;
        let read = read(value);
        if read.is_none() {
            tracing::warn!("{name}=\"{value}\" of <prosody> is not understood");
        }
        read
    };
    let mut style = outer.clone();
    style.rate *= value("rate", rate).unwrap_or(1.0);
    style.pitch += value("pitch", pitch).unwrap_or(0.0);
    style.volume *= value("volume", volume).unwrap_or(1.0);
    style
}

fn inner_text(node: Node) -> String {
    let texts = node.descendants().filter(Node::is_text);
    texts.filter_map(|n| n.text()).collect()
}

/// How a text is read that is more than words; `None` as it is read without being told.
fn say_as(kind: &str, text: &str) -> Option<String> {
    let sounding = || text.chars().filter(|c| !c.is_whitespace());
    let apart = |each: &dyn Fn(char) -> String| {
        let spelled: Vec<String> = sounding().map(each).collect();
        spelled.join(" ")
    };
    match kind {
        "characters" | "spell-out" | "verbatim" => Some(apart(&|c| c.to_uppercase().to_string())),
        "digits" => Some(apart(&String::from)),
        "cardinal" | "number" => Some(sounding().collect()),
        "ordinal" => {
            let digits: String = sounding().filter(char::is_ascii_digit).collect();
            let number: u64 = digits.parse().ok()?;
            let ending = match (number % 10, number % 100) {
                (_, 11..=13) => "th",
                (1, _) => "st",
                (2, _) => "nd",
                (3, _) => "rd",
                _ => "th",
            };
            Some(format!("{number}{ending}"))
        }
        _ => None,
    }
}
