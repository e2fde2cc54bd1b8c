// SPDX-License-Identifier: MPL-2.0
//! [`FileText`]: a text file that is read as it is spoken.

use std::{
    fs::File,
    io::{self, Read},
};

use sonic_engine::talk::{Piece, Problem};

use super::names;

/// What is read at a time, bytes.
const BLOCK: usize = 1 << 16;
/// What some editors put before a text in UTF-8.
const MARK: &str = "\u{FEFF}";

/// The text of a file, piece by piece. What is not UTF-8 is left out and told once.
pub struct FileText<R> {
    input: R,
    /// Bytes of a character that the next block completes.
    rest: Vec<u8>,
    /// Where the next piece begins in the file.
    at: u64,
    /// Not UTF-8 came in, at that byte.
    bad: Option<u64>,
    told: bool,
    /// What was read before that was told.
    held: Option<String>,
    ended: bool,
}

impl FileText<File> {
    /// Opens a file; its text and its length in bytes.
    ///
    /// # Errors
    /// What the user is told if it cannot be.
    pub fn open(name: &str) -> Result<(Self, u64), gst::ErrorMessage> {
        let property = names::LOCATION;
        let text = |why: &str| format!("Property `{property}`: {name:?} {why}.");
        let cannot = |e: io::Error| {
            let text = text(&format!("cannot be read: {e}"));
            match e.kind() {
                io::ErrorKind::NotFound => {
                    gst::error_msg!(gst::ResourceError::NotFound, ("{text}"))
                }
                _ => gst::error_msg!(gst::ResourceError::OpenRead, ("{text}")),
            }
        };
        // Before it is opened: that would wait for a pipe's other end.
        let meta = std::fs::metadata(name).map_err(cannot)?;
        if !meta.is_file() {
            let text = text("is not a file; - reads lines from standard input");
            return Err(gst::error_msg!(gst::ResourceError::OpenRead, ("{text}")));
        }
        let file = File::open(name).map_err(cannot)?;
        Ok((Self::new(file), meta.len()))
    }
}

impl<R: Read> FileText<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            rest: Vec::new(),
            at: 0,
            bad: None,
            told: false,
            held: None,
            ended: false,
        }
    }

    /// The next block as text; `None` at the end.
    fn read(&mut self) -> io::Result<Option<String>> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut block = [0; BLOCK];
        let read = loop {
            match self.input.read(&mut block) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        bytes.extend_from_slice(&block[..read]);
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut text = String::with_capacity(bytes.len());
        let mut done = 0;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            done += chunk.valid().len();
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            // At the end of a block a character may go on in the next.
            let torn = done + invalid.len() == bytes.len() && read > 0 && invalid.len() < 4;
            if torn {
                break;
            }
            self.bad.get_or_insert(self.at + done as u64);
            done += invalid.len();
        }
        self.rest = bytes.split_off(done);
        if self.at == 0 && text.starts_with(MARK) {
            text.drain(..MARK.len());
        }
        self.at += done as u64;
        Ok(Some(text))
    }
}

impl<R: Read> Iterator for FileText<R> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if let Some(text) = self.held.take() {
            return Some(Piece::Text(text));
        }
        if self.ended {
            return None;
        }
        match self.read() {
            Ok(Some(text)) => match self.bad {
                Some(at) if !self.told => {
                    self.told = true;
                    self.held = Some(text);
                    Some(Piece::Trouble(Problem::NotUtf8(at)))
                }
                _ => Some(Piece::Text(text)),
            },
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(e) => {
                self.ended = true;
                let why = format!("the text cannot be read to its end: {e}");
                Some(Piece::Trouble(Problem::Text(why)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(room.len());
            room[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(bytes: &[u8], step: usize) -> (String, Vec<Problem>) {
        let (mut text, mut problems) = (String::new(), Vec::new());
        for piece in FileText::new(Slow(bytes, step)) {
            match piece {
                Piece::Text(more) => text += &more,
                Piece::Trouble(problem) => problems.push(problem),
            }
        }
        (text, problems)
    }

    #[test]
    fn characters_may_be_torn_anywhere() {
        let text = "Grüße, 你好 🙂 — שלום\n";
        for step in [1, 2, 3, 5, 1_000] {
            assert_eq!(read(text.as_bytes(), step), (text.into(), vec![]));
        }
        assert_eq!(read("\u{FEFF}a\u{FEFF}".as_bytes(), 2).0, "a\u{FEFF}");
    }

    #[test]
    fn what_is_not_utf_8_is_left_out_and_told_once() {
        for step in [1, 2, 1_000] {
            let (text, problems) = read(b"one \xff\xfetwo \xc3(three\xe4\xbd", step);
            assert_eq!(text, "one two (three", "{step}");
            assert_eq!(problems, [Problem::NotUtf8(4)]);
        }
    }
}
