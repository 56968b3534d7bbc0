//! What the demo's generation is about: a small program that converts shoe sizes. The scripted agent follows the
//! scripts in the tasks' descriptions, and the tasks themselves are what its measure proposes.

use serde_json::{Value, json};

/// The specification that the demo's repository begins with.
pub const SPECIFICATION: &str = "\
# Shoe sizes

`sizes EU` prints the US and the UK size of a European shoe size.

- The table holds European sizes 35 to 48; the steps between are uneven, so nothing is computed.
- A size that is not in the table is an error that names the sizes that are.
- The program exits with 0 when it printed sizes, with 2 otherwise.
";

/// The configuration that the demo adds to what `init` wrote.
pub fn configuration(image: &str) -> String {
    let prompt = format!("~~~script\npropose <<END\n{}\nEND\n~~~\n", json!({ "proposals": proposals() }));
    let indented: String = prompt.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "\n# What the demo adds: the scripted agent instead of Claude Code, and what it shall propose.\n\
         image: {image}\n\
         context_files: [docs/*.md]\n\
         cycles: 2\n\
         estimated_lines_min: 1\n\
         estimated_lines_max: 60\n\
         user_prompt: |\n{indented}"
    )
}

/// Five tasks: four are done, of these one at its second attempt; one changes nothing.
fn proposals() -> Vec<Value> {
    vec![
        task("table", "Hold the table of sizes", &[], &["src/table.rs"], 12, TABLE),
        task("convert", "Convert a European size", &["table"], &["src/convert.rs"], 20, CONVERT),
        task("program", "Print the sizes on the command line", &["convert"], &["Cargo.toml", "src/main.rs"], 25, PROGRAM),
        task("readme", "Tell how to use it", &["program"], &["README.md"], 10, README),
        task("survey", "See whether anything else converts sizes", &["table"], &["docs/survey.md"], 5, SURVEY),
    ]
}

fn task(key: &str, title: &str, depends_on: &[&str], files: &[&str], lines: u32, script: &str) -> Value {
    let files: Vec<_> = files.iter().map(|path| json!({"path": path, "action": "create"})).collect();
    json!({
        "key": key,
        "title": title,
        "description": format!("As docs/specification.md says.\n\n~~~script\n{script}~~~\n"),
        "required_reading": ["docs/specification.md"],
        "files": files,
        "requirements": ["What docs/specification.md says of it holds."],
        "acceptance_criteria": ["A reader finds it in the files named."],
        "estimated_lines": lines,
        "priority": 2,
        "depends_on": depends_on,
    })
}

const TABLE: &str = r#"say Writing the table down.
write src/table.rs <<END
/// European, US and UK sizes, by European size.
pub const SIZES: [(u8, &str, &str); 6] = [
    (38, "6", "5.5"),
    (39, "6.5", "6"),
    (40, "7", "6.5"),
    (41, "8", "7.5"),
    (42, "8.5", "8"),
    (43, "9.5", "9"),
];
END
tokens 5200 900 0.021
"#;

const CONVERT: &str = r"on 1 say Reading src/table.rs.
on 1 fail the table holds no half sizes, and I do not know what to do about them
say A size that is not in the table is an error.
write src/convert.rs <<END
use crate::table::SIZES;

/// The US and UK size of a European one, if the table holds it.
pub fn convert(european: u8) -> Option<(&'static str, &'static str)> {
    let found = SIZES.iter().find(|(size, _, _)| *size == european)?;
    Some((found.1, found.2))
}
END
tokens 7400 1300 0.034
";

const PROGRAM: &str = r#"say Putting it together.
write Cargo.toml <<END
[package]
name = "sizes"
version = "0.1.0"
edition = "2024"
END
write src/main.rs <<END
mod convert;
mod table;

fn main() -> std::process::ExitCode {
    let size = std::env::args().nth(1).and_then(|text| text.parse().ok());
    match size.and_then(convert::convert) {
        Some((us, uk)) => {
            println!("US {us}, UK {uk}");
            std::process::ExitCode::SUCCESS
        }
        None => {
            let known: Vec<_> = table::SIZES.iter().map(|(size, _, _)| size.to_string()).collect();
            eprintln!("known sizes are {}", known.join(", "));
            std::process::ExitCode::from(2)
        }
    }
}
END
tokens 9100 2200 0.052
"#;

const README: &str = r"say Last, the manual.
write README.md <<END
# sizes

    $ sizes 42
    US 8.5, UK 8

The table is in src/table.rs, what it must hold in docs/specification.md.
END
tokens 4800 600 0.017
";

const SURVEY: &str = r"say Nothing else converts sizes, so there is nothing to change.
tokens 3900 200 0.011
";
