//! `cpuid-diff`: see [`cli`] for what it does.

mod cli;
mod fleet_cli;
mod input;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, bail};
use clap::{CommandFactory, Parser};
use cpuid_diff::assemble::Site;
use cpuid_diff::check::Baseline;
use cpuid_diff::check::evidence::Log;
use cpuid_diff::check::offer::Names;
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::cpu_map::wide::Wide;
use cpuid_diff::judge::verdict::passes;
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::platform;
use cpuid_diff::policy::{Day, Policy};
use cpuid_diff::pool::{self, Options, Pool, Refusal, definition};
use cpuid_diff::render::gate::Gate;
use cpuid_diff::render::{self, Style};
use cpuid_diff::report::Report;
use cpuid_diff::trace::{self, Fit, Layer};
use cpuid_diff::view::promise::unknown_at;
use cpuid_diff::view::source::Source;
use cpuid_diff::view::{DumpView, Role, role};
use cpuid_diff::{assemble, explain, show, wire, write};
use cpuid_probe::printable::printable;

use crate::input::{Asked, Checkable};

use crate::cli::{
    BaselineArgs, CheckArgs, Cli, ColorArg, Command, Common, CommonArgs, CompareArgs, ConvertArgs, CpuFormat,
    ExplainArgs, ExplainFormat, Format, KnowledgeFormat, ShowArgs, TraceArgs,
};

/// Where standard output goes, and whether it may have colour.
struct Output {
    file: Option<Mutex<File>>,
    quiet: bool,
    color: ColorArg,
}

static OUTPUT: OnceLock<Output> = OnceLock::new();

/// Opens what the command line names for the output. No file is replaced.
fn open_output(cli: &Cli) -> Result<()> {
    let open = |path: &PathBuf| {
        File::create_new(path).map(Mutex::new).with_context(|| format!("{}: cannot create it", path.display()))
    };
    let file = cli.output.as_ref().map(open).transpose()?;
    // Nobody has set it before.
    let _ = OUTPUT.set(Output { file, quiet: cli.quiet, color: cli.color });
    Ok(())
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = open_output(&cli) {
        input::complain(&error);
        return ExitCode::from(2);
    }
    let outcome = match cli.command {
        Command::Compare(args) => gated("compare", args.format, compare(&args)),
        Command::Check(args) => gated("check", args.format, check(&args)),
        Command::Baseline(args) => baseline(&args),
        Command::Fleet(args) => gated("fleet", args.format, fleet_cli::run(&args)),
        Command::Trace(args) => gated("trace", args.format, trace(&args)),
        Command::Convert(args) => convert(&args),
        Command::Show(args) => show(&args),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "cpuid-diff", &mut script);
            print(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
        }
        Command::Explain(args) => explain(&args),
        Command::Knowledge(args) => match args.format {
            KnowledgeFormat::Csv => print(&Knowledge::builtin().export_csv()).map(|()| ExitCode::SUCCESS),
        },
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            input::complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Says trouble in the form of a gate too: who reads only that must not take nothing for a yes.
fn gated(command: &'static str, format: Format, outcome: Result<ExitCode>) -> Result<ExitCode> {
    if let (true, Err(error)) = (format.is_gate(), &outcome) {
        let why = format!("{error:#}");
        // The trouble itself is said in any case.
        let _ = print_gate(&Gate::trouble(command, &why), format, || format!("**{why}**\n"));
    }
    outcome
}

/// Prints an answer in the form of a gate. GitHub's summary of the step is Markdown, and goes where its runner says.
pub(crate) fn print_gate(gate: &Gate, format: Format, markdown: impl FnOnce() -> String) -> Result<()> {
    match format {
        Format::Junit => print(&gate.junit()),
        Format::Prometheus => print(&gate.prometheus()),
        Format::Github => {
            if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
                let file = File::options().append(true).create(true).open(&path);
                let written = file.and_then(|mut file| file.write_all(render::gate::summary(&markdown()).as_bytes()));
                written.with_context(|| format!("{}: cannot write", Path::new(&path).display()))?;
            }
            print(&gate.github())
        }
        _ => bail!("--format: this form is not for this command"),
    }
}

fn compare(args: &CompareArgs) -> Result<ExitCode> {
    let policy = SitePolicy::read(&args.common, &args.inputs)?;
    let asked =
        Asked::new(args.common.from.as_deref(), args.inputs.len() + usize::from(args.baseline.baseline.is_some()));
    let [mut a, mut b] = input::two(&args.inputs, &asked)?;
    if args.common.complete {
        [&mut a, &mut b].into_iter().try_for_each(input::take_as_whole)?;
    }
    let directions = args.direction.into();
    let given = Given::read(&args.baseline, &asked)?;
    let baseline = given.as_ref().map(Given::baseline).transpose()?;
    let log = given.as_ref().and_then(|given| given.log.as_ref());
    let report = assemble::report(&a, &b, directions, baseline.as_ref().map(|b| (b, log)), &policy.site());
    if args.fix {
        return print_fix(&report, args.format);
    }
    let fail_on = args.common.fail_on.into();
    let passes = passes(&report, fail_on, args.common.partial);
    if args.format.is_gate() {
        let reports = [(report, passes)];
        let gate = render::gate::reports("compare", &reports, &[], fail_on, (!passes).into());
        print_gate(&gate, args.format, || markdown(&reports, &args.common))?;
    } else {
        print(&rendered(&report, args.format, &args.common)?)?;
    }
    Ok(ExitCode::from(u8::from(!passes)))
}

/// All reports as Markdown.
fn markdown(reports: &[(Report, bool)], common: &Common) -> String {
    let of = reports.iter().map(|(report, _)| render::markdown::render(report, common.show_waivers));
    of.collect::<Vec<_>>().join("\n")
}

/// Prints the definition that makes two guests alike; what it costs and leaves goes to standard error.
fn print_fix(report: &Report, format: Format) -> Result<ExitCode> {
    let fix = report.fix.as_ref().context("there is nothing to fix")?;
    let definition = match format {
        Format::Table | Format::Libvirt => fix.libvirt(),
        Format::Qemu => fix.qemu(),
        _ => bail!("--fix prints a definition: --format libvirt or qemu"),
    };
    let mut said = fix.explain();
    let unsettled = report.unsettled();
    let settled = fix.remains.is_empty() && fix.others.is_empty() && unsettled.is_empty();
    said.extend(unsettled);
    if fix.is_empty() {
        said.insert(0, "nothing differs that a definition could settle".to_string());
    } else if fix.base.is_none() {
        said.insert(0, "to be added to the definition of both: these inputs do not show it".to_string());
    }
    // A result whose words nobody could read is none to go by.
    let heard = said.is_empty() || io::stderr().lock().write_all((said.join("\n") + "\n").as_bytes()).is_ok();
    if !fix.is_empty() {
        print(&definition)?;
    }
    Ok(if settled && heard { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Whether each role that is stated of one input is stated of one that is there.
fn are_named(roles: &[(Option<String>, Role)], inputs: &[PathBuf]) -> Result<()> {
    for (of, role) in roles {
        let of = of.as_deref().unwrap_or_default();
        if !of.is_empty() && !inputs.iter().any(|path| input::names(path).iter().any(|name| name == of)) {
            bail!("--as {of}={}: no input is called `{of}`", role.word());
        }
    }
    Ok(())
}

/// What the user says of the site and of the inputs.
struct SitePolicy<'a> {
    /// The waivers and the day on which they are judged; none without `--policy`.
    waivers: Option<(Policy, Day)>,
    roles: &'a [(Option<String>, Role)],
}

impl<'a> SitePolicy<'a> {
    fn read(common: &'a Common, inputs: &[PathBuf]) -> Result<Self> {
        are_named(&common.roles, inputs)?;
        let waivers = match &common.policy {
            Some(path) => Some((input::policy(path)?, common.as_of.unwrap_or_else(|| Day::of(SystemTime::now())))),
            None => None,
        };
        Ok(Self { waivers, roles: &common.roles })
    }

    fn site(&self) -> Site<'_> {
        let policy = self.waivers.as_ref().map(|(policy, as_of)| (policy, *as_of));
        Site { policy, roles: self.roles, ..Site::default() }
    }
}

/// The files of a baseline, read.
struct Given {
    name: String,
    source: Source,
    map: CpuMap,
    log: Option<Log>,
}

impl Given {
    fn read(args: &BaselineArgs, asked: &Asked<'_>) -> Result<Option<Self>> {
        let Some(path) = &args.baseline else { return Ok(None) };
        Ok(Some(Self {
            name: path.display().to_string(),
            source: input::baseline(path, asked)?,
            map: input::cpu_map(args.cpu_map.as_deref())?,
            log: args.qemu_log.as_deref().map(input::log).transpose()?,
        }))
    }

    fn baseline(&self) -> Result<Baseline<'_>> {
        Baseline::new(&self.source, &self.map, Knowledge::builtin()).map_err(|e| anyhow!("{}: {e}", self.name))
    }
}

fn check(args: &CheckArgs) -> Result<ExitCode> {
    let policy = SitePolicy::read(&args.common, &args.inputs)?;
    let asked = Asked::new(args.common.from.as_deref(), args.inputs.len() + 1);
    let given = Given::read(&args.baseline, &asked)?.context("check needs --baseline FILE")?;
    let mut baseline = given.baseline()?;
    let read = |path: &PathBuf| {
        let mut one = input::checkable(path, &asked)?;
        if let (true, Checkable::Dump(named)) = (args.common.complete, &mut one) {
            input::take_as_whole(named)?;
        }
        Ok(one)
    };
    let inputs = args.inputs.iter().map(read);
    // One input at a time: a fleet's worth of them need not be in memory, unless they have to be known together. An HTML
    // page holds all reports, and so does the answer of a gate.
    let inputs: Box<dyn Iterator<Item = Result<Checkable>>> = if args.inputs.len() > 1 && baseline.has_optional() {
        let all: Vec<Result<Checkable>> = inputs.collect();
        let known = || all.iter().flatten();
        let views: Vec<DumpView<'_>> = known().filter_map(|one| Some(DumpView::of(&one.dump()?.dump))).collect();
        let cpus = known().flat_map(Checkable::cpus);
        let names: Vec<Names<'_>> = cpus.flat_map(|cpu| Names::new(cpu, &given.map, Knowledge::builtin())).collect();
        baseline.learn_optional(&views, &names);
        Box::new(all.into_iter())
    } else {
        Box::new(inputs)
    };
    let fail_on = args.common.fail_on.into();
    let (mut kept, mut troubles) = (Vec::new(), Vec::new());
    let mut all_pass = true;
    for (one, path) in inputs.zip(&args.inputs) {
        let reports = one.and_then(|one| reports(one, &baseline, &given, &policy.site()));
        let reports = match reports {
            Ok(reports) => reports,
            // The other inputs' reports are worth having all the same.
            Err(error) => {
                input::complain(&error);
                troubles.push((path.display().to_string(), format!("{error:#}")));
                continue;
            }
        };
        for report in reports {
            let passes = passes(&report, fail_on, args.common.partial);
            all_pass &= passes;
            match args.format {
                Format::Html => kept.push((report, passes)),
                format if format.is_gate() => kept.push((report, passes)),
                Format::Json if args.inputs.len() > 1 => print(&wire::line(&report)?)?,
                format => print(&rendered(&report, format, &args.common)?)?,
            }
        }
    }
    let code = match (troubles.as_slice(), all_pass) {
        ([_, ..], _) => 2,
        ([], false) => 1,
        ([], true) => 0,
    };
    if args.format.is_gate() {
        let gate = render::gate::reports("check", &kept, &troubles, fail_on, code);
        print_gate(&gate, args.format, || markdown(&kept, &args.common))?;
    } else if !kept.is_empty() {
        let page: Vec<Report> = kept.into_iter().map(|(report, _)| report).collect();
        print(&render::html::page(&page, args.common.show_waivers))?;
    }
    Ok(ExitCode::from(code))
}

/// What one input makes of the baseline: a report for a dump, or for each CPU of a file of libvirt's.
fn reports(one: Checkable, baseline: &Baseline<'_>, given: &Given, site: &Site<'_>) -> Result<Vec<Report>> {
    match one {
        Checkable::Dump(named) => Ok(vec![assemble::check(*named, baseline, given.log.as_ref(), site)]),
        Checkable::Names(name, cpus) => {
            let report = |cpu| {
                let names = Names::new(cpu, &given.map, Knowledge::builtin());
                let names = names.map_err(|unknown| anyhow!("{name}: {}", unknown_at(cpu.model_at, &unknown)))?;
                let name = match &cpu.name {
                    Some(own) if cpus.len() > 1 => printable(&format!("{name}#{own}"), usize::MAX),
                    _ => name.clone(),
                };
                assemble::check_names(&name, &names, baseline, site).map_err(|why| anyhow!("{name}: {why}"))
            };
            cpus.iter().map(report).collect()
        }
    }
}

fn trace(args: &TraceArgs) -> Result<ExitCode> {
    let wide = Wide::new(input::cpu_map(args.cpu_map.as_deref())?, Knowledge::builtin());
    let named = [
        (Layer::Host, &args.host),
        (Layer::Kvm, &args.kvm),
        (Layer::Baseline, &args.baseline),
        (Layer::Guest, &args.guest),
    ];
    let given = named.iter().filter(|(_, path)| path.is_some()).count();
    let asked = Asked::new(args.from.as_deref(), given + args.inputs.len());
    let mut sources: Vec<(trace::Given, Source)> = Vec::new();
    for (layer, path) in named {
        if let Some(path) = path {
            let read = if layer == Layer::Baseline { input::baseline } else { input::source };
            sources.push((trace::Given { layer, name: path.display().to_string() }, read(path, &asked)?));
        }
    }
    are_named(&args.roles, &args.inputs)?;
    for path in &args.inputs {
        let (name, source) = (path.display().to_string(), input::source(path, &asked)?);
        let stated = role::stated(&args.roles, |of| input::names(path).iter().any(|name| name == of));
        let Some(layer) = Layer::of(stated.unwrap_or_else(|| source.role())) else {
            bail!("{name}: does not say what it shows; state it: --as {name}=hardware, offer, promise or guest");
        };
        if let Some((other, _)) = sources.iter().find(|(given, _)| given.layer == layer) {
            bail!(
                "{} and {name} are both {}: a trace takes one of each; --as {name}=ROLE states another",
                other.name,
                layer.word()
            );
        }
        sources.push((trace::Given { layer, name }, source));
    }
    if sources.len() < 2 {
        bail!("trace takes at least two layers: inputs, or --host, --kvm, --baseline and --guest");
    }
    let given: Vec<_> = sources.iter().map(|(given, source)| (given.clone(), source)).collect();
    let trace =
        trace::trace(&given, &wide, Knowledge::builtin(), args.all).map_err(|(name, why)| anyhow!("{name}: {why}"))?;
    let passes = match trace.fit {
        Fit::Fits => true,
        Fit::Unknown => args.partial,
        Fit::DoesNotFit => false,
    };
    match args.format {
        Format::Table => print(&render::trace::table(&trace, style(args.all))),
        Format::Markdown => print(&render::trace::markdown(&trace)),
        Format::Json => print(&wire::trace(&trace)?),
        format => print_gate(&render::gate::trace(&trace, passes), format, || render::trace::markdown(&trace)),
    }?;
    Ok(ExitCode::from(u8::from(!passes)))
}

fn baseline(args: &CommonArgs) -> Result<ExitCode> {
    let wide = Wide::new(input::cpu_map(args.cpu_map.as_deref())?, Knowledge::builtin());
    let qemu = args.format == CpuFormat::Qemu;
    // One file at a time: a fleet's worth of dumps need not be in memory.
    let mut pool = Pool::new(&wide, Knowledge::builtin());
    for (path, name) in args.inputs.iter().zip(input::short_names(&args.inputs)) {
        match input::source(path, &Asked::new(None, 1))? {
            Source::Cpus(cpus) => {
                for cpu in &cpus {
                    let name = match &cpu.name {
                        _ if cpus.len() == 1 => name.clone(),
                        Some(own) => format!("{name}#{own}"),
                        None => format!("{name}:{}", cpu.at.line),
                    };
                    pool.add(pool::Input::of_cpu(name, cpu, &wide).map_err(|e| anyhow!("{e}"))?);
                }
            }
            Source::Dump(dump) => {
                pool.add(pool::Input::of_whole_dump(name, *dump, &wide).map_err(|e| anyhow!("{e}"))?);
            }
            Source::Template(_) => bail!("{name}: a CPU template, expected a libvirt CPU or a dump"),
        }
    }
    let common = match pool.common(Options { keep_unmigratable: args.keep_unmigratable, qemu }) {
        Ok(common) => common,
        Err(Refusal::Nothing(why) | Refusal::Input(why)) => bail!("{why}"),
    };
    let xml = definition::libvirt(&common, &wide.map);
    pool::prove(&xml, &common, &wide).map_err(|why| anyhow!("the result does not hold ({why}); please report this"))?;
    let written = match args.format {
        CpuFormat::Platform(platform) => platform::write(platform, &common, &wide.map),
        CpuFormat::Qemu => Ok(definition::qemu(&common, &wide.map)),
        CpuFormat::Libvirt => Ok(xml),
    };
    let lines = common.explain(&wide, Knowledge::builtin(), qemu);
    let mut said: String = lines.iter().map(|line| render::paragraph(line, width())).collect();
    if let Err(refused) = &written {
        let reasons: Vec<String> =
            refused.reasons.iter().map(|why| render::paragraph(&format!("refused: {why}"), width())).collect();
        said = format!("{}the nearest that it can:\n{}{said}", reasons.concat(), refused.nearest);
    }
    // A result whose words nobody could read is none to go by.
    let heard = io::stderr().lock().write_all(said.as_bytes()).is_ok();
    let Ok(written) = written else { return Ok(ExitCode::from(1)) };
    print(&written)?;
    Ok(if common.is_plain() && heard { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(crate) fn style(all: bool) -> Style {
    Style { width: width(), colour: colour(), all, waivers: false }
}

/// A report in the form asked for.
fn rendered(report: &Report, format: Format, common: &Common) -> Result<String> {
    let style = Style { waivers: common.show_waivers, ..style(common.all) };
    Ok(match format {
        Format::Table => render::table::render(report, style),
        Format::Unified => render::unified::render(report),
        Format::Markdown => render::markdown::render(report, common.show_waivers),
        Format::Html => render::html::render(report, common.show_waivers),
        Format::Json => wire::pretty(report)?,
        Format::Libvirt | Format::Qemu => bail!("--format libvirt and qemu are for --fix"),
        Format::Dot | Format::Junit | Format::Prometheus | Format::Github => {
            bail!("--format: this form is not for one report")
        }
    })
}

/// Columns: what COLUMNS says, else the terminal's; a file gets 80.
fn width() -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    asked.or_else(|| terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)).unwrap_or(80)
}

/// Colour as it is asked for; else on a terminal alone, and not where NO_COLOR is set.
fn colour() -> bool {
    let output = OUTPUT.get();
    match output.map_or(ColorArg::Auto, |output| output.color) {
        ColorArg::Always => return true,
        ColorArg::Never => return false,
        ColorArg::Auto => {}
    }
    let to_file = output.is_some_and(|output| output.file.is_some());
    !to_file && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

fn explain(args: &ExplainArgs) -> Result<ExitCode> {
    let named = args.dump.as_ref().map(|path| input::dump(path, args.from.as_deref())).transpose()?;
    let dump = named.as_ref().map(|n| &n.dump);
    let from_log = args.terms.iter().any(|term| term == "-");
    let explanation = if from_log {
        let [_] = args.terms.as_slice() else { bail!("explain -: reads standard input, and takes no other term") };
        let text = input::bytes(Path::new("-"))?;
        explain::explain_text(&String::from_utf8_lossy(&text), dump, Knowledge::builtin())
    } else {
        explain::explain(&args.terms, dump, Knowledge::builtin())
    };
    print(&match args.format {
        ExplainFormat::Text => explain::render::text(&explanation, style(false)),
        ExplainFormat::Markdown => explain::render::markdown(&explanation),
        ExplainFormat::Json => wire::explanation(&explanation)?,
    })?;
    for unknown in &explanation.unknown {
        let near =
            if unknown.near.is_empty() { String::new() } else { format!(" (near: {})", unknown.near.join(", ")) };
        match unknown.term.as_str() {
            "" => eprintln!("cpuid-diff: standard input is empty"),
            term if from_log => {
                eprintln!(
                    "cpuid-diff: `{term}`: nothing that cpuid-diff knows: no feature, place, model or message{near}"
                );
            }
            term => eprintln!("cpuid-diff: not known: `{term}`{near}"),
        }
    }
    Ok(if explanation.unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn show(args: &ShowArgs) -> Result<ExitCode> {
    let named = input::side(&args.input, &Asked::new(args.from.as_deref(), 1))?;
    print(&show::show(&named, &Site::default(), width().into()))?;
    Ok(ExitCode::SUCCESS)
}

fn convert(args: &ConvertArgs) -> Result<ExitCode> {
    let writer = write::writer(&args.to).map_err(|e| anyhow!("--to: {e}"))?;
    let named = input::registers(&args.input, args.from.as_deref())?;
    for loss in write::losses(writer, &named.dump) {
        eprintln!("cpuid-diff: {loss}");
    }
    print(&(writer.write)(&named.dump))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output, or to the file that takes its place. A closed pipe is no trouble: the reader has seen enough.
pub(crate) fn print(text: &str) -> Result<()> {
    stream(|out| out.write_all(text.as_bytes()))
}

/// The same, piece by piece.
pub(crate) fn stream(put: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let output = OUTPUT.get();
    if output.is_some_and(|output| output.quiet) {
        return Ok(());
    }
    if let Some(file) = output.and_then(|output| output.file.as_ref()) {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        return put(&mut *file).context("--output: cannot write");
    }
    let mut out = io::stdout().lock();
    match put(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output: cannot write"),
    }
}
