//! The command line, in one place. Help, man pages and completions come from here.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::builder::Resettable;
use clap::{ArgGroup, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};

/// Dump every CPUID leaf and subleaf of every vCPU.
///
/// Without a command: `dump`. Exit codes: 0 captured; 1 captured but incomplete (watch: a change was seen); 2 trouble.
#[derive(Debug, Parser)]
#[command(name = "cpuid-probe", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `dump`, which is what runs without a command.
    #[command(flatten)]
    pub dump: DumpArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read CPUID on every vCPU of this (virtual) machine
    #[command(after_help = "Examples:\n\
        \x20 cpuid-probe dump > node1.json\n\
        \x20 cpuid-probe dump --cpus 0 --format text\n\
        \x20 cpuid-probe dump --label node1 -o node1.json")]
    Dump(Later<DumpArgs>),
    /// Boot a throw-away guest with a CPU definition and read CPUID in it
    #[command(after_help = "Examples:\n\
        \x20 cpuid-probe boot --cpu Haswell-noTSX,-ds -o node1.json\n\
        \x20 cpuid-probe boot --cpu-xml vm.xml --label node1 -o node1.json\n\
        \x20 cpuid-probe boot --cpu EPYC --accel tcg --smp 4,sockets=2 --format text\n\
        \x20 cpuid-probe boot --emit-image cpuid.elf")]
    Boot(Later<BootArgs>),
    /// What this host's KVM could give any guest (KVM_GET_SUPPORTED_CPUID)
    #[command(after_help = "Examples:\n\
        \x20 cpuid-probe kvm -o kvm-node1.json")]
    Kvm(Later<KvmArgs>),
    /// Report CPUID changes under this running guest, as a live migration makes them
    ///
    /// Exit codes: 0 no change; 1 a change was seen; 2 trouble, also a vCPU that is online and cannot be watched.
    #[command(after_help = "Examples:\n\
        \x20 cpuid-probe watch --count 3\n\
        \x20 cpuid-probe watch --until-change --max-seconds 1 --dump-dir changes\n\
        \x20 cpuid-probe watch --baseline node1.json --count 1")]
    Watch(Later<WatchArgs>),
    /// Print lines to paste into a guest's console, to read CPUID where no file can be brought in
    ///
    /// They hold a program of some 17 KiB, which reads CPUID on every online vCPU, prints the dump as framed text and is
    /// gone. It reads no MSRs. The guest needs x86-64 Linux, a POSIX shell, base64 and gzip; busybox has them all.
    #[command(after_help = "Examples:\n\
        \x20 cpuid-probe paste\n\
        \x20 cpuid-probe paste > paste.sh")]
    Paste,
    /// What scripts/boot-via-libvirt needs: a domain that boots the image, and the dump on its console
    #[command(subcommand, hide = true)]
    Libvirt(Later<LibvirtCommand>),
}

/// Options that are built only when their command is given: building all of them takes a tenth of the time of a dump.
#[derive(Debug)]
pub struct Later<T>(pub T);

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> clap::error::Result<Self> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> clap::error::Result<()> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.defer(|command| as_described(command, T::augment_args))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command.defer(|command| as_described(command, T::augment_args_for_update))
    }
}

impl<T: Subcommand> Subcommand for Later<T> {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        command.defer(|command| as_described(command, T::augment_subcommands))
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        command.defer(|command| as_described(command, T::augment_subcommands_for_update))
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

/// Adds the options of `augment` to `command`, which keeps its own description instead of that of the options' type.
fn as_described(command: clap::Command, augment: fn(clap::Command) -> clap::Command) -> clap::Command {
    let about = Resettable::from(command.get_about().cloned());
    let long_about = Resettable::from(command.get_long_about().cloned());
    augment(command).about(about).long_about(long_about)
}

/// The form of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The whole dump with its provenance
    Json,
    /// Framed lines that survive a noisy console
    Text,
    /// The shape of Debian's `cpuid -r`
    Raw,
}

/// Where a dump goes.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Write to FILE instead of standard output (a directory for several definitions)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it exists
    #[arg(long, requires = "output")]
    pub force: bool,
    /// The form to write [default: json; as PID 1: text]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Instead of the dump, one line that is the same for machines that are alike: the vendor, and a hash of what is compared
    #[arg(long, conflicts_with = "format")]
    pub fingerprint: bool,
    /// What to call this capture in the dump and in reports
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
}

/// Options of `dump`.
#[derive(Args, Clone, Debug)]
pub struct DumpArgs {
    /// The vCPUs to read: `all`, or a list like 0,2-3
    #[arg(long, value_name = "LIST", default_value = "all")]
    pub cpus: String,
    /// Read the feature MSRs too, where /dev/cpu/N/msr allows it
    #[arg(long)]
    pub msrs: bool,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The accelerator of a throw-away guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accel {
    /// The host's KVM: what a guest sees on this host
    Kvm,
    /// QEMU's emulation: says nothing about this host
    Tcg,
}

impl Accel {
    /// QEMU's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// Options of `boot`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").args(["cpu", "cpu_xml", "emit_image"]).required(true))]
pub struct BootArgs {
    /// A CPU definition in QEMU's words, e.g. 'Haswell-noTSX,+vme,-ds'; may be given several times
    #[arg(long, value_name = "QEMU_CPU")]
    pub cpu: Vec<String>,
    /// A libvirt CPU: a domain XML, `virsh cpu-baseline` output, or domcapabilities
    #[arg(long, value_name = "FILE")]
    pub cpu_xml: Option<PathBuf>,
    /// The accelerator; there is no fallback from kvm to tcg [default: the domain XML's, else kvm]
    #[arg(long, value_enum)]
    pub accel: Option<Accel>,
    /// The machine type, e.g. pc-q35-7.2 [default: the domain XML's, else pc]
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
    /// vCPUs and topology in QEMU's words, e.g. 4,sockets=2 [default: the domain XML's, else 1]
    #[arg(long, value_name = "QEMU_SMP")]
    pub smp: Option<String>,
    /// The QEMU to run [default: the domain XML's, else qemu-system-x86_64 in PATH, else /usr/libexec/qemu-kvm]
    #[arg(long, value_name = "PATH")]
    pub qemu: Option<PathBuf>,
    /// Give up on a guest after this many seconds
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub timeout: u64,
    /// Keep the guest and report CPUID changes, as a live migration makes them; `-o` takes the first dump
    #[arg(long, conflicts_with = "emit_image")]
    pub watch: bool,
    /// With --watch: let QEMU listen for QMP on this Unix socket, by which the guest can be migrated
    #[arg(long, value_name = "PATH", requires = "watch")]
    pub qmp: Option<PathBuf>,
    /// With --watch: take the guest from a migration, e.g. tcp:0:4444 (QEMU's -incoming)
    #[arg(long, value_name = "URI", requires = "watch")]
    pub incoming: Option<String>,
    /// With --watch: when to stop.
    #[command(flatten)]
    pub until: Until,
    /// Write the boot image itself to FILE (an ELF for `-kernel` or libvirt's <kernel>)
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pub emit_image: Option<PathBuf>,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The steps of scripts/boot-via-libvirt that are not virsh's.
#[derive(Debug, Subcommand)]
pub enum LibvirtCommand {
    /// Print a domain with the CPU of an XML; @NAME@, @IMAGE@ and @CONSOLE@ in it are to be replaced
    Domain(LibvirtDomainArgs),
    /// Read the console of such a domain
    Dump(LibvirtDumpArgs),
}

/// Options of `libvirt domain`.
#[derive(Args, Clone, Debug)]
pub struct LibvirtDomainArgs {
    /// As for `boot`
    #[arg(long, value_name = "FILE")]
    pub cpu_xml: PathBuf,
    /// As for `boot`
    #[arg(long, value_enum)]
    pub accel: Option<Accel>,
    /// As for `boot`
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
}

/// Options of `libvirt dump`.
#[derive(Args, Clone, Debug)]
pub struct LibvirtDumpArgs {
    /// What the domain wrote to its serial port
    #[arg(long, value_name = "FILE")]
    pub console: PathBuf,
    /// The domain's live XML
    #[arg(long, value_name = "FILE")]
    pub domain: PathBuf,
    /// The `-cpu` argument that libvirt gave its QEMU
    #[arg(long, value_name = "QEMU_CPU")]
    pub cpu: String,
    /// The version of its QEMU
    #[arg(long, value_name = "VERSION")]
    pub qemu_version: String,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `kvm`.
#[derive(Args, Clone, Debug)]
pub struct KvmArgs {
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The form of watch's reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchFormat {
    /// One line a changed register
    Text,
    /// One JSON object a changed register
    Json,
}

/// When a watcher stops by itself.
#[derive(Args, Clone, Debug)]
pub struct Until {
    /// Stop watching at the first change
    #[arg(long)]
    pub until_change: bool,
    /// Stop watching after S seconds
    #[arg(long, value_name = "S")]
    pub max_seconds: Option<u64>,
}

impl Until {
    /// The moment to stop at, counted from `start`; `None` if no limit was given, or one too far in the future to be
    /// represented.
    #[must_use]
    pub fn deadline(&self, start: Instant) -> Option<Instant> {
        start.checked_add(Duration::from_secs(self.max_seconds?))
    }
}

/// Options of `watch`.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// Milliseconds between passes [default: 200, or longer so that watching costs at most 1 % of a vCPU]
    #[arg(long, value_name = "MS")]
    pub interval: Option<u64>,
    /// Stop after N passes
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// When to stop.
    #[command(flatten)]
    pub until: Until,
    /// Compare with this recorded dump instead of the first pass
    #[arg(long, value_name = "DUMP")]
    pub baseline: Option<PathBuf>,
    /// Write the dumps before and after each change into DIR
    #[arg(long, value_name = "DIR")]
    pub dump_dir: Option<PathBuf>,
    /// The form of the reports
    #[arg(long, value_enum, default_value = "text")]
    pub format: WatchFormat,
    /// Say on standard error when a pass has ended, and what it cost
    #[arg(short, long)]
    pub verbose: bool,
}
