// SPDX-License-Identifier: MPL-2.0
//! Over S3: results are fetched from the bucket itself, and what becomes of jobs while it is away.

use std::time::{Duration, Instant};

use crate::{
    parts::{LONG, RABBIT, Whole, run},
    servers::S3,
};

#[test]
fn jobs_outlive_a_bucket_that_is_away() {
    away(Duration::from_secs(4));
}

#[test]
#[ignore = "takes half a minute"]
fn long_jobs_outlive_a_bucket_that_is_away_for_twenty_seconds() {
    away(Duration::from_secs(20));
}

fn away(outage: Duration) {
    let (Some(rabbit), Some(mut bucket)) = (RABBIT.as_ref(), S3::start()) else {
        return;
    };
    run(|folder| async move {
        let rabbit = rabbit.read().await;
        let mut whole = Whole::new(&rabbit, &folder);
        whole.set("SONICD_STORE", &bucket.address("whole"));
        whole.variables.extend(bucket.variables.clone());
        let (api, worker) = (whole.api(), whole.worker());
        whole.ready().await;

        // All is well. The result comes from the bucket itself.
        let first = whole.submit("Hello there.").await;
        whole.done(&first).await;
        let (file, at) = whole.result(&first).await;
        assert_eq!(&file[4..8], b"ftyp");
        let endpoint: reqwest::Url = bucket.variables[0].1.parse().expect("an address");
        assert_eq!(at.port(), endpoint.port(), "{at}");

        let mut taken = Vec::new();
        for times in [10, 1, 2, 3] {
            taken.push(whole.submit(&LONG.repeat(times)).await);
        }
        whole.until(&taken[0], &["rendering"]).await;
        bucket.stop();
        // Who gives a job meanwhile is told to come again, and when.
        let began = Instant::now();
        while began.elapsed() < outage {
            let refused = whole.give("Meanwhile.").await;
            assert_eq!(refused.status(), 503);
            let wait = refused.headers().get("retry-after");
            let wait = wait.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            assert!(wait.is_some_and(|seconds| seconds > 0), "{wait:?}");
        }
        bucket.start_again();
        loop {
            let answer = whole.give("Meanwhile.").await;
            if answer.status() == 201 {
                let job: serde_json::Value = answer.json().await.expect("JSON");
                taken.push(job["id"].as_str().expect("a name").to_owned());
                break;
            }
            whole.wait("jobs are taken again").await;
        }
        for id in &taken {
            whole.done(id).await;
        }
        worker.end();
        api.end();
    });
}
