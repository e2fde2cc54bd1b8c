// SPDX-License-Identifier: MPL-2.0
//! What only a bucket does.

use super::*;

#[test]
fn a_bucket_links_to_its_results_and_links_expire() {
    let Some(store) = bucket() else {
        return;
    };
    run(|folder| async move {
        let (a, id) = (owner("a"), JobId::new(1, 1));
        let file = folder.join("a.mp4");
        std::fs::write(&file, b"video").expect("a file");
        store
            .put_result(&a, &id, Container::Mp4, &file)
            .await
            .expect("it is stored");
        let done = rendered(&id);
        let link = async |seconds| {
            let link = store.link(&a, &done, Duration::from_secs(seconds)).await;
            link.expect("it is signed").expect("a bucket has addresses")
        };
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.expect("a client");
        let status = async |url: reqwest::Url| {
            let answer = client.get(url).send().await.expect("an answer");
            (answer.status().as_u16(), answer.bytes().await.expect("all"))
        };
        let good = link(600).await;
        assert_eq!(status(good.clone()).await, (200, "video".into()));
        // A browser plays it, and saves it under a name that says what it is.
        let answer = client.get(good.clone()).send().await.expect("an answer");
        let told = |name: &str| answer.headers()[name].to_str().expect("plain").to_owned();
        assert_eq!(told("content-type"), "video/mp4");
        let name = format!("attachment; filename=\"{id}.mp4\"");
        assert_eq!(told("content-disposition"), name);
        // It is for this result and this time, and for nobody who changes it.
        let text = good.to_string();
        for (from, to) in [("X-Amz-Expires=600", "X-Amz-Expires=700"), ("mp4", "mkv")] {
            let other = text.replace(from, to).parse().expect("an address");
            assert_eq!(status(other).await.0, 403, "{to}");
        }
        let short = link(1).await;
        while status(short.clone()).await.0 != 403 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let folder = jobs::store(&folder)
            .link(&a, &done, Duration::from_secs(1))
            .await;
        assert_eq!(folder.expect("an answer"), None, "a folder has no address");
    });
}

#[test]
fn a_bucket_that_is_not_there_does_not_answer() {
    let (Some(store), Some(server)) = (bucket(), SERVER.as_ref()) else {
        return;
    };
    let (other, variables) = {
        let server = server.lock().expect("a lock");
        let other = server.address("x").replace("s3://", "s3://no-");
        (other, server.variables.clone())
    };
    let other = Store::open_by(&other, variables).expect("a store");
    run(|_| async move {
        store.answers().await.expect("it is there, and empty");
        assert!(other.answers().await.is_err());
    });
}

#[test]
fn more_jobs_than_a_page_of_the_bucket_are_all_there() {
    // The server lists fewer at once.
    const JOBS: u64 = 45;
    let Some(store) = bucket() else {
        return;
    };
    run(|_| async move {
        let a = owner("a");
        let given: Vec<_> = (0..JOBS).map(|ms| job(&a, ms)).collect();
        for accepted in join_all(given.iter().map(|job| store.accept(job))).await {
            assert!(accepted.expect("it is stored"));
        }
        let listed = store.jobs(&a, None, 100).await.expect("a list");
        let given: Vec<_> = given.into_iter().rev().map(|job| job.id).collect();
        assert_eq!(listed, given);
        assert_eq!(store.open_jobs().await.expect("a list").len(), given.len());
    });
}
