// SPDX-License-Identifier: MPL-2.0
//! What is found in the portraits of strangers stays where the files of jobs are.

use serde_json::json;
use sonicd::job::Digest;

use crate::parts::{RABBIT, Whole, run};

#[test]
fn landmarks_lie_with_the_jobs_and_not_in_the_users_cache() {
    let Some(rabbit) = RABBIT.as_ref() else {
        return;
    };
    let required = std::env::var("SONIC_REQUIRE_ALL").is_ok_and(|v| v == "1");
    if sonic_engine::face::Predictor::find(None).is_err() && !required {
        println!("left out: the face predictor is missing (Debian: libdlib-data)");
        return;
    }
    run(|folder| async move {
        let rabbit = rabbit.read().await;
        let mut whole = Whole::new(&rabbit, &folder);
        let cache = folder.join("cache of the user");
        whole.set("XDG_CACHE_HOME", &cache.display().to_string());
        let (_api, _worker) = (whole.api(), whole.worker());
        whole.ready().await;
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/portrait.png");
        let portrait = std::fs::read(file).expect("the built-in portrait");
        let digest = Digest::of(&portrait);
        let blob = format!("http://{}/v1/blobs/{digest}", whole.address);
        let put = whole.client.put(blob).body(portrait).send().await;
        assert_eq!(put.expect("an answer").status(), 201);
        let order = json!({ "text": "It is me.", "size": "192x160", "portrait_sha256": digest });
        let job = whole.submit_order(&order).await;
        whole.done(&job).await;
        let kept = std::fs::read_dir(folder.join("sonicd-faces/landmarks"));
        assert_eq!(kept.expect("a folder").count(), 1);
        assert!(!cache.join("gst-sonic").exists());
    });
}
