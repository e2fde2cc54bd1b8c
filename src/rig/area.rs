// SPDX-License-Identifier: MPL-2.0
//! Parts of a regular grid.

use super::space::whole;
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
}

/// Nodes of a grid: of each row those from one on to before another.
#[derive(Clone, Debug)]
pub struct Spans {
    rows: Vec<Range<usize>>,
}

impl Spans {
    /// No nodes of so many rows.
    #[allow(clippy::reversed_empty_ranges)]
    pub fn none(rows: usize) -> Self {
        Self {
            rows: vec![usize::MAX..0; rows],
        }
    }

    /// Has no nodes any more.
    #[allow(clippy::reversed_empty_ranges)]
    pub fn clear(&mut self) {
        self.rows.fill(usize::MAX..0);
    }

    /// Has nodes of a row, too, and all between them and those that it has.
    pub fn include(&mut self, row: usize, cols: &Range<usize>) {
        let own = &mut self.rows[row];
        *own = own.start.min(cols.start)..own.end.max(cols.end);
    }

    /// The nodes of each row.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &Range<usize>)> {
        self.rows.iter().enumerate()
    }

    /// The nodes of one row.
    pub fn of(&self, row: usize) -> &Range<usize> {
        &self.rows[row]
    }

    /// The rows that have nodes.
    pub fn height(&self) -> Range<usize> {
        let first = self.rows.iter().position(|cols| !cols.is_empty());
        let last = self.rows.iter().rposition(|cols| !cols.is_empty());
        first.unwrap_or(0)..last.map_or(0, |row| row + 1)
    }

    /// The smallest area that has all of them.
    pub fn area(&self) -> Area {
        let rows = self.height();
        let cols = &self.rows[rows.clone()];
        let start = cols.iter().map(|cols| cols.start).min();
        let end = cols.iter().map(|cols| cols.end).max();
        Area {
            rows,
            cols: start.unwrap_or(0)..end.unwrap_or(0),
        }
    }

    /// What is interpolated from them or lies between, in steps of the grid.
    pub fn reach(&self, reach: &mut Reach) {
        reach.rows.clear();
        #[allow(clippy::reversed_empty_ranges)]
        let none = &(usize::MAX..0);
        for below in 0..=self.rows.len() {
            let above = below.checked_sub(1).map_or(none, |row| &self.rows[row]);
            let below = self.rows.get(below).unwrap_or(none);
            let (start, end) = (above.start.min(below.start), above.end.max(below.end));
            reach.rows.push((start as f32 - 1.0, end as f32));
        }
    }
}

/// Of each row of cells of a grid, from that above the first row of nodes on, what lies between two
/// places; nothing in a new one.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    rows: Vec<(f32, f32)>,
}

impl Reach {
    /// Whether it has a place, in steps of the grid.
    pub fn has(&self, x: f32, y: f32) -> bool {
        let row = self.rows.get(whole(y + 1.0));
        y > -1.0 && row.is_some_and(|(from, to)| x > *from && x < *to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_interpolated_from_a_node_touches_it(
            nodes in proptest::collection::vec((0usize..9, 0usize..9), 0..4),
            x in -2.0f32..11.0, y in -2.0f32..11.0,
        ) {
            let mut spans = Spans::none(9);
            for (row, col) in &nodes {
                spans.include(*row, &(*col..*col + 1));
            }
            let near = |(row, col): &(usize, usize)| {
                (y - *row as f32).abs() < 1.0 && (x - *col as f32).abs() < 1.0
            };
            let mut reach = Reach::default();
            spans.reach(&mut reach);
            prop_assert!(!nodes.iter().any(near) || reach.has(x, y));
            prop_assert!(!nodes.is_empty() || !reach.has(x, y));
            let area = spans.area();
            for (row, col) in nodes {
                prop_assert!(area.rows.contains(&row) && area.cols.contains(&col));
            }
        }
    }
}
