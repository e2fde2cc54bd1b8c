// SPDX-License-Identifier: MPL-2.0
//! [`Area`]: a part of a regular grid.

use std::ops::Range;

/// Nodes of a grid: some rows, and some of each.
#[derive(Clone, Debug)]
pub struct Area {
    /// Which rows.
    pub rows: Range<usize>,
    /// Which of each.
    pub cols: Range<usize>,
}

impl Area {
    /// No nodes, and nothing to the area of others.
    #[allow(clippy::reversed_empty_ranges)]
    pub const NONE: Area = Area {
        rows: usize::MAX..0,
        cols: usize::MAX..0,
    };

    /// The smallest that has the nodes of both.
    pub fn with(&self, other: &Area) -> Area {
        let hull = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        Area {
            rows: hull(&self.rows, &other.rows),
            cols: hull(&self.cols, &other.cols),
        }
    }

    /// Its nodes in a row of a grid that is so many nodes wide.
    pub fn of_row(&self, row: usize, stride: usize) -> Range<usize> {
        row * stride + self.cols.start..row * stride + self.cols.end
    }
}
