//! The tasks of a storm: what each agent does, by a script, and how a task of that kind ends however often its run dies.

use fastrand::Rng;
use serde_json::{Value, json};

/// How a task of a kind may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Merged.
    Closed,
    /// Held for a person.
    Held,
    /// Either: that depends on others, or on which attempt it was that its run died in.
    Any,
}

/// A kind of task.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) end: End,
    /// How many of a hundred tasks are of it.
    share: u32,
    /// What its agent does. `N` is the task's number, `P` the same number for two tasks that meet.
    script: &'static str,
    /// What its reviewer does; nothing where it approves.
    review: &'static str,
}

const REFUSES: &str = r#"propose {"score": 3, "approved": false, "summary": "No.", "findings": []}"#;
const REFUSES_ONCE: &str = r#"on 1 propose {"score": 3, "approved": false, "summary": "No.", "findings": []}"#;

/// The gates of a storm, as the probe understands them: their names, and their commands.
pub(crate) const GATES: [(&str, &str); 2] = [
    ("nothing-red", "absent=src/red.txt"),
    ("apart", "apart=src/left.txt,src/right.txt"),
];

/// Every kind; the first is that of all tasks which the shares leave over.
pub(crate) const KINDS: [Kind; 16] = [
    kind("succeeds", End::Closed, 0, "write src/N.txt N"),
    kind(
        "takes its time",
        End::Closed,
        12,
        "write src/N.txt N\nsleep 1500\nappend src/more-N.txt N",
    ),
    kind("changes nothing", End::Held, 5, "say There is nothing to do."),
    kind(
        "is red, then green",
        End::Closed,
        8,
        "write src/red.txt N\ndone\ndelete src/red.txt\nwrite src/N.txt N",
    ),
    kind("is red", End::Held, 3, "write src/red.txt N"),
    Kind {
        review: REFUSES_ONCE,
        ..kind(
            "is refused once",
            End::Any,
            7,
            "write src/N.txt once\ndone\nwrite src/N.txt twice",
        )
    },
    Kind {
        review: REFUSES,
        ..kind("is refused", End::Held, 3, "write src/N.txt N")
    },
    kind(
        "fails once",
        End::Closed,
        6,
        "write src/N.txt N\non 1 fail it is not found",
    ),
    kind("fails", End::Held, 3, "write src/N.txt N\nfail it is not found"),
    kind("dies once", End::Closed, 4, "write src/N.txt N\non 1 signal 9"),
    kind("hangs once", End::Closed, 4, "write src/N.txt N\non 1 hang"),
    kind(
        "says what means nothing",
        End::Closed,
        5,
        "garbage <html>\nwrite src/N.txt N",
    ),
    kind(
        "takes all memory once",
        End::Closed,
        4,
        "write src/N.txt N\non 1 attack allocate 900000000",
    ),
    kind(
        "meets a limit once",
        End::Closed,
        3,
        "write src/N.txt N\non 1 limit 1700000000\nwrite src/after-N.txt N",
    ),
    kind("conflicts", End::Any, 10, "sleep 300\nwrite src/shared-P.txt N"),
    kind(
        "cannot be beside another",
        End::Any,
        4,
        "on 1 write src/SIDE.txt N\nwrite src/N.txt N\ndone\ntry delete src/SIDE.txt",
    ),
];

const fn kind(name: &'static str, end: End, share: u32, script: &'static str) -> Kind {
    Kind {
        name,
        end,
        share,
        script,
        review: "",
    }
}

/// A task that is filed.
pub(crate) struct Task {
    pub(crate) kind: &'static Kind,
    pub(crate) title: String,
    description: String,
}

/// Draws `count` tasks, numbered from `first`; of a hundred there are so many of each kind as their shares say.
pub(crate) fn draw(chance: &mut Rng, first: u32, count: u32) -> Vec<Task> {
    let mut kinds = Vec::new();
    for kind in &KINDS {
        // Rounded up: there is at least one of each, and a few too many are left out at random.
        let of_it = (kind.share * count).div_ceil(100);
        kinds.extend((0..of_it).map(|_| kind));
    }
    chance.shuffle(&mut kinds);
    kinds.resize(count as usize, &KINDS[0]);
    chance.shuffle(&mut kinds);
    let mut met = 0;
    let numbered = (first..).zip(kinds);
    let task = numbered.map(|(number, kind)| {
        met += u32::from(kind.script.contains('P'));
        task(kind, number, first + met / 2)
    });
    task.collect()
}

fn task(kind: &'static Kind, number: u32, pair: u32) -> Task {
    let side = if number.is_multiple_of(2) { "left" } else { "right" };
    let text = |script: &str| {
        let script = script.replace("SIDE", side);
        let script = script.replace("-P.", &format!("-{pair}."));
        script
            .replace("N.txt", &format!("{number}.txt"))
            .replace(" N\n", &format!(" {number}\n"))
    };
    // The last step ends like all others.
    let script = text(&format!("{}\n", kind.script));
    let review = match kind.review {
        "" => String::new(),
        review => format!("\n~~~review\n{review}\n~~~\n"),
    };
    Task {
        kind,
        title: format!("{number} {}", kind.name),
        description: format!("~~~script\n{script}~~~\n{review}"),
    }
}

impl Task {
    /// The task as `issues import` reads it.
    pub(crate) fn to_json(&self, number: usize) -> Value {
        json!({"number": number, "title": self.title, "body": self.description, "labels": [], "state": "OPEN"})
    }

    /// Whether a task of this kind may have this state at the end.
    pub(crate) fn may_be(&self, status: &str) -> bool {
        match self.kind.end {
            End::Closed => status == "closed",
            End::Held => status == "blocked",
            End::Any => ["closed", "blocked"].contains(&status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_tasks_and_there_is_one_of_each_kind() {
        let drawn = |seed| draw(&mut Rng::with_seed(seed), 1, 200);
        let titles = |tasks: Vec<Task>| tasks.into_iter().map(|task| task.title).collect::<Vec<_>>();
        assert_eq!(titles(drawn(7)), titles(drawn(7)));
        assert_ne!(titles(drawn(7)), titles(drawn(8)));
        let tasks = drawn(7);
        assert_eq!(tasks.len(), 200);
        for kind in &KINDS {
            assert!(tasks.iter().any(|task| task.kind.name == kind.name), "{}", kind.name);
        }
    }

    #[test]
    fn a_script_has_the_numbers_of_its_task() {
        let conflicts = KINDS.iter().find(|kind| kind.name == "conflicts").unwrap();
        let described = task(conflicts, 12, 6).description;
        assert_eq!(described, "~~~script\nsleep 300\nwrite src/shared-6.txt 12\n~~~\n");
        let beside = KINDS.last().unwrap();
        assert!(
            task(beside, 3, 1)
                .description
                .contains("on 1 write src/right.txt 3\nwrite src/3.txt 3\n")
        );
    }
}
