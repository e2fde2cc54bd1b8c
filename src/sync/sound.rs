// SPDX-License-Identifier: MPL-2.0
//! [`Sound`]: the sound that waits to be sent. Its positions are samples of the planned timeline:
//! from the first piece to the last they join without holes, since holes are queued as silence.

use std::{collections::VecDeque, ops::Range};

use super::{
    Material, Part, Place,
    pcm::PcmFormat,
    stretch::Piece,
    words::{Heard, Words},
};

/// Sound is looked at in steps of so many a second to find what is quiet.
const STEPS: u32 = 400;
/// A stretch is quiet if no sample in it is louder: −50 dB of full scale.
pub const QUIET: f32 = 0.003_162_277_7;

enum Item<M: Material> {
    Pcm {
        data: M::Pcm,
        /// Its part that waits, in frames.
        waits: Range<usize>,
        /// Of its very first frame.
        place: Option<Place>,
    },
    /// Frames of [`Sound::made`], which lie there in the order of the items.
    Made {
        frames: i64,
        place: Option<Place>,
    },
    Silence(i64),
    Event(M::Event),
}

/// A queue of sound.
pub(super) struct Sound<M: Material> {
    pub format: PcmFormat,
    items: VecDeque<Item<M>>,
    /// Bytes that were made here.
    made: VecDeque<u8>,
    /// Planned position of the first sample that waits, and behind the last one.
    start: i64,
    end: i64,
    /// Quiet stretches, in order; the first may have begun before `start`.
    quiet: VecDeque<Range<i64>>,
    pub words: Words,
    /// The place that the last piece with one said, and how many samples ago.
    last_place: Option<(Place, i64)>,
}

impl<M: Material> Sound<M> {
    pub fn new(format: PcmFormat) -> Self {
        Self {
            format,
            items: VecDeque::new(),
            made: VecDeque::new(),
            start: 0,
            end: 0,
            quiet: VecDeque::new(),
            words: Words::default(),
            last_place: None,
        }
    }

    /// Frames that wait.
    pub fn len(&self) -> i64 {
        self.end - self.start
    }

    pub fn start(&self) -> i64 {
        self.start
    }

    pub fn end(&self) -> i64 {
        self.end
    }

    /// Nothing waits but events; what comes next lies at `position`.
    pub fn restart(&mut self, position: i64) {
        debug_assert_eq!(self.len(), 0);
        (self.start, self.end) = (position, position);
        self.quiet.clear();
    }

    /// Adds silence.
    pub fn push_silence(&mut self, frames: i64) {
        if frames > 0 {
            self.note_quiet(self.end..self.end + frames);
            self.items.push_back(Item::Silence(frames));
            self.end += frames;
            self.last_place = None;
        }
    }

    /// Puts silence before all that waits.
    pub fn push_silence_first(&mut self, frames: i64) {
        if frames > 0 {
            self.items.push_front(Item::Silence(frames));
            self.start -= frames;
            match self.quiet.front_mut() {
                Some(first) if first.start <= self.start + frames => first.start = self.start,
                _ => self.quiet.push_front(self.start..self.start + frames),
            }
        }
    }

    pub fn push_event(&mut self, event: M::Event) {
        self.items.push_back(Item::Event(event));
    }

    /// Adds sound without its first `skip` frames.
    pub fn push(&mut self, data: M::Pcm, skip: i64, place: Option<Place>) {
        let frame = self.format.frame();
        let frames = data.as_ref().len() / frame;
        let skip = usize::try_from(skip).unwrap_or(0).min(frames);
        let place = self.true_place(place, frames as i64);
        if skip == frames {
            return;
        }
        let begin = self.end;
        let at = self.find_quiet(&data.as_ref()[skip * frame..frames * frame]);
        if let Some(place) = place {
            let place = self.advanced(place, skip as i64);
            self.words.place(place, begin..at, self.format.rate);
        }
        self.items.push_back(Item::Pcm {
            data,
            waits: skip..frames,
            place,
        });
        self.end = at;
    }

    /// Notes what is quiet of sound that comes to the end, and where that ends then.
    fn find_quiet(&mut self, bytes: &[u8]) -> i64 {
        let frame = self.format.frame();
        let step = (self.format.rate / STEPS).max(1) as usize;
        let mut at = self.end;
        let mut run: Option<Range<i64>> = None;
        for bytes in bytes.chunks(step * frame) {
            let next = at + (bytes.len() / frame) as i64;
            if self.format.is_quiet(bytes, QUIET) {
                run = Some(run.map_or(at, |r| r.start)..next);
            } else if let Some(run) = run.take() {
                self.note_quiet(run);
            }
            at = next;
        }
        if let Some(run) = run {
            self.note_quiet(run);
        }
        at
    }

    /// Adds sound that was resampled.
    pub fn push_made(&mut self, bytes: &[u8], piece: &Piece) {
        let place = piece.place.map(|p| self.advanced(p, piece.skipped));
        let begin = self.end;
        if let Some(place) = place {
            // A word may begin in a sample that was left out.
            let said = begin..begin + piece.content;
            self.words.place(place, said, self.format.rate);
        }
        self.add_made(bytes, place);
    }

    /// Adds sound that is of no clause.
    pub fn push_own(&mut self, bytes: &[u8]) {
        self.last_place = None;
        self.add_made(bytes, None);
    }

    fn add_made(&mut self, bytes: &[u8], place: Option<Place>) {
        let frames = (bytes.len() / self.format.frame()) as i64;
        if frames == 0 {
            return;
        }
        self.end = self.find_quiet(bytes);
        self.made.extend(bytes);
        match self.items.back_mut() {
            Some(Item::Made {
                frames: before,
                place: None,
            }) if place.is_none() => *before += frames,
            _ => self.items.push_back(Item::Made { frames, place }),
        }
    }

    /// Whoever cuts buffers leaves each piece the place of the whole: such a piece follows the
    /// one before.
    pub fn true_place(&mut self, said: Option<Place>, frames: i64) -> Option<Place> {
        let Some(said) = said else {
            self.last_place = None;
            return None;
        };
        let before = match self.last_place {
            Some((last, before)) if last == said => before,
            _ => 0,
        };
        self.last_place = Some((said, before + frames));
        Some(self.advanced(said, before))
    }

    pub fn advanced(&self, place: Place, frames: i64) -> Place {
        advanced(&self.words, self.format.rate, place, frames)
    }

    fn note_quiet(&mut self, stretch: Range<i64>) {
        match self.quiet.back_mut() {
            Some(last) if last.end == stretch.start => last.end = stretch.end,
            _ => self.quiet.push_back(stretch),
        }
    }

    /// The quiet stretch that holds the next sample, with what of it was sent before.
    pub fn quiet_here(&self) -> Option<Range<i64>> {
        self.quiet.iter().find(|q| q.contains(&self.start)).cloned()
    }

    /// Where the first sample lies that may be loud.
    pub fn quiet_until(&self) -> i64 {
        self.quiet_here().map_or(self.start, |quiet| quiet.end)
    }

    /// Drops the next frames, but not the events among them; how many there were.
    pub fn trim(&mut self, frames: i64) -> i64 {
        let mut parts = Vec::new();
        let done = self.skip(frames.max(0), &mut parts);
        for part in parts.into_iter().rev() {
            if let Part::Event(event) = part {
                self.items.push_front(Item::Event(event));
            }
        }
        done
    }

    /// All that waits lies so many samples earlier.
    pub fn move_back(&mut self, by: i64) {
        (self.start, self.end) = (self.start - by, self.end - by);
        for quiet in &mut self.quiet {
            *quiet = quiet.start - by..quiet.end - by;
        }
        self.words.move_back(by);
    }

    /// Writes the next frames to `block` (whole frames) and says what they are; how many there
    /// were. `heard` gets the words that begin among them.
    pub fn take(
        &mut self,
        block: &mut [u8],
        parts: &mut Vec<Part<M>>,
        heard: &mut Vec<Heard>,
    ) -> i64 {
        let frame = self.format.frame();
        let room = (block.len() / frame) as i64;
        let mut done = 0;
        while let Some(item) = self.items.front_mut() {
            let left = usize::try_from(room - done).unwrap_or(0);
            let to = done as usize * frame;
            match item {
                Item::Event(_) => {
                    if let Some(Item::Event(event)) = self.items.pop_front() {
                        parts.push(Part::Event(event));
                    }
                    continue;
                }
                _ if left == 0 => break,
                Item::Silence(frames) => {
                    let count = (*frames).min(left as i64);
                    self.format
                        .silence(&mut block[to..to + count as usize * frame]);
                    *frames -= count;
                    if *frames == 0 {
                        self.items.pop_front();
                    }
                    push_part(parts, count, None, true);
                    done += count;
                }
                Item::Made { frames, place } => {
                    let count = (*frames).min(left as i64);
                    let bytes = self.made.drain(..count as usize * frame);
                    for (to, from) in block[to..].iter_mut().zip(bytes) {
                        *to = from;
                    }
                    push_part(parts, count, *place, false);
                    self.pass_made(count);
                    done += count;
                }
                Item::Pcm { data, waits, place } => {
                    let count = waits.len().min(left);
                    let from = waits.start * frame;
                    let bytes = &data.as_ref()[from..from + count * frame];
                    block[to..to + bytes.len()].copy_from_slice(bytes);
                    let said = place
                        .map(|p| advanced(&self.words, self.format.rate, p, waits.start as i64));
                    waits.start += count;
                    let over = waits.start == waits.end;
                    push_part(parts, count as i64, said, false);
                    done += count as i64;
                    if over {
                        self.items.pop_front();
                    }
                }
            }
        }
        self.words.hear(self.start..self.start + done, heard);
        self.advance(done);
        done
    }

    /// Drops the next frames; how many there were.
    pub fn skip(&mut self, frames: i64, parts: &mut Vec<Part<M>>) -> i64 {
        let frames = frames.min(self.len());
        let mut done = 0;
        while done < frames {
            match self.items.front_mut() {
                Some(Item::Silence(left)) => {
                    let count = (*left).min(frames - done);
                    *left -= count;
                    done += count;
                    if *left == 0 {
                        self.items.pop_front();
                    }
                }
                Some(Item::Made {
                    frames: left,
                    place: _,
                }) => {
                    let count = (*left).min(frames - done);
                    self.made.drain(..count as usize * self.format.frame());
                    self.pass_made(count);
                    done += count;
                }
                Some(Item::Pcm { waits, .. }) => {
                    let count = (waits.len() as i64).min(frames - done);
                    waits.start += count as usize;
                    done += count;
                    if waits.start == waits.end {
                        self.items.pop_front();
                    }
                }
                Some(Item::Event(_)) => {
                    if let Some(Item::Event(event)) = self.items.pop_front() {
                        parts.push(Part::Event(event));
                    }
                }
                None => break,
            }
        }
        self.words.drop_before(self.start + done);
        self.advance(done);
        done
    }

    /// The first item, which was made here, is shorter by so many frames.
    fn pass_made(&mut self, count: i64) {
        if let Some(Item::Made { frames, place }) = self.items.front_mut() {
            *place = place.map(|p| advanced(&self.words, self.format.rate, p, count));
            *frames -= count;
            if *frames == 0 {
                self.items.pop_front();
            }
        }
    }

    fn advance(&mut self, frames: i64) {
        self.start += frames;
        while self.quiet.front().is_some_and(|q| q.end <= self.start) {
            // The run at the end may go on.
            if self.quiet.len() == 1 && self.start == self.end {
                break;
            }
            self.quiet.pop_front();
        }
    }

    /// Drops all that waits, save events that `keep` wants.
    pub fn cut(&mut self, keep: impl Fn(&M::Event) -> bool) {
        self.items
            .retain(|item| matches!(item, Item::Event(event) if keep(event)));
        self.made.clear();
        self.start = self.end;
        self.quiet.clear();
        self.words.drop_before(i64::MAX);
        self.last_place = None;
    }
}

/// Adds frames to the last part where they go on in it.
pub(super) fn push_part<M: Material>(
    parts: &mut Vec<Part<M>>,
    frames: i64,
    place: Option<Place>,
    silent: bool,
) {
    if frames == 0 {
        return;
    }
    if let Some(Part::Frames {
        frames: before,
        place: last,
        silent: so_far,
    }) = parts.last_mut()
    {
        let same = match (&last, &place) {
            (None, None) => true,
            (Some(a), Some(b)) => (a.utterance, a.clause) == (b.utterance, b.clause),
            _ => false,
        };
        if same {
            *before += frames;
            *so_far &= silent;
            return;
        }
    }
    parts.push(Part::Frames {
        frames,
        place,
        silent,
    });
}

/// The place so many frames further on.
fn advanced(words: &Words, rate: u32, mut place: Place, frames: i64) -> Place {
    let own = words.rate(place).unwrap_or(rate);
    let frames = u128::try_from(frames).unwrap_or(0);
    place.offset += (frames * u128::from(own) / u128::from(rate)) as u64;
    place
}
