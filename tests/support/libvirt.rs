//! A real libvirtd for the tests, of their own: nothing of it meets the libvirt that may run on the machine.
//!
//! ```ignore
//! let libvirt = Libvirt::start();
//! let arguments = libvirt.virsh(&["domxml-to-native", "qemu-argv", "domain.xml"]);
//! ```
//!
//! As root the daemon runs in a mount namespace in which its directories (/etc/libvirt, /run/libvirt, /var/lib/libvirt,
//! /var/log/libvirt) are empty ones of a temporary directory, with QEMU as root, so that it can use /dev/kvm. As another
//! user it is a session daemon with its own XDG directories. It ends when the value is dropped, with every domain that
//! still runs, and by itself when nobody has talked to it for five minutes. What it finds out about QEMU (some seconds) is
//! kept in cargo's directory for test files, so only the first start is slow.
//!
//! Needs the Debian packages libvirt-daemon-system and libvirt-clients, which scripts/test installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{root, tidy};

/// Seconds after which a daemon that does not answer counts as broken.
const TIMEOUT: Duration = Duration::from_secs(60);

/// QEMU without the confinement that needs a whole system around it.
const QEMU_CONF: &str = r#"
security_driver = "none"
stdio_handler = "file"
namespaces = [ ]
cgroup_controllers = [ ]
"#;

/// Gives the daemon directories of its own, then becomes it. $1 is their parent, $2 the cache.
const IN_NAMESPACE: &str = r#"
set -e
for own in /etc/libvirt /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
    mkdir -p "$own" "$1$own"
    mount --bind "$1$own" "$own"
done
mkdir -p /var/cache/libvirt/qemu/capabilities
mount --bind "$2" /var/cache/libvirt/qemu/capabilities
exec libvirtd -f "$1/libvirtd.conf" -p "$1/pid" --timeout 300
"#;

/// A running libvirtd.
#[derive(Debug)]
pub struct Libvirt {
    daemon: Child,
    directory: PathBuf,
    uri: String,
}

impl Libvirt {
    /// Starts a daemon and waits until it answers.
    ///
    /// # Panics
    /// Where libvirt is not installed or does not start, with its words.
    pub fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cpuid-libvirt-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // A socket's path has room for 107 bytes.
        let directory = std::env::temp_dir().join(name);
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libvirt-capabilities");
        fs::create_dir_all(&cache).expect("cache");
        fs::create_dir_all(&directory).expect("directory");
        tidy::remove_at_end(&directory);
        let log = fs::File::create(directory.join("log")).expect("log");

        let as_root = is_root();
        let mut command = if as_root {
            fs::create_dir_all(directory.join("etc/libvirt")).expect("directory");
            let qemu_conf = format!("{QEMU_CONF}user = \"root\"\ngroup = \"root\"\n");
            fs::write(directory.join("etc/libvirt/qemu.conf"), qemu_conf).expect("qemu.conf");
            let conf = format!("unix_sock_dir = \"{}\"\nauth_unix_rw = \"none\"\n", directory.display());
            fs::write(directory.join("libvirtd.conf"), conf).expect("libvirtd.conf");
            let mut command = Command::new("unshare");
            command.args(["--mount", "--propagation", "private", "sh", "-c", IN_NAMESPACE, "libvirtd"]);
            command.arg(&directory).arg(&cache);
            command
        } else {
            let capabilities = directory.join("cache/libvirt/qemu");
            fs::create_dir_all(&capabilities).expect("directory");
            std::os::unix::fs::symlink(&cache, capabilities.join("capabilities")).expect("cache");
            fs::create_dir_all(directory.join("config/libvirt")).expect("directory");
            fs::write(directory.join("config/libvirt/qemu.conf"), QEMU_CONF).expect("qemu.conf");
            fs::create_dir_all(directory.join("run")).expect("directory");
            let mut command = Command::new("libvirtd");
            command.arg("-p").arg(directory.join("pid")).args(["--timeout", "300"]);
            command.env("HOME", &directory).env("XDG_RUNTIME_DIR", directory.join("run"));
            command.env("XDG_CACHE_HOME", directory.join("cache")).env("XDG_CONFIG_HOME", directory.join("config"));
            command
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let daemon = command.spawn().unwrap_or_else(|e| panic!("cannot start {:?}: {e}", command.get_program()));
        let uri = if as_root {
            format!("qemu+unix:///system?socket={}/libvirt-sock", directory.display())
        } else {
            format!("qemu+unix:///session?socket={}/run/libvirt/libvirt-sock", directory.display())
        };
        let mut libvirt = Self { daemon, directory, uri };
        libvirt.wait();
        libvirt
    }

    fn wait(&mut self) {
        let start = Instant::now();
        loop {
            let answer = self.virsh(&["uri"]);
            if answer.status.success() {
                return;
            }
            let ended = self.daemon.try_wait().expect("libvirtd's status");
            if ended.is_some() || start.elapsed() > TIMEOUT {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                let virsh = String::from_utf8_lossy(&answer.stderr);
                panic!("libvirtd does not answer ({ended:?}); is it installed (scripts/test)?\n{virsh}{log}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What `virsh -c` takes.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// A directory of this daemon's own, for files that domains read and write.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs virsh, in the top directory of the repository.
    pub fn virsh(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("virsh");
        command.args(["-q", "-c", &self.uri]).args(arguments).env("LC_ALL", "C").current_dir(root());
        command.output().unwrap_or_else(|e| panic!("virsh: {e}; is it installed (scripts/test)?"))
    }

    /// What virsh printed.
    ///
    /// # Panics
    /// Where virsh refuses, with its words.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let output = self.virsh(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "virsh {arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("virsh writes UTF-8")
    }
}

impl Drop for Libvirt {
    fn drop(&mut self) {
        let domains = self.virsh(&["list", "--name"]);
        for domain in String::from_utf8_lossy(&domains.stdout).split_whitespace() {
            self.virsh(&["destroy", domain]);
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Whether this process may make mount namespaces: its effective user is root.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("Uid:");
    users.split_whitespace().nth(1) == Some("0")
}
