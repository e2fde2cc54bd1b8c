// SPDX-License-Identifier: MPL-2.0
//! What becomes of jobs when one part after the other is killed.

use crate::parts::{LONG, RABBIT, Whole, run};

#[test]
fn every_job_ends_whoever_is_killed() {
    let Some(rabbit) = RABBIT.as_ref() else {
        return;
    };
    run(|folder| async move {
        let mut rabbit = rabbit.write().await;
        let whole = Whole::new(&rabbit, &folder);
        let mut api = whole.api();
        let worker = whole.worker();
        whole.ready().await;

        // All is well.
        let first = whole.submit("Hello there.").await;
        let job = whole.done(&first).await;
        let (file, _) = whole.result(&first).await;
        assert_eq!(&file[4..8], b"ftyp", "{job}");
        // Once more it is there at once.
        let again = whole.submit("Hello there.").await;
        whole.done(&again).await;

        // A worker is killed while it renders; its child ends with it, and another one does the job.
        let long = whole.submit(&LONG.repeat(30)).await;
        whole.until(&long, &["rendering"]).await;
        worker.kill();
        let worker = whole.worker();
        whole.done(&long).await;

        // The API is killed: the job goes on, and is told of by the next one.
        let lasting = whole.submit(&LONG.repeat(5)).await;
        api.kill();
        api = whole.api();
        whole.ready().await;
        whole.done(&lasting).await;

        // The broker is killed: jobs are still taken, and rendered when it is back.
        rabbit.kill();
        let early = whole.submit("Without a broker.").await;
        rabbit.start_again();
        whole.done(&early).await;

        // Who is told to end ends; what it had goes to the next.
        let last = whole.submit(&LONG.repeat(4)).await;
        whole.until(&last, &["rendering", "done"]).await;
        worker.end();
        let worker = whole.worker();
        whole.done(&last).await;
        // It has begun, so that it hears when it is told to end.
        let after = whole.submit("The end.").await;
        whole.done(&after).await;
        worker.end();
        api.end();
    });
}
