// SPDX-License-Identifier: MPL-2.0
//! How long a job waits until it is tried again.

/// Which of the delays a job waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Ten seconds, by default.
    Short,
    /// A minute, by default.
    Middle,
    /// Ten minutes, by default.
    Long,
}

/// How many stages there are.
pub const STAGES: usize = Stage::ALL.len();

impl Stage {
    /// All, in the order in which they are gone through.
    pub const ALL: [Stage; 3] = [Stage::Short, Stage::Middle, Stage::Long];

    /// The one for a job that fails now and had failed `tried` times before; none if it has failed
    /// often enough.
    #[must_use]
    pub fn after(tried: u32) -> Option<Self> {
        Stage::ALL.get(usize::try_from(tried).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_tried_four_times() {
        let stages: Vec<_> = (0..5).map(Stage::after).collect();
        let [short, middle, long] = Stage::ALL.map(Some);
        assert_eq!(stages, [short, middle, long, None, None]);
        assert_eq!(Stage::after(u32::MAX), None);
    }
}
