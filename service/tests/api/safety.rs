// SPDX-License-Identifier: MPL-2.0
//! Who may ask, for what, and how often.

use reqwest::Method;
use serde_json::json;
use sonicd::{
    job::Owner,
    post::Within,
    serve::{self, auth::make_token, settings::Settings},
    store::Store,
};

use crate::{Service, answer, described, picture, run, run_with};

#[test]
fn pages_of_other_sites_and_other_names_are_kept_out() {
    run(async |service| {
        let own = service.base.clone();
        let port = own.rsplit_once(':').expect("a port").1.to_owned();
        for (host, origin, status) in [
            (format!("127.0.0.1:{port}"), None, 201),
            (format!("localhost:{port}"), None, 201),
            (format!("127.0.0.1:{port}"), Some(own.as_str()), 201),
            (
                format!("127.0.0.1:{port}"),
                Some("http://evil.example"),
                403,
            ),
            (format!("127.0.0.1:{port}"), Some("null"), 403),
            (format!("127.0.0.1:{port}"), Some("http://localhost:1"), 403),
            (format!("evil.example:{port}"), None, 403),
            (
                format!("evil.example:{port}"),
                Some("http://evil.example"),
                403,
            ),
        ] {
            let mut request = service
                .json("/v1/jobs", &json!({"text": "a"}))
                .header("host", &host);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let answer = answer(request).await;
            assert_eq!(answer.status.as_u16(), status, "{host} {origin:?}");
        }
        let mut elsewhere = service.request(Method::GET, "/v1/jobs");
        elsewhere = elsewhere.header("host", "evil.example");
        answer(elsewhere).await.expect(403);
    });
}

/// Gives each owner a token.
async fn with_tokens(owners: &[&str], test: impl AsyncFnOnce(&mut Service, Vec<String>)) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens");
    let token = |name: &&str| {
        let owner: Owner = name.parse().expect("a name");
        make_token(&owner, &file).expect("a token")
    };
    let tokens: Vec<_> = owners.iter().map(token).collect();
    let mut service = Service::start(|settings| settings.tokens = Some(file.clone())).await;
    test(&mut service, tokens).await;
    service.end().await;
}

fn block(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(crate::LIMIT, test).await });
    ended.expect("it ends in time");
}

#[test]
fn nothing_of_one_owner_is_seen_by_another() {
    block(with_tokens(&["anna", "bert"], async |service, tokens| {
        service.token = Some(tokens[0].clone());
        let (portrait, put) = service.put(&picture(64, 64)).await;
        put.expect(201);
        let job = json!({"text": "Mine", "portrait_sha256": portrait});
        let key = service
            .json("/v1/jobs", &job)
            .header("idempotency-key", "k");
        let id = answer(key).await.expect(201).json()["id"]
            .as_str()
            .expect("id")
            .to_owned();
        let ticket = service.tickets(1).await.remove(0);
        assert_eq!(ticket.owner.as_str(), "anna");
        service.render(&ticket).await;
        let link = service
            .get(&format!("/v1/jobs/{id}/result"))
            .await
            .expect(307);
        let link = link.header("location").to_owned();

        service.token = Some(tokens[1].clone());
        // What is another's looks as what is not.
        let unknown = "0".repeat(28);
        for (method, path) in [
            (Method::GET, "/v1/jobs/ID"),
            (Method::DELETE, "/v1/jobs/ID"),
            (Method::GET, "/v1/jobs/ID/result"),
            (Method::GET, "/v1/jobs/ID/events"),
        ] {
            let ask = async |id: &str| {
                let path = path.replace("ID", id);
                answer(service.request(method.clone(), &path))
                    .await
                    .expect(404)
            };
            assert_eq!(ask(&id).await.json(), ask(&unknown).await.json(), "{path}");
        }
        let path = format!("/v1/blobs/{portrait}");
        answer(service.request(Method::HEAD, &path))
            .await
            .expect(404);
        assert_eq!(
            service.submit(&job).await.expect(422).fields(),
            ["portrait_sha256"]
        );
        assert_eq!(service.get("/v1/jobs").await.json()["jobs"], json!([]));
        // The same words and the same key are another job, rendered anew.
        let same = service.json("/v1/jobs", &json!({"text": "Mine"}));
        let same = answer(same.header("idempotency-key", "k"))
            .await
            .expect(201);
        assert_eq!(same.json()["state"], "queued");

        // Nobody without a token, but for a link that was signed.
        service.token = None;
        for path in ["/v1/jobs", "/v1/parameters", "/v1/events", "/v1/me", &path] {
            let refused = service.get(path).await;
            assert!([401, 405].contains(&refused.status.as_u16()), "{path}");
        }
        assert_eq!(
            service.get("/v1/jobs").await.header("www-authenticate"),
            "Bearer"
        );
        service.token = Some("0".repeat(64));
        service.get("/v1/jobs").await.expect(401);
        service.token = None;
        assert_eq!(service.get(&link).await.expect(200).bytes, crate::FILM);
        service.get("/healthz").await.expect(200);
    }));
}

#[test]
fn who_is_given_a_token_may_ask_without_a_restart_and_who_loses_it_may_not() {
    block(with_tokens(&["anna"], async |service, tokens| {
        let file = service.settings.tokens.clone().expect("a file");
        let carl: Owner = "carl".parse().expect("a name");
        let new = make_token(&carl, &file).expect("a token");
        let knows = async |service: &mut Service, token: &str| {
            service.token = Some(token.to_owned());
            service.get("/v1/me").await.status == 200
        };
        crate::until("carl is known", async || knows(service, &new).await).await;
        let text = std::fs::read_to_string(&file).expect("a file");
        let without = text.lines().filter(|line| !line.starts_with("anna"));
        std::fs::write(&file, without.collect::<String>()).expect("a file");
        crate::until("anna is gone", async || !knows(service, &tokens[0]).await).await;
        assert!(knows(service, &new).await);
    }));
}

#[test]
fn who_asks_too_often_is_told_when_to_come_back() {
    let slow = |settings: &mut Settings| {
        settings.burst = 5.0;
        // So slowly that no more come while the test runs, wherever it runs.
        settings.rate = 0.001;
    };
    run_with(slow, async |service| {
        for n in 0..5 {
            service.job(&format!("Number {n}")).await;
        }
        let refused = service.submit(&json!({"text": "a"})).await.expect(429);
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!(wait > 0);
        refused.fields();
        service.get("/healthz").await.expect(200);
    });
}

#[test]
fn without_tokens_it_does_not_open_to_others() {
    block(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::folder(&folder.path().join("store")).expect("a store");
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0")
            .await
            .expect("a port");
        let post = std::sync::Arc::new(Within::default());
        let served = serve::start(Settings::default(), store, post, described(), listener).await;
        let refused = served.err().expect("it is open to all");
        assert!(refused.contains("sonicd token"), "{refused}");
    });
}

/// The page is whole, and loads nothing from anywhere else.
#[test]
fn the_page_is_served_with_a_policy() {
    run(async |service| {
        let page = answer(service.request(Method::GET, "/")).await.expect(200);
        let text = String::from_utf8(page.bytes.clone()).expect("text");
        for (name, kind) in [("page.css", "text/css"), ("page.js", "text/javascript")] {
            assert!(text.contains(&format!("\"{name}\"")), "{name}");
            let path = format!("/{name}");
            let file = answer(service.request(Method::GET, &path))
                .await
                .expect(200);
            assert!(file.header("content-type").starts_with(kind), "{name}");
        }
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains("//"));
    });
}
