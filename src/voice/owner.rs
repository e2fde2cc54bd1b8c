// SPDX-License-Identifier: MPL-2.0
//! [`Owner`]: the one thread that a library with global state lives in.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use super::{Cancel, VoiceError};

/// How often who waits for an answer looks whether it still wants it.
const LOOK: Duration = Duration::from_millis(10);

type Task<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Does tasks one after the other, in the order in which they come from any thread.
pub(super) struct Owner<S> {
    tasks: Sender<Task<S>>,
}

impl<S: 'static> Owner<S> {
    /// Starts the thread. `start` makes there what the tasks work on, and what is told here
    /// about it.
    ///
    /// # Errors
    /// What `start` says, or that there are no threads left.
    pub(super) fn start<T: Send + 'static>(
        name: &str,
        start: impl FnOnce() -> Result<(S, T), VoiceError> + Send + 'static,
    ) -> Result<(Self, T), VoiceError> {
        let (tasks, queue) = mpsc::channel::<Task<S>>();
        let (answer, started) = mpsc::channel();
        thread::Builder::new()
            .name(name.into())
            .spawn(move || match start() {
                Ok((mut state, told)) => {
                    if answer.send(Ok(told)).is_ok() {
                        for task in queue {
                            task(&mut state);
                        }
                    }
                }
                // Nobody waits any more if it cannot be told.
                Err(error) => drop(answer.send(Err(error))),
            })
            .map_err(|error| VoiceError::Failed(error.to_string()))?;
        let told = started.recv().map_err(|_| gone())??;
        Ok((Self { tasks }, told))
    }

    /// Has a task done and waits for its answer, or until it is cancelled.
    ///
    /// # Errors
    /// [`VoiceError::Cancelled`], or that the thread has ended.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        cancel: &Cancel,
        task: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, VoiceError> {
        self.ask_or_stop(cancel, || {}, task)
    }

    /// The same; `stop` is called when it is cancelled, for a task that cannot look itself.
    ///
    /// # Errors
    /// The same.
    pub(super) fn ask_or_stop<T: Send + 'static>(
        &self,
        cancel: &Cancel,
        stop: impl FnOnce(),
        task: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, VoiceError> {
        let (answer, answered) = mpsc::channel();
        let unwanted = cancel.clone();
        let task: Task<S> = Box::new(move |state| {
            if !unwanted.is_cancelled() {
                // Who asked may have gone.
                drop(answer.send(task(state)));
            }
        });
        self.tasks.send(task).map_err(|_| gone())?;
        loop {
            if cancel.is_cancelled() {
                stop();
                return Err(VoiceError::Cancelled);
            }
            match answered.recv_timeout(LOOK) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if cancel.is_cancelled() => {}
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
            }
        }
    }
}

fn gone() -> VoiceError {
    VoiceError::Failed("the voice's thread has ended".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};

    fn counter() -> Owner<u32> {
        Owner::start("counter", || Ok((0, ()))).expect("a thread").0
    }

    #[test]
    fn many_users_are_served_one_after_the_other() {
        let owner = counter();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        owner
                            .ask(&Cancel::new(), |count| *count += 1)
                            .expect("an answer");
                    }
                });
            }
        });
        assert_eq!(owner.ask(&Cancel::new(), |count| *count), Ok(800));
    }

    #[test]
    fn who_cancels_does_not_wait_for_who_came_before() {
        let owner = counter();
        let (begun, held) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        thread::scope(|scope| {
            let (b, h) = (begun.clone(), held.clone());
            scope.spawn(|| {
                owner.ask(&Cancel::new(), move |_| {
                    b.wait();
                    h.wait();
                })
            });
            begun.wait();
            let cancel = Cancel::new();
            let second = scope.spawn({
                let (owner, cancel) = (&owner, cancel.clone());
                move || owner.ask(&cancel, |count| *count += 1)
            });
            cancel.cancel();
            // The thread is still busy with the first task.
            let answer = second.join().expect("no panic");
            assert_eq!(answer, Err(VoiceError::Cancelled));
            held.wait();
        });
        assert_eq!(owner.ask(&Cancel::new(), |count| *count), Ok(0));
    }

    #[test]
    fn what_start_says_is_told() {
        let started = Owner::<u32>::start("failing", || -> Result<(u32, ()), _> {
            Err(VoiceError::Cancelled)
        });
        assert_eq!(started.err(), Some(VoiceError::Cancelled));
    }
}
