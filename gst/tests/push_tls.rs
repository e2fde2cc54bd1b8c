// SPDX-License-Identifier: MPL-2.0
//! `rtmppushsink` and a server that speaks TLS.

mod common;

use std::time::{Duration, Instant};

use common::{
    rtmp::RtmpServer,
    show::{ELEMENTS, Show},
    *,
};

/// Everything but who signed the certificate.
const SIGNED_BY_ANYBODY: &str = "bad-identity+not-activated+expired+revoked+insecure+generic-error";

fn server() -> Option<RtmpServer> {
    have(&ELEMENTS).then(RtmpServer::start_with_tls).flatten()
}

#[test]
fn a_stream_through_tls_is_recorded_whole() {
    let _watchdog = watchdog(120);
    let Some(server) = server() else {
        return;
    };
    let location = server.tls_url("localhost", "safe");
    let show = Show::new(
        &format!("location={location} tls-validation-flags={SIGNED_BY_ANYBODY}"),
        75,
    );
    show.start();
    let live = show.wait_for("live");
    let address: String = live.get("address").expect("an address");
    assert!(
        address.starts_with("rtmps://") && !address.contains("safe"),
        "{address}"
    );
    show.wait_for_end();
    let sent: u64 = show.stat("frames-sent");
    show.stop();
    let pictures = decoded(&server.recording("safe"));
    assert!(pictures.windows(2).all(|w| w[0] < w[1]), "time goes back");
    // The last one may stay in the muxer.
    let recorded = pictures.len() as u64;
    assert!(
        (sent - 2..=sent).contains(&recorded),
        "{recorded} of {sent}"
    );
}

/// What cannot be trusted does not get the key, and waiting does not make it better.
#[test]
fn who_cannot_be_trusted_gets_nothing() {
    let _watchdog = watchdog(120);
    let Some(server) = server() else {
        return;
    };
    let web = server.stat_url();
    let plain = web
        .replace("http://", "rtmps://")
        .replace("/stat", "/live/key");
    for (location, flags) in [
        (server.tls_url("localhost", "key"), "validate-all"),
        // The certificate is another host's.
        (server.tls_url("127.0.0.1", "key"), SIGNED_BY_ANYBODY),
        (plain, SIGNED_BY_ANYBODY),
    ] {
        let show = Show::new(
            &format!("location={location} tls-validation-flags={flags} max-retries=-1"),
            100_000,
        );
        show.start();
        let error = show.error();
        for said in ["`location`", "certificate", "`tls-validation-flags`"] {
            assert!(error.contains(said), "{error}");
        }
        assert!(!error.contains("/key"), "{error}");
        let stopped = Instant::now();
        show.stop();
        assert!(stopped.elapsed() < Duration::from_secs(5), "it hangs");
    }
    assert!(server.recordings("key").is_empty());
}
