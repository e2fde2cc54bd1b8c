// SPDX-License-Identifier: MPL-2.0
//! Lines on standard input.
//!
//! There is one standard input in a process, and nothing wakes up who reads it. So one thread
//! reads it from the first use on, for ever; what it reads waits for whoever asks next.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
};

/// Lines that wait before no more is read.
const MOST: usize = 16;
/// A line that is longer is cut, bytes.
const LONGEST: u64 = 1 << 20;

/// A line, or what is left when it is cut.
pub struct TextLine {
    /// Without what ends it, and without what is not UTF-8.
    pub text: String,
    /// All of it was UTF-8.
    pub clean: bool,
}

#[derive(Default)]
struct Inner {
    lines: VecDeque<TextLine>,
    ended: bool,
    started: bool,
}

/// The lines that have come.
#[derive(Default)]
pub struct Lines {
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// The process's standard input.
pub fn standard_input() -> &'static Lines {
    static LINES: LazyLock<Lines> = LazyLock::new(Lines::default);
    &LINES
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to read, if nobody has yet.
    ///
    /// # Errors
    /// That there are no threads left.
    pub fn start(&'static self) -> io::Result<()> {
        let mut inner = self.lock();
        if !inner.started {
            thread::Builder::new()
                .name("standard input".into())
                .spawn(|| self.read(&mut io::stdin().lock()))?;
            inner.started = true;
        }
        Ok(())
    }

    /// The next line; `None` when there are no more, or when it was `given_up`, after
    /// [`wake`](Self::wake).
    pub fn next(&self, given_up: impl Fn() -> bool) -> Option<TextLine> {
        let mut inner = self.lock();
        loop {
            if given_up() {
                return None;
            }
            if let Some(line) = inner.lines.pop_front() {
                self.changed.notify_all();
                return Some(line);
            }
            if inner.ended {
                return None;
            }
            let woken = self.changed.wait(inner);
            inner = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets everybody who waits look whether it was given up.
    pub fn wake(&self) {
        // Not between the look and the wait.
        drop(self.lock());
        self.changed.notify_all();
    }

    fn read(&self, input: &mut impl BufRead) {
        loop {
            let mut bytes = Vec::new();
            let read = input.take(LONGEST).read_until(b'\n', &mut bytes);
            let mut inner = self.lock();
            if !matches!(read, Ok(1..)) {
                inner.ended = true;
                self.changed.notify_all();
                return;
            }
            while inner.lines.len() >= MOST {
                let woken = self.changed.wait(inner);
                inner = woken.unwrap_or_else(PoisonError::into_inner);
            }
            inner.lines.push_back(line(&bytes));
            self.changed.notify_all();
        }
    }
}

fn line(bytes: &[u8]) -> TextLine {
    let chunks = bytes.utf8_chunks();
    let text: String = chunks.map(|chunk| chunk.valid()).collect();
    TextLine {
        clean: text.len() == bytes.len(),
        text: text.trim_end_matches(['\n', '\r']).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_order_and_then_the_end() {
        let lines = Lines::default();
        let mut input: &[u8] = b"one\r\n\n\xfftwo\nthree";
        lines.read(&mut input);
        let mut all = Vec::new();
        while let Some(line) = lines.next(|| false) {
            all.push((line.text, line.clean));
        }
        let expected = [("one", true), ("", true), ("two", false), ("three", true)];
        assert_eq!(all, expected.map(|(text, clean)| (text.to_owned(), clean)));
    }

    #[test]
    fn who_has_given_up_does_not_wait() {
        let lines = Lines::default();
        assert!(lines.next(|| true).is_none());
    }
}
