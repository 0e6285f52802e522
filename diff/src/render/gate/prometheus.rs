//! Prometheus' text format, version 0.0.4.

use std::fmt::Write;

use super::Gate;

/// Gauges `cpuid_diff_COMMAND_*`, the exit code first.
pub(super) fn render(gate: &Gate) -> String {
    let mut out = String::new();
    let mut metric = |name: &str, help: &str, values: &[(Vec<(&str, String)>, u64)]| {
        if values.is_empty() {
            return;
        }
        let name = format!("cpuid_diff_{}_{name}", gate.command);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let labels: Vec<String> = labels.iter().map(|(of, text)| format!("{of}=\"{}\"", label(text))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    metric("exit_code", "0 yes, 1 not so, 2 trouble", &[(Vec::new(), gate.exit_code.into())]);
    for m in &gate.metrics {
        metric(m.name, m.help, &m.values);
    }
    out
}

/// A label's value.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
