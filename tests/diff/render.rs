//! Reports as people see them: whole, safe from what inputs call themselves, and the same on every run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cpuid_diff::assemble::{self, Named, Site};
use cpuid_diff::check::Baseline;
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::knowledge::Severity;
use cpuid_diff::policy::{Day, Policy};
use cpuid_diff::read::{self, Input};
use cpuid_diff::render::{Style, answer, html, markdown, table, unified, words};
use cpuid_diff::report::Report;
use cpuid_diff::view::source;
use cpuid_diff::wire;
use cpuid_probe::dump::{Dump, MsrRecord, Source, VcpuDump};
use cpuid_probe::{LeafId, Registers};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What a person might have called a file. Every character that means something to a terminal, Markdown or HTML.
const HOSTILE: &str = "a|b`c``d<script>alert('x')</script>&amp;\"\\_*[y](z)\n# head\r\x1b[31m~~@you";

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples")
}

fn sample(name: &str) -> Dump {
    let bytes = fs::read(samples().join(name)).expect("a sample");
    match read::read(&bytes, None).unwrap_or_else(|e| panic!("{name}: {e}")) {
        Input::Dump(dump) => *dump,
        other => panic!("{name}: {other:?}"),
    }
}

fn compare(a: &Dump, b: &Dump) -> Report {
    let named = |name: &str, dump: &Dump| Named { name: name.to_string(), dump: dump.clone() };
    assemble::report(&named("a.json", a), &named("b.json", b), Directions::Both, None, &Site::default())
}

const fn style(width: u16) -> Style {
    Style { width, colour: false, all: false, waivers: false }
}

/// Pairs of samples: one feature, unlike CPUs of several vCPUs, excerpts, different numbers of vCPUs, a dump itself.
fn reports() -> Vec<(String, Report)> {
    let pairs = [
        ("haswell-node1.json", "haswell-node2.json"),
        ("epyc-4-vcpus.json", "icelake-4-vcpus.json"),
        ("reference-node1-leaf1.txt", "reference-node2-leaf1.txt"),
        ("reference-node1-timing.txt", "reference-node2-timing.txt"),
        ("haswell-linux.json", "haswell-node1.json"),
        ("max.json", "max.json"),
        ("reference-node1-leaf1.txt", "reference-node1-leaf1.txt"),
    ];
    let mut reports: Vec<(String, Report)> =
        pairs.iter().map(|(a, b)| (format!("{a} {b}"), compare(&sample(a), &sample(b)))).collect();
    let baseline = samples().join("baseline.xml");
    let source = source::read(&fs::read(baseline).expect("a baseline"), None).expect("readable");
    let map = CpuMap::of(Knowledge::builtin());
    let baseline = Baseline::new(&source, &map, Knowledge::builtin()).expect("known to the map");
    let named = |name: &str| Named { name: name.to_string(), dump: sample(name) };
    let [one, two] = ["haswell-node1.json", "haswell-node2.json"].map(named);
    reports.push(("check".to_string(), assemble::check(two.clone(), &baseline, None, &Site::default())));
    let excerpt = named("reference-node1-leaf1.txt");
    reports
        .push(("check of an excerpt".to_string(), assemble::check(excerpt.clone(), &baseline, None, &Site::default())));
    let three = assemble::report(&one, &two, Directions::Both, Some((&baseline, None)), &Site::default());
    reports.push(("three columns".to_string(), three));
    reports.push(("hostile".to_string(), hostile()));
    reports.push(("blocks and MSRs".to_string(), moved_block()));
    reports
}

/// A report in which everything a user can name has a hostile name.
fn hostile() -> Report {
    let mut a = sample("haswell-node1.json");
    a.provenance.label = Some(HOSTILE.to_string());
    let b = sample("haswell-node2.json");
    let named = |dump: Dump| Named { name: HOSTILE.to_string(), dump };
    let reason = toml_string(HOSTILE);
    let policy = format!("[[waiver]]\nfeature = \"avx2\"\naccept = \"unsafe\"\nreason = {reason}\n");
    let policy = Policy::parse(HOSTILE, &policy).expect("a policy");
    let site = Site { policy: Some((&policy, Day::parse("2026-01-01").expect("a day"))), ..Site::default() };
    let (a, b) = (named(a), named(b));
    let waived = assemble::report(&a, &b, Directions::Both, None, &site);
    let mut report = assemble::report(&a, &b, Directions::Both, None, &Site::default());
    report.notes.push(HOSTILE.to_string());
    if let Some(f) = report.findings.iter_mut().find(|f| f.severity == Severity::Unsafe) {
        f.evidence = vec![HOSTILE.to_string()];
        f.cause = Some(HOSTILE.into());
        f.remedy = Some(format!("`{HOSTILE}`").into());
    }
    report.notes.extend(waived.notes);
    report.findings.extend(waived.findings);
    report.summary.waived = 1;
    report
}

fn toml_string(text: &str) -> String {
    serde_json::to_string(text).expect("JSON strings are TOML strings")
}

/// KVM's leaves move from 0x40000000 to 0x40000100 behind Hyper-V's, and a feature MSR loses a bit.
fn moved_block() -> Report {
    let guest = |hyperv: bool| {
        let kvm = if hyperv { 0x4000_0100 } else { 0x4000_0000 };
        let mut source = |leaf: u32, _: u32| {
            Some(match leaf {
                0 => Registers::new(7, 0x756e_6547, 0x6c65_746e, 0x4965_6e69),
                1 => Registers::new(0x306c1, 0x800, 0x80fa_2203, 0x0f8b_fbff),
                7 => Registers::new(0, 0, 0, 1 << 29),
                0x8000_0000 => Registers::new(0x8000_0001, 0, 0, 0),
                l if l == kvm => Registers::new(kvm + 1, 0x4b4d_564b, 0x564b_4d56, 0x4d),
                l if l == kvm + 1 => Registers::new(if hyperv { 0x0100_7e7b } else { 0x0100_7efb }, 0, 0, 0),
                0x4000_0000 => Registers::new(0x4000_0001, 0x7263_694d, 0x666f_736f, 0x7648_2074),
                0x4000_0001 => Registers::new(0x3123_7648, 0, 0, 0),
                _ => Registers::ZERO,
            })
        };
        let mut dump = Dump::new(Source::Native);
        let mut v = VcpuDump::capture(0, &mut source);
        let value = Some(if hyperv { 0x0 } else { 0x1 });
        v.insert_msr(MsrRecord { index: 0x10a, value }).expect("once");
        dump.vcpus.push(v);
        dump.provenance.vcpus_online = Some(1);
        dump
    };
    compare(&guest(false), &guest(true))
}

#[test]
fn a_report_looks_the_same_on_every_run() {
    for (name, report) in reports() {
        let again = report.clone();
        assert_eq!(table::render(&report, style(80)), table::render(&again, style(80)), "{name}");
        assert_eq!(markdown::render(&report, false), markdown::render(&again, false), "{name}");
        assert_eq!(html::render(&report, false), html::render(&again, false), "{name}");
        assert_eq!(unified::render(&report), unified::render(&again), "{name}");
        assert_eq!(wire::pretty(&report).ok(), wire::pretty(&again).ok(), "{name}");
    }
}

#[test]
fn a_table_fits_its_width_and_begins_with_the_verdict() {
    for (name, report) in reports() {
        for width in [80, 160] {
            for all in [false, true] {
                let text = table::render(&report, Style { all, waivers: all, ..style(width) });
                let words_of = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
                let verdict: Vec<String> =
                    answer::verdict(&report).iter().flat_map(|line| words_of(&line.text())).collect();
                assert!(!verdict.is_empty() && words_of(&text).starts_with(&verdict), "{name}: {text}");
                if name == "hostile" {
                    continue; // A name without blanks stays in one piece, so that it can be copied.
                }
                for line in text.lines().filter(|line| !line.contains("<feature ") && !line.contains("<timer ")) {
                    assert!(line.chars().count() <= usize::from(width), "{name}, {width} columns: {line}");
                    assert_eq!(line.trim_end(), line, "{name}");
                }
            }
        }
    }
}

/// One or two differing features fit 25 lines, however many differ 40, and no waiver stands among them unasked.
#[test]
fn a_report_fits_one_screen() {
    for (name, report) in reports() {
        let most = if report.causes.is_empty() && report.summary.unsafe_ <= 2 { 25 } else { 40 };
        let text = table::render(&report, style(100));
        if name != "hostile" {
            assert!(text.lines().count() <= most, "{name}: {} lines\n{text}", text.lines().count());
        }
        assert!(!text.contains("[[waiver]]"), "{name}");
        let unsafe_ = report.findings.iter().any(|f| f.severity == Severity::Unsafe);
        let asked = table::render(&report, Style { waivers: true, ..style(100) });
        assert!(!unsafe_ || asked.contains("[[waiver]]"), "{name}");
    }
}

#[test]
fn a_terminal_obeys_nobody_but_us() {
    for (name, report) in reports() {
        let plain = table::render(&report, Style { all: true, ..style(100) });
        assert!(plain.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
        let colour = table::render(&report, Style { colour: true, all: true, ..style(100) });
        let mut stripped = String::new();
        for part in colour.split('\x1b') {
            // SGR and nothing else; the first part has none.
            match part.strip_prefix('[').and_then(|rest| rest.split_once('m')) {
                Some((codes, rest)) if codes.chars().all(|c| c.is_ascii_digit() || c == ';') => stripped += rest,
                _ => stripped += part,
            }
        }
        assert_eq!(stripped, plain, "{name}");
        assert!(colour.contains("\x1b["), "{name}");
    }
}

#[test]
fn the_table_names_causes_and_with_all_every_finding_worst_first() {
    let report = compare(&sample("epyc-4-vcpus.json"), &sample("icelake-4-vcpus.json"));
    let text = table::render(&report, style(100));
    for part in ["CPU definition: the model is `EPYC` in A", "vendor: AuthenticAMD in A", "  what  ", "more: "] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(!text.contains("unsafe ("));
    let text = table::render(&report, Style { all: true, waivers: true, ..style(100) });
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no `{words}` in\n{text}"));
    assert!(at("unsafe (") < at("warning (") && at("warning (") < at("info ("));
    for part in ["  consequence ", "  cause ", "  source ", "[[waiver]]"] {
        at(part);
    }
}

#[test]
fn the_verdict_says_what_it_is_worth() {
    let excerpts = compare(&sample("reference-node1-leaf1.txt"), &sample("reference-node2-leaf1.txt"));
    let line = words::verdict(&excerpts);
    assert_eq!(line, "one-way: A → B review, B → A unsafe; partial, feature MSRs not captured");
    let alike = compare(&sample("reference-node1-leaf1.txt"), &sample("reference-node1-leaf1.txt"));
    assert_eq!(
        words::verdict(&alike),
        "undecided: 1 register set compared, no difference that matters; too little for a migration verdict; partial, \
         feature MSRs not captured"
    );
    let tcg = compare(&sample("haswell-node1.json"), &sample("haswell-node2.json"));
    assert!(words::verdict(&tcg).contains("TCG"), "{}", words::verdict(&tcg));
    let one_way = assemble::report(
        &Named { name: "a".to_string(), dump: sample("haswell-node1.json") },
        &Named { name: "b".to_string(), dump: sample("haswell-node2.json") },
        Directions::AToB,
        None,
        &Site::default(),
    );
    assert!(words::verdict(&one_way).starts_with("A → B unsafe"), "{}", words::verdict(&one_way));
}

/// The unified diff is the two excerpts it shows: read back, it says the same.
#[test]
fn the_unified_diff_reads_back() {
    for (name, report) in reports() {
        let text = unified::render(&report);
        if report.dumps.len() < 2 {
            continue;
        }
        if !text.contains("@@") {
            assert!(report.dumps[0].vcpus == report.dumps[1].vcpus, "{name}");
            continue;
        }
        if name == "hostile" {
            continue; // Its name is `--- …` over several lines.
        }
        let Input::Pair(pair) = read::read(text.as_bytes(), None).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"))
        else {
            panic!("{name}: no pair\n{text}");
        };
        for (side, (excerpt, whole)) in pair.iter().zip(&report.dumps).enumerate() {
            let other = &report.dumps[1 - side];
            let places = |d: &Dump| -> BTreeMap<(u32, LeafId), Registers> {
                let several = report.dumps.iter().any(|d| d.vcpus.len() > 1);
                let of = |v: &VcpuDump| {
                    let n = if several { v.vcpu } else { 0 };
                    v.leaves().iter().map(|r| ((n, r.id), r.registers)).collect::<Vec<_>>()
                };
                d.vcpus.iter().flat_map(of).collect()
            };
            let (shown, all, others) = (places(excerpt), places(whole), places(other));
            for (place, registers) in &shown {
                assert_eq!(all.get(place), Some(registers), "{name}: {place:x?}");
            }
            for (place, registers) in &all {
                let differs = others.get(place) != Some(registers);
                assert!(!differs || shown.contains_key(place), "{name}: {place:x?} differs and is not shown\n{text}");
            }
        }
    }
}

#[test]
fn the_unified_diff_names_what_changed_where_it_changed() {
    let leaf1 = unified::render(&compare(&sample("reference-node1-leaf1.txt"), &sample("reference-node2-leaf1.txt")));
    let expected = "--- a.json\n+++ b.json\n@@ -1 +1 @@\n\
        -00000001 00000000: 000306c1 0f000800 fffa3223 0f8bfbff\n\
        +00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\n\
        # EBX[31:24] initial_apic_id 0xf -> 0x0, expected (per-vcpu)\n\
        # ECX[2] dtes64 0 -> 1, B → A lost: unsafe; A → B gained: warning\n\
        # EDX[21] ds 0 -> 1, B → A lost: unsafe; A → B gained: warning\n\
        # one-way: A → B review, B → A unsafe; partial, feature MSRs not captured\n";
    assert_eq!(leaf1, expected);

    // Moved, with a bit lost on the way, and an MSR.
    let moved = unified::render(&moved_block());
    let after = |line: &str| {
        let mut lines = moved.lines().skip_while(|l| !l.starts_with(line));
        assert!(lines.next().is_some(), "no {line}\n{moved}");
        lines.take_while(|l| l.starts_with('#')).map(str::to_string).collect::<Vec<_>>()
    };
    assert!(after("+40000101 ").iter().any(|l| l.starts_with("# EAX[7] kvm_pv_unhalt 1 -> 0")), "{moved}");
    assert!(moved.ends_with("# incompatible: unsafe both ways\n"), "{moved}");
    assert!(after("-40000000 ").iter().chain(&after("+40000100 ")).any(|l| l.contains("KVMKVMKVM")), "{moved}");
    assert!(after("+msr 0000010a").iter().any(|l| l.starts_with("# [0] rdctl-no 1 -> 0")), "{moved}");

    // Several vCPUs: every hunk says whose it is, and each vCPU's lines have their own comments.
    let several = unified::render(&compare(&sample("epyc-4-vcpus.json"), &sample("icelake-4-vcpus.json")));
    for n in 0..4 {
        assert!(several.contains(&format!(" vcpu {n}\n")), "{n}");
    }
    let clwb = several.lines().filter(|l| l.starts_with("# EBX[24] clwb 0 -> 1")).count();
    assert_eq!(clwb, 4);
}

/// All text that a Markdown renderer shows, by kind.
struct Shown {
    text: String,
    raw_html: Vec<String>,
    tables: Vec<Vec<Vec<String>>>,
}

fn shown(source: &str) -> Shown {
    let mut shown = Shown { text: String::new(), raw_html: Vec::new(), tables: Vec::new() };
    let mut cell = None;
    for event in Parser::new_ext(source, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) | Event::Code(text) => {
                shown.text.push_str(&text);
                if let Some(cell) = &mut cell {
                    String::push_str(cell, &text);
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => shown.raw_html.push(html.trim().to_string()),
            Event::SoftBreak | Event::HardBreak => shown.text.push(' '),
            Event::Start(Tag::Table(_)) => shown.tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                if let Some(table) = shown.tables.last_mut() {
                    table.push(Vec::new());
                }
            }
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            Event::End(TagEnd::TableCell) => {
                let row = shown.tables.last_mut().and_then(|table| table.last_mut());
                row.expect("a row").push(cell.take().expect("a cell"));
            }
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock) => {
                shown.text.push('\n');
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Strikethrough) => {
                panic!("a link, an image or struck text in\n{source}")
            }
            _ => {}
        }
    }
    shown
}

#[test]
fn markdown_shows_what_was_meant_and_nothing_else() {
    for (name, report) in reports() {
        let source = markdown::render(&report, false);
        let shown = shown(&source);
        for html in &shown.raw_html {
            let summary =
                html.starts_with("<summary>") && html.ends_with("</summary>") && html.matches('<').count() == 2;
            assert!(
                ["<details>", "</details>", "<br>", "<details>\n"].contains(&html.as_str()) || summary,
                "{name}: {html}"
            );
        }
        let folded = |tag: &str| shown.raw_html.iter().filter(|h| *h == tag).count();
        assert_eq!(folded("<details>"), folded("</details>"), "{name}");
        // Inputs, then findings; every row with all its cells and a place that is one of the report's.
        let inputs = &shown.tables[0];
        let names = report.inputs.iter().map(|input| input.name.replace(char::is_control, " "));
        let row = |first: &str, rest: Vec<String>| [vec![first.to_string()], rest].concat();
        assert_eq!(inputs[0], row("", (0..report.inputs.len()).map(words::letter).collect()), "{name}");
        assert_eq!(inputs[1], row("input", names.collect()), "{name}");
        let places: Vec<String> = report.findings.iter().map(|f| f.subject.to_string()).collect();
        let rows: usize = shown.tables[1..]
            .iter()
            .map(|table| {
                let at = table[0].iter().position(|head| head == "place").expect("a column of places");
                for row in &table[1..] {
                    assert_eq!(row.len(), table[0].len(), "{name}");
                    assert!(places.contains(&row[at]), "{name}: {row:?}");
                }
                table.len() - 1
            })
            .sum();
        assert_eq!(rows, report.findings.len(), "{name}: every finding is in a table once");
        for line in answer::verdict(&report) {
            assert!(shown.text.contains(&line.text().replace(char::is_control, " ")), "{name}");
        }
        assert!(source.len() < 65_536, "{name}: {} bytes, more than GitHub takes", source.len());
        for f in report.findings.iter().filter(|f| matches!(f.severity, Severity::Unsafe | Severity::Warning)) {
            for text in [Some(words::what(f)), words::consequence(f), f.cause.as_deref(), f.source.as_deref()] {
                // Code of several findings stands side by side, so only what stands around it is looked for.
                for plain in text.unwrap_or_default().split('`').step_by(2).flat_map(str::lines) {
                    let plain = plain.replace(char::is_control, " ");
                    assert!(shown.text.contains(plain.trim()), "{name}: no `{plain}` in\n{}", shown.text);
                }
            }
        }
    }
    let hostile = shown(&markdown::render(&hostile(), false));
    let one_line = HOSTILE.replace(char::is_control, " ");
    assert!(hostile.text.contains(&one_line), "{}", hostile.text);
}

#[test]
fn html_is_whole_and_needs_nothing_from_elsewhere() {
    for (name, report) in reports() {
        let page = html::render(&report, false);
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let document =
            roxmltree::Document::parse_with_options(&page, options).unwrap_or_else(|e| panic!("{name}: {e}"));
        let of_class = |tag: &str, class: &str| {
            let is = |n: &roxmltree::Node<'_, '_>| {
                n.has_tag_name(tag) && n.attribute("class").is_some_and(|c| c.split(' ').any(|c| c == class))
            };
            document.descendants().filter(is).collect::<Vec<_>>()
        };
        for element in document.descendants().filter(roxmltree::Node::is_element) {
            let tag = element.tag_name().name();
            assert!(
                !["script", "link", "img", "iframe", "object", "base", "form", "a"].contains(&tag),
                "{name}: <{tag}>"
            );
            for attribute in element.attributes() {
                let known = [
                    "lang",
                    "charset",
                    "name",
                    "content",
                    "type",
                    "id",
                    "class",
                    "checked",
                    "for",
                    "open",
                    "title",
                    "aria-label",
                ];
                assert!(known.contains(&attribute.name()), "{name}: {}", attribute.name());
            }
        }
        let css = document.descendants().find(|n| n.has_tag_name("style")).and_then(|n| n.text()).expect("a style");
        assert!(!css.contains("url(") && !css.contains("@import") && !css.contains("http"), "{name}");
        assert_eq!(of_class("details", "finding").len(), report.findings.len(), "{name}");
        // A box to tick and its label for every severity there is, before what it filters.
        for severity in Severity::ALL {
            let there = report.findings.iter().any(|f| f.severity == severity);
            let id = format!("show-{}", severity.word());
            let boxes = document.descendants().filter(|n| n.attribute("id") == Some(&id)).count();
            let labels = document.descendants().filter(|n| n.attribute("for") == Some(&id)).count();
            assert_eq!((boxes, labels), (usize::from(there), usize::from(there)), "{name}");
        }
        for bits in of_class("div", "bits") {
            let cells = bits.children().filter(roxmltree::Node::is_element).count();
            assert!(cells == 32 || cells == 64, "{name}: {cells} cells");
        }
        let told: Vec<&str> = of_class("p", "word").iter().filter_map(roxmltree::Node::text).collect();
        let verdict = answer::verdict(&report);
        assert_eq!(told, verdict.iter().map(|line| line.word).collect::<Vec<_>>(), "{name}");
    }
    let page = html::render(&hostile(), false);
    assert!(!page.contains("<script"));
    let document = roxmltree::Document::parse_with_options(
        &page,
        roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() },
    )
    .expect("whole");
    let text: String = document.descendants().filter_map(|n| n.text()).collect();
    assert!(text.contains("<script>alert('x')</script>&amp;\"\\_*[y](z)"));
}

#[test]
fn bit_maps_show_every_bit() {
    let map = |report: &Report, register: &str| {
        let page = html::render(report, false);
        let from = page.find(&format!("<code>{register}</code>")).unwrap_or_else(|| panic!("no {register}"));
        let figure = &page[from..from + page[from..].find("</figure>").expect("a whole figure")];
        let cells = figure.split("<i class=\"").skip(1).map(|cell| cell.split('"').next().unwrap_or_default());
        (cells.map(str::to_string).collect::<Vec<_>>(), figure.to_string())
    };
    let leaf1 = compare(&sample("reference-node1-leaf1.txt"), &sample("reference-node2-leaf1.txt"));
    let (cells, figure) = map(&leaf1, "0x00000001 EDX");
    assert_eq!(cells.len(), 32);
    assert_eq!(cells.iter().filter(|c| *c == "gained").count(), 1);
    assert_eq!(cells[31 - 21], "gained");
    assert!(figure.contains("A <code>0f8bfbff</code>") && figure.contains("B <code>0fabfbff</code>"), "{figure}");
    // A number is no map of bits.
    let timing = compare(&sample("reference-node1-timing.txt"), &sample("reference-node2-timing.txt"));
    assert!(!html::render(&timing, false).contains("<figure"));
    let moved = moved_block();
    let (cells, figure) = map(&moved, "0x40000001 EAX of KVMKVMKVM");
    assert_eq!((cells[31 - 7].as_str(), cells.iter().filter(|c| *c != "same").count()), ("lost", 1), "{figure}");
    let (cells, _) = map(&moved, "msr 0x0000010a");
    assert_eq!((cells.len(), cells[63].as_str()), (64, "lost"));
}

/// The sample fleet as a page, in samples/reports. `scripts/update-examples` writes it again (`UPDATE=1`).
#[test]
fn the_sample_fleets_report_is_current() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
        .current_dir(samples())
        .args("fleet fleet --as offer --since fleet-history/before.json --format html".split(' '))
        .output()
        .unwrap();
    let path = samples().join("reports/fleet.html");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &output.stdout).expect("written");
    }
    let kept = fs::read(&path).unwrap_or_default();
    assert!(kept == output.stdout, "samples/reports/fleet.html is not current: scripts/update-examples");
    assert_eq!(output.status.code(), Some(1));
}

/// The reference case in every form that people look at, in samples/reports. `scripts/update-examples` writes them
/// again (`UPDATE=1`).
#[test]
fn the_reference_cases_reports_are_current_and_name_cause_and_remedy() {
    let named = |name: &str| Named { name: format!("samples/{name}"), dump: sample(name) };
    let report = assemble::report(
        &named("reference-node1.txt"),
        &named("reference-node2.txt"),
        Directions::Both,
        None,
        &Site::default(),
    );
    let files = [
        ("reference.txt", table::render(&report, style(80))),
        ("reference.md", markdown::render(&report, false)),
        ("reference.html", html::render(&report, false)),
    ];
    for (file, text) in files {
        let path = samples().join("reports").join(file);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &text).expect("written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "samples/reports/{file} is not current: scripts/update-examples");

        // Whatever the form does to characters, these words stay.
        // The table says the rest with --all.
        let text =
            if file == "reference.txt" { table::render(&report, Style { all: true, ..style(80) }) } else { text };
        let words = if file.ends_with(".md") { shown(&text).text } else { text.replace("&#39;", "'") };
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        for what in [
            "dtes64",
            "ds",
            "0x40000010",
            // Why: PEBS in KVM's PMU, of CPU and kernel; each host's own calibration.
            "only where its PMU can virtualize PEBS",
            "that has DS is not enough",
            "vmware-cpuid-freq",
            "own calibration",
            "cannot be live-migrated",
            // What to change.
            "name='ds'",
            "name='dtes64'",
            "ds=off,dtes64=off",
            "timer name='tsc' frequency=",
            "250 ppm",
            "name='invtsc'",
            "--migratable",
            "the guest still cannot be migrated",
            // What it comes to.
            "one-way",
            "UNSAFE",
            "2600000",
            "2599997",
            "1.2",
        ] {
            let found = words.contains(what) || words.contains(&what.replace('<', "&lt;"));
            assert!(found, "{file} does not say `{what}`");
        }
    }
}
