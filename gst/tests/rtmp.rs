// SPDX-License-Identifier: MPL-2.0
//! To an RTMP server through both stock sinks.

mod common;

use common::{rtmp::RtmpServer, *};

fn publish(sink: &str, options: &str) {
    let _watchdog = watchdog(120);
    if !have(&[
        sink,
        "x264enc",
        "flvmux",
        "decodebin",
        "avdec_h264",
        "flvdemux",
    ]) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let buffers = 130;
    run(&format!(
        "audiotestsrc wave=ticks num-buffers={buffers} ! audio/x-raw,rate=44100 ! sonicanimator ! \
         video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 ! \
         flvmux streamable=true ! {sink} location={} {options}",
        server.url("talk")
    ));
    let times = decoded(&server.recording("talk"));
    let count = (buffers * 1024 * 25u64).div_ceil(44_100);
    assert!(
        (times.len() as u64).abs_diff(count) <= 1,
        "{} of {count} frames",
        times.len()
    );
    assert!(times[0] < 80_000_000, "begins at {}", times[0]);
}

#[test]
fn a_stream_through_rtmp2sink_is_recorded_whole() {
    publish("rtmp2sink", "sync=false");
}

#[test]
fn a_stream_through_rtmpsink_is_recorded_whole() {
    publish("rtmpsink", "sync=false");
}
