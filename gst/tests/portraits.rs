// SPDX-License-Identifier: MPL-2.0
//! Portraits: bad ones at the start, and new ones while playing.

mod common;

use common::{files::Portrait, *};
use gst::prelude::*;

const RGBA: &str = "video/x-raw,format=RGBA,width=64,height=64,framerate=25/1";
const RED: [u8; 4] = [200, 30, 30, 255];
const BLUE: [u8; 4] = [30, 30, 200, 255];
const GREEN: [u8; 4] = [30, 200, 30, 255];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The error of an element that cannot start.
fn refused(element: &gst::Element) -> (String, gst::glib::Error) {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let started = element.set_state(gst::State::Paused);
    assert!(started.is_err(), "it must not start");
    let errors: Vec<_> =
        std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Error])).collect();
    assert_eq!(errors.len(), 1, "one error: {errors:?}");
    element.set_state(gst::State::Null).expect("it stops");
    let gst::MessageView::Error(e) = errors[0].view() else {
        unreachable!("filtered")
    };
    (e.error().to_string(), e.error())
}

fn top_left(frame: &gst::Buffer) -> [u8; 4] {
    let map = frame.map_readable().expect("readable");
    // Inside the corner, where no warp reaches.
    let at = 4 * (3 * 64 + 3);
    map[at..at + 4].try_into().expect("four bytes")
}

fn is(frame: &gst::Buffer, colour: [u8; 4]) -> bool {
    top_left(frame)
        .iter()
        .zip(colour)
        .all(|(a, b)| a.abs_diff(b) <= 3)
}

fn use_portrait(element: &gst::Element, portrait: &Portrait) {
    element.set_property("landmarks", portrait.landmarks());
    element.set_property("portrait", portrait.picture());
}

/// An element that plays, fed as long as a test likes.
struct Playing {
    element: gst::Element,
    h: gst_check::Harness,
    bus: gst::Bus,
    fed: u64,
    all: Vec<u64>,
}

impl Playing {
    fn new(portrait: &Portrait) -> Self {
        let element = animator();
        use_portrait(&element, portrait);
        let (h, bus) = harness(&element, AUDIO, RGBA);
        Self {
            element,
            h,
            bus,
            fed: 0,
            all: Vec::new(),
        }
    }

    /// Feeds 100 ms and returns the frames.
    fn feed(&mut self) -> Vec<gst::Buffer> {
        self.h.push(tone(self.fed, 1600)).expect("taken");
        self.fed += 1600;
        let got = frames(&mut self.h);
        self.all.extend(pts(&got));
        got
    }

    /// Feeds until a frame shows that colour in its corner.
    fn feed_until(&mut self, colour: [u8; 4]) {
        while !self.feed().last().is_some_and(|f| is(f, colour)) {}
    }

    /// The frames were all there, each once, and caps came once.
    fn end(mut self) {
        self.all.extend(pts(&finish(&mut self.h)));
        let count = (self.fed * 25).div_ceil(RATE);
        assert_eq!(self.all, grid(0..count, 25, 1));
        let caps = std::iter::from_fn(|| self.h.try_pull_event())
            .filter(|e| e.type_() == gst::EventType::Caps)
            .count();
        assert_eq!(caps, 1);
    }
}

#[test]
fn files_that_cannot_be_a_portrait_are_refused_by_name() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let whole = files::png(64, 64, |_, _| RED);
    let mut bomb = whole.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    for (path, code) in [
        (
            folder
                .path()
                .join("none.png")
                .to_str()
                .expect("UTF-8")
                .to_owned(),
            gst::ResourceError::NotFound,
        ),
        (
            folder.path().to_str().expect("UTF-8").to_owned(),
            gst::ResourceError::OpenRead,
        ),
        (
            write("text.png", b"this is no picture"),
            gst::ResourceError::Read,
        ),
        (write("empty.png", b""), gst::ResourceError::Read),
        (
            write("half.png", &whole[..whole.len() / 2]),
            gst::ResourceError::Read,
        ),
        (write("bomb.png", &bomb), gst::ResourceError::Read),
    ] {
        let element = animator();
        element.set_property("portrait", &path);
        let (text, error) = refused(&element);
        assert!(text.contains("`portrait`"), "{text}");
        assert!(error.matches(code), "{path}: {error:?}");
    }
}

#[test]
fn a_picture_without_a_face_asks_for_landmarks() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let portrait = Portrait::write(folder.path(), "plain", RED);
    let element = animator();
    element.set_property("portrait", portrait.picture());
    let (text, _) = refused(&element);
    assert!(text.contains("landmarks"), "{text}");
}

#[test]
fn bad_landmarks_and_mattes_are_refused_by_name() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let portrait = Portrait::write(folder.path(), "plain", RED);
    let write = |name: &str, points: &[[f32; 2]]| {
        let path = folder.path().join(name);
        let list = serde_json::json!({ "landmarks": points });
        std::fs::write(&path, list.to_string()).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let good = files::landmarks(200.0);
    let mut outside = good.clone();
    outside[8] = [100.0, 5000.0];
    for path in [
        write("few.json", &good[..67]),
        write("outside.json", &outside),
        write("flat.json", &[[50.0, 50.0]; 68]),
        portrait.picture().to_owned(),
        folder
            .path()
            .join("none.json")
            .to_str()
            .expect("UTF-8")
            .to_owned(),
    ] {
        let element = animator();
        element.set_property("portrait", portrait.picture());
        element.set_property("landmarks", &path);
        let (text, _) = refused(&element);
        assert!(text.contains("`landmarks`"), "{path}: {text}");
    }
    let element = animator();
    use_portrait(&element, &portrait);
    element.set_property("matte", portrait.landmarks());
    let (text, _) = refused(&element);
    assert!(text.contains("`matte`"), "{text}");
}

#[test]
fn an_element_that_was_refused_starts_with_a_better_portrait() {
    let _watchdog = watchdog(60);
    let element = animator();
    element.set_property("portrait", "/nonexistent/me.jpg");
    refused(&element);
    element.set_property("portrait", None::<&str>);
    element.set_state(gst::State::Paused).expect("it starts");
    element.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn a_new_portrait_appears_between_two_frames() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let red = Portrait::write(folder.path(), "red", RED);
    let blue = Portrait::write(folder.path(), "blue", BLUE);
    let mut playing = Playing::new(&red);
    assert!(
        playing
            .feed()
            .iter()
            .chain(&playing.feed())
            .all(|f| is(f, RED))
    );
    use_portrait(&playing.element, &blue);
    playing.feed_until(BLUE);
    assert!(playing.feed().iter().all(|f| is(f, BLUE)));
    assert!(stat::<u64>(&playing.element, "portraits-swapped") >= 1);
    assert_eq!(complaints(&playing.bus), [""; 0]);
    playing.end();
}

#[test]
fn the_latest_of_many_portraits_wins() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let red = Portrait::write(folder.path(), "red", RED);
    let green = Portrait::write(folder.path(), "green", GREEN);
    let blue = Portrait::write(folder.path(), "blue", BLUE);
    let mut playing = Playing::new(&red);
    for _ in 0..20 {
        use_portrait(&playing.element, &green);
        use_portrait(&playing.element, &red);
        playing.feed();
    }
    use_portrait(&playing.element, &blue);
    playing.feed_until(BLUE);
    for _ in 0..50 {
        assert!(
            playing.feed().iter().all(|f| is(f, BLUE)),
            "an old one came back"
        );
    }
    playing.end();
}

#[test]
fn a_bad_portrait_while_playing_keeps_the_old_face() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let red = Portrait::write(folder.path(), "red", RED);
    let blue = Portrait::write(folder.path(), "blue", BLUE);
    let mut playing = Playing::new(&red);
    playing.feed();
    playing
        .element
        .set_property("portrait", "/nonexistent/me.jpg");
    let told = playing
        .bus
        .timed_pop_filtered(
            gst::ClockTime::from_seconds(30),
            &[gst::MessageType::Warning, gst::MessageType::Error],
        )
        .expect("a warning");
    let gst::MessageView::Warning(warning) = told.view() else {
        panic!("{told:?}")
    };
    assert!(warning.error().to_string().contains("`portrait`"));
    for _ in 0..10 {
        assert!(playing.feed().iter().all(|f| is(f, RED)));
    }
    // A change of framing now concerns the face that is there.
    playing.element.set_property_from_str("framing", "cover");
    while stat::<u64>(&playing.element, "portraits-swapped") == 0 {
        assert!(playing.feed().iter().all(|f| is(f, RED)));
    }
    use_portrait(&playing.element, &blue);
    playing.feed_until(BLUE);
    assert_eq!(complaints(&playing.bus), [""; 0]);
    playing.end();
}

#[test]
fn caps_that_change_during_a_swap_show_the_new_face_in_the_new_size() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let red = Portrait::write(folder.path(), "red", RED);
    let blue = Portrait::write(folder.path(), "blue", BLUE);
    let mut playing = Playing::new(&red);
    playing.feed();
    use_portrait(&playing.element, &blue);
    playing
        .h
        .set_sink_caps_str("video/x-raw,format=RGBA,width=64,height=80,framerate=25/1");
    // The corner shows a bar or the picture, the middle the face.
    loop {
        let got = playing.feed();
        let Some(last) = got.last() else { continue };
        assert!(last.size() >= 64 * 80 * 4);
        let map = last.map_readable().expect("readable");
        let at = 4 * (64 * 14 + 3);
        if map[at + 2] > 150 && map[at] < 100 {
            break;
        }
    }
}

#[test]
fn a_background_needs_alpha() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let red = Portrait::write(folder.path(), "red", RED);
    let element = animator();
    use_portrait(&element, &red);
    element.set_property_from_str("background", "colour");
    let (mut h, bus) = harness(&element, AUDIO, RGBA);
    h.push(tone(0, RATE)).expect("taken");
    assert!(frames(&mut h).iter().all(|f| is(f, RED)));
    let told = complaints(&bus);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("warning: ") && told[0].contains("`background`"));
}

#[test]
fn what_lies_behind_a_portrait_with_alpha_can_be_chosen() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let clear = Portrait::write(folder.path(), "clear", [200, 30, 30, 0]);
    let behind = Portrait::write(folder.path(), "behind", GREEN);
    for (background, expected) in [
        ("as-is", [200, 30, 30, 0]),
        ("colour", [0x30, 0x40, 0x50, 255]),
        ("image", GREEN),
        ("transparent", [0, 0, 0, 0]),
    ] {
        let element = animator();
        use_portrait(&element, &clear);
        element.set_property_from_str("background", background);
        element.set_property("background-color", 0x12_30_40_50u32);
        element.set_property("background-image", behind.picture());
        let (mut h, bus) = harness(&element, AUDIO, RGBA);
        h.push(tone(0, RATE)).expect("taken");
        let got = frames(&mut h);
        assert_eq!(complaints(&bus), [""; 0], "{background}");
        if background == "transparent" {
            assert!(got.iter().all(|f| top_left(f)[3] == 0));
        } else {
            assert!(
                got.iter().all(|f| is(f, expected)),
                "{background}: {:?}",
                top_left(&got[0])
            );
        }
    }
}

#[test]
fn a_background_image_that_is_missing_is_told() {
    let _watchdog = watchdog(60);
    let folder = folder();
    let clear = Portrait::write(folder.path(), "clear", [200, 30, 30, 0]);
    let element = animator();
    use_portrait(&element, &clear);
    element.set_property_from_str("background", "image");
    element.set_property("background-image", "/nonexistent/room.jpg");
    let (mut h, bus) = harness(&element, AUDIO, RGBA);
    h.push(tone(0, RATE)).expect("taken");
    let told = complaints(&bus);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("`background-image`"), "{told:?}");
    assert!(!told[0].contains("`portrait`"), "{told:?}");
}
