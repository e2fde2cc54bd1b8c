// SPDX-License-Identifier: MPL-2.0
//! How well a portrait will serve: size, pose, mouth, eyes, glasses. What is seen in the pixels
//! is a guess by simple statistics and says so ("perhaps").

use super::{LandmarkOrigin, Point, Portrait, TINY_IOD, WARN_YAW};

/// Eye distance from which on a face is large enough for a sharp picture, in pixels.
const GOOD_IOD: f32 = 60.0;
/// Inner-lip gap from which on a mouth counts as open, in IOD.
const OPEN_MOUTH: f32 = 0.06;
/// Share of bright, nearly colourless pixels between the lips that speaks for teeth.
const TEETH_SHARE: f32 = 0.25;
/// Height of an eye's opening below which it counts as shut, in its width.
const SHUT_EYE: f32 = 0.14;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// It works, and would be better otherwise.
    Caution,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How serious it is.
    pub level: Level,
    /// What was looked at, in a word or two.
    pub about: &'static str,
    /// What was found.
    pub what: String,
    /// What the user can do; `None` where nothing needs doing.
    pub cure: Option<&'static str>,
}

impl Finding {
    fn good(about: &'static str, what: String) -> Self {
        Self {
            level: Level::Good,
            about,
            what,
            cure: None,
        }
    }

    fn caution(about: &'static str, what: String, cure: &'static str) -> Self {
        Self {
            level: Level::Caution,
            about,
            what,
            cure: Some(cure),
        }
    }
}

/// Looks at everything; always the same subjects in the same order.
pub fn examine(portrait: &Portrait) -> Vec<Finding> {
    vec![
        found(portrait),
        size(portrait),
        yaw(portrait),
        roll(portrait),
        mouth(portrait),
        eyes(portrait),
        glasses(portrait),
    ]
}

fn found(portrait: &Portrait) -> Finding {
    let report = &portrait.report;
    let source = match report.origin {
        LandmarkOrigin::BuiltIn => "landmarks of the built-in portrait",
        LandmarkOrigin::File => "landmarks from a file",
        LandmarkOrigin::Detected => "landmarks found just now",
        LandmarkOrigin::Cached => "landmarks found earlier",
    };
    let [x, y, w, h] = report.face_box;
    let what = format!("{source}, {w:.0}×{h:.0} pixels at ({x:.0}, {y:.0})");
    if report.faces > 1 {
        Finding::caution(
            "face",
            format!("the largest of {} faces: {what}", report.faces),
            "Cut the picture to the right face if this is another",
        )
    } else {
        Finding::good("face", what)
    }
}

fn size(portrait: &Portrait) -> Finding {
    let iod = portrait.report.iod;
    let what = format!("the eyes are {iod:.0} pixels apart");
    if iod < TINY_IOD {
        Finding::caution(
            "size",
            format!("{what}: tiny, it will look blurred"),
            "Give a picture in which the face is larger, 60 pixels or more between the eyes",
        )
    } else if iod < GOOD_IOD {
        Finding::caution(
            "size",
            format!("{what}: small"),
            "60 pixels or more between the eyes look sharper",
        )
    } else {
        Finding::good("size", what)
    }
}

fn yaw(portrait: &Portrait) -> Finding {
    let yaw = portrait.report.yaw;
    let side = if yaw > 0.0 { "right" } else { "left" };
    let what = format!("turned about {:.0}° to the viewer's {side}", yaw.abs());
    match yaw.abs() {
        y if y > WARN_YAW => Finding::caution(
            "yaw",
            format!("{what}: it will distort when it moves"),
            "Give a portrait from the front",
        ),
        y if y > 20.0 => Finding::caution(
            "yaw",
            format!("{what}: a three-quarter view"),
            "Within 20° of the front the head turns best",
        ),
        y if y < 5.0 => Finding::good("yaw", "seen from the front".into()),
        _ => Finding::good("yaw", what),
    }
}

fn roll(portrait: &Portrait) -> Finding {
    let roll = portrait.landmarks.roll();
    if roll.abs() > 20.0 {
        Finding::caution(
            "roll",
            format!("tilted by {:.0}°", roll.abs()),
            "Rotate the picture so that the eyes are level",
        )
    } else {
        Finding::good("roll", format!("tilted by {:.0}°", roll.abs()))
    }
}

fn mouth(portrait: &Portrait) -> Finding {
    let gap = portrait.landmarks.lip_gap().max(0.0);
    if gap < OPEN_MOUTH {
        return Finding::good("mouth", "closed".into());
    }
    let cure = "A closed, relaxed mouth opens and shuts most naturally";
    if teeth_share(portrait) > TEETH_SHARE {
        let what = format!("open by {gap:.2} eye distances, perhaps showing teeth");
        Finding::caution("mouth", what, cure)
    } else {
        let what = format!("open by {gap:.2} eye distances, perhaps without teeth");
        Finding::caution("mouth", what, cure)
    }
}

fn eyes(portrait: &Portrait) -> Finding {
    let opening = |first: usize| {
        let frame = portrait.landmarks.eye_frame();
        let p = |i: usize| frame.measure(portrait.landmarks.0[first + i]);
        let height = (p(4).y + p(5).y - p(1).y - p(2).y) / 2.0;
        height / (p(3).x - p(0).x).max(1e-3)
    };
    let least = opening(36).min(opening(42));
    if least < SHUT_EYE {
        Finding::caution(
            "eyes",
            "perhaps shut or nearly so".into(),
            "Open eyes are needed to blink",
        )
    } else {
        Finding::good("eyes", "open".into())
    }
}

fn glasses(portrait: &Portrait) -> Finding {
    if wears_glasses(portrait) {
        Finding::caution(
            "glasses",
            "perhaps worn: there is a frame across the nose".into(),
            "Without glasses the eyes blink more naturally",
        )
    } else {
        Finding::good("glasses", "none seen".into())
    }
}

/// Share of the pixels between the inner lips that are bright against the skin and pale.
fn teeth_share(portrait: &Portrait) -> f32 {
    let frame = portrait.landmarks.eye_frame();
    let lips: Vec<Point> = portrait.landmarks.0[60..68]
        .iter()
        .map(|p| frame.measure(*p))
        .collect();
    let skin = skin_luma(portrait);
    let (mut bright, mut all) = (0, 0);
    let lines = 24;
    for column in 1..lines {
        let x = lips[0].x + (lips[4].x - lips[0].x) * column as f32 / lines as f32;
        let (Some(top), Some(bottom)) = (height_at(&lips[..5], x), height_at(&lips[4..], x)) else {
            continue;
        };
        for row in 1..12 {
            let y = top + (bottom - top) * row as f32 / 12.0;
            let [r, g, b] = sample(portrait, frame.place(Point { x, y }));
            let (high, low) = (r.max(g).max(b), r.min(g).min(b));
            all += 1;
            bright += usize::from(luma([r, g, b]) > 0.75 * skin && high - low < 0.35 * high);
        }
    }
    bright as f32 / (all as f32).max(1.0)
}

/// Height of a line through points at `x`; the points go left or right.
fn height_at(line: &[Point], x: f32) -> Option<f32> {
    line.windows(2).find_map(|w| {
        let t = (x - w[0].x) / (w[1].x - w[0].x);
        (0.0..=1.0)
            .contains(&t)
            .then(|| w[0].y + t * (w[1].y - w[0].y))
    })
}

/// A frame is a thin line, darker or brighter than the skin on both sides of it. That of glasses
/// crosses the nose, and runs below both eyes; skin has neither there.
fn wears_glasses(portrait: &Portrait) -> bool {
    let [bridge, left, right] = frame_lines(portrait);
    bridge > BRIDGE_LINE && (left + right) / 2.0 > RIM_LINE
}

/// Contrast of a line across the nose, in skin brightness, that speaks for glasses. Twelve bare
/// faces had 0.006–0.067; with frames drawn on, thick ones 0.32–1.06, thin ones 0.066–0.51.
const BRIDGE_LINE: f32 = 0.075;
/// The same below the eyes: 0.007–0.092, 0.66–1.03, 0.10–0.47.
const RIM_LINE: f32 = 0.095;

/// Line strengths across the nose and below the eyes.
fn frame_lines(portrait: &Portrait) -> [f32; 3] {
    [(0.0, -0.12, 0.2), (-0.5, 0.22, 0.55), (0.5, 0.22, 0.55)]
        .map(|(x, top, bottom)| line_strength(portrait, x, top, bottom))
}

/// Contrast, in skin brightness, of a thin level line that crosses all of a strip 0.2 IOD wide
/// around `x`, between `top` and `bottom` (IOD, in the frame of the eye line).
fn line_strength(portrait: &Portrait, x: f32, top: f32, bottom: f32) -> f32 {
    const STEP: f32 = 0.0125;
    // The sides of a line are looked at that far from its middle.
    const SIDE: usize = 5;
    let frame = portrait.landmarks.eye_frame();
    let rows = ((bottom - top) / STEP) as usize;
    let mut strengths: Vec<f32> = (-5..=5)
        .map(|column| {
            let x = x + 0.02 * column as f32;
            let column: Vec<f32> = (0..rows + 2 * SIDE)
                .map(|row| {
                    let y = top + (row as f32 - SIDE as f32) * STEP;
                    luma(sample(portrait, frame.place(Point { x, y })))
                })
                .collect();
            column
                .windows(2 * SIDE + 1)
                .map(|w| {
                    let (above, line, below) = (w[0], w[SIDE], w[2 * SIDE]);
                    (above.min(below) - line).max(line - above.max(below))
                })
                .fold(0.0, f32::max)
        })
        .collect();
    // A line crosses every column; a wrinkle or a highlight crosses some.
    strengths.sort_by(f32::total_cmp);
    strengths[strengths.len() / 4] / skin_luma(portrait).max(20.0)
}

/// Median luma of the cheeks.
fn skin_luma(portrait: &Portrait) -> f32 {
    let frame = portrait.landmarks.eye_frame();
    let mut values: Vec<f32> = [-0.5_f32, 0.5]
        .iter()
        .flat_map(|x| {
            (0..25).map(move |i| {
                (
                    x + 0.05 * (i % 5 - 2) as f32,
                    0.75 + 0.05 * (i / 5 - 2) as f32,
                )
            })
        })
        .map(|(x, y)| luma(sample(portrait, frame.place(Point { x, y }))))
        .collect();
    values.sort_by(f32::total_cmp);
    values[values.len() / 2]
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The nearest pixel of the picture.
fn sample(portrait: &Portrait, p: Point) -> [f32; 3] {
    let picture = &portrait.picture;
    let inside = |v: f32, size: usize| v.round().clamp(0.0, size as f32 - 1.0) as usize;
    let at = 4 * (inside(p.y, picture.height) * picture.width + inside(p.x, picture.width));
    [0, 1, 2].map(|c| f32::from(picture.rgba[at + c]))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{FaceReport, Landmarks, Picture, geometry::tests::seen},
        *,
    };

    const SKIN: [u8; 3] = [220, 170, 140];

    /// A schematic head of skin, with something painted at places given in IOD.
    fn portrait(landmarks: Landmarks, paint: impl Fn(Point) -> Option<[u8; 3]>) -> Portrait {
        let frame = landmarks.eye_frame();
        let rgba = (0..500 * 600)
            .flat_map(|i| {
                let p = frame.measure(Point {
                    x: (i % 500) as f32,
                    y: (i / 500) as f32,
                });
                let [r, g, b] = paint(p).unwrap_or(SKIN);
                [r, g, b, 255]
            })
            .collect();
        Portrait {
            picture: Picture {
                width: 500,
                height: 600,
                rgba,
                has_alpha: false,
            },
            report: FaceReport {
                faces: 1,
                face_box: landmarks.bounds(),
                iod: landmarks.iod(),
                yaw: landmarks.yaw(),
                origin: LandmarkOrigin::File,
                warnings: Vec::new(),
            },
            landmarks,
        }
    }

    fn front(iod: f32) -> Landmarks {
        seen(0.0, 6.0, iod, Point { x: 250.0, y: 220.0 })
    }

    fn about(portrait: &Portrait, subject: &str) -> Finding {
        let all = examine(portrait);
        all.into_iter().find(|f| f.about == subject).unwrap()
    }

    #[test]
    fn a_good_portrait_has_no_cautions() {
        for f in examine(&portrait(front(90.0), |_| None)) {
            assert_eq!((f.level, f.cure), (Level::Good, None), "{f:?}");
        }
    }

    #[test]
    fn glasses_are_suspected_and_wrinkles_are_not() {
        let rim = |p: Point, x: f32| ((p.x - x).hypot(1.2 * (p.y - 0.06)) - 0.36).abs() < 0.02;
        let bridge = |p: Point| (p.y - 0.02).abs() < 0.02 && p.x.abs() < 0.16;
        let glasses = |p: Point| {
            let frame = rim(p, -0.5) || rim(p, 0.5) || bridge(p);
            frame.then_some([60, 50, 45])
        };
        let found = about(&portrait(front(90.0), glasses), "glasses");
        assert!(found.what.contains("perhaps"), "{found:?}");
        assert!(found.cure.is_some());
        let wrinkle = |p: Point| bridge(p).then_some([190, 140, 110]);
        assert_eq!(about(&portrait(front(90.0), wrinkle), "glasses").cure, None);
        let shadow = |p: Point| (p.y > 0.3).then_some([90, 60, 50]);
        assert_eq!(about(&portrait(front(90.0), shadow), "glasses").cure, None);
    }

    #[test]
    fn teeth_and_an_empty_mouth_are_told_apart() {
        let mut open = front(90.0);
        let frame = open.eye_frame();
        for i in 65..68 {
            let mut p = frame.measure(open.0[i]);
            p.y += 0.2;
            open.0[i] = frame.place(p);
        }
        let mouth = |p: Point| p.x.abs() < 0.4 && (1.0..1.4).contains(&p.y);
        let teeth = portrait(open, |p| mouth(p).then_some([225, 220, 210]));
        assert!(about(&teeth, "mouth").what.contains("showing teeth"));
        let empty = portrait(open, |p| mouth(p).then_some([50, 20, 20]));
        assert!(about(&empty, "mouth").what.contains("without teeth"));
        assert_eq!(about(&empty, "mouth").level, Level::Caution);
    }

    #[test]
    fn size_and_pose_are_judged() {
        let what = |l: Landmarks, subject| about(&portrait(l, |_| None), subject);
        assert!(what(front(20.0), "size").what.contains("tiny"));
        assert!(what(front(45.0), "size").what.contains("small"));
        let turned = |yaw| seen(yaw, 0.0, 90.0, Point { x: 250.0, y: 220.0 });
        assert!(what(turned(-28.0), "yaw").what.contains("viewer's left"));
        assert!(what(turned(40.0), "yaw").what.contains("distort"));
        let tilted = seen(0.0, -33.0, 90.0, Point { x: 250.0, y: 220.0 });
        assert!(what(tilted, "roll").cure.is_some());
    }

    #[test]
    fn shut_eyes_are_suspected() {
        let mut shut = front(90.0);
        let frame = shut.eye_frame();
        for i in 36..48 {
            let mut p = frame.measure(shut.0[i]);
            p.y *= 0.2;
            shut.0[i] = frame.place(p);
        }
        assert!(about(&portrait(shut, |_| None), "eyes").cure.is_some());
    }
}
