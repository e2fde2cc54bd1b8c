// SPDX-License-Identifier: MPL-2.0
//! The fields do what their tables say, can be undone, and never fold.

use super::*;
use crate::rig::{
    control::{Part, controls},
    mouth::tests::usual_face,
};
use proptest::prelude::*;

fn field(gap: f32) -> (Field, Mouth, Vec<Control>) {
    let face = usual_face(gap);
    let mouth = Mouth::new(&face);
    let controls = controls(&face, &mouth);
    (
        Field::new(Arc::new(Shapes::new(&face, &mouth, &controls))),
        mouth,
        controls,
    )
}

#[test]
fn controls_go_where_their_shape_says() {
    let (mut field, mouth, controls) = field(0.0);
    assert!(field.pose(&FacePose::REST.with(Arkit::JawOpen, 1.0)));
    for control in &controls {
        let layer = match control.part {
            Part::UpperLip { .. } => Layer::Upper,
            Part::LowerLip { .. } => Layer::Lower,
            _ => side_of(&mouth, control.at),
        };
        let said = displacement(Arkit::JawOpen, control, &mouth);
        let got = field.forward(layer, control.at);
        assert!(
            (got - said).length() < 0.035,
            "{control:?}: {got:?} not {said:?}"
        );
    }
}

#[test]
fn the_inverse_undoes_the_displacement() {
    let (mut field, mouth, controls) = field(0.0);
    field.pose(
        &FacePose::REST
            .with(Arkit::JawOpen, 0.8)
            .with(Arkit::MouthPucker, 0.5),
    );
    for control in controls
        .iter()
        .filter(|c| !matches!(c.part, Part::Corner(_)))
    {
        let layer = match control.part {
            Part::UpperLip { .. } => Layer::Upper,
            Part::LowerLip { .. } => Layer::Lower,
            _ => side_of(&mouth, control.at),
        };
        let moved = control.at + field.forward(layer, control.at);
        let [back, ..] = field.back(layer, &[moved; LANES], &[V2::ZERO; LANES]);
        let back = moved + back;
        assert!(
            (back - control.at).length() < 0.001,
            "{control:?} {layer:?}: {back:?}"
        );
    }
}

#[test]
fn eight_are_found_as_each_alone() {
    let (mut field, mouth, _) = field(0.0);
    field.pose(&FacePose::REST.with(Arkit::JawOpen, 0.8));
    let places: [V2; LANES] =
        std::array::from_fn(|i| mouth.centre + V2::new(0.1, 0.2) * (i as f32 - 1.0));
    let guess = V2::new(0.0, -0.05);
    let together = field.back(Layer::Lower, &places, &[guess; LANES]);
    for (place, found) in places.iter().zip(together) {
        assert_eq!(
            field.back(Layer::Lower, &[*place; LANES], &[guess; LANES]),
            [found; LANES]
        );
    }
    assert!(together.iter().any(|back| back.length() > 0.1));
}

#[test]
fn closing_shuts_an_open_jaw_and_a_smile() {
    for gap in [0.0, 0.16] {
        let (mut field, mouth, _) = field(gap);
        let open = FacePose::REST.with(Arkit::JawOpen, 0.5);
        field.pose(&open);
        let slit = crate::rig::mouth::Slit::posed(&mouth, &field.lip_upper, &field.lip_lower);
        assert!(slit.aperture() > 0.15, "{}", slit.aperture());
        field.pose(&open.with(Arkit::MouthClose, 1.0));
        let slit = crate::rig::mouth::Slit::posed(&mouth, &field.lip_upper, &field.lip_lower);
        assert!(slit.aperture() < 0.005, "{}", slit.aperture());
    }
}

#[test]
fn the_face_ends_where_the_window_does() {
    let (mut field, _, _) = field(0.0);
    field.pose(&FacePose::REST.with(Arkit::JawOpen, 1.0));
    for i in 0..32 {
        let p = V2::new(0.0, 0.56) + boundary(i as f32 * 0.2) * 1.1;
        assert_eq!(field.forward(Layer::Upper, p), V2::ZERO);
    }
}

/// The smallest Jacobian determinant of the map rest → posed over the nodes of the face,
/// each on its own side of the slit; and where.
fn least_jacobian(field: &Field, mouth: &Mouth) -> (f32, V2) {
    let mut least = (f32::MAX, V2::ZERO);
    let h = CELL * 0.5;
    for i in 0..GRID * GRID {
        let p = field.shapes.corner + V2::new((i % GRID) as f32, (i / GRID) as f32) * CELL;
        let layer = side_of(mouth, p);
        let local = mouth.to_local(p);
        let beside = local.x.abs() < mouth.half_width + h;
        if beside && (local.y - mouth.middle(local.x)).abs() < 1.5 * h {
            continue;
        }
        let u = |x: f32, y: f32| field.forward(layer, p + V2::new(x, y));
        let (dx, dy) = (u(h, 0.0) - u(-h, 0.0), u(0.0, h) - u(0.0, -h));
        let k = 0.5 / h;
        let det = (1.0 + dx.x * k) * (1.0 + dy.y * k) - dx.y * k * dy.x * k;
        if det < least.0 {
            least = (det, local);
        }
    }
    least
}

#[test]
fn no_shape_folds_the_skin() {
    for gap in [0.0, 0.16] {
        let (mut field, mouth, _) = field(gap);
        for shape in Arkit::ALL {
            for close in [0.0, 1.0] {
                field.pose(
                    &FacePose::REST
                        .with(shape, 1.0)
                        .with(Arkit::MouthClose, close),
                );
                let (least, at) = least_jacobian(&field, &mouth);
                assert!(
                    least >= 0.4,
                    "{shape:?} with mouthClose {close}: {least} at {at:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_pose_folds_the_skin(weights in proptest::collection::vec(0.0f32..1.0, 52), power in 0.3f32..4.0) {
        let (mut field, mouth, _) = field(0.1);
        let mut pose = FacePose::REST;
        for (w, v) in pose.weights.iter_mut().zip(&weights) {
            *w = v.powf(power);
        }
        field.pose(&pose);
        let (least, at) = least_jacobian(&field, &mouth);
        prop_assert!(least >= 0.2, "{least} at {at:?}");
    }
}
