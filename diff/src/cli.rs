//! The command line, in one place. Help, man pages and completions come from here.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::judge::verdict::FailOn;
use cpuid_diff::platform::Platform;
use cpuid_diff::policy::Day;
use cpuid_diff::read::READERS;
use cpuid_diff::view::Role;
use cpuid_diff::write::WRITERS;

/// Compare the CPUID of guests with each other and with a baseline: what differs, why, and may it migrate?
///
/// Exit codes, unless a command says others: 0 nothing to worry about; 1 something, or too little is known; 2 trouble.
#[derive(Debug, Parser)]
#[command(name = "cpuid-diff", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: ColorArg,
    /// Write to this file instead of standard output; a file that is there already is not replaced
    #[arg(short, long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print nothing on standard output: the exit code says it
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare two dumps: which bits differ, and may a guest move in each direction?
    ///
    /// Exit codes: 0 nothing at or above --fail-on, nothing that would be refused, every promise kept and everything
    /// captured; 1 not so; 2 trouble. --partial accepts what was not captured.
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff compare node1.json node2.json\n\
        \x20 cpuid-diff compare node1.json node2.json --baseline baseline.xml\n\
        \x20 cpuid-diff compare node1.json node2.json --fix > both.xml\n\
        \x20 cpuid-diff compare pasted.diff --partial\n\
        \x20 diff -u node1.txt node2.txt | cpuid-diff compare -\n\
        \x20 cpuid-diff compare node1.json node2.json --format markdown > report.md\n\
        \x20 cpuid-diff compare node1.json node2.json --policy policy.toml --as-of 2026-01-31")]
    Compare(CompareArgs),
    /// Check dumps against a baseline: did each guest get what was promised?
    ///
    /// Exit codes: 0 nothing at or above --fail-on, every promise kept and everything captured; 1 not so; 2 trouble.
    /// --partial accepts what was not captured.
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff check node1.json --baseline baseline.xml\n\
        \x20 cpuid-diff check node1.json node2.json --baseline baseline.xml --format json\n\
        \x20 cpuid-diff check node1.json --baseline baseline.xml --qemu-log qemu.log")]
    Check(CheckArgs),
    /// Find the CPU that several hosts or guests have in common
    ///
    /// The result goes to standard output; what it costs each input, and what was left out and why, to standard error.
    /// Exit codes: 0 found, and every input can give it; 1 found, with a word about it on standard error (a protection or
    /// hazard that differs, hardware, something unknown); 2 none, or trouble.
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff baseline node1.json node2.json > baseline.xml\n\
        \x20 cpuid-diff baseline host1.xml host2.xml --format qemu")]
    Baseline(CommonArgs),
    /// Many hosts: which pools, which one-way moves, what each host gives up, what changed
    ///
    /// Exit codes: 0 every host is complete, expected and current, nothing changed, every VM has a pool (without --vm and
    /// --since: the hosts of each vendor are alike); 1 not so; 2 trouble, which the report names.
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff fleet nodes/\n\
        \x20 cpuid-diff fleet nodes/ --vm web.xml --expect nodes.txt --max-age 7\n\
        \x20 cpuid-diff fleet nodes/ --since last-week.json --format markdown\n\
        \x20 cpuid-diff fleet rack1/ --summary > rack1.json")]
    Fleet(FleetArgs),
    /// Follow each feature from the host's CPUID through KVM and the baseline to the guest: where was it lost?
    ///
    /// Exit codes: 0 fits: every promise is kept, or without one nothing of the first layer is lost; 1 it does not fit, or
    /// that is not known (0 with --partial); 2 trouble.
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff trace --baseline baseline.xml --guest node1.json\n\
        \x20 cpuid-diff trace kvm.json baseline.xml node1.json --as kvm.json=offer\n\
        \x20 cpuid-diff trace --host host.json --kvm kvm.json --guest node1.json --format markdown")]
    Trace(TraceArgs),
    /// Convert a dump into another format
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff convert node1.json --to raw\n\
        \x20 cpuid-diff convert node1.txt --to json > node1.json")]
    Convert(ConvertArgs),
    /// Show a dump: what CPU is this, where does the dump come from, what does it have?
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff show node1.json")]
    Show(ShowArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff completions bash > cpuid-diff.bash")]
    Completions(CompletionsArgs),
    /// Explain places and names: what a bit is, why it vanishes, what to change
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff explain ds\n\
        \x20 cpuid-diff explain 1.edx.21\n\
        \x20 cpuid-diff explain 0x40000010\n\
        \x20 cpuid-diff explain 0xd --in node1.json")]
    Explain(ExplainArgs),
    /// Print everything that is known of every place, as CSV
    #[command(after_help = "Examples:\n\
        \x20 cpuid-diff knowledge --format csv > knowledge.csv")]
    Knowledge(KnowledgeArgs),
}

/// In which directions a guest may have to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionArg {
    /// Both ways
    Both,
    /// From the first input to the second
    AToB,
    /// From the second input to the first
    BToA,
}

impl From<DirectionArg> for Directions {
    fn from(arg: DirectionArg) -> Self {
        match arg {
            DirectionArg::Both => Self::Both,
            DirectionArg::AToB => Self::AToB,
            DirectionArg::BToA => Self::BToA,
        }
    }
}

/// From which severity on the exit code is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOnArg {
    /// Only where a running guest can break
    Unsafe,
    /// Where a person must look, too
    Warning,
    /// Every difference that is not expected
    Any,
}

impl From<FailOnArg> for FailOn {
    fn from(arg: FailOnArg) -> Self {
        match arg {
            FailOnArg::Unsafe => Self::Unsafe,
            FailOnArg::Warning => Self::Warning,
            FailOnArg::Any => Self::Any,
        }
    }
}

/// The form of an answer. A command takes those of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For terminals
    Table,
    /// A unified diff of the dumps with the differing bits named
    Unified,
    /// For mails and bug trackers
    Markdown,
    /// One page; it needs no network and no script
    Html,
    /// Everything (cpuid-report/1, cpuid-fleet/1, cpuid-trace/1); one document a line where there are several
    Json,
    /// The diagram of safe moves for Graphviz
    Dot,
    /// Test cases: one an input, pair, host or VM
    Junit,
    /// Metrics for the textfile collector
    Prometheus,
    /// Annotations of a workflow run, and its summary (GITHUB_STEP_SUMMARY)
    Github,
    /// With --fix: libvirt's XML, which --fix prints by itself
    Libvirt,
    /// With --fix: QEMU's arguments
    Qemu,
}

impl Format {
    /// What `compare` takes.
    const COMPARE: &[Self] = &[
        Self::Table,
        Self::Unified,
        Self::Markdown,
        Self::Html,
        Self::Json,
        Self::Junit,
        Self::Prometheus,
        Self::Github,
        Self::Libvirt,
        Self::Qemu,
    ];
    /// What `check` takes.
    const CHECK: &[Self] = &[
        Self::Table,
        Self::Unified,
        Self::Markdown,
        Self::Html,
        Self::Json,
        Self::Junit,
        Self::Prometheus,
        Self::Github,
    ];
    /// What `trace` takes.
    const TRACE: &[Self] = &[Self::Table, Self::Markdown, Self::Json, Self::Junit, Self::Prometheus, Self::Github];
    /// What `fleet` takes.
    const FLEET: &[Self] =
        &[Self::Table, Self::Markdown, Self::Html, Self::Json, Self::Dot, Self::Junit, Self::Prometheus, Self::Github];

    /// Whether a machine reads it to let something pass or not.
    pub const fn is_gate(self) -> bool {
        matches!(self, Self::Junit | Self::Prometheus | Self::Github)
    }
}

/// Takes one of these forms.
fn one_of(formats: &'static [Format]) -> impl TypedValueParser<Value = Format> {
    let values: Vec<PossibleValue> = formats.iter().filter_map(Format::to_possible_value).collect();
    PossibleValuesParser::new(values).try_map(|name| Format::from_str(&name, false))
}

/// Names of formats, listed in help and offered by completions. Any text is taken: of some formats a part has a name
/// (`xen:hvm-max`), and what is none is refused where the formats are known.
#[derive(Clone)]
struct Formats(Vec<PossibleValue>);

impl TypedValueParser for Formats {
    type Value = String;

    fn parse_ref(&self, cmd: &clap::Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(cmd, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().cloned()))
    }
}

fn from_formats() -> Formats {
    Formats(READERS.iter().map(|reader| PossibleValue::new(reader.name).help(reader.about)).collect())
}

fn to_formats() -> Formats {
    Formats(WRITERS.iter().map(|writer| PossibleValue::new(writer.name).help(writer.about)).collect())
}

/// What every reporting command takes.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Exit with 1 from this severity on
    #[arg(long, value_enum, default_value = "warning")]
    pub fail_on: FailOnArg,
    /// Accept excerpts: judge what is there, and do not fail for what was not captured
    #[arg(long)]
    pub partial: bool,
    /// Take imported tables for the whole CPUID (profiles and templates of VMMs): what one does not list is zero
    #[arg(long)]
    pub complete: bool,
    /// Read the inputs that are of this format as it, whatever else they look like; at least one has to be
    #[arg(long, value_name = "FORMAT", value_parser = from_formats())]
    pub from: Option<String>,
    /// What an input is: hardware, offer, promise or guest; of one input INPUT=ROLE [default: what it says of itself]
    #[arg(long = "as", value_name = "ROLE|INPUT=ROLE", value_parser = role)]
    pub roles: Vec<(Option<String>, Role)>,
    /// Show every finding in full: its place, what it is, sources
    #[arg(long)]
    pub all: bool,
    /// Show what a site policy would say to accept the findings
    #[arg(long)]
    pub show_waivers: bool,
    /// The site's policy: reviewed waivers in TOML
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The day on which waivers are judged, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", requires = "policy", value_parser = Day::parse)]
    pub as_of: Option<Day>,
}

/// `ROLE` for every input, `INPUT=ROLE` for one.
fn role(text: &str) -> Result<(Option<String>, Role), String> {
    let (input, word) = match text.rsplit_once('=') {
        Some((input, word)) => (Some(input.to_string()), word),
        None => (None, text),
    };
    let role = Role::ALL.into_iter().find(|role| role.word() == word);
    Ok((input, role.ok_or_else(|| format!("`{word}` is no role, expected hardware, offer, promise or guest"))?))
}

/// Options of `compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// Two dumps, or one unified diff of two dumps; `-` is standard input
    #[arg(required = true, num_args = 1..=2, value_names = ["A", "B"])]
    pub inputs: Vec<PathBuf>,
    /// Which way a guest will move
    #[arg(long, value_enum, default_value = "both")]
    pub direction: DirectionArg,
    /// Print one definition for both sides that clears what a definition can clear: libvirt's, or QEMU's arguments with
    /// --format qemu. What each side gives up, and what is not in this fix, goes to standard error; if anything is
    /// not in it, the exit code is 1
    #[arg(long)]
    pub fix: bool,
    /// The form of the report
    #[arg(long, value_parser = one_of(Format::COMPARE), default_value = "table")]
    pub format: Format,
    /// What the guests were promised.
    #[command(flatten)]
    pub baseline: BaselineArgs,
    /// What every report takes.
    #[command(flatten)]
    pub common: Common,
}

/// A baseline and what is needed to read it.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// What the guest is promised: libvirt XML (virsh domcapabilities, dumpxml, cpu-baseline, …), a dump, or
    /// a Firecracker CPU template
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// QEMU's log, whose warnings are evidence of missing features
    #[arg(long, value_name = "FILE", requires = "baseline")]
    pub qemu_log: Option<PathBuf>,
    /// libvirt's CPU map to use instead of the built-in one (/usr/share/libvirt/cpu_map of the libvirt that wrote the
    /// baseline), or 9.0 for the built-in one of libvirt 9.0
    #[arg(long, value_name = "DIR", requires = "baseline")]
    pub cpu_map: Option<PathBuf>,
}

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Guests' dumps, or what hosts offer: virsh domcapabilities, a `cpuid-probe kvm` dump; `-` is standard input
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// What the guests were promised.
    #[command(flatten)]
    pub baseline: BaselineArgs,
    /// The form of the report
    #[arg(long, value_parser = one_of(Format::CHECK), default_value = "table")]
    pub format: Format,
    /// What every report takes.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `baseline`.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// virsh domcapabilities of each host, other libvirt CPUs, dumps of guests. Of hardware (virsh capabilities) nobody
    /// knows what a guest gets: the exit code is 1 then
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,
    /// The form of the result
    #[arg(long, value_enum, default_value = "libvirt")]
    pub format: CpuFormat,
    /// Keep what blocks live migration: xsaves, and invtsc where every input says a TSC frequency that suits all
    #[arg(long)]
    pub keep_unmigratable: bool,
    /// libvirt's CPU map to use instead of the built-in one (/usr/share/libvirt/cpu_map of the libvirt that will read
    /// the result), or 9.0 for the built-in one of libvirt 9.0
    #[arg(long, value_name = "DIR")]
    pub cpu_map: Option<PathBuf>,
}

/// Options of `fleet`.
#[derive(Args, Clone, Debug)]
pub struct FleetArgs {
    /// Directories and files: what each host offers (cpuid-probe kvm, cpuid-probe boot --cpu host, virsh domcapabilities),
    /// or dumps of guests of one definition; or summaries of parts of a fleet. Of a directory, every file below it whose
    /// name does not begin with a dot
    #[arg(required = true, value_name = "HOSTS")]
    pub hosts: Vec<PathBuf>,
    /// Where may this VM run? A definition, a live XML, or a dump of the running guest
    #[arg(long, value_name = "FILE")]
    pub vm: Vec<PathBuf>,
    /// Make so many pools, instead of as many as pay
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub pools: Option<u32>,
    /// No pool holds hosts with and without this feature, or level (x86-64-v3)
    #[arg(long, value_name = "FEATURE|x86-64-vN")]
    pub require: Vec<String>,
    /// The least number of hosts of a pool
    #[arg(long, value_name = "N", default_value = "1", hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub min_hosts: u32,
    /// Names of hosts that must be there, one a line
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// A capture older than this is trouble
    #[arg(long, value_name = "DAYS")]
    pub max_age: Option<u32>,
    /// What changed since: an older report or summary as JSON, or a directory
    #[arg(long, value_name = "FLEET.json|DIR")]
    pub since: Option<PathBuf>,
    /// Keep the pools of this report (--format json): as few hosts as possible change theirs
    #[arg(long, value_name = "FLEET.json")]
    pub keep: Option<PathBuf>,
    /// Leave this host out, and say what that brings the others
    #[arg(long, value_name = "HOST")]
    pub without: Vec<String>,
    /// Print the facts alone, as JSON, for merging: hosts and classes, no pools
    #[arg(long, conflicts_with_all = ["vm", "pools", "require", "min_hosts", "expect", "max_age", "since", "keep", "without", "policy"])]
    pub summary: bool,
    /// The site's policy: reviewed waivers in TOML, for moves and for where VMs may run
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// What hosts' files show: offer or guest; of one host HOST=ROLE [default: what each says of itself]
    #[arg(long = "as", value_name = "ROLE|HOST=ROLE", value_parser = role)]
    pub roles: Vec<(Option<String>, Role)>,
    /// The form of the report
    #[arg(long, value_parser = one_of(Format::FLEET), default_value = "table")]
    pub format: Format,
    /// Show every class, move and pool
    #[arg(long)]
    pub all: bool,
    /// The day from which ages are counted, and on which waivers hold, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Day::parse)]
    pub as_of: Option<Day>,
}

/// Options of `trace`: at least two layers.
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// The layers in any order: what each is, its file says. At most one input of a role: hardware, offer, promise, guest
    #[arg(value_name = "INPUT", conflicts_with_all = ["host", "kvm", "baseline", "guest"])]
    pub inputs: Vec<PathBuf>,
    /// What an INPUT is: hardware, offer, promise or guest [default: what it says of itself]
    #[arg(long = "as", value_name = "INPUT=ROLE", value_parser = role, requires = "inputs")]
    pub roles: Vec<(Option<String>, Role)>,
    /// The host's own CPUID: a dump taken on the host, or virsh capabilities
    #[arg(long, value_name = "DUMP")]
    pub host: Option<PathBuf>,
    /// What KVM offers: a `cpuid-probe kvm` dump, or virsh domcapabilities
    #[arg(long, value_name = "DUMP|DOMCAPABILITIES")]
    pub kvm: Option<PathBuf>,
    /// What the guest is promised: libvirt XML, a dump or a CPU template
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// What the guest has: a dump
    #[arg(long, value_name = "DUMP")]
    pub guest: Option<PathBuf>,
    /// Exit 0 where nothing is known not to fit, though a layer does not hold every place
    #[arg(long)]
    pub partial: bool,
    /// libvirt's CPU map to use instead of the built-in one, or 9.0 for the built-in one of libvirt 9.0
    #[arg(long, value_name = "DIR")]
    pub cpu_map: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_parser = one_of(Format::TRACE), default_value = "table")]
    pub format: Format,
    /// Show the features that all layers agree on, too
    #[arg(long)]
    pub all: bool,
    /// Read the layers that are of this format as it, whatever else they look like; at least one has to be
    #[arg(long, value_name = "FORMAT", value_parser = from_formats())]
    pub from: Option<String>,
}

/// How a CPU is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuFormat {
    /// <cpu> for a domain XML
    Libvirt,
    /// QEMU's -cpu argument
    Qemu,
    /// The form of a platform
    Platform(Platform),
}

impl ValueEnum for CpuFormat {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [CpuFormat; Platform::ALL.len() + 2] = {
            let mut all = [CpuFormat::Libvirt; Platform::ALL.len() + 2];
            all[1] = CpuFormat::Qemu;
            let mut i = 0;
            while i < Platform::ALL.len() {
                all[i + 2] = CpuFormat::Platform(Platform::ALL[i]);
                i += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Libvirt => PossibleValue::new("libvirt").help("<cpu> for a domain XML"),
            Self::Qemu => PossibleValue::new("qemu").help("QEMU's -cpu argument"),
            Self::Platform(platform) => PossibleValue::new(platform.word()).help(platform.about()),
        })
    }
}

/// Options of `show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The dump; `-` is standard input
    #[arg(value_name = "DUMP")]
    pub input: PathBuf,
    /// Read the dump as this format instead of recognising it
    #[arg(long, value_name = "FORMAT", value_parser = from_formats())]
    pub from: Option<String>,
}

/// Options of `completions`.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Options of `convert`.
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// The dump; `-` is standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The format to write
    #[arg(long, value_name = "FORMAT", value_parser = to_formats())]
    pub to: String,
    /// Read the input as this format instead of recognising it
    #[arg(long, value_name = "FORMAT", value_parser = from_formats())]
    pub from: Option<String>,
}

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A place (1.edx.21, 7.0.ebx, 0x40000010, CPUID.07H:EBX[5], msr:0x10a:0), a libvirt, QEMU or Linux name or a part of
    /// one, a CPU model, a property, a list of them, a line of a log; `-` reads a log from standard input
    #[arg(required = true, value_name = "TERM")]
    pub terms: Vec<String>,
    /// Show what it is in this dump, too
    #[arg(long = "in", value_name = "DUMP")]
    pub dump: Option<PathBuf>,
    /// Read the dump as this format instead of recognising it
    #[arg(long, value_name = "FORMAT", requires = "dump", value_parser = from_formats())]
    pub from: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: ExplainFormat,
}

/// The form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For terminals
    Text,
    /// For bug trackers
    Markdown,
    /// Everything (cpuid-explain/1)
    Json,
}

/// Options of `knowledge`.
#[derive(Args, Clone, Debug)]
pub struct KnowledgeArgs {
    /// The form to print
    #[arg(long, value_enum, default_value = "csv")]
    pub format: KnowledgeFormat,
}

/// The form of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KnowledgeFormat {
    /// Comma-separated values with a header
    Csv,
}
