// SPDX-License-Identifier: MPL-2.0
//! What went wrong with a connection, and how users are told.

use gst::glib;
use sonic_engine::push::{address::RtmpAddress, link::Failure};

/// What an error of the connection's elements means.
pub fn failure(error: &glib::Error, debug: &str) -> Failure {
    let told = format!("{} {debug}", error.message());
    let says = |part: &str| told.contains(part);
    if error.matches(gst::ResourceError::NotAuthorized) {
        return Failure::NotAuthorized;
    }
    if says("BadName") {
        Failure::NameTaken
    } else if says("g-resolver-error") {
        Failure::UnknownHost
    } else if says("g-tls-error") {
        // A certificate does not become valid by waiting.
        Failure::BadAddress
    } else if says("timed out") || says("Timeout") {
        Failure::TimedOut
    } else if says("refused") || says("unreachable") || says("No route") {
        Failure::Unreachable
    } else if error.is::<gst::ResourceError>() {
        Failure::Closed
    } else {
        Failure::Internal
    }
}

/// What the user is told when all is lost, and what helps.
pub fn gave_up(address: &RtmpAddress, failure: Failure, detail: Option<&str>) -> gst::ErrorMessage {
    let cure = match failure {
        Failure::NotAuthorized => "the server refuses the key or the application: check both",
        Failure::Closed => {
            "the server closed the connection before it took the stream, as it does with a \
             wrong key: check it, and `max-retries`"
        }
        Failure::NameTaken => {
            "somebody publishes there already, perhaps an earlier connection that the server \
             has not yet missed: raise `max-retries`"
        }
        Failure::UnknownHost => "the host's name is not known: check `location` and the network",
        Failure::BadAddress => {
            "the server has no certificate that is valid for that host, or speaks no TLS there: \
             check the address, and `tls-validation-flags` for a certificate of your own"
        }
        Failure::Unreachable => {
            "nobody listens there: check `location` and whether the server runs"
        }
        Failure::TimedOut | Failure::Stalled => "the server does not answer",
        Failure::Internal => "an element of the connection failed",
    };
    let text = format!("Property `location`: {address} could not be published at: {cure}.");
    let detail = detail.unwrap_or_default();
    match failure {
        Failure::NotAuthorized => {
            gst::error_msg!(gst::ResourceError::NotAuthorized, ("{text}"), ["{detail}"])
        }
        Failure::UnknownHost | Failure::BadAddress => {
            gst::error_msg!(gst::ResourceError::NotFound, ("{text}"), ["{detail}"])
        }
        _ => gst::error_msg!(gst::ResourceError::OpenWrite, ("{text}"), ["{detail}"]),
    }
}
