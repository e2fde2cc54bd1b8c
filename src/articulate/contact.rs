// SPDX-License-Identifier: MPL-2.0
//! Contacts of the lips in pictures: a p may be shorter than a picture.

/// Samples from one look for a contact of the lips to the next: 2.5 ms. Contacts take 30 ms.
pub(super) const STEP: i64 = 40;
/// An end of a picture's part of the sound that lies so near to an instant that is shown counts as one.
const NEAR: i64 = 2 * STEP;
/// What changes by less neither rises nor falls.
const EVEN: f32 = 0.005;

/// The part of the sound that one picture stands for, in samples.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The instant that the picture shows.
    pub at: i64,
    /// Where its part begins: where that of the picture before ends.
    pub from: i64,
    /// Where its part ends.
    pub to: i64,
    /// The instant that the next picture shows.
    pub next: i64,
}

impl Span {
    /// How close something comes, 0–1, of which `near` tells how close it is at a sample: as at the
    /// picture's instant, or, where it comes closer and is further away again before an instant
    /// that is shown, as then. So what pictures show by themselves is not made longer.
    pub fn closest(&self, near: impl Fn(i64) -> f32) -> f32 {
        let begins_shown = self.from + NEAR >= self.at;
        let ends_shown = self.to + NEAR >= self.next;
        let shown = near(self.at).max(if begins_shown { near(self.from) } else { 0.0 });
        // What goes on from before the part is over once it has come closer again.
        let (mut least, mut over) = (f32::MAX, !begins_shown);
        let (mut most, mut passed) = (0.0f32, 0.0);
        let mut sample = self.from;
        while sample <= self.to {
            let close = near(sample);
            // The last look is at the end.
            sample = if sample < self.to {
                (sample + STEP).min(self.to)
            } else {
                i64::MAX
            };
            least = least.min(close);
            over |= close > least + EVEN;
            if !over {
                continue;
            }
            most = most.max(close);
            if close < most - EVEN {
                passed = most;
            }
        }
        shown.max(if ends_shown { passed } else { most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of 40 ms, of which one shows sample 0.
    const PICTURE: Span = Span {
        at: 0,
        from: 0,
        to: 640,
        next: 640,
    };

    /// Nearer from one sample on, there 10 ms later, gone at the other one, 10 ms in between.
    fn contact(from: i64, to: i64) -> impl Fn(i64) -> f32 {
        move |sample| ((sample - from).min(to - sample) as f32 / 160.0).clamp(0.0, 1.0)
    }

    #[test]
    fn what_begins_and_ends_between_two_instants_is_shown() {
        assert_eq!(PICTURE.closest(contact(100, 500)), 1.0);
        // It is looked for in steps.
        assert!(PICTURE.closest(contact(-100, 220)) > 0.85);
        assert!(PICTURE.closest(contact(420, 740)) > 0.85);
    }

    #[test]
    fn what_the_pictures_show_is_not_made_longer() {
        // It is there at the next instant, or was at this one.
        assert_eq!(PICTURE.closest(contact(400, 1_200)), 0.0);
        assert!(PICTURE.closest(contact(-800, 100)) < 0.63);
        assert_eq!(PICTURE.closest(contact(-800, 0)), 0.0);
        // It is there all the time.
        assert_eq!(PICTURE.closest(contact(-800, 1_600)), 1.0);
    }

    #[test]
    fn one_of_two_may_be_shown_by_others() {
        let (before, within) = (contact(-600, 100), contact(150, 500));
        assert_eq!(PICTURE.closest(|s| before(s).max(within(s))), 1.0);
    }

    #[test]
    fn a_picture_that_does_not_know_the_next_shows_what_it_knows() {
        let slow = Span {
            from: -427,
            next: 1_067,
            ..PICTURE
        };
        assert_eq!(slow.closest(contact(450, 1_200)), 1.0);
        assert_eq!(slow.closest(contact(-700, -200)), 1.0);
    }
}
