// SPDX-License-Identifier: MPL-2.0
//! Portraits are read and rigs built here, while playing on a thread of their own: both take
//! far longer than a frame may.
//!
//! There is one portrait in use and at most one request that waits; a newer request replaces
//! it, and a result that is no longer wanted is dropped. The thread lives only while there is
//! work, and it is never waited for: a file on a dead network share must not hang a stop.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sonic_engine::{
    face::{FaceError, Picture, Portrait, PortraitSource},
    frame::FrameSpec,
    rig::{Background as Behind, Rig, Staging},
};

use super::{Background, errors, names, properties::Settings};

/// A portrait fitted into a frame layout.
pub struct Staged {
    /// The layout it is for.
    pub spec: FrameSpec,
    /// Ready to draw.
    pub rig: Rig,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Fit the portrait in use anew.
    Fit,
    /// Read the portrait again: a file beside it was set.
    Load,
    /// Read a portrait that the user has set just now: its failure is worth telling even if it
    /// is that of the last one.
    LoadAnother,
}

/// What came of a piece of background work.
pub enum Outcome {
    /// It is in use now.
    Done,
    /// The portrait cannot be used.
    Unusable(FaceError),
    /// A defect of ours.
    Panicked,
}

/// Hands portraits from the threads that set properties to the one that draws.
#[derive(Default)]
pub struct Loader {
    inner: Mutex<Inner>,
    /// Whether a new rig waits: read once a frame.
    ready: AtomicBool,
}

/// More texts than this are forgotten: some name files, of which there may be any number.
const MAX_TOLD: usize = 1000;

#[derive(Default)]
struct Inner {
    open: bool,
    /// Of the thread at work: one that hangs in a file must not be waited for after a restart.
    epoch: u64,
    generation: u64,
    waiting: Option<Request>,
    /// A portrait was asked for and there is no result yet: it outlives a newer request that
    /// only changes how it is fitted.
    reload: bool,
    working: bool,
    portrait: Option<Arc<Portrait>>,
    spec: Option<FrameSpec>,
    staged: Option<Staged>,
    /// Why the last portrait could not be used.
    failure: Option<FaceError>,
    told: HashSet<String>,
}

struct Request {
    generation: u64,
    /// `None` keeps the portrait and only fits it anew.
    source: Option<PortraitSource>,
    settings: Settings,
}

impl Loader {
    /// Reads the first portrait, on the calling thread.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(&self, settings: &Settings) -> Result<Arc<Portrait>, FaceError> {
        {
            let mut inner = self.lock();
            inner.open = true;
            inner.generation += 1;
        }
        let portrait = Portrait::load(&settings.source()).inspect_err(|_| self.close())?;
        // A property set in the meantime may have brought a newer one.
        Ok(self
            .lock()
            .portrait
            .get_or_insert_with(|| Arc::new(portrait))
            .clone())
    }

    /// Forgets everything; work under way is dropped when it ends.
    pub fn close(&self) {
        let mut inner = self.lock();
        *inner = Inner {
            generation: inner.generation + 1,
            epoch: inner.epoch + 1,
            ..Inner::default()
        };
        self.ready.store(false, Ordering::Release);
    }

    /// The portrait in use.
    pub fn portrait(&self) -> Option<Arc<Portrait>> {
        self.lock().portrait.clone()
    }

    /// Fits the portrait in use into a frame layout, on the calling thread, and remembers the
    /// layout for what is loaded later. Also returns what the user should know, once each.
    pub fn stage(
        &self,
        settings: &Settings,
        spec: FrameSpec,
    ) -> Option<(Staged, Arc<Portrait>, Vec<String>)> {
        let portrait = {
            let mut inner = self.lock();
            inner.spec = Some(spec);
            inner.staged = None;
            self.ready.store(false, Ordering::Release);
            inner.portrait.clone()?
        };
        let (staged, warnings) = fit(&portrait, settings, spec);
        Some((staged, portrait, self.news(warnings)))
    }

    /// The newest rig, if one waits.
    pub fn take(&self) -> Option<Staged> {
        if !self.ready.swap(false, Ordering::AcqRel) {
            return None;
        }
        self.lock().staged.take()
    }

    /// Asks for work with `settings`. `report` is called on the loader's thread with the
    /// outcome and what the user should know.
    pub fn request(
        self: &Arc<Self>,
        settings: Settings,
        task: Task,
        report: impl Fn(Outcome, Vec<String>) + Send + 'static,
    ) {
        let mut inner = self.lock();
        if !inner.open {
            return;
        }
        inner.generation += 1;
        inner.reload |= task != Task::Fit;
        if task == Task::LoadAnother {
            // Together with the generation: a failure of the one before, still on its way,
            // must not be told as if it were this one's.
            inner.failure = None;
        }
        inner.waiting = Some(Request {
            generation: inner.generation,
            source: inner.reload.then(|| settings.source()),
            settings,
        });
        if inner.working {
            return;
        }
        inner.working = true;
        let epoch = inner.epoch;
        drop(inner);
        let loader = self.clone();
        let spawned = std::thread::Builder::new()
            .name("sonic-loader".into())
            .spawn(move || loader.work(epoch, &report));
        if spawned.is_err() {
            let mut inner = self.lock();
            inner.working = false;
            inner.waiting = None;
        }
    }

    /// Whether the user has not been told that since the start; from now on they have.
    pub fn is_news(&self, text: &str) -> bool {
        let mut inner = self.lock();
        if inner.told.len() >= MAX_TOLD {
            inner.told.clear();
        }
        // Looking first spares the allocation in the common case.
        !inner.told.contains(text) && inner.told.insert(text.to_owned())
    }

    fn news(&self, mut texts: Vec<String>) -> Vec<String> {
        texts.retain(|text| self.is_news(text));
        texts
    }

    fn work(&self, epoch: u64, report: &impl Fn(Outcome, Vec<String>)) {
        loop {
            let (request, portrait, spec) = {
                let mut inner = self.lock();
                if inner.epoch != epoch {
                    return;
                }
                let Some(request) = inner.waiting.take() else {
                    inner.working = false;
                    return;
                };
                (request, inner.portrait.clone(), inner.spec)
            };
            let generation = request.generation;
            let loads = request.source.is_some();
            let result = catch_unwind(AssertUnwindSafe(|| request.run(portrait, spec)));
            let (outcome, warnings) = match result {
                Ok(Ok((portrait, staged, warnings))) => {
                    if !self.deliver(generation, portrait, staged) {
                        continue;
                    }
                    (Outcome::Done, self.news(warnings))
                }
                Ok(Err(error)) => (Outcome::Unusable(error), Vec::new()),
                Err(_) => (Outcome::Panicked, Vec::new()),
            };
            if self.settle(generation, loads, &outcome) {
                report(outcome, warnings);
            }
        }
    }

    /// Whether a result of that generation is to be reported; if so, nothing is owed any more.
    /// A file set beside a portrait that is known to be bad is no news, not even after the one
    /// in use was fitted anew (`loads` is false then).
    fn settle(&self, generation: u64, loads: bool, outcome: &Outcome) -> bool {
        let mut inner = self.lock();
        if inner.generation != generation {
            return false;
        }
        inner.reload = false;
        match outcome {
            Outcome::Unusable(error) if inner.failure.as_ref() == Some(error) => false,
            Outcome::Unusable(error) => {
                inner.failure = Some(error.clone());
                true
            }
            Outcome::Done => {
                if loads {
                    inner.failure = None;
                }
                true
            }
            Outcome::Panicked => true,
        }
    }

    /// `false` if it is not wanted any more.
    fn deliver(&self, generation: u64, portrait: Arc<Portrait>, staged: Option<Staged>) -> bool {
        let mut inner = self.lock();
        if inner.generation != generation {
            return false;
        }
        inner.portrait = Some(portrait);
        if staged.is_some() {
            inner.staged = staged;
            self.ready.store(true, Ordering::Release);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Loaded = (Arc<Portrait>, Option<Staged>, Vec<String>);

impl Request {
    fn run(
        self,
        portrait: Option<Arc<Portrait>>,
        spec: Option<FrameSpec>,
    ) -> Result<Loaded, FaceError> {
        let (portrait, mut warnings) = match (self.source, portrait) {
            (None, Some(portrait)) => (portrait, Vec::new()),
            (source, _) => {
                let source = source.unwrap_or_else(|| self.settings.source());
                let portrait = Portrait::load(&source)?;
                let warnings = portrait.report.warnings.clone();
                (Arc::new(portrait), warnings)
            }
        };
        let staged = spec.map(|spec| {
            let (staged, more) = fit(&portrait, &self.settings, spec);
            warnings.extend(more);
            staged
        });
        Ok((portrait, staged, warnings))
    }
}

fn fit(portrait: &Portrait, settings: &Settings, spec: FrameSpec) -> (Staged, Vec<String>) {
    let (staging, warnings) = staging(portrait, settings, &spec);
    let mut rig = Rig::new(portrait, &spec, &staging);
    rig.set_threads(settings.n_threads as usize);
    (Staged { spec, rig }, warnings)
}

/// How to fit the portrait where no frame layout is known yet.
pub fn plain_staging(settings: &Settings) -> Staging {
    Staging {
        framing: settings.framing.into(),
        expand_ratio: settings.expand_ratio as f32,
        background: Behind::AsIs,
    }
}

/// Also gives what the user should know.
fn staging(portrait: &Portrait, settings: &Settings, spec: &FrameSpec) -> (Staging, Vec<String>) {
    let mut staging = plain_staging(settings);
    let mut warnings = Vec::new();
    match behind(portrait, settings, spec, &mut warnings) {
        Ok(background) => staging.background = background,
        Err(warning) => warnings.push(warning),
    }
    (staging, warnings)
}

/// What lies behind the portrait, or why it has to be its own background.
fn behind(
    portrait: &Portrait,
    settings: &Settings,
    spec: &FrameSpec,
    warnings: &mut Vec<String>,
) -> Result<Behind, String> {
    let property = names::BACKGROUND;
    if settings.background != Background::AsIs && !portrait.picture.has_alpha {
        return Err(format!(
            "Property `{property}`: the portrait has no alpha, so its own background stays. \
             Use a picture with alpha, or give its alpha as property `{}`.",
            names::MATTE
        ));
    }
    Ok(match settings.background {
        Background::AsIs => Behind::AsIs,
        Background::Colour => {
            let [_, r, g, b] = settings.background_color.to_be_bytes();
            Behind::Colour([r, g, b])
        }
        Background::Transparent if spec.format.has_alpha() => Behind::Transparent,
        Background::Transparent => {
            return Err(format!(
                "Property `{property}`: the negotiated format has no alpha, so the portrait's own \
                 background stays. Ask for BGRA or RGBA downstream."
            ));
        }
        Background::Image => image(settings.background_image.as_deref(), warnings)?,
    })
}

fn image(file: Option<&str>, warnings: &mut Vec<String>) -> Result<Behind, String> {
    let property = names::BACKGROUND_IMAGE;
    let file = file.ok_or_else(|| {
        format!(
            "Property `{property}` is not set, so the portrait's own background stays. \
             Set it to a JPEG, PNG or WebP file."
        )
    })?;
    let (picture, more) = Picture::load(Path::new(file)).map_err(|error| {
        format!(
            "{}, so the portrait's own background stays. {}.",
            errors::capitalised(&error.what),
            error.cure
        )
    })?;
    warnings.extend(more);
    Ok(Behind::Image(Arc::new(picture)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_bad_portrait_is_told_once_whatever_is_set_beside_it() {
        let loader = Arc::new(Loader::default());
        let good = Settings::default();
        let bad = Settings {
            portrait: Some("/nonexistent/me.jpg".into()),
            ..Settings::default()
        };
        loader.open(&good).expect("the built-in portrait");
        let (told, reports) = mpsc::channel();
        for (settings, task) in [
            (&bad, Task::LoadAnother),
            (&bad, Task::Fit),
            (&bad, Task::Load),
            (&good, Task::LoadAnother),
        ] {
            let told = told.clone();
            loader.request(settings.clone(), task, move |outcome, _| {
                told.send(matches!(outcome, Outcome::Done))
                    .expect("the test listens");
            });
            while loader.lock().working {
                std::thread::yield_now();
            }
        }
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), [false, true, true]);
    }
}
