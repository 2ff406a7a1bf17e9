//! What a command asks of the kernel and of cmap, in a run that is not measured.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::instruments::FOLDER;
use super::meter::Meter;

/// The system calls that start a process or a thread.
const STARTS: [&str; 4] = ["clone", "clone3", "fork", "vfork"];

/// What strace counts.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// System calls, of all its processes.
    pub calls: usize,
    /// Processes besides the first one.
    pub children: usize,
}

/// What a run asks of the kernel.
pub fn calls(meter: &Meter, prepare: &str, words: &str) -> Result<Calls> {
    let file = format!("{FOLDER}/trace");
    if !prepare.is_empty() {
        meter.node.run(&meter.line(&["sh", "-c", prepare]))?;
    }
    meter.node.run(&["rm", "-f", &file])?;
    let mut line = vec!["strace", "-f", "-qq", "-o", &file];
    line.extend(words.split(' '));
    meter.node.run(&meter.line(&line))?;
    Ok(count(&meter.node.run(&["cat", &file])?))
}

/// Counts in what strace has written.
pub fn count(trace: &str) -> Calls {
    let is_call = |line: &&str| {
        let call = line
            .split_once(' ')
            .map_or("", |(_, call)| call.trim_start());
        call.starts_with(|c: char| c.is_ascii_lowercase()) && call.contains('(')
    };
    let calls = trace.lines().filter(is_call).count();
    let mut children = 0;
    let mut starts_thread = BTreeMap::new();
    for line in trace.lines() {
        let Some((pid, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let begins = STARTS
            .iter()
            .any(|name| call.starts_with(&format!("{name}(")));
        if begins {
            starts_thread.insert(pid, call.contains("CLONE_THREAD"));
        }
        let ends = STARTS
            .iter()
            .any(|name| call.contains(&format!("{name} resumed")));
        let started = call
            .rsplit_once(" = ")
            .map(|(_, pid)| pid.trim().parse::<u32>());
        if (begins || ends) && matches!(started, Some(Ok(_))) && !starts_thread[pid] {
            children += 1;
        }
    }
    Calls { calls, children }
}

/// What a run asks cmap for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The maps that it opens.
    pub opened: Vec<String>,
    /// The maps and the keys that it gets.
    pub keys: Vec<(String, String)>,
    /// The prefixes that it iterates over.
    pub iterated: Vec<String>,
}

impl Asked {
    /// The words that have benches/floor.c ask the same of these maps.
    pub fn floor(&self, maps: &[&str]) -> String {
        let mut words = format!("{FOLDER}/floor");
        for map in maps {
            words += &format!(" {map}");
            for (_, key) in self.keys.iter().filter(|(of, _)| of == map) {
                words += &format!(" {key}");
            }
        }
        words
    }
}

/// What a pass asks cmap for.
pub fn asked(meter: &Meter, prepare: &str, words: &str) -> Result<Asked> {
    let preload = format!("LD_PRELOAD={FOLDER}/keys.so");
    let mut line = vec!["env", &preload];
    line.extend(words.split(' '));
    meter.node.run(&meter.line(&["sh", "-c", prepare]))?;
    let output = meter.node.output(&meter.line(&line))?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "`{words}`: {said}");
    let mut asked = Asked::default();
    for line in said.lines().filter_map(|line| line.strip_prefix("cmap: ")) {
        let (what, which) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "open" => asked.opened.push(which.to_owned()),
            "iterate" => asked.iterated.push(which.to_owned()),
            map => asked.keys.push((map.to_owned(), which.to_owned())),
        }
    }
    ensure!(
        !asked.opened.is_empty(),
        "`{words}` asked cmap nothing: {said}"
    );
    Ok(asked)
}
