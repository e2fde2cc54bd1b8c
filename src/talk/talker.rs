// SPDX-License-Identifier: MPL-2.0
//! [`Talker`]: a [`Talk`] with a thread that makes speech ahead.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use super::{Interruption, Job, Next, Outcome, Piece, Problem, Talk, Tell, Why, utterance::Pieces};
use crate::voice::{Speaker, VoiceError};

struct Inner {
    talk: Talk,
    /// Who takes samples does not wait for them.
    released: bool,
    /// The thread is to end.
    closed: bool,
}

struct Shared {
    inner: Mutex<Inner>,
    /// There may be something to speak.
    work: Condvar,
    /// There may be something to hear.
    heard: Condvar,
}

impl Shared {
    /// What a panic left is as good as what it found: no method leaves the talk half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Utterances that are spoken on a thread of their own, ahead of who takes the samples.
///
/// All of it can be used from any thread.
pub struct Talker {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Talker {
    /// Text can be put in; nothing is spoken before [`start`](Self::start).
    pub fn new(talk: Talk) -> Self {
        Self {
            shared: Arc::new(Shared {
                inner: Mutex::new(Inner {
                    talk,
                    released: false,
                    closed: false,
                }),
                work: Condvar::new(),
                heard: Condvar::new(),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Does something with the talk, and lets everybody look at what has become of it.
    pub fn with<T>(&self, change: impl FnOnce(&mut Talk) -> T) -> T {
        let told = change(&mut self.shared.lock().talk);
        self.shared.work.notify_all();
        self.shared.heard.notify_all();
        told
    }

    /// What is to be known of the talk.
    pub fn look<T>(&self, at: impl FnOnce(&Talk) -> T) -> T {
        at(&self.shared.lock().talk)
    }

    /// Waits until something is so of the talk; `false` if `given_up` came to be so before.
    pub fn wait_until(
        &self,
        mut is_so: impl FnMut(&Talk) -> bool,
        given_up: impl Fn() -> bool,
    ) -> bool {
        let mut inner = self.shared.lock();
        while !given_up() {
            if is_so(&inner.talk) {
                return true;
            }
            let woken = self.shared.heard.wait(inner);
            inner = woken.unwrap_or_else(PoisonError::into_inner);
        }
        false
    }

    /// Begins to speak.
    ///
    /// # Errors
    /// That there are no threads left.
    pub fn start(&self) -> Result<(), VoiceError> {
        let mut thread = self.thread();
        if thread.is_some() {
            return Ok(());
        }
        self.shared.lock().closed = false;
        let shared = self.shared.clone();
        let spawned = thread::Builder::new()
            .name("voice".into())
            .spawn(move || work(&shared));
        *thread = Some(spawned.map_err(|e| VoiceError::Failed(e.to_string()))?);
        Ok(())
    }

    /// Drops everything, and ends the thread; what that ends.
    pub fn stop(&self) -> Vec<Interruption> {
        let ended = {
            let mut inner = self.shared.lock();
            inner.closed = true;
            inner.talk.stop(Why::Stopped)
        };
        self.shared.work.notify_all();
        self.shared.heard.notify_all();
        let thread = self.thread().take();
        // A panic of it has been reported by then.
        drop(thread.map(JoinHandle::join));
        ended
    }

    /// Whether who takes samples is told to wait instead of waiting.
    pub fn release(&self, released: bool) {
        self.shared.lock().released = released;
        self.shared.heard.notify_all();
    }

    /// Like [`Talk::next`], but waits until there is speech. [`Next::Wait`] is returned only
    /// when something happens meanwhile, or when [`released`](Self::release).
    pub fn next(&self, room: &mut [f32], tells: &mut Vec<Tell>) -> Next {
        let mut inner = self.shared.lock();
        loop {
            if inner.released {
                return Next::Wait;
            }
            let next = inner.talk.next(room, tells);
            if next != Next::Wait || !tells.is_empty() {
                drop(inner);
                self.shared.work.notify_all();
                self.shared.heard.notify_all();
                return next;
            }
            // What was skipped makes room for more.
            self.shared.work.notify_all();
            let woken = self.shared.heard.wait(inner);
            inner = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread works on: an utterance's text, as far as it was given out.
struct Desk {
    speaker: Speaker,
    pieces: Option<Pieces>,
    /// The text is complete.
    complete: bool,
}

fn work(shared: &Shared) {
    let mut desk = None;
    loop {
        let mut inner = shared.lock();
        let job = loop {
            if inner.closed {
                return;
            }
            if let Some(job) = inner.talk.job() {
                break job;
            }
            let woken = shared.work.wait(inner);
            inner = woken.unwrap_or_else(PoisonError::into_inner);
        };
        drop(inner);
        let id = job.id;
        let outcome = speak(&mut desk, job);
        shared.lock().talk.deliver(id, outcome);
        shared.heard.notify_all();
    }
}

fn speak(desk: &mut Option<Desk>, job: Job) -> Outcome {
    if let Some(settings) = job.settings {
        *desk = Some(Desk {
            speaker: Speaker::new(settings),
            pieces: job.pieces,
            complete: false,
        });
    }
    let Some(desk) = desk else {
        return Outcome::Done;
    };
    desk.speaker.append(&job.text);
    if job.finish {
        desk.complete = true;
        desk.speaker.finish();
    }
    loop {
        match desk.speaker.next_clause(&job.cancel) {
            Some(Ok(clause)) => return Outcome::Clause(clause),
            Some(Err(error)) => return Outcome::Trouble(Problem::Voice(error)),
            None if desk.complete => return Outcome::Done,
            None => {}
        }
        if job.cancel.is_cancelled() {
            return Outcome::Done;
        }
        match desk.pieces.as_mut().map(Iterator::next) {
            None => return Outcome::Hungry,
            Some(Some(Piece::Text(text))) => desk.speaker.append(&text),
            Some(Some(Piece::Trouble(problem))) => return Outcome::Trouble(problem),
            Some(None) => {
                desk.complete = true;
                desk.speaker.finish();
            }
        }
    }
}
