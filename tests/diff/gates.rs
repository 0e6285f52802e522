//! JUnit, Prometheus and GitHub forms: each is valid, and fails exactly where the exit code is not 0.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use roxmltree::{Document, Node as Element};

use crate::nodes::{ICE_LAKE, Node};
use crate::support::files::Files;
use crate::support::root;

const FORMS: [&str; 3] = ["junit", "prometheus", "github"];

/// The samples that stand for a host, and what is asked of them. Exit codes are asked of `--format table`.
const ASKED: [&str; 19] = [
    "compare haswell-node1.json haswell-node2.json",
    "compare haswell-node1.json haswell-node2.json --fail-on unsafe --direction b-to-a",
    "compare max.json max.json",
    // Undecided, and refused.
    "compare reference-node1-leaf1.txt reference-node1-leaf1.txt",
    "compare reference-node1-leaf1.txt reference-node1-leaf1.txt --partial",
    "compare icelake-q35-10.0.json icelake-q35-10.1.json --fail-on unsafe --partial",
    "compare haswell-node1.json haswell-node1.json --baseline baseline.xml",
    "compare haswell-node1.json missing.json",
    "check haswell-node1.json --baseline haswell-node1.json",
    "check haswell-node1.json haswell-node1.json haswell-node2.json --baseline baseline.xml",
    // Unverified.
    "check reference-node1-leaf1.txt --baseline haswell-node1.json",
    "check haswell-node1.json missing.json --baseline haswell-node1.json",
    "check haswell-node1.json --baseline missing.xml",
    "trace --kvm max.json --guest max.json",
    "trace --baseline baseline.xml --guest haswell-node1.json",
    "trace --kvm max.json --guest reference-node1-leaf1.txt",
    "fleet max.json --as offer",
    "fleet fleet --as offer --since fleet-history/before.json",
    "fleet fleet missing --as offer",
];

fn run(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
        .args(arguments)
        .current_dir(root().join("samples"))
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_gate_fails_where_the_exit_code_is_not_0() {
    let mut codes = BTreeSet::new();
    for asked in ASKED {
        let arguments: Vec<&str> = asked.split(' ').collect();
        let (code, _) = run(&arguments);
        codes.insert((arguments[0], code));
        for form in FORMS {
            let (same, out) = run(&[&arguments[..], &["--format", form]].concat());
            assert_eq!(same, code, "{asked} --format {form}");
            assert_eq!(fails(form, &out), code, "{asked} --format {form}: {out}");
        }
    }
    // Every command with each of its codes.
    for command in ["compare", "check", "trace", "fleet"] {
        for code in 0..2 {
            assert!(codes.contains(&(command, code)), "nothing asks {command} for a {code}");
        }
    }
    assert!(codes.contains(&("compare", 2)) && codes.contains(&("check", 2)) && codes.contains(&("fleet", 2)));
}

/// The exit code that the form speaks of: 0 passed, 1 failed, 2 trouble. Panics where it is not valid.
fn fails(form: &str, text: &str) -> i32 {
    match form {
        "junit" => {
            let [failures, errors] = junit(text);
            if errors > 0 { 2 } else { i32::from(failures > 0) }
        }
        "prometheus" => {
            let series = prometheus(text);
            let code = series.iter().find(|(name, ..)| name.ends_with("_exit_code")).expect("an exit code").2;
            let passed = |(name, _, value): &(String, Vec<String>, f64)| !name.ends_with("_passed") || *value > 0.0;
            assert!(code > 0.0 || series.iter().all(passed), "{text}");
            format!("{code}").parse().unwrap()
        }
        _ => {
            let annotations = github(text);
            let no_answer = |text: &str| text.contains("cannot open") || text.contains("No such file");
            match annotations.iter().filter(|(word, ..)| word == "error").collect::<Vec<_>>().as_slice() {
                [] => 0,
                errors => 1 + i32::from(errors.iter().any(|(.., text)| no_answer(text))),
            }
        }
    }
}

/// Holds a document against what `junit-10.xsd` of Jenkins' xunit plugin allows: how many failures and errors it counts.
fn junit(text: &str) -> [usize; 2] {
    let document = Document::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let suite = document.root_element();
    let has = |of: Element<'_, '_>, all: &[&str], needed: &[&str]| {
        assert!(of.attributes().all(|a| all.contains(&a.name())), "{of:?}");
        assert!(needed.iter().all(|name| of.attribute(*name).is_some()), "{of:?}");
    };
    assert_eq!(suite.tag_name().name(), "testsuite");
    let counts = ["name", "tests", "failures", "errors"];
    has(suite, &counts, &counts);
    let count = |name: &str| -> usize { suite.attribute(name).unwrap().parse().unwrap() };
    let (mut cases, mut failures, mut errors) = (0, 0, 0);
    for child in suite.children().filter(Element::is_element) {
        match child.tag_name().name() {
            "system-out" => has(child, &[], &[]),
            "testcase" => {
                has(child, &["name", "classname"], &["name", "classname"]);
                cases += 1;
                for why in child.children().filter(Element::is_element) {
                    has(why, &["message"], &["message"]);
                    assert!(why.children().all(|c| c.is_text()) && !why.attribute("message").unwrap().is_empty());
                    match why.tag_name().name() {
                        "failure" => failures += 1,
                        "error" => errors += 1,
                        other => panic!("<{other}> in a case"),
                    }
                }
            }
            other => panic!("<{other}> in a suite"),
        }
    }
    assert_eq!([count("tests"), count("failures"), count("errors")], [cases, failures, errors], "{text}");
    [failures, errors]
}

/// The series of a text in Prometheus' text format (name, labels, value), by the rules that `promtool check metrics` holds
/// it to: HELP, then TYPE, then the samples of one name, each labels once.
fn prometheus(text: &str) -> Vec<(String, Vec<String>, f64)> {
    assert!(text.ends_with('\n'), "{text:?}");
    let is_name =
        |name: &str| name.starts_with("cpuid_diff_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let (mut series, mut families, mut family) = (Vec::new(), BTreeSet::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help text");
            assert!(is_name(name) && !help.is_empty() && !help.contains('\\'), "{line}");
            assert!(families.insert(name.to_string()), "{name} stands twice");
            assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
            family = name.to_string();
            continue;
        }
        let rest = line.strip_prefix(&family).unwrap_or_else(|| panic!("{line} in {family}"));
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest),
            None => (Vec::new(), rest),
        };
        let value: f64 = value.strip_prefix(' ').expect("a space").parse().unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(!series.iter().any(|(name, other, _)| (name, other) == (&family, &labels)), "twice: {line}");
        series.push((family.clone(), labels, value));
    }
    series
}

/// Labels up to `}`, and what follows.
fn labels(mut rest: &str) -> (Vec<String>, &str) {
    let mut labels = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"").expect("a label");
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()), "label `{name}`");
        let mut chars = after.char_indices();
        let (mut value, mut end) = (String::new(), None);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = Some(at);
                    break;
                }
                '\\' => value.push(match chars.next().expect("an escape").1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("escape \\{c}"),
                }),
                c => value.push(c),
            }
        }
        labels.push(format!("{name}={value}"));
        rest = &after[end.expect("an end") + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, rest.strip_prefix('}').expect("the end of the labels")),
        }
    }
}

/// One of GitHub's annotations: word, properties, text.
type Annotation = (String, Vec<(String, String)>, String);

/// GitHub's annotations.
fn github(text: &str) -> Vec<Annotation> {
    let plain = |text: &str| {
        text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    };
    let one = |line: &str| {
        let (head, text) = line.strip_prefix("::").expect("a command").split_once("::").expect("a text");
        let (word, properties) = head.split_once(' ').expect("a property");
        assert!(["error", "notice"].contains(&word), "{line}");
        let properties = properties.split(',').map(|p| {
            let (name, value) = p.split_once('=').expect("a value");
            assert!(["file", "title"].contains(&name) && !value.contains(':'), "{line}");
            (name.to_string(), plain(value))
        });
        (word.to_string(), properties.collect(), plain(text))
    };
    text.lines().map(one).collect()
}

/// What a person might have called a file: everything that means something to one of the forms.
const HOSTILE: &str = "a\"b\\n<&'>,c:d%0A::error title=x::\ny\u{1}\u{fffe}{}.json";

#[test]
fn names_from_inputs_stay_names() {
    let files = Files::new();
    let path = files.put(HOSTILE, &Node::intel("x,y:z%0A\"}\\ 1\n::error ::no", ICE_LAKE).json());
    let missing = format!("{path}-missing");
    for arguments in [
        vec!["compare", &path, &path],
        vec!["check", &path, &missing, "--baseline", &path],
        vec!["trace", "--kvm", &path, "--guest", &path],
        vec!["fleet", &path, &missing],
        vec!["compare", &path, &missing],
    ] {
        for form in FORMS {
            let (code, out) = run(&[&arguments[..], &["--format", form]].concat());
            assert_eq!(fails(form, &out), code, "{arguments:?} --format {form}: {out}");
            if form == "github" {
                let titles = github(&out).into_iter().flat_map(|(_, properties, _)| properties);
                let titles: Vec<String> = titles.filter(|(name, _)| name == "title").map(|(_, value)| value).collect();
                assert!(titles.iter().all(|title| title.starts_with("cpuid-diff ")), "{titles:?}");
            }
        }
    }
}

#[test]
fn github_shows_ten_errors_and_its_summary_is_markdown() {
    let files = Files::new();
    let mut arguments = vec!["check".to_string(), "--baseline".into(), "haswell-node1.json".into(), "--format".into()];
    arguments.push("github".to_string());
    arguments.extend((0..14).map(|i| files.put(&format!("{i}.json"), &Node::intel("x", ICE_LAKE).json())));
    let summary = files.0.join("summary.md");
    let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
        .args(&arguments)
        .current_dir(root().join("samples"))
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    let annotations = github(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), annotations.len()), (Some(1), 10));
    // The last one names the others.
    let (_, _, last) = annotations.last().unwrap();
    assert!(last.lines().count() == 5 && last.contains("13.json"), "{last}");
    let markdown = std::fs::read_to_string(&summary).unwrap();
    assert_eq!(markdown.lines().filter(|line| line.starts_with("## ")).count(), 14, "{markdown}");
    // It was there already: a step's summary grows.
    assert!(cpuid_diff::render::gate::summary(&"## x\n".repeat(300_000)).len() <= 1024 * 1024);
}

/// The recipe for cron, on a fleet of which a host changes and then cannot be read.
#[test]
fn the_nightly_script_prints_what_changed_and_keeps_no_trouble() {
    let state = Files::new();
    let nodes = |features: &[&str]| {
        let files = Files::new();
        for (i, without) in features.iter().enumerate() {
            let node = Node::intel(&format!("node{i}"), ICE_LAKE).without(without);
            files.put(&format!("node{i}.json"), &node.json());
        }
        files
    };
    let night = |nodes: &Files| {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_cpuid-diff"));
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let output = Command::new(root().join("scripts/fleet-nightly"))
            .args([nodes.0.as_os_str(), state.0.join("kept").as_os_str()])
            .args(["--as", "offer"])
            .env("PATH", path)
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let [alike, changed] = [&["", ""], &["", "avx512f"]].map(|features| nodes(features));
    assert_eq!(night(&alike), (0, String::new()), "the first night");
    let (code, out) = night(&changed);
    assert!(code == 1 && out.contains("node1") && out.contains("avx512f"), "{out}");
    // Now it is as it was the night before.
    let (code, out) = night(&changed);
    assert!(code == 0 && out.is_empty(), "{out}");
    let broken = nodes(&["", "avx512f"]);
    broken.put("node1.json", "{");
    let (code, out) = night(&broken);
    assert!(code == 2 && out.contains("node1"), "{out}");
    assert_eq!(night(&changed), (0, String::new()), "trouble is not compared with");
}
