// SPDX-License-Identifier: MPL-2.0
//! Making the output buffers: drawn, or the last one sent again.

use std::{sync::atomic::Ordering, time::Instant};

use gst::{prelude::*, subclass::prelude::*};
use gst_base::prelude::*;
use gst_video::{VideoFrameRef, prelude::*};
use sonic_engine::{
    animator::{Lags, PosedFrame},
    frame::{FrameMut, PlaneMut},
};

use super::imp::{CAT, SonicAnimator};
use crate::metas::Shown;

const BAD_SAMPLES: &str =
    "The sound holds samples that are not a number or infinite; they count as silence";

/// Why a frame could not be made.
enum Fault {
    NotNegotiated,
    /// No frame fits into what the pool gave.
    Unwritable,
    /// The meta could not be attached.
    Meta(gst::glib::BoolError),
}

/// Where and when a frame goes.
struct Place {
    pts: gst::ClockTime,
    duration: gst::ClockTime,
    running_time: gst::ClockTime,
    stream_time: Option<gst::ClockTime>,
}

impl SonicAnimator {
    /// The next buffer to be pushed, or `None` if more sound is needed. Called on the streaming
    /// thread, with no lock held.
    pub(super) fn produce(&self) -> Result<Option<gst::Buffer>, gst::FlowError> {
        loop {
            self.apply_changes();
            let (posed, bad_samples, problem) = {
                let mut stream = self.stream();
                let posed = stream.next_frame();
                (posed, stream.take_bad_samples(), stream.take_problem())
            };
            if let Some(problem) = problem {
                self.stats().listens = "signal";
                self.warn(&problem);
            }
            if bad_samples && self.is_news(BAD_SAMPLES) {
                gst::element_imp_warning!(self, gst::StreamError::Decode, ("{BAD_SAMPLES}"));
            }
            let Some(posed) = posed else { return Ok(None) };
            let Some(place) = self.place(posed.index) else {
                gst::debug!(
                    CAT,
                    imp = self,
                    "frame {} lies outside the segment",
                    posed.index
                );
                continue;
            };
            let lateness = self.qos().lateness(place.running_time.nseconds());
            if let Some(lateness) = lateness.filter(|_| self.obj().is_qos())
                && let Some(buffer) = self.repeat(&place).map_err(|fault| self.tell(&fault))?
            {
                self.stats().repeated += 1;
                self.tell_dropped(&place, lateness);
                return Ok(Some(buffer));
            }
            // May wait for downstream to give a buffer back.
            let buffer = self.acquire()?;
            return self
                .draw(buffer, &posed, &place)
                .map(Some)
                .map_err(|fault| self.tell(&fault));
        }
    }

    /// Pushes everything that is due; used where the base class does not do it.
    pub(super) fn pump(&self) -> Result<(), gst::FlowError> {
        let obj = self.obj();
        while let Some(buffer) = self.produce()? {
            obj.src_pad().push(buffer)?;
        }
        Ok(())
    }

    /// Ends the sound and pushes the frames that waited for more of it.
    pub(super) fn drain(&self) -> Result<(), gst::FlowError> {
        self.stream().finish();
        self.pump()
    }

    fn place(&self, index: u64) -> Option<Place> {
        let stream = self.stream();
        let (segment, output) = (stream.segment.as_ref()?, stream.output.as_ref()?);
        let at = |k| gst::ClockTime::from_nseconds(output.grid.time(k));
        let running_time = at(index);
        let pts = segment.position_from_running_time(running_time)?;
        Some(Place {
            pts,
            // Of a rate of 1, so that durations in both times are the same.
            duration: at(index + 1).saturating_sub(running_time),
            running_time,
            stream_time: segment.to_stream_time(pts),
        })
    }

    /// The last frame again, in the place of one that is too late to be worth drawing; `None`
    /// if there is no last one.
    fn repeat(&self, place: &Place) -> Result<Option<gst::Buffer>, Fault> {
        let mut stream = self.stream();
        let stream = &mut *stream;
        let Some((last, shown)) = &stream.last else {
            return Ok(None);
        };
        let mut copy = last.copy();
        let buffer = copy.make_mut();
        buffer.unset_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::RESYNC);
        stamp(buffer, place, std::mem::take(&mut stream.discont));
        shown
            .mark_repeated(buffer, &mut stream.json)
            .map_err(Fault::Meta)?;
        let aperture = shown.aperture;
        self.measure(stream.show(place.running_time.nseconds(), aperture));
        Ok(Some(copy))
    }

    /// Says on the bus that a frame was not drawn, as every element that skips work does.
    fn tell_dropped(&self, place: &Place, lateness: u64) {
        let (proportion, processed, dropped) = {
            let mut qos = self.qos();
            qos.dropped += 1;
            (qos.proportion, qos.processed, qos.dropped)
        };
        let obj = self.obj();
        let jitter = i64::try_from(lateness).unwrap_or(i64::MAX);
        let message = gst::message::Qos::builder(self.live.load(Ordering::Relaxed))
            .src(&*obj)
            .running_time(place.running_time)
            .stream_time(place.stream_time)
            .timestamp(place.pts)
            .duration(place.duration)
            .values(jitter, proportion, 1_000_000)
            .stats(
                gst::format::Buffers::from_u64(processed),
                gst::format::Buffers::from_u64(dropped),
            )
            .build();
        // No bus is no fault.
        let _ = obj.post_message(message);
    }

    fn draw(
        &self,
        mut owned: gst::Buffer,
        posed: &PosedFrame,
        place: &Place,
    ) -> Result<gst::Buffer, Fault> {
        let buffer = owned.make_mut();
        let mut stream = self.stream();
        let stream = &mut *stream;
        let (Some(output), Some(staged)) = (&stream.output, &mut stream.staged) else {
            return Err(Fault::NotNegotiated);
        };
        let begun = Instant::now();
        let drawn = {
            let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &output.info)
                .map_err(|_| Fault::Unwritable)?;
            let strides = frame.plane_stride();
            let stride = |p: usize| {
                strides
                    .get(p)
                    .map_or(0, |s| usize::try_from(*s).unwrap_or(0))
            };
            let strides = [stride(0), stride(1), stride(2)];
            if strides[..output.info.n_planes() as usize].contains(&0) {
                return Err(Fault::Unwritable);
            }
            // Always four; those that the format has not are empty.
            let [a, b, c, _] = frame.planes_data_mut();
            let planes = [(a, strides[0]), (b, strides[1]), (c, strides[2])]
                .map(|(data, stride)| PlaneMut { data, stride });
            staged.rig.draw(&posed.pose, &mut FrameMut { planes })
        };
        let took = begun.elapsed();
        stamp(buffer, place, std::mem::take(&mut stream.discont));
        let shown = Shown {
            content_time: place.running_time.nseconds(),
            pose: posed.pose,
            origin: posed.origin,
            aperture: drawn.aperture,
        };
        shown
            .attach(buffer, &mut stream.json)
            .map_err(Fault::Meta)?;
        // A second reference makes filters that work in place copy the frame, so it is kept
        // only where it may be needed.
        stream.last = self.qos().is_active().then(|| (owned.clone(), shown));
        self.measure(stream.show(shown.content_time, shown.aperture));
        self.stats().add_rendered(took);
        self.qos().processed += 1;
        Ok(owned)
    }

    /// What was measured of the lips against the sound, if anything was.
    fn measure(&self, lags: Option<Lags>) {
        if let Some(lags) = lags {
            self.stats().lags = lags;
        }
    }

    fn acquire(&self) -> Result<gst::Buffer, gst::FlowError> {
        let pool = self
            .obj()
            .buffer_pool()
            .ok_or(gst::FlowError::NotNegotiated)?;
        // The base class activates it only in a function that is not used here.
        if !pool.is_active() && pool.set_active(true).is_err() {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Settings,
                ["cannot activate the buffer pool"]
            );
            return Err(gst::FlowError::Error);
        }
        pool.acquire_buffer(None)
    }

    /// Says it on the bus. No lock may be held: a handler may do anything with the element.
    fn tell(&self, fault: &Fault) -> gst::FlowError {
        match fault {
            Fault::NotNegotiated => return gst::FlowError::NotNegotiated,
            Fault::Unwritable => gst::element_imp_error!(
                self,
                gst::ResourceError::Write,
                ["the buffer pool gave a buffer that no frame fits into"]
            ),
            Fault::Meta(error) => {
                gst::element_imp_error!(self, gst::LibraryError::Failed, ["{error}"]);
            }
        }
        gst::FlowError::Error
    }
}

fn stamp(buffer: &mut gst::BufferRef, place: &Place, discont: bool) {
    buffer.set_pts(place.pts);
    buffer.set_dts(gst::ClockTime::NONE);
    buffer.set_duration(place.duration);
    if discont {
        buffer.set_flags(gst::BufferFlags::DISCONT);
    }
}
