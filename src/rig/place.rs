// SPDX-License-Identifier: MPL-2.0
//! Where the nodes over the frame come from in a pose.

use super::{
    EYE, Posed, Rig,
    area::Area,
    field::{Layer, PARTED},
    head::Turn,
    inverse::LANES,
    lips::CORNER_BLEND,
    near,
    space::V2,
    warp,
};
use std::ops::Range;

/// What is the same for all nodes of a frame.
struct Frame<'a> {
    turn: &'a Turn,
    /// Whether the head is as it was.
    still: bool,
    posed: &'a Posed,
    /// Middles of the eyes, whether they are other than at rest, and how far that reaches.
    eyes: [V2; 2],
    looks: [bool; 2],
    reach: f32,
    /// Nodes so far above or below the slit are asked for one of its sides only.
    both: f32,
}

impl Rig {
    /// Every node: where it lies on the posed face, and where it comes from by either layer.
    pub(super) fn place_nodes(&mut self, turn: &Turn, posed: &Posed) {
        let cell = self.model.nodes.cell as f32 * self.model.pixel;
        let frame = Frame {
            turn,
            still: turn.is_still(),
            posed,
            eyes: [0, 1].map(|e| self.model.eyes[e].to_face(V2::ZERO)),
            looks: [0, 1].map(|e| !posed.lids[e].is_still()),
            reach: EYE + 1.5 * cell,
            both: 2.5 * cell + CORNER_BLEND,
        };
        let area = self.moving(&frame);
        // What the frame before moved and this one does not goes back.
        let changing = self.placed.with(&area);
        self.placed = area;
        for row in changing.rows.clone() {
            self.find_row(&frame, row, &changing.cols);
            self.place_row(&frame, row, &changing.cols);
        }
    }

    /// The nodes that may come from elsewhere.
    fn moving(&self, frame: &Frame<'_>) -> Area {
        if !frame.still {
            return Area {
                rows: 0..self.model.nodes.rows + 1,
                cols: 0..self.model.nodes.stride(),
            };
        }
        let mut area = self
            .field
            .reaches()
            .map_or(Area::NONE, |corners| self.around(corners));
        for (eye, _) in frame
            .eyes
            .iter()
            .zip(frame.looks)
            .filter(|(_, looks)| *looks)
        {
            let reach = V2::new(frame.reach, frame.reach);
            area = area.with(&self.around([*eye - reach, *eye + reach]));
        }
        area
    }

    /// The nodes in and next to a box of face space.
    fn around(&self, [low, high]: [V2; 2]) -> Area {
        let corners = [low, V2::new(high.x, low.y), V2::new(low.x, high.y), high];
        let corners = corners.map(|p| self.model.to_frame.apply(p));
        let range = |of: fn(&V2) -> f32, first: usize, count: usize| {
            let at = |v: f32| (v - first as f32) / self.model.nodes.cell as f32;
            let from = corners.iter().map(of).fold(f32::MAX, f32::min);
            let to = corners.iter().map(of).fold(f32::MIN, f32::max);
            let end = (at(to).max(-1.0) + 2.0) as usize;
            (at(from).max(0.0) as usize).min(count)..end.min(count)
        };
        Area {
            rows: range(|p| p.y, self.model.nodes.top, self.model.nodes.rows + 1),
            cols: range(|p| p.x, self.model.nodes.left, self.model.nodes.stride()),
        }
    }

    /// Nodes of a row: where they lie on the posed face, and what the expression has moved there.
    fn find_row(&mut self, frame: &Frame<'_>, row: usize, cols: &Range<usize>) {
        let first = row * self.model.nodes.stride();
        let mut asked = [Asked::new(), Asked::new()];
        for i in first + cols.start..first + cols.end {
            let rest = self.model.rest[i];
            let q = if frame.still {
                rest
            } else {
                self.model
                    .head
                    .source(frame.turn, rest, self.model.shares[i])
            };
            self.posed[i] = q;
            self.near[i] = 0;
            if !self.field.moves(q) {
                (self.back[0][i], self.back[1][i]) = (V2::ZERO, V2::ZERO);
                continue;
            }
            let mut side = Some(Layer::Upper);
            if within(q, self.model.mouth.centre, PARTED) {
                self.near[i] |= near::MOUTH;
                side = self.sides(frame.posed, q, frame.both);
            }
            if side.is_none() {
                self.near[i] |= near::SLIT;
            }
            for layer in [Layer::Upper, Layer::Lower] {
                if side.is_none_or(|side| side == layer) {
                    self.ask(&mut asked[layer as usize], layer, i);
                }
            }
        }
        for (asked, layer) in asked.iter_mut().zip([Layer::Upper, Layer::Lower]) {
            self.answer(asked, layer);
        }
    }

    /// Asks what the expression has moved to a node.
    fn ask(&mut self, asked: &mut Asked, layer: Layer, i: usize) {
        // The two nodes above are known, and it goes on like them; those of a row do not wait
        // for each other.
        let known = &self.back[layer as usize];
        let above = |rows: usize| {
            let node = i.checked_sub(rows * self.model.nodes.stride());
            node.map_or(V2::ZERO, |node| known[node])
        };
        asked.guesses[asked.count] = above(1) * 2.0 - above(2);
        asked.places[asked.count] = self.posed[i];
        asked.nodes[asked.count] = i;
        asked.count += 1;
        if asked.count == LANES {
            self.answer(asked, layer);
        }
    }

    fn answer(&mut self, asked: &mut Asked, layer: Layer) {
        if asked.count == 0 {
            return;
        }
        let found = self.field.back(layer, &asked.places, &asked.guesses);
        for (i, back) in asked.nodes[..asked.count].iter().zip(found) {
            self.back[layer as usize][*i] = back;
            if self.near[*i] & near::SLIT == 0 {
                // Away from the slit both sides are one.
                self.back[1 - layer as usize][*i] = back;
            }
        }
        asked.count = 0;
    }

    /// Where the nodes of a row come from: frame samples, per layer.
    fn place_row(&mut self, frame: &Frame<'_>, row: usize, cols: &Range<usize>) {
        let first = row * self.model.nodes.stride();
        let nodes = first + cols.start..first + cols.end;
        self.come_from(0, &nodes);
        let apart = self.near[nodes.clone()]
            .iter()
            .any(|near| near & near::SLIT != 0);
        if apart {
            self.come_from(1, &nodes);
        } else {
            let [upper, lower] = &mut self.from;
            lower[nodes.clone()].copy_from_slice(&upper[nodes.clone()]);
            let [upper, lower] = &mut self.places;
            lower.copy(&nodes, upper);
        }
        let left = self.model.nodes.left + cols.start * self.model.nodes.cell;
        let y = (self.model.nodes.top + row * self.model.nodes.cell) as f32;
        let from = self.from.each_ref().map(|from| &from[nodes.clone()]);
        for (k, near) in self.near[nodes.clone()].iter_mut().enumerate() {
            let at = V2::new((left + k * self.model.nodes.cell) as f32, y);
            let still = warp::is_still(&[at, at], &[from[0][k], from[1][k]]);
            *near |= near::MOVED * u8::from(!still);
        }
        for e in (0..2).filter(|e| frame.looks[*e]) {
            for i in nodes.clone() {
                let rest = self.posed[i] + self.back[0][i] * self.model.hold[i];
                if within(rest, frame.eyes[e], frame.reach) {
                    self.near[i] |= near::EYE << e;
                }
            }
        }
    }

    /// Where nodes come from by a layer.
    fn come_from(&mut self, layer: usize, nodes: &Range<usize>) {
        let known = self.posed[nodes.clone()]
            .iter()
            .zip(&self.back[layer][nodes.clone()])
            .zip(&self.model.hold[nodes.clone()]);
        let from = &mut self.from[layer][nodes.clone()];
        for (from, ((posed, back), hold)) in from.iter_mut().zip(known) {
            *from = self.model.to_frame.apply(*posed + *back * *hold);
        }
        self.places[layer].set(nodes, from);
    }
}

/// Nodes of a row that a layer of the field is asked about, as many at a time as it answers.
struct Asked {
    count: usize,
    nodes: [usize; LANES],
    /// Where they lie on the posed face.
    places: [V2; LANES],
    /// About what the answers will be.
    guesses: [V2; LANES],
}

impl Asked {
    fn new() -> Self {
        Self {
            count: 0,
            nodes: [0; LANES],
            places: [V2::ZERO; LANES],
            guesses: [V2::ZERO; LANES],
        }
    }
}

/// Whether two points lie within a distance of each other.
fn within(a: V2, b: V2, distance: f32) -> bool {
    let d = a - b;
    d.dot(d) < distance * distance
}
