// SPDX-License-Identifier: MPL-2.0
//! A network that behaves badly.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// On the loopback the kernel takes megabytes before anything waits: with packets and buffers as
/// of a real line, who sends notices within a second or two.
const PACKET: u32 = 1400;
const BUFFER: usize = 8192;

/// A line to the server that can be held up, narrowed and cut.
pub struct Relay {
    /// Where it listens.
    pub port: u16,
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: bool,
    /// Bits a second; `None` is as many as come.
    rate: Option<u64>,
    connections: u64,
    /// Connections up to that number carry nothing any more, without being closed.
    dead: u64,
    sockets: Vec<TcpStream>,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// Waits until a connection carries something; at how many bits a second.
    fn carry(&self, number: u64) -> Option<u64> {
        let held = |state: &mut State| state.held || number <= state.dead;
        let state = self.changed.wait_while(self.lock(), held);
        state.expect("not poisoned").rate
    }
}

impl Relay {
    /// To a port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = listener();
        let own = listener.local_addr().expect("bound").port();
        let line = Arc::new(Line::default());
        let shared = line.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // While the server is away, who comes is sent away.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    connect(&shared, &client, &server);
                }
            }
        });
        Self { port: own, line }
    }

    /// Lets through what comes, or holds it up.
    pub fn set_free(&self, free: bool) {
        self.line.lock().held = !free;
        self.line.changed.notify_all();
    }

    /// How wide it is, kbit/s; `None` is as wide as this machine.
    pub fn set_width(&self, kbit: Option<u64>) {
        self.line.lock().rate = kbit.map(|kbit| kbit * 1000);
    }

    /// Closes all connections.
    pub fn reset(&self) {
        for socket in self.line.lock().sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// All connections stay open and carry nothing any more, as when a machine on the way has
    /// forgotten them; new ones are as good as before.
    pub fn forget(&self) {
        let mut state = self.line.lock();
        state.dead = state.connections;
    }
}

fn listener() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(BUFFER).expect("a small one");
    socket.set_tcp_mss(PACKET).expect("small packets");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).expect("a free port");
    socket.listen(16).expect("it listens");
    socket.into()
}

fn connect(line: &Arc<Line>, client: &TcpStream, server: &TcpStream) {
    let number = {
        let mut state = line.lock();
        state.connections += 1;
        for socket in [client, server] {
            state.sockets.push(socket.try_clone().expect("a socket"));
        }
        state.connections
    };
    for (from, to) in [(client, server), (server, client)] {
        let from = from.try_clone().expect("a socket");
        let to = to.try_clone().expect("a socket");
        let line = line.clone();
        std::thread::spawn(move || pass(from, to, &line, number));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, line: &Line, number: u64) {
    let mut block = vec![0; 16 * 1024];
    loop {
        let rate = line.carry(number);
        let most = if rate.is_some() {
            PACKET as usize
        } else {
            block.len()
        };
        let count = match from.read(&mut block[..most]) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        if let Some(rate) = rate {
            // The time that these bytes take on the line.
            std::thread::sleep(Duration::from_secs_f64(count as f64 * 8.0 / rate as f64));
        }
        line.carry(number);
        if to.write_all(&block[..count]).is_err() {
            break;
        }
    }
    // One end is gone, so the other one hears of it.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
