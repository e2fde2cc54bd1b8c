// SPDX-License-Identifier: MPL-2.0
//! Callbacks and the broker over TLS, with whom the system trusts and with others.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{Arc, mpsc},
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::json;

use crate::{
    parts::{Whole, run},
    servers::{Rabbit, left_out},
};

/// Makes a certificate and its key, NAME.pem and NAME.key; signed by another one, for localhost, or
/// by itself, to sign others. Whether there is openssl.
fn certificate(folder: &Path, name: &str, signer: Option<&str>) -> bool {
    let mut openssl = Command::new("openssl");
    openssl
        .current_dir(folder)
        .args(["req", "-x509", "-days", "2", "-nodes", "-newkey", "ec"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj"])
        .arg(format!("/CN={name}"))
        .args([
            "-out",
            &format!("{name}.pem"),
            "-keyout",
            &format!("{name}.key"),
        ]);
    if let Some(signer) = signer {
        openssl
            .args(["-CA", &format!("{signer}.pem")])
            .args(["-CAkey", &format!("{signer}.key")])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    }
    let Ok(made) = openssl.output() else {
        left_out("openssl is missing (Debian: openssl)");
        return false;
    };
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    true
}

/// Listens with a certificate, and answers each call; what came over each connection, or that no
/// trust was found.
fn hear(folder: &Path, name: &str) -> (u16, mpsc::Receiver<Result<String, String>>) {
    let certificate = CertificateDer::from_pem_file(folder.join(format!("{name}.pem")));
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key")));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("PEM")], key.expect("PEM"));
    let config = Arc::new(config.expect("they fit"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let server = ServerConnection::new(config.clone()).expect("a server");
            let mut stream = StreamOwned::new(server, stream);
            let call = call(&mut stream).map_err(|error| error.to_string());
            if told.send(call).is_err() {
                return;
            }
        }
    });
    (port, heard)
}

fn call(stream: &mut StreamOwned<ServerConnection, TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    // The body is JSON, and ends as it does.
    while !text.ends_with("}}") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            length => text += &String::from_utf8_lossy(&piece[..length]),
        }
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(text)
}

#[test]
fn a_callback_goes_over_tls_to_whom_the_system_trusts_and_to_nobody_else() {
    run(|folder| async move {
        let made = certificate(&folder, "ca", None)
            && certificate(&folder, "good", Some("ca"))
            && certificate(&folder, "stranger", None)
            && certificate(&folder, "bad", Some("stranger"));
        if !made {
            return;
        }
        // It asks no broker: jobs end here by being cancelled.
        let mut whole = Whole::at("amqp://127.0.0.1:9/%2f", &folder);
        whole.set(
            "SSL_CERT_FILE",
            &folder.join("ca.pem").display().to_string(),
        );
        whole.set("SONICD_PRIVATE_CALLBACKS", "yes");
        let api = whole.api();
        whole.ready().await;
        let (good, heard) = hear(&folder, "good");
        let (bad, unheard) = hear(&folder, "bad");
        let called = async |url: String| {
            let order = json!({ "text": url, "callback_url": url });
            let id = whole.submit_order(&order).await;
            let job = format!("http://{}/v1/jobs/{id}", whole.address);
            let cancelled = whole.client.delete(job).send().await;
            assert_eq!(cancelled.expect("an answer").status(), 200);
            id
        };
        let wait = async |from: &mpsc::Receiver<Result<String, String>>| loop {
            match from.try_recv() {
                Ok(call) => return call,
                Err(_) => whole.wait("somebody calls").await,
            }
        };
        let id = called(format!("https://localhost:{good}/hook?key=1")).await;
        let call = wait(&heard).await.expect("it is trusted");
        assert!(call.starts_with("POST /hook?key=1 HTTP/1.1\r\n"), "{call}");
        assert!(
            call.contains(&id) && call.contains("sonicd-signature: t="),
            "{call}"
        );
        // Signed by a stranger, or for another name.
        called(format!("https://localhost:{bad}/")).await;
        let refused = wait(&unheard).await.expect_err("it is not trusted");
        assert!(refused.contains("UnknownCA"), "{refused}");
        called(format!("https://127.0.0.1:{good}/")).await;
        wait(&heard).await.expect_err("it is for another name");
        let metrics = format!("http://{}/metrics", whole.address);
        loop {
            let text = whole.client.get(&metrics).send().await.expect("an answer");
            let text = text.text().await.expect("all of it");
            if text.contains("sonicd_callbacks_total{outcome=\"failed\"} 2\n") {
                break;
            }
            whole.wait("both are counted").await;
        }
        api.end();
    });
}

/// What an operator is told who asks for the queues; whether there was an answer.
fn queues(url: &str, trusted: &Path) -> (bool, String) {
    let asked = Command::new(env!("CARGO_BIN_EXE_sonicd"))
        .args(["queue", "stats"])
        .env("SONICD_AMQP_URL", url)
        .env("SSL_CERT_FILE", trusted)
        .output()
        .expect("it runs");
    let said = [asked.stdout, asked.stderr].concat();
    (
        asked.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn a_broker_is_spoken_to_over_tls_if_the_system_trusts_it() {
    run(|folder| async move {
        let made = certificate(&folder, "ca", None)
            && certificate(&folder, "good", Some("ca"))
            && certificate(&folder, "stranger", None);
        if !made {
            return;
        }
        let file = |name: &str| folder.join(name);
        let Some(rabbit) = Rabbit::start_tls(&file("good.pem"), &file("good.key")) else {
            return;
        };
        let mut whole = Whole::new(&rabbit, &folder);
        assert!(rabbit.url.starts_with("amqps://"), "{}", rabbit.url);
        whole.set("SSL_CERT_FILE", &file("ca.pem").display().to_string());
        let (_api, _worker) = (whole.api(), whole.worker());
        whole.ready().await;
        let job = whole.submit("Nobody listens.").await;
        whole.done(&job).await;
        let (known, said) = queues(&rabbit.url, &file("ca.pem"));
        assert!(known, "{said}");
        // Signed by somebody else than is trusted, and made for another name.
        let elsewhere = rabbit.url.replace("localhost", "127.0.0.1");
        for (url, trusted) in [(&rabbit.url, "stranger.pem"), (&elsewhere, "ca.pem")] {
            let (known, said) = queues(url, &file(trusted));
            assert!(!known && said.contains("certificate"), "{said}");
            assert!(!said.contains("guest"), "{said}");
        }
    });
}
