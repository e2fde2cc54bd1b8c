// SPDX-License-Identifier: MPL-2.0
//! A local RTMP server: Debian's nginx with its RTMP module, on free ports of the loopback.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

const NGINX: &str = "/usr/sbin/nginx";
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
const PATIENCE: Duration = Duration::from_secs(20);

/// Records what is published to it; ends, with its workers, when dropped.
pub struct RtmpServer {
    folder: tempfile::TempDir,
    master: Child,
    log: Receiver<String>,
    rtmp_port: u16,
    http_port: u16,
    tls_port: u16,
}

impl RtmpServer {
    /// `None`, with a printed line, where there is no such nginx; a failure if
    /// `SONIC_REQUIRE_ALL=1`.
    pub fn start() -> Option<Self> {
        Self::begin(false)
    }

    /// Likewise, and it speaks TLS as well, with a certificate for localhost that nobody signed.
    pub fn start_with_tls() -> Option<Self> {
        Self::begin(true)
    }

    fn begin(tls: bool) -> Option<Self> {
        if !Path::new(NGINX).exists() || !Path::new(MODULE).exists() {
            super::skip("nginx with its RTMP module (Debian: nginx-core, libnginx-mod-rtmp)");
            return None;
        }
        let openssl = || Command::new("openssl").arg("version").output().is_ok();
        if tls && !(Path::new(STREAM_MODULE).exists() && openssl()) {
            super::skip("nginx's stream module and openssl (Debian: libnginx-mod-stream, openssl)");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("rec")).expect("a folder for recordings");
        // Held until both are known, so that they differ.
        let listeners = [(); 3].map(|()| free_port());
        let ports = listeners.each_ref().map(port);
        drop(listeners);
        let [rtmp_port, http_port, tls_port] = ports;
        let mut text = config(folder.path(), rtmp_port, http_port);
        if tls {
            certify(folder.path());
            text = with_tls(&text, folder.path(), rtmp_port, tls_port);
        }
        fs::write(folder.path().join("nginx.conf"), text).expect("written");
        let (master, log) = spawn(folder.path());
        let server = Self {
            folder,
            master,
            log,
            rtmp_port,
            http_port,
            tls_port,
        };
        // The sockets are open before the first worker starts.
        server.wait_for("start worker process ");
        Some(server)
    }

    /// Kills it with its workers, as a crash would: connections end without a word.
    pub fn kill(&mut self) {
        let workers = self.workers();
        signal("-KILL", &self.master.id().to_string());
        let _ = self.master.wait();
        end_workers(&workers);
    }

    /// Starts it again on the same ports.
    pub fn restart(&mut self) {
        (self.master, self.log) = spawn(self.folder.path());
        self.wait_for("start worker process ");
    }

    /// Stops it as it is, as a machine that is too busy: connections stay, nothing is answered.
    pub fn pause(&self) {
        self.to_all("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.to_all("-CONT");
    }

    fn to_all(&self, which: &str) {
        signal(which, &self.master.id().to_string());
        for worker in self.workers() {
            signal(which, &worker);
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.rtmp_port
    }

    /// Where to publish a stream.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{stream}", self.rtmp_port)
    }

    /// Where to publish a stream through TLS, on the host as it is named here.
    pub fn tls_url(&self, host: &str, stream: &str) -> String {
        format!("rtmps://{host}:{}/live/{stream}", self.tls_port)
    }

    /// Where only the stream `good` may be published; everything else is answered with 403.
    pub fn guarded_url(&self, stream: &str) -> String {
        format!("rtmp://127.0.0.1:{}/auth/{stream}", self.rtmp_port)
    }

    /// XML with clients, bytes and codecs.
    pub fn stat_url(&self) -> String {
        format!("http://127.0.0.1:{}/stat", self.http_port)
    }

    /// The finished recording of a stream; call it when its publisher has gone.
    pub fn recording(&self, stream: &str) -> PathBuf {
        self.wait_for("disconnect");
        let mut files = self.recordings(stream);
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    /// The recordings of a stream so far, oldest first.
    pub fn recordings(&self, stream: &str) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path().join("rec"))
            .expect("recordings")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                let name = path.file_name().and_then(|n| n.to_str());
                name.is_some_and(|n| n.starts_with(stream))
            })
            .collect();
        // Their names have the number of the process and the time at which they began.
        files.sort_by_key(|file| fs::metadata(file).and_then(|m| m.modified()).ok());
        files
    }

    /// Waits for a line of nginx's log.
    pub fn wait_for(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(text) => return,
                Ok(line) => seen.push(line),
                Err(_) => panic!("nginx never said {text:?}, but:\n{}", seen.join("\n")),
            }
        }
    }

    fn workers(&self) -> Vec<String> {
        let id = self.master.id();
        fs::read_to_string(format!("/proc/{id}/task/{id}/children"))
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for RtmpServer {
    fn drop(&mut self) {
        let workers = self.workers();
        signal("-TERM", &self.master.id().to_string());
        let _ = self.master.wait();
        end_workers(&workers);
    }
}

/// A worker outlives a master that was killed, and keeps the port.
fn end_workers(workers: &[String]) {
    for worker in workers {
        let name = fs::read_to_string(format!("/proc/{worker}/comm"));
        if name.is_ok_and(|name| name.trim() == "nginx") {
            signal("-KILL", worker);
        }
    }
}

fn spawn(folder: &Path) -> (Child, Receiver<String>) {
    // A test that its watchdog ends tells no server to end: the kernel does.
    let mut master = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", NGINX, "-e", "stderr", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nginx starts");
    let log = lines(&mut master);
    (master, log)
}

fn signal(which: &str, pid: &str) {
    let _ = Command::new("kill").args([which, pid]).status();
}

fn free_port() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).expect("a free port")
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("bound").port()
}

fn lines(child: &mut Child) -> Receiver<String> {
    let stderr = child.stderr.take().expect("piped");
    let (out, log) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Nobody listens any more: keep reading, or nginx would block.
            let _ = out.send(line);
        }
    });
    log
}

fn config(folder: &Path, rtmp: u16, http: u16) -> String {
    use std::os::unix::fs::MetadataExt;
    // Started by root it would otherwise give its workers to a user who may not write here.
    let root = fs::metadata(folder).is_ok_and(|meta| meta.uid() == 0);
    let user = if root { "user root;" } else { "" };
    let folder = folder.display();
    format!(
        "load_module {MODULE};
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
rtmp {{
  server {{
    listen 127.0.0.1:{rtmp};
    chunk_size 4096;
    ping 10s;
    ping_timeout 5s;
    application live {{
      live on;
      record all;
      record_path {folder}/rec;
      record_unique on;
      drop_idle_publisher 15s;
    }}
    application auth {{
      live on;
      notify_method get;
      on_publish http://127.0.0.1:{http}/on_publish;
    }}
  }}
}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{http};
    location /stat {{ rtmp_stat all; }}
    location /on_publish {{ if ($arg_name = \"good\") {{ return 200; }} return 403; }}
  }}
}}
"
    )
}

/// Makes a key and a certificate for localhost, signed by itself.
fn certify(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("cert.pem"))
        .output()
        .expect("openssl runs");
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
}

/// The configuration with a port at which the same is spoken within TLS.
fn with_tls(config: &str, folder: &Path, rtmp: u16, tls: u16) -> String {
    let folder = folder.display();
    format!(
        "load_module {STREAM_MODULE};
{config}stream {{
  server {{
    listen 127.0.0.1:{tls} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    proxy_pass 127.0.0.1:{rtmp};
  }}
}}
"
    )
}
