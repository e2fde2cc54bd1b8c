// SPDX-License-Identifier: MPL-2.0
//! Where the nodes over the frame come from in a pose.

use super::{
    EYE, Posed, Rig,
    area::Area,
    field::{Layer, PARTED},
    head::Turn,
    lips::CORNER_BLEND,
    near,
    space::V2,
    warp,
};

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
        let cell = self.nodes.cell as f32 * self.pixel;
        let frame = Frame {
            turn,
            still: turn.is_still(),
            posed,
            eyes: [0, 1].map(|e| self.eyes[e].to_face(V2::ZERO)),
            looks: [0, 1].map(|e| !posed.lids[e].is_still()),
            reach: EYE + 1.5 * cell,
            both: 2.5 * cell + CORNER_BLEND,
        };
        let area = self.moving(&frame);
        // What the frame before moved and this one does not goes back.
        let changing = self.placed.with(&area);
        self.placed = area;
        let (stride, cell) = (self.nodes.stride(), self.nodes.cell);
        for row in changing.rows.clone() {
            let y = (self.nodes.top + row * cell) as f32;
            for col in changing.cols.clone() {
                let x = (self.nodes.left + col * cell) as f32;
                self.place_node(&frame, row * stride + col, V2::new(x, y));
            }
        }
        self.turned = !frame.still;
    }

    /// The nodes that may come from elsewhere.
    fn moving(&self, frame: &Frame<'_>) -> Area {
        if !frame.still {
            return Area {
                rows: 0..self.nodes.rows + 1,
                cols: 0..self.nodes.stride(),
            };
        }
        let mut area = self
            .field
            .reaches()
            .map_or(Area::NONE, |box_| self.around(box_));
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
        let corners = corners.map(|p| self.to_frame.apply(p));
        let range = |of: fn(&V2) -> f32, first: usize, count: usize| {
            let at = |v: f32| (v - first as f32) / self.nodes.cell as f32;
            let from = corners.iter().map(of).fold(f32::MAX, f32::min);
            let to = corners.iter().map(of).fold(f32::MIN, f32::max);
            let end = (at(to).max(-1.0) + 2.0) as usize;
            (at(from).max(0.0) as usize).min(count)..end.min(count)
        };
        Area {
            rows: range(|p| p.y, self.nodes.top, self.nodes.rows + 1),
            cols: range(|p| p.x, self.nodes.left, self.nodes.stride()),
        }
    }

    /// The node that lies at `at` in the frame.
    fn place_node(&mut self, frame: &Frame<'_>, i: usize, at: V2) {
        let rest = self.rest[i];
        let q = if frame.still {
            rest
        } else {
            self.head.source(frame.turn, rest, self.shares[i])
        };
        let (mut near, mut back) = (0, [V2::ZERO; 2]);
        let stayed = [self.back[0][i], self.back[1][i]] == back && !self.turned;
        if self.field.moves(q) {
            if within(q, self.mouth.centre, PARTED) {
                near |= near::MOUTH;
            }
            let side = self.side_near(frame, q, near);
            near |= if side.is_none() { near::SLIT } else { 0 };
            let held = self.back(i, q, side);
            (self.back[0][i], self.back[1][i]) = (held[0], held[1]);
            back = held.map(|back| back * self.hold[i]);
        } else {
            (self.back[0][i], self.back[1][i]) = (V2::ZERO, V2::ZERO);
        }
        for e in 0..2 {
            if frame.looks[e] && within(q + back[0], frame.eyes[e], frame.reach) {
                near |= near::EYE << e;
            }
        }
        let stays = frame.still && back == [V2::ZERO; 2];
        if stays && stayed {
            self.near[i] = near;
            return;
        }
        let from = if stays {
            [at; 2]
        } else {
            self.come_from(q, back)
        };
        if !warp::is_still(&[at, at], &from) {
            near |= near::MOVED;
        }
        self.near[i] = near;
        self.posed[i] = q;
        for (layer, from) in from.into_iter().enumerate() {
            self.from[layer][i] = from;
            self.places[layer].set(i, from);
        }
    }

    /// Frame samples of what lies at `q` on the posed face, per layer.
    fn come_from(&self, q: V2, back: [V2; 2]) -> [V2; 2] {
        let upper = self.to_frame.apply(q + back[0]);
        if back[0] == back[1] {
            return [upper; 2];
        }
        [upper, self.to_frame.apply(q + back[1])]
    }

    /// The side of the slit of what may be near the mouth; `None` for both.
    fn side_near(&self, frame: &Frame<'_>, q: V2, near: u8) -> Option<Layer> {
        if near & near::MOUTH == 0 {
            return Some(Layer::Upper);
        }
        self.sides(frame.posed, q, frame.both)
    }

    /// What the expression has moved to a node, which lies at `q` on the posed face, per layer.
    /// Away from the slit both are that of its own side.
    fn back(&self, i: usize, q: V2, side: Option<Layer>) -> [V2; 2] {
        // The two nodes above are known, and it goes on like them; those of a row do not wait
        // for each other.
        let solve = |layer: Layer| {
            let known = &self.back[layer as usize];
            let above = |rows: usize| known[i.saturating_sub(rows * self.nodes.stride())];
            self.field.back(layer, q, above(1) * 2.0 - above(2))
        };
        match side {
            Some(side) => [solve(side); 2],
            None => [solve(Layer::Upper), solve(Layer::Lower)],
        }
    }
}

/// Whether two points lie within a distance of each other.
fn within(a: V2, b: V2, distance: f32) -> bool {
    let d = a - b;
    d.dot(d) < distance * distance
}
