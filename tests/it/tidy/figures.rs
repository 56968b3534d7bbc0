//! The figures of the house, and their bounds. `cargo xtask tidy` prints them.

use super::folders::{FOLDERS, circles, upward};
use super::modules::Modules;
use super::report;

/// The longest function, in lines.
const MOST_LINES: usize = 65;
/// The most parameters of a function, `self` among them.
const MOST_PARAMETERS: usize = 5;
/// The longest file of a phase, in lines.
const MOST_LINES_OF_A_PHASE: usize = 250;
/// The phases whose files are that short.
const PHASES: [&str; 2] = ["src/run/phase/measure.rs", "src/run/phase/stitch.rs"];

/// A figure, where it stands worst, and what is over its bound.
struct Figure {
    name: &'static str,
    value: usize,
    place: String,
}

#[test]
fn figures_keep_to_their_bounds() {
    let modules = Modules::read();
    let mut problems = Vec::new();
    let mut figures = vec![
        figure("folders", FOLDERS.len(), String::new()),
        figure("files", modules.by_place.len(), String::new()),
        figure("imports from a later folder", upward(&modules).len(), String::new()),
        figure("circles", circles(&modules).len(), String::new()),
    ];
    let all = || {
        modules
            .by_place
            .values()
            .flat_map(|module| module.functions.iter().map(move |function| (module, function)))
    };
    figures.push(figure("functions", all().count(), String::new()));
    for (module, function) in all() {
        let place = format!("{}:{}: `{}`", module.file, function.line, function.name);
        if function.lines > MOST_LINES {
            problems.push(format!("{place} has {} lines, {MOST_LINES} at most", function.lines));
        }
        if function.parameters > MOST_PARAMETERS {
            let count = function.parameters;
            problems.push(format!(
                "{place} has {count} parameters, {MOST_PARAMETERS} at most: a type is missing"
            ));
        }
    }
    let longest = all().max_by_key(|(_, function)| function.lines);
    figures.extend(longest.map(|(module, function)| {
        figure(
            "longest function, in lines",
            function.lines,
            format!("{}:{}", module.file, function.line),
        )
    }));
    let widest = all().max_by_key(|(_, function)| function.parameters);
    figures.extend(widest.map(|(module, function)| {
        figure(
            "most parameters",
            function.parameters,
            format!("{}:{}", module.file, function.line),
        )
    }));
    let file = modules.by_place.values().max_by_key(|module| module.lines);
    figures.extend(file.map(|module| figure("longest file, in lines", module.lines, module.file.clone())));
    for phase in PHASES {
        let module = modules.by_place.values().find(|module| module.file == phase);
        let lines = module.map_or(usize::MAX, |module| module.lines);
        figures.push(figure("lines of a phase", lines, phase.to_owned()));
        if lines >= MOST_LINES_OF_A_PHASE {
            problems.push(format!(
                "{phase} has {lines} lines: fewer than {MOST_LINES_OF_A_PHASE} are allowed"
            ));
        }
    }
    for Figure { name, value, place } in figures {
        println!("{value:>6}  {name}  {place}");
    }
    report(&problems);
}

fn figure(name: &'static str, value: usize, place: String) -> Figure {
    Figure { name, value, place }
}
