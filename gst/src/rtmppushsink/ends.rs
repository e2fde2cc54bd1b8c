// SPDX-License-Identifier: MPL-2.0
//! [`Ends`]: when the ends of streams are told.

/// Ends of streams, held back until everything has gone out. A sink tells first that its stream
/// has ended and posts the message of it then, so that all may be sent before the message comes.
pub struct Ends<M> {
    held: Vec<M>,
    all_sent: bool,
}

impl<M> Default for Ends<M> {
    fn default() -> Self {
        Self {
            held: Vec::new(),
            all_sent: false,
        }
    }
}

impl<M> Ends<M> {
    /// A stream has ended: the message, if it is to be told at once.
    pub fn hold(&mut self, message: M) -> Option<M> {
        if self.all_sent {
            return Some(message);
        }
        self.held.push(message);
        None
    }

    /// Everything has gone out: the messages that are to be told now.
    pub fn all_sent(&mut self) -> Vec<M> {
        self.all_sent = true;
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_is_told_once_whether_it_comes_before_or_after_all_is_sent() {
        let mut ends = Ends::default();
        assert_eq!(ends.hold("picture"), None);
        assert_eq!(ends.all_sent(), ["picture"]);
        assert_eq!(ends.hold("sound"), Some("sound"));
        assert!(ends.all_sent().is_empty());
    }
}
