// SPDX-License-Identifier: MPL-2.0
//! Action signals: what applications say, and that they fall silent.

use gst::{glib, glib::subclass::Signal, prelude::*, subclass::prelude::*};
use sonic_engine::talk::Refusal;

use crate::board::post;

use super::{errors, imp::TtsSrc, messages};
use crate::metas;

/// How much of a text is enough to begin with, bytes.
const BEGINNING: usize = 1 << 14;

/// All of them.
pub fn signals() -> Vec<Signal> {
    vec![
        /**
         * GstTtsSrc::say:
         * @text: what is said
         *
         * Says a text after all that waits.
         *
         * Returns: the utterance's id, a #guint64; 0 if the text is refused because as much
         * waits as #GstTtsSrc:queue-limit allows, of which a warning tells
         */
        Signal::builder("say")
            .param_types([String::static_type()])
            .return_type::<u64>()
            .action()
            .class_handler(|args| {
                let (element, text) = (argument::<super::TtsSrc>(args, 0)?, text(args, 1));
                Some(element.imp().say(text).to_value())
            })
            .build(),
        /**
         * GstTtsSrc::append:
         * @id: the utterance, or 0 to begin another one
         * @text: the next piece; words may be cut anywhere
         *
         * Adds to a text that arrives in pieces. It waits for more until #GstTtsSrc::finish;
         * what can be spoken of it is spoken in the meantime. One that #GstTtsSrc::say began can
         * be added to until it has ended.
         *
         * Returns: the utterance's id; 0 if the text is refused, of which a warning tells
         */
        Signal::builder("append")
            .param_types([u64::static_type(), String::static_type()])
            .return_type::<u64>()
            .action()
            .class_handler(|args| {
                let (element, id) = (argument::<super::TtsSrc>(args, 0)?, argument(args, 1)?);
                Some(element.imp().append(id, text(args, 2)).to_value())
            })
            .build(),
        /**
         * GstTtsSrc::finish:
         * @id: an utterance that #GstTtsSrc::append began
         *
         * The text is complete.
         */
        Signal::builder("finish")
            .param_types([u64::static_type()])
            .action()
            .class_handler(|args| {
                let (element, id) = (argument::<super::TtsSrc>(args, 0)?, argument(args, 1)?);
                element.imp().finish(id);
                None
            })
            .build(),
        /**
         * GstTtsSrc::interrupt:
         *
         * Ends what is being said with a fade of 10 ms, from the next buffer on or after the
         * word if #GstTtsSrc:finish-word is set, and drops what waits.
         */
        Signal::builder("interrupt")
            .action()
            .class_handler(|args| {
                argument::<super::TtsSrc>(args, 0)?.imp().interrupt();
                None
            })
            .build(),
    ]
}

/// GObject has checked the types; `None` cannot be.
fn argument<'a, T: glib::value::FromValue<'a>>(args: &'a [glib::Value], nth: usize) -> Option<T> {
    args.get(nth)?.get().ok()
}

/// NULL is no text.
fn text(args: &[glib::Value], nth: usize) -> &str {
    argument::<Option<&str>>(args, nth)
        .flatten()
        .unwrap_or_default()
}

impl TtsSrc {
    fn say(&self, text: &str) -> u64 {
        let settings = self.settings().speech();
        self.said();
        // Of a long text the voice gets the beginning before the rest is copied.
        let mut first = text.len().min(BEGINNING);
        while !text.is_char_boundary(first) {
            first -= 1;
        }
        let (first, rest) = text.split_at(first);
        let first = first.to_owned();
        let said = self.talker.with(|talk| {
            talk.check_room(text.len())?;
            if rest.is_empty() {
                talk.say(settings, first)
            } else {
                talk.begin(settings, first)
            }
        });
        if let (Ok(id), false) = (&said, rest.is_empty()) {
            let rest = rest.to_owned();
            self.talker.with(|talk| talk.complete(*id, rest));
        }
        said.unwrap_or_else(|refusal| self.refuse(&refusal))
    }

    fn append(&self, id: u64, text: &str) -> u64 {
        let text = text.to_owned();
        let settings = self.settings().speech();
        self.said();
        let appended = self.talker.with(|talk| match id {
            0 => talk.begin(settings, text),
            _ => talk.append(id, text).map(|()| id),
        });
        appended.unwrap_or_else(|refusal| self.refuse(&refusal))
    }

    fn finish(&self, id: u64) {
        // It may have been interrupted by then, of which a message has told.
        if let Err(refusal) = self.talker.with(|talk| talk.finish(id)) {
            gst::info!(super::imp::CAT, imp = self, "finish: {refusal}");
        }
    }

    fn refuse(&self, refusal: &Refusal) -> u64 {
        let text = errors::refusal_text(refusal);
        gst::element_imp_warning!(self, gst::ResourceError::NoSpaceLeft, ("{text}"));
        0
    }

    fn interrupt(&self) {
        let finish_word = self.settings().finish_word;
        let (id, later, dropped) = self.talker.with(|talk| {
            let id = talk.speaking();
            let later = finish_word && talk.is_sounding();
            (id, later, talk.interrupt(finish_word))
        });
        gst::info!(
            super::imp::CAT,
            imp = self,
            "utterance {id:?} is interrupted"
        );
        if later {
            self.announce_later(id);
        } else {
            self.announce(id);
        }
        let now = self.running_time();
        for interruption in &dropped {
            post(&*self.obj(), messages::interrupted(interruption, now));
        }
    }

    /// The interruption is announced when the fade begins.
    pub(super) fn announce_later(&self, id: Option<u64>) {
        *super::imp::lock(&self.pending) = Some(id);
    }

    /// Announces an interruption that waited for a word.
    pub(super) fn announce_now(&self) {
        let pending = super::imp::lock(&self.pending).take();
        if let Some(id) = pending {
            self.announce(id);
        }
    }

    /// Tells the elements behind, past all that waits in queues.
    pub(super) fn announce(&self, id: Option<u64>) {
        let structure = gst::Structure::builder(metas::INTERRUPT_EVENT)
            .field_if_some(metas::UTTERANCE_ID, id)
            .build();
        // Nobody may be there to listen.
        let _ = self
            .obj()
            .static_pad("src")
            .is_some_and(|pad| pad.push_event(gst::event::CustomDownstreamOob::new(structure)));
    }
}
