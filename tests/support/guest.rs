//! Real guests: an unmodified Debian kernel under QEMU's emulation, with an initramfs made for the test.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{root, tidy};

/// After this time a guest counts as hung; one boots in two seconds.
const TIMEOUT: Duration = Duration::from_secs(300);
/// A guest that has printed nothing after this time has not come as far as what is tested: now and then, with other work
/// on the host, a kernel with several emulated vCPUs spins for ever before it starts its init.
const SILENCE: Duration = Duration::from_secs(60);
/// So often such a guest is booted in all.
const BOOTS: u32 = 3;

/// A guest to be.
pub struct Guest {
    cpu: String,
    smp: String,
    files: Vec<(String, Vec<u8>)>,
    environment: String,
    init_arguments: String,
}

/// What one command of [`Guest::run_script`] printed (standard error too), and its exit code.
#[derive(Debug)]
pub struct Output {
    pub text: String,
    pub code: i32,
}

impl Guest {
    /// A guest with QEMU's `-cpu` and `-smp` arguments and an empty initramfs.
    pub fn new(cpu: &str, smp: &str) -> Self {
        Self {
            cpu: cpu.to_string(),
            smp: smp.to_string(),
            files: Vec::new(),
            environment: String::new(),
            init_arguments: String::new(),
        }
    }

    /// Puts a copy of `from` into the initramfs.
    pub fn file(mut self, name: &str, from: impl AsRef<Path>) -> Self {
        let from = from.as_ref();
        self.files.push((name.to_string(), fs::read(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()))));
        self
    }

    /// Makes `program` PID 1.
    pub fn init(mut self, program: impl AsRef<Path>, arguments: &str) -> Self {
        self.init_arguments = arguments.to_string();
        self.file("init", program)
    }

    /// Sets a variable in the environment of PID 1.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment += &format!(" {name}={value}");
        self
    }

    /// Makes a shell PID 1, which runs `script`. It has busybox in /bin, and neither /proc nor /sys unless it mounts
    /// them.
    pub fn shell(mut self, script: &str) -> Self {
        let script = format!("#!/bin/busybox sh\nexport PATH=/bin\n/bin/busybox --install -s /bin\n{script}");
        self.files.push(("init".to_string(), script.into_bytes()));
        self.file("bin/busybox", debian_files().join("busybox"))
    }

    /// Boots with nothing but `program` as PID 1 and returns what came over the serial line.
    pub fn run_init(self, program: impl AsRef<Path>, arguments: &str) -> String {
        self.init(program, arguments).boot()
    }

    /// Boots with a shell as PID 1, which runs the commands one after the other; their outputs by command.
    ///
    /// The guest has busybox in /bin, Debian's `cpuid`, and neither /proc nor /sys unless a command mounts them.
    pub fn run_script(self, commands: &[&str]) -> BTreeMap<String, Output> {
        let mut script = String::new();
        for (i, command) in commands.iter().enumerate() {
            script += &format!("echo === begin {i}\n{command}\necho === end $?\n");
        }
        script += "poweroff -f\n";
        let debian = debian_files();
        let guest = self
            .shell(&script)
            .file("bin/cpuid", debian.join("cpuid"))
            .file("lib64/ld-linux-x86-64.so.2", debian.join("ld-linux-x86-64.so.2"))
            .file("lib/x86_64-linux-gnu/libc.so.6", debian.join("libc.so.6"));
        let serial = guest.boot();

        let mut outputs = BTreeMap::new();
        let mut open: Option<(String, String)> = None;
        for line in serial.lines() {
            if let Some(i) = line.strip_prefix("=== begin ") {
                let command = commands[i.parse::<usize>().expect(&serial)];
                open = Some((command.to_string(), String::new()));
            } else if let Some(code) = line.strip_prefix("=== end ") {
                let (command, text) = open.take().expect(&serial);
                outputs.insert(command, Output { text, code: code.parse().expect(&serial) });
            } else if let Some((_, text)) = &mut open {
                text.push_str(line);
                text.push('\n');
            }
        }
        for command in commands {
            assert!(outputs.contains_key(*command), "`{command}` did not end in the guest:\n{serial}");
        }
        outputs
    }

    /// QEMU's arguments, but for its CPU, its initramfs and its serial line.
    pub fn arguments(&self) -> Vec<String> {
        let append = format!(
            "console=ttyS0 loglevel=1 panic=-1 nokaslr mitigations=off rodata=off tsc=reliable no_timer_check \
             cryptomgr.notests audit=0 lpj=4000000 random.trust_cpu=on{} -- {}",
            self.environment, self.init_arguments
        );
        let kernel = debian_files().join("vmlinuz").display().to_string();
        let arguments = ["-accel", "tcg", "-machine", "pc", "-m", "256", "-nodefaults", "-display", "none"];
        let more = ["-no-reboot", "-kernel", &kernel, "-append", append.trim_end()];
        arguments.iter().chain(&more).map(ToString::to_string).collect()
    }

    /// The initramfs, as a file.
    pub fn initramfs(&self) -> Vec<u8> {
        newc(&self.files)
    }

    /// What the guest prints until it powers off.
    fn boot(self) -> String {
        for _ in 1..BOOTS {
            if let Some(serial) = self.boot_once(SILENCE) {
                return serial;
            }
            eprintln!("the guest has printed nothing for {} s; booting it again", SILENCE.as_secs());
        }
        self.boot_once(TIMEOUT).expect("its time is as long as its silence may be")
    }

    /// What the guest prints until it powers off; nothing if it stays silent for so long.
    fn boot_once(&self, silence: Duration) -> Option<String> {
        let serial = tidy::nameless(b"");
        let errors = tidy::nameless(b"");
        let initramfs = tidy::nameless(&self.initramfs());
        let mut child = self.start(&initramfs, Stdio::null(), &serial, &errors);
        let start = Instant::now();
        let is_silent = || serial.metadata().expect("a file").len() == 0;
        let status = loop {
            if let Some(status) = child.try_wait().expect("QEMU's status") {
                break status.to_string();
            }
            let late = start.elapsed() >= TIMEOUT;
            if late || start.elapsed() >= silence && is_silent() {
                let _ = child.kill();
                let _ = child.wait();
                if !late {
                    return None;
                }
                break format!("not done within {} s", TIMEOUT.as_secs());
            }
            thread::sleep(Duration::from_millis(5));
        };
        let (serial, errors) = (content(&serial), content(&errors));
        assert!(status == "exit status: 0", "QEMU: {status}\n{errors}\n{serial}");
        Some(serial)
    }

    /// Starts QEMU, with the guest's serial line as its standard input and output.
    fn start(&self, initramfs: &File, input: Stdio, serial: &File, errors: &File) -> Child {
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-serial", "stdio"]).args(self.arguments()).args(["-cpu", &self.cpu, "-smp", &self.smp]);
        // QEMU opens it anew.
        command.args(["-initrd", &format!("/proc/{}/fd/{}", process::id(), initramfs.as_raw_fd())]);
        // QEMU 10.0 and 11.1 abort by themselves where SeaBIOS starts on an Intel CPU with dies.
        if self.smp.contains("dies=") {
            command.args(["-bios", "/usr/share/qemu/qboot.rom"]);
        }
        command.stdin(input);
        command.stdout(serial.try_clone().expect("a file")).stderr(errors.try_clone().expect("a file"));
        tidy::bind(&mut command).spawn().expect("qemu-system-x86_64 runs (scripts/test installs it)")
    }

    /// Boots, and waits until somebody can type at the serial console: until it shows `prompt`.
    pub fn console(self, prompt: &str) -> Console {
        for _ in 0..BOOTS {
            let (serial, errors) = (tidy::nameless(b""), tidy::nameless(b""));
            let initramfs = tidy::nameless(&self.initramfs());
            let mut child = self.start(&initramfs, Stdio::piped(), &serial, &errors);
            let keyboard = child.stdin.take().expect("a pipe");
            let mut console = Console { child, keyboard, serial, seen: 0 };
            if console.found(prompt, SILENCE).is_some() {
                return console;
            }
            eprintln!("no `{prompt}` within {} s; booting it again\n{}", SILENCE.as_secs(), content(&errors));
        }
        panic!("the guest shows no `{prompt}`");
    }
}

/// The serial console of a running guest. QEMU is killed when this is dropped.
pub struct Console {
    child: Child,
    keyboard: ChildStdin,
    serial: File,
    /// How many characters of what the guest printed were looked at.
    seen: usize,
}

impl Console {
    /// Types, as fast as the guest takes it.
    pub fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("QEMU listens");
    }

    /// Waits for these words, and returns what came before them since the last wait.
    pub fn wait_for(&mut self, words: &str) -> String {
        let found = self.found(words, TIMEOUT);
        found.unwrap_or_else(|| panic!("no `{words}` on the console:\n{}", content(&self.serial)))
    }

    /// Types a command, and returns what the console shows of it and its exit code.
    pub fn run(&mut self, command: &str) -> Output {
        // The console shows what is typed too, so that has to differ from what is waited for.
        self.type_in(&format!("{command}\necho ===''end $?\n"));
        let text = self.wait_for("===end ");
        let code = self.wait_for("\n");
        Output { text, code: code.trim().parse().expect(&code) }
    }

    fn found(&mut self, words: &str, patience: Duration) -> Option<String> {
        let start = Instant::now();
        while start.elapsed() < patience {
            let text = content(&self.serial);
            if let Some(at) = text.get(self.seen..).and_then(|new| new.find(words)) {
                let before = text[self.seen..self.seen + at].to_string();
                self.seen += at + words.len();
                return Some(before);
            }
            thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What QEMU has written to a file so far, without CR.
fn content(file: &File) -> String {
    let mut bytes = vec![0; usize::try_from(file.metadata().expect("a file").len()).expect("memory")];
    // Reading at a place leaves the position alone, which QEMU shares.
    file.read_exact_at(&mut bytes, 0).expect("what QEMU wrote");
    String::from_utf8_lossy(&bytes).replace('\r', "")
}

/// Debian's kernel, busybox, cpuid and C library, fetched on first use.
fn debian_files() -> PathBuf {
    let output = Command::new(root().join("scripts/guest-files")).stderr(Stdio::inherit()).output().expect("runs");
    assert!(output.status.success(), "scripts/guest-files: {}", output.status);
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// An initramfs: a cpio archive in "newc" form (Linux Documentation/driver-api/early-userspace/buffer-format.rst).
/// Every file is executable; directories are made as needed.
fn newc(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    fn entry(archive: &mut Vec<u8>, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        let inode = archive.len();
        let (major, minor) = device;
        write!(
            archive,
            "070701{inode:08x}{mode:08x}{0:08x}{0:08x}{1:08x}{0:08x}{size:08x}{0:08x}{0:08x}{major:08x}{minor:08x}\
             {name_size:08x}{0:08x}{name}\0",
            0,
            1,
            size = content.len(),
            name_size = name.len() + 1,
        )
        .expect("memory");
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    let mut archive = Vec::new();
    let mut made = Vec::new();
    for (name, content) in files {
        for (at, _) in name.match_indices('/') {
            if !made.contains(&&name[..at]) {
                entry(&mut archive, &name[..at], 0o040_755, (0, 0), &[]);
                made.push(&name[..at]);
            }
        }
        entry(&mut archive, name, 0o100_755, (0, 0), content);
    }
    entry(&mut archive, "TRAILER!!!", 0, (0, 0), &[]);
    archive
}
