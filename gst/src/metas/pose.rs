// SPDX-License-Identifier: MPL-2.0
//! [`Shown`]: the meta that says what a video frame shows.

use std::fmt::Write;

use sonic_engine::{
    articulate::Origin,
    pose::{Arkit, FacePose},
};

/// Name of the custom meta that says what a video frame shows.
pub const POSE_META: &str = "SonicPoseMeta";

/// What a video frame shows.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Running time of the instant that it shows, ns.
    pub content_time: u64,
    /// What the face does.
    pub pose: FacePose,
    /// What moved the mouth.
    pub origin: Origin,
    /// Gap between the inner lips as drawn, in eye distances.
    pub aperture: f32,
}

impl Shown {
    /// Adds the meta to a new frame. `json` is scratch space that keeps its capacity.
    ///
    /// # Errors
    /// If [`register`](super::register) has not been called.
    pub fn attach(
        &self,
        buffer: &mut gst::BufferRef,
        json: &mut String,
    ) -> Result<(), gst::glib::BoolError> {
        self.write_json(json, false);
        let head = &self.pose.head;
        let mut meta = gst::meta::CustomMeta::add(buffer, POSE_META)?;
        let s = meta.mut_structure();
        s.set("content-time", self.content_time);
        s.set("weights", gst::Array::new(self.pose.weights));
        s.set("head-yaw", head.yaw);
        s.set("head-pitch", head.pitch);
        s.set("head-roll", head.roll);
        s.set("head-x", head.shift[0]);
        s.set("head-y", head.shift[1]);
        s.set("aperture", self.aperture);
        s.set("origin", origin_name(self.origin));
        s.set("repeated", false);
        s.set("json", json.as_str());
        Ok(())
    }

    /// Marks a copy of the frame as one that is sent again.
    ///
    /// # Errors
    /// If the copy has no meta.
    pub fn mark_repeated(
        &self,
        buffer: &mut gst::BufferRef,
        json: &mut String,
    ) -> Result<(), gst::glib::BoolError> {
        self.write_json(json, true);
        let mut meta = gst::meta::CustomMeta::from_mut_buffer(buffer, POSE_META)?;
        let s = meta.mut_structure();
        s.set("repeated", true);
        s.set("json", json.as_str());
        Ok(())
    }

    fn write_json(&self, out: &mut String, repeated: bool) {
        let head = &self.pose.head;
        let number = |v: f32| if v.is_finite() { v } else { 0.0 };
        out.clear();
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "{{\"content-time\":{},\"origin\":\"{}\",\"repeated\":{repeated},\
             \"aperture\":{:.4},\"head\":{{\"yaw\":{:.3},\"pitch\":{:.3},\"roll\":{:.3},\
             \"x\":{:.4},\"y\":{:.4}}},\"weights\":{{",
            self.content_time,
            origin_name(self.origin),
            number(self.aperture),
            number(head.yaw),
            number(head.pitch),
            number(head.roll),
            number(head.shift[0]),
            number(head.shift[1]),
        );
        let mut separator = "";
        for (shape, weight) in Arkit::ALL.into_iter().zip(self.pose.weights) {
            if weight > 0.0 {
                let _ = write!(out, "{separator}\"{}\":{weight:.4}", shape.name());
                separator = ",";
            }
        }
        out.push_str("}}");
    }
}

fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Phones => "phones",
        Origin::Network => "network",
        Origin::Signal => "signal",
        Origin::Idle => "idle",
    }
}

/// The gap between the lips of what a frame shows, in eye distances, if it has the meta.
pub fn aperture(buffer: &gst::BufferRef) -> Option<f32> {
    let meta = gst::meta::CustomMeta::from_buffer(buffer, POSE_META).ok()?;
    meta.structure().get("aperture").ok()
}

/// Says in a frame's meta, if it has one, when its content is heard, and whether it is sent once
/// more. For elements that move frames in time.
pub fn retime(buffer: &mut gst::BufferRef, content_time: u64, repeated: bool) {
    let Ok(mut meta) = gst::meta::CustomMeta::from_mut_buffer(buffer, POSE_META) else {
        return;
    };
    let s = meta.mut_structure();
    let repeated = repeated || s.get::<bool>("repeated").unwrap_or(false);
    let before: Option<serde_json::Value> = s
        .get::<&str>("json")
        .ok()
        .and_then(|json| serde_json::from_str(json).ok());
    s.set("content-time", content_time);
    s.set("repeated", repeated);
    if let Some(serde_json::Value::Object(mut json)) = before {
        json.insert("content-time".into(), content_time.into());
        json.insert("repeated".into(), repeated.into());
        s.set("json", serde_json::Value::Object(json).to_string());
    }
}
