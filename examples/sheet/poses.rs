// SPDX-License-Identifier: MPL-2.0
//! The columns of the sheets.

use Arkit::*;
use sonic_engine::{
    articulate::face_pose,
    motion::Expression,
    pose::{Arkit, FacePose, Head},
    speech::Viseme,
};

type Named = (String, FacePose);

/// The poses of a group; `None` for a name that is none.
pub fn group(name: &str) -> Option<Vec<Named>> {
    Some(match name {
        "overview" => overview(),
        "visemes" => visemes(),
        "eyes" => eyes(),
        "head" => heads(),
        "expressions" => expressions(),
        _ => return None,
    })
}

fn both(l: Arkit, r: Arkit, weight: f32) -> FacePose {
    FacePose::REST.with(l, weight).with(r, weight)
}

fn blink(weight: f32) -> FacePose {
    both(EyeBlinkLeft, EyeBlinkRight, weight)
}

/// Where both eyes look, −1–1: to the viewer's right, and down.
fn look(right: f32, down: f32) -> FacePose {
    both(EyeLookOutLeft, EyeLookInRight, right)
        .with(EyeLookInLeft, -right)
        .with(EyeLookOutRight, -right)
        .with(EyeLookDownLeft, down)
        .with(EyeLookDownRight, down)
        .with(EyeLookUpLeft, -down)
        .with(EyeLookUpRight, -down)
}

fn turned(yaw: f32, pitch: f32, roll: f32) -> FacePose {
    FacePose {
        head: Head {
            yaw,
            pitch,
            roll,
            ..Head::default()
        },
        ..FacePose::REST
    }
}

fn named<const N: usize>(poses: [(&str, FacePose); N]) -> Vec<Named> {
    poses.map(|(name, pose)| (name.to_owned(), pose)).into()
}

fn overview() -> Vec<Named> {
    let rest = FacePose::REST;
    named([
        ("rest", rest),
        ("jaw 25", rest.with(JawOpen, 0.25)),
        ("jaw 50", rest.with(JawOpen, 0.5)),
        ("jaw 100", rest.with(JawOpen, 1.0)),
        (
            "close on jaw 50",
            rest.with(JawOpen, 0.5).with(MouthClose, 1.0),
        ),
        (
            "stretch",
            both(MouthStretchLeft, MouthStretchRight, 1.0).with(JawOpen, 0.2),
        ),
        ("smile", both(MouthSmileLeft, MouthSmileRight, 1.0)),
        ("pucker", rest.with(MouthPucker, 1.0)),
        ("funnel", rest.with(MouthFunnel, 1.0).with(JawOpen, 0.4)),
        (
            "f",
            both(MouthUpperUpLeft, MouthUpperUpRight, 0.4)
                .with(MouthRollLower, 0.8)
                .with(JawOpen, 0.08),
        ),
        ("blink 50", blink(0.5)),
        ("blink 100", blink(1.0)),
        ("look right", look(1.0, 0.0)),
        (
            "brows up",
            both(BrowOuterUpLeft, BrowOuterUpRight, 1.0).with(BrowInnerUp, 1.0),
        ),
        ("yaw 8", turned(8.0, 0.0, 0.0)),
        ("yaw -8", turned(-8.0, 0.0, 0.0)),
        ("pitch 6", turned(0.0, 6.0, 0.0)),
        ("roll 6", turned(0.0, 0.0, 6.0)),
    ])
}

/// Every viseme at 25, 50 and 100 %.
fn visemes() -> Vec<Named> {
    let at = |viseme: Viseme, part: f32| {
        let name = format!("{} {:.0}", viseme.name(), 100.0 * part);
        (name, face_pose(&viseme.mouth().scaled(part), 1.0))
    };
    let all = Viseme::ALL.into_iter().skip(1);
    all.flat_map(|v| [0.25, 0.5, 1.0].map(|part| at(v, part)))
        .collect()
}

fn eyes() -> Vec<Named> {
    named([
        ("rest", FacePose::REST),
        ("blink 15", blink(0.15)),
        ("blink 30", blink(0.3)),
        ("blink 60", blink(0.6)),
        ("blink 100", blink(1.0)),
        ("wink", FacePose::REST.with(EyeBlinkLeft, 1.0)),
        ("look right", look(1.0, 0.0)),
        ("look left", look(-1.0, 0.0)),
        ("look down", look(0.0, 1.0)),
        ("look up", look(0.0, -1.0)),
        ("wide", both(EyeWideLeft, EyeWideRight, 1.0)),
        ("squint", both(EyeSquintLeft, EyeSquintRight, 1.0)),
    ])
}

fn heads() -> Vec<Named> {
    named([
        ("rest", FacePose::REST),
        ("yaw 5", turned(5.0, 0.0, 0.0)),
        ("yaw 10", turned(10.0, 0.0, 0.0)),
        ("yaw 20", turned(20.0, 0.0, 0.0)),
        ("yaw -10", turned(-10.0, 0.0, 0.0)),
        ("yaw -20", turned(-20.0, 0.0, 0.0)),
        ("pitch 8", turned(0.0, 8.0, 0.0)),
        ("pitch -8", turned(0.0, -8.0, 0.0)),
        ("roll 8", turned(0.0, 0.0, 8.0)),
        ("roll -8", turned(0.0, 0.0, -8.0)),
    ])
}

fn expressions() -> Vec<Named> {
    let wearing = |expression: Expression| {
        let shapes = expression.shapes().iter();
        let pose = shapes.fold(FacePose::REST, |pose, (shape, weight)| {
            pose.with(*shape, *weight)
        });
        (format!("{expression:?}").to_lowercase(), pose)
    };
    Expression::ALL.into_iter().map(wearing).collect()
}
