//! No import circle between the files of the library: what a module uses does not use it. Parents and children are one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

type Module = Vec<String>;

/// The paths that a text names from `crate`, `super` or `self`, `use` trees spelt out.
fn paths(text: &str) -> Vec<Module> {
    let begins = regex_lite::Regex::new(r"\b(?:crate|super|self)::").expect("a pattern");
    let mut found = Vec::new();
    for start in begins.find_iter(text).map(|m| m.start()) {
        // `super::super::x` is met again at its second word.
        if !text[..start].ends_with("::") {
            spell_out(Vec::new(), &text[start..], &mut found);
        }
    }
    found
}

/// Reads one path or tree at the beginning of `text`; returns what is behind it.
fn spell_out<'a>(mut before: Module, mut text: &'a str, found: &mut Vec<Module>) -> &'a str {
    loop {
        let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '*').collect();
        text = &text[word.len()..];
        if !word.is_empty() {
            before.push(word);
        }
        match text.strip_prefix("::") {
            Some(rest) if rest.starts_with('{') => {
                let mut rest = &rest[1..];
                loop {
                    rest = spell_out(before.clone(), rest.trim_start(), found).trim_start();
                    match rest.strip_prefix(',') {
                        Some(more) => rest = more,
                        None => return rest.strip_prefix('}').unwrap_or(rest),
                    }
                }
            }
            Some(rest) => text = rest,
            None => {
                found.push(before);
                let renamed =
                    text.trim_start().strip_prefix("as ").map(|rest| rest.trim_start_matches(char::is_alphanumeric));
                return renamed.unwrap_or(text);
            }
        }
    }
}

#[test]
fn no_file_uses_what_uses_it() {
    let root = crate::support::root().join("diff/src");
    let mut files: BTreeMap<Module, String> = BTreeMap::new();
    for path in crate::knowledge::rust_files(&root) {
        let name = path.strip_prefix(&root).expect("below it").with_extension("");
        let mut module: Module = name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let program = ["main", "cli", "input", "lib"].iter().any(|file| module == [*file]);
        if program || module.iter().any(|part| part == "tests") {
            continue;
        }
        module.retain(|part| part != "mod");
        let text = fs::read_to_string(&path).expect("a file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
        files.insert(module, lines.collect::<Vec<_>>().join("\n"));
    }
    assert!(files.len() > 100, "{}", files.len());
    let uses = |module: &Module, text: &str| -> BTreeSet<Module> {
        let target = |path: Module| {
            let up = path.iter().take_while(|part| *part == "super").count();
            let of_own = path[0] != "crate";
            let mut target = if of_own { module[..module.len().saturating_sub(up)].to_vec() } else { Vec::new() };
            target.extend(path.into_iter().filter(|part| !["crate", "super", "self", "*"].contains(&part.as_str())));
            while !target.is_empty() && !files.contains_key(&target) {
                target.pop();
            }
            let related = target.starts_with(module) || module.starts_with(&target);
            (!target.is_empty() && !related).then_some(target)
        };
        paths(text).into_iter().filter_map(target).collect()
    };
    let graph: BTreeMap<&Module, BTreeSet<Module>> = files.iter().map(|(m, text)| (m, uses(m, text))).collect();
    let mut circles = Vec::new();
    for module in files.keys() {
        let mut reached: BTreeSet<&Module> = BTreeSet::new();
        let mut next: Vec<&Module> = graph[module].iter().collect();
        while let Some(one) = next.pop() {
            if reached.insert(one) {
                next.extend(&graph[one]);
            }
        }
        if reached.contains(module) {
            circles.push(module.join("::"));
        }
    }
    assert!(circles.is_empty(), "modules that use themselves by way of others: {circles:?}");
}
