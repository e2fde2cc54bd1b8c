// SPDX-License-Identifier: MPL-2.0
//! A network that behaves badly.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

/// A line to the server that can be held up.
pub struct Relay {
    /// Where it listens.
    pub port: u16,
    free: Arc<(Mutex<bool>, Condvar)>,
}

impl Relay {
    /// To a port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = listener.local_addr().expect("bound").port();
        let free = Arc::new((Mutex::new(true), Condvar::new()));
        let gate = free.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
                let back = (server.try_clone(), client.try_clone());
                let (mut from, mut to) = (back.0.expect("a socket"), back.1.expect("a socket"));
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let gate = gate.clone();
                std::thread::spawn(move || pass(client, server, &gate));
            }
        });
        Self { port: own, free }
    }

    /// Lets through what comes, or holds it up.
    pub fn set_free(&self, free: bool) {
        *self.free.0.lock().expect("not poisoned") = free;
        self.free.1.notify_all();
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, gate: &(Mutex<bool>, Condvar)) {
    let mut block = vec![0; 16 * 1024];
    loop {
        let free = gate.0.lock().expect("not poisoned");
        drop(
            gate.1
                .wait_while(free, |free| !*free)
                .expect("not poisoned"),
        );
        match from.read(&mut block) {
            Ok(0) | Err(_) => return,
            Ok(count) if to.write_all(&block[..count]).is_err() => return,
            Ok(_) => {}
        }
    }
}
