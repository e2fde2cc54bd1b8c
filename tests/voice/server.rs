// SPDX-License-Identifier: MPL-2.0
//! A server on this machine that answers as it is told to.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What one connection gets.
#[derive(Clone)]
pub enum Reply {
    /// These bytes; then it is closed.
    Bytes(Vec<u8>),
    /// Nothing; it stays open as long as the server is there.
    Hang,
    /// These bytes, then these again and again.
    Endless(Vec<u8>, Vec<u8>),
}

/// Answers one connection after the other, then refuses.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _hung: Arc<Mutex<Vec<TcpStream>>>,
}

impl Server {
    pub fn new(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let hung = Arc::new(Mutex::new(Vec::new()));
        let server = Self {
            address,
            requests: requests.clone(),
            _hung: hung.clone(),
        };
        thread::spawn(move || {
            for reply in replies {
                let Ok((mut stream, _)) = listener.accept() else {
                    return;
                };
                let request = read(&mut stream);
                requests.lock().expect("a list").push(request);
                // Who asked may have gone.
                let _ = match reply {
                    Reply::Bytes(bytes) => stream.write_all(&bytes),
                    Reply::Hang => {
                        hung.lock().expect("a list").push(stream);
                        Ok(())
                    }
                    Reply::Endless(first, again) => {
                        let mut done = stream.write_all(&first);
                        while done.is_ok() {
                            done = stream.write_all(&again);
                        }
                        done
                    }
                };
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("a list").clone()
    }
}

/// A whole request, or what came of it.
fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Of TLS, the first message is enough.
        if bytes.first() == Some(&0x16) {
            return text;
        }
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let named = name.eq_ignore_ascii_case("content-length");
                named.then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return text,
            Ok(count) => bytes.extend(&piece[..count]),
        }
    }
}

/// An answer with a body that is as long as it says.
pub fn reply(status: &str, headers: &str, body: &[u8]) -> Reply {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    Reply::Bytes([head.as_bytes(), body].concat())
}
