// SPDX-License-Identifier: MPL-2.0
//! Where output buffers come from.

use gst::prelude::*;

/// One for the frame at work, one for the encoder at work on the last.
const MIN_BUFFERS: u32 = 2;

/// Decides on a pool for frames of `info` and puts it into the query: downstream's own if it
/// fits, otherwise a new one.
///
/// # Errors
/// If even the own pool refuses the caps.
pub fn decide(
    query: &mut gst::query::Allocation,
    info: &gst_video::VideoInfo,
) -> Result<(), gst::LoggableError> {
    let caps = query
        .get_owned()
        .0
        .ok_or_else(|| gst::loggable_error!(super::imp::CAT, "ALLOCATION without caps"))?;
    let request = Request {
        caps,
        video_meta: query
            .find_allocation_meta::<gst_video::VideoMeta>()
            .is_some(),
        allocator: query.allocation_params().next(),
    };
    let offered = query.allocation_pools().next();
    let size = info.size() as u32;
    let theirs = offered.as_ref().and_then(|(pool, room, min, max)| {
        // One more than downstream needs: the last frame is kept for a late successor.
        let min = (*min).max(MIN_BUFFERS) + 1;
        let pool = pool.clone()?;
        let fits = *max == 0 || *max >= min;
        let room = size.max(*room);
        (fits && request.configure(&pool, room, min, *max)).then_some((pool, room, min, *max))
    });
    let (pool, room, min, max) = match theirs {
        Some(theirs) => theirs,
        None => {
            let pool = gst_video::VideoBufferPool::new().upcast::<gst::BufferPool>();
            let min = MIN_BUFFERS + 1;
            if !request.configure(&pool, size, min, 0) {
                return Err(gst::loggable_error!(
                    super::imp::CAT,
                    "no buffer pool for {}",
                    request.caps
                ));
            }
            (pool, size, min, 0)
        }
    };
    if offered.is_some() {
        query.set_nth_allocation_pool(0, Some(&pool), room, min, max);
    } else {
        query.add_allocation_pool(Some(&pool), room, min, max);
    }
    Ok(())
}

struct Request {
    caps: gst::Caps,
    video_meta: bool,
    allocator: Option<(Option<gst::Allocator>, gst::AllocationParams)>,
}

impl Request {
    fn configure(&self, pool: &gst::BufferPool, size: u32, min: u32, max: u32) -> bool {
        // A pool that is in use elsewhere cannot be configured.
        if pool.is_active() {
            return false;
        }
        let mut config = pool.config();
        config.set_params(Some(&self.caps), size, min, max);
        if let Some((allocator, params)) = &self.allocator {
            config.set_allocator(allocator.as_ref(), Some(params));
        }
        // Without the meta downstream could not read rows with padding.
        if self.video_meta && pool.has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META.as_str()) {
            config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META.as_str());
        }
        if pool.set_config(config).is_ok() {
            return true;
        }
        // The pool has changed the configuration to what it can do: take that if it serves.
        let config = pool.config();
        config
            .validate_params(Some(&self.caps), size, min, max)
            .is_ok()
            && pool.set_config(config).is_ok()
    }
}
