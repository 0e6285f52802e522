//! Answers for machines: JUnit's XML, Prometheus' text format, GitHub's annotations.
//!
//! A command says once what passed and what did not, as a [`Gate`]; each form prints that. What was refused, is undecided,
//! unverified or known in part fails in all of them exactly where the exit code is not 0.

mod fleet;
mod github;
mod junit;
mod prometheus;
mod report;
mod trace;

pub use fleet::fleet;
pub use github::summary;
pub use report::reports;
pub use trace::trace;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Yes.
    Passed,
    /// No, or too little is known.
    Failed,
    /// There is no answer: something could not be read, is missing, or contradicts itself.
    Trouble,
}

impl Outcome {
    /// The outcome of what passed or failed.
    #[must_use]
    pub const fn of(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }
}

/// One thing that was asked: an input, a pair, a host, a VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The kind of thing.
    pub kind: &'static str,
    /// Which one.
    pub name: String,
    /// The file that it is about, where it is one.
    pub file: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The answer in one line, then each reason.
    pub said: Vec<String>,
}

/// A metric's label: its name and value.
pub type Label = (&'static str, String);

/// A metric's values, by their labels.
pub type Values = Vec<(Vec<Label>, u64)>;

/// Values of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What follows `cpuid_diff_COMMAND_`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// No two have the same labels.
    pub values: Values,
}

/// The answer of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The command.
    pub command: &'static str,
    /// Its exit code: 0 exactly where every case passed.
    pub exit_code: u8,
    /// The answer in one line.
    pub answer: String,
    /// Everything that was asked.
    pub cases: Vec<Case>,
    /// The figures.
    pub metrics: Vec<Metric>,
}

impl Gate {
    /// The answer of a command that cannot answer.
    #[must_use]
    pub fn trouble(command: &'static str, why: &str) -> Self {
        let (kind, name, outcome) = (command, "the command".to_string(), Outcome::Trouble);
        let case = Case { kind, name, file: None, outcome, said: vec![why.to_string()] };
        Self { command, exit_code: 2, answer: why.to_string(), cases: vec![case], metrics: Vec::new() }
    }

    /// JUnit's XML.
    #[must_use]
    pub fn junit(&self) -> String {
        junit::render(self)
    }

    /// Metrics for the textfile collector of Prometheus' `node_exporter`.
    #[must_use]
    pub fn prometheus(&self) -> String {
        prometheus::render(self)
    }

    /// Annotations of GitHub's workflow runs.
    #[must_use]
    pub fn github(&self) -> String {
        github::render(self)
    }

    /// Cases that ended so.
    fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.outcome == outcome)
    }
}

/// Names that differ: one that stands again gets its number.
fn apart(names: Vec<String>) -> Vec<String> {
    let mut met = std::collections::HashMap::new();
    let numbered = names.into_iter().map(|name| {
        let times: &mut usize = met.entry(name.clone()).or_default();
        *times += 1;
        if *times == 1 { name } else { format!("{name} ({times})") }
    });
    numbered.collect()
}
