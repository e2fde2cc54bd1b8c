// SPDX-License-Identifier: MPL-2.0
//! Speech timing between elements: what an event and a meta say comes out as it went in, and
//! foreign ones do no harm.

mod common;

use common::*;
use gst::prelude::*;
use gstsonic::metas::{CLAUSE_EVENT, SpeechClause, SpeechPlace, SpokenWord, limits};
use proptest::prelude::*;
use sonic_engine::speech::Phone;

const SAMPLES: u64 = 22_050;

fn clause() -> SpeechClause {
    let stop = Phone {
        release: Some(1_500),
        ..Phone::new("b", 1_000, 600)
    };
    SpeechClause {
        utterance_id: u64::MAX,
        clause: 3,
        text: "Sag \"ba\": 爸。\n".to_owned(),
        language: "de-AT".to_owned(),
        rate: 22_050,
        phones: vec![
            Phone::new("", 0, 1_000),
            stop,
            Phone::new("ˈaː", 1_600, 4_000),
        ],
        words: vec![SpokenWord {
            text: "ba".to_owned(),
            start: 1_000,
            length: 4_600,
        }],
    }
}

fn read(structure: &gst::StructureRef) -> Result<SpeechClause, String> {
    SpeechClause::from_structure(structure).map_err(|e| e.to_string())
}

fn any_clause() -> impl Strategy<Value = SpeechClause> {
    let phones = prop::collection::vec(
        ("\\PC{0,4}", 0u64..9_000, prop::option::of(0u64..9_000)),
        0..40,
    );
    let words = prop::collection::vec(("\\PC{0,9}", 0u64..9_000), 0..20);
    let head = (
        any::<u64>(),
        any::<u32>(),
        "\\PC{0,80}",
        "[a-z-]{0,12}",
        8_000u32..=192_000,
    );
    (head, phones, words).prop_map(
        |((utterance_id, clause, text, language, rate), phones, words)| {
            let mut at = 0;
            let mut next = |length: u64| {
                let start = at;
                at += length;
                start
            };
            SpeechClause {
                utterance_id,
                clause,
                text,
                language,
                rate,
                phones: phones
                    .into_iter()
                    .map(|(ipa, length, release)| {
                        let phone = Phone::new(ipa, next(length), length);
                        let release = release.map(|r| phone.start + r.min(length));
                        Phone { release, ..phone }
                    })
                    .collect(),
                words: words
                    .into_iter()
                    .map(|(text, length)| SpokenWord {
                        text,
                        start: length,
                        length,
                    })
                    .scan(0, |at, word| {
                        *at += word.length;
                        Some(SpokenWord { start: *at, ..word })
                    })
                    .collect(),
            }
        },
    )
}

proptest! {
    #[test]
    fn events_say_what_they_were_told(clause in any_clause()) {
        init();
        let event = clause.to_event();
        prop_assert_eq!(SpeechClause::from_event(&event), Some(Ok(clause.clone())));
        // Bindings without arrays read this.
        let text: String = event.structure().expect("a structure").get("json").expect("a string");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(json["utterance-id"].as_u64(), Some(clause.utterance_id));
        prop_assert_eq!(json["text"].as_str(), Some(clause.text.as_str()));
        let phones = json["phones"].as_array().expect("an array");
        prop_assert_eq!(phones.len(), clause.phones.len());
        for (written, phone) in phones.iter().zip(&clause.phones) {
            prop_assert_eq!(written["ipa"].as_str(), Some(phone.ipa.as_str()));
            prop_assert_eq!(written["viseme"].as_str(), Some(phone.viseme().name()));
            prop_assert_eq!(written["start"].as_u64(), Some(phone.start));
            prop_assert_eq!(written["release"].as_u64(), phone.release);
        }
        prop_assert_eq!(json["words"].as_array().map(Vec::len), Some(clause.words.len()));
    }

    #[test]
    fn metas_say_what_they_were_told(utterance_id: u64, clause: u32, offset: u64) {
        init();
        let place = SpeechPlace { utterance_id, clause, offset };
        let mut buffer = gst::Buffer::new();
        prop_assert_eq!(SpeechPlace::of(&buffer), None);
        place.attach(buffer.get_mut().expect("new")).expect("registered");
        prop_assert_eq!(SpeechPlace::of(&buffer), Some(Ok(place)));
        let meta = gst::meta::CustomMeta::from_buffer(&buffer, "SonicSpeechMeta").expect("a meta");
        let text: String = meta.structure().get("json").expect("a string");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(json["offset"].as_u64(), Some(offset));
        prop_assert_eq!(json["clause"].as_u64(), Some(u64::from(clause)));
        prop_assert_eq!(json["utterance-id"].as_u64(), Some(utterance_id));
    }
}

/// Other events, and a clause sent out of band, which has no place among the buffers.
#[test]
fn other_events_are_no_clauses() {
    init();
    let out_of_band = gst::event::CustomDownstreamOob::new(clause().to_structure());
    let other = gst::event::CustomDownstream::new(gst::Structure::new_empty("other"));
    for event in [gst::event::Eos::new(), out_of_band, other] {
        assert_eq!(SpeechClause::from_event(&event), None);
    }
}

#[test]
fn what_is_wrong_is_refused_and_named() {
    init();
    let refused = |change: &dyn Fn(&mut gst::Structure)| {
        let mut structure = clause().to_structure();
        change(&mut structure);
        read(&structure).expect_err("refused")
    };
    for field in [
        "utterance-id",
        "clause",
        "text",
        "language",
        "rate",
        "phones",
        "words",
    ] {
        let missing = refused(&|s| s.remove_field(field));
        assert!(missing.contains(field), "{missing}");
        let of_another_type = refused(&|s| s.set(field, 1.5f64));
        assert!(of_another_type.contains(field), "{of_another_type}");
    }
    for rate in [0u32, 7_999, 192_001, u32::MAX] {
        refused(&|s| s.set("rate", rate));
    }
    refused(&|s| s.set("text", "x".repeat(limits::TEXT + 1)));
    refused(&|s| s.set("language", "x".repeat(limits::SYMBOL + 1)));
    refused(&|s| s.set("phones", gst::Array::new(["p", "b"])));
    let many = (0..=limits::ITEMS).map(|_| gst::Structure::new_empty("word"));
    refused(&|s| s.set("words", gst::Array::new(many.clone())));
    let phones: [(&str, Phone); 5] = [
        ("too late", Phone::new("a", limits::SECONDS * SAMPLES, 1)),
        ("no number of samples", Phone::new("a", u64::MAX, u64::MAX)),
        (
            "released before it",
            Phone {
                release: Some(9),
                ..Phone::new("b", 10, 10)
            },
        ),
        (
            "released behind it",
            Phone {
                release: Some(21),
                ..Phone::new("b", 10, 10)
            },
        ),
        (
            "a long name",
            Phone::new("a".repeat(limits::SYMBOL + 1), 0, 1),
        ),
    ];
    for (what, phone) in phones {
        let wrong = SpeechClause {
            phones: vec![phone],
            ..clause()
        };
        assert!(read(&wrong.to_structure()).is_err(), "{what}");
    }
    let mut turned = clause();
    turned.phones.reverse();
    assert!(read(&turned.to_structure()).is_err(), "out of order");
}

/// Whoever sends such events without this crate may write them like this.
#[test]
fn an_event_can_be_written_as_text() {
    init();
    let structure: gst::Structure = "sonic-clause, utterance-id=(guint64)1, clause=(guint)0, \
         text=Ba, language=de, rate=(guint)16000, \
         phones=(GstValueArray)<(GstStructure)[phone, ipa=b, start=(guint64)0, length=(guint64)800, release=(guint64)700], \
         (GstStructure)[phone, ipa=a, start=(guint64)800, length=(guint64)2000]>, \
         words=(GstValueArray)<>"
        .parse()
        .expect("a structure");
    let clause = read(&structure).expect("it is complete");
    assert_eq!(clause.phones.len(), 2);
    assert_eq!(clause.phones[0].release, Some(700));
    assert_eq!(structure.name(), CLAUSE_EVENT);
}

/// What comes out of `filters` when four buffers of a clause go in, of 20 ms each: how many
/// clauses, and where in the clause and when (ns) each buffer lies.
fn through(filters: &str) -> (usize, Vec<(Option<u64>, u64)>) {
    init();
    let description = format!(
        "appsrc name=src format=time caps=audio/x-raw,format=F32LE,layout=interleaved,rate=22050,channels=1 \
         ! {filters} ! appsink name=sink sync=false"
    );
    let pipeline = gst::parse::launch(&description).expect("a description");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let src = pipeline
        .by_name("src")
        .and_downcast::<gst_app::AppSrc>()
        .expect("appsrc");
    let sink = pipeline
        .by_name("sink")
        .and_downcast::<gst_app::AppSink>()
        .expect("appsink");
    let clauses = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = clauses.clone();
    let pad = sink.static_pad("sink").expect("sink");
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(Ok(found)) = info.event().and_then(|e| SpeechClause::from_event(e)) {
            assert_eq!(found, clause());
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let at = |i: u64| gst::ClockTime::from_nseconds(i * 441 * 1_000_000_000 / SAMPLES);
    for i in 0..4u64 {
        let mut buffer = unstamped(&[0.25; 441]);
        let b = buffer.get_mut().expect("new");
        b.set_pts(at(i));
        b.set_duration(at(i + 1) - at(i));
        let place = SpeechPlace {
            utterance_id: u64::MAX,
            clause: 3,
            offset: i * 441,
        };
        place.attach(b).expect("registered");
        if i == 0 {
            // Serialized events of an appsrc wait for their turn among its buffers.
            assert!(src.send_event(clause().to_event()));
        }
        src.push_buffer(buffer).expect("taken");
    }
    src.end_of_stream().expect("taken");
    let buffers = std::iter::from_fn(|| sink.pull_sample().ok())
        .map(|sample| {
            let buffer = sample.buffer().expect("a buffer");
            let place = SpeechPlace::of(buffer).map(|p| p.expect("well made").offset);
            (place, buffer.pts().expect("a time").nseconds())
        })
        .collect();
    pipeline.set_state(gst::State::Null).expect("it stops");
    (clauses.load(std::sync::atomic::Ordering::SeqCst), buffers)
}

/// Each of these lines is stated in the documentation of the metas.
#[test]
fn the_meta_survives_what_copies_buffers() {
    let _watchdog = watchdog(60);
    let filters = [
        "queue",
        "volume volume=0.5",
        "audioconvert ! audio/x-raw,format=S16LE,channels=2",
        "audioresample ! audio/x-raw,rate=48000",
        "audioresample ! audio/x-raw,rate=16000",
        "audiorate",
        "level",
        "tee name=t ! queue ! volume volume=0.5 ! fakesink t.",
        "queue ! audioconvert ! audioresample ! tee ! volume mute=true ! audio/x-raw,format=S32LE,rate=44100,channels=6,channel-mask=(bitmask)0x3f",
    ];
    for filter in filters {
        let (clauses, buffers) = through(filter);
        assert_eq!(clauses, 1, "{filter}");
        assert!(buffers.len() >= 4, "{filter}: {buffers:?}");
        for (i, (offset, time)) in buffers.into_iter().enumerate() {
            let Some(offset) = offset else {
                assert!(i >= 4, "{filter}: no meta at {time}");
                continue;
            };
            let meant = offset * 1_000_000_000 / SAMPLES;
            // A resampler holds back half its filter, some 1.5 ms.
            assert!(
                meant.abs_diff(time) < 3_000_000,
                "{filter}: {meant} and {time}"
            );
        }
    }
}

#[test]
fn pieces_keep_the_offset_of_what_they_were_cut_from() {
    let _watchdog = watchdog(60);
    let (clauses, buffers) = through("audiobuffersplit output-buffer-duration=1/100");
    let offsets: Vec<_> = buffers.iter().map(|(offset, _)| *offset).collect();
    let whole = [0, 441, 882, 1_323].map(Some);
    let twice: Vec<_> = whole.iter().flat_map(|o| [*o, *o]).collect();
    assert_eq!((clauses, offsets), (1, twice));
}

/// The event goes where the meta does not.
#[test]
fn a_mixer_loses_the_meta_and_not_the_event() {
    let _watchdog = watchdog(60);
    let (clauses, buffers) = through("audiomixer");
    assert_eq!(clauses, 1);
    assert!(
        buffers.iter().all(|(offset, _)| offset.is_none()),
        "{buffers:?}"
    );
}
