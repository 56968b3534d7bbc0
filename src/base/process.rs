//! Which process of this machine something belongs to, so that it is known later whether that has ended.

use std::fs;

#[cfg(feature = "cli")]
pub(crate) mod group;

/// A process, as it is told apart from every other that this machine had or has: by the boot, the namespace of its number,
/// the number, and when it started. As a text, it has no spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessIdentity {
    boot: String,
    namespace: String,
    number: u32,
    /// In ticks since the boot, as `/proc/PID/stat` has it.
    started: u64,
}

impl ProcessIdentity {
    /// Returns this process; `None` where the system does not report it.
    pub(crate) fn own() -> Option<Self> {
        let number = std::process::id();
        Some(Self {
            boot: boot()?,
            namespace: namespace()?,
            number,
            started: started(number)?,
        })
    }

    /// Reads what [`ToString`] wrote; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let read = Self {
            boot: part()?.to_owned(),
            namespace: part()?.to_owned(),
            number: part()?.parse().ok()?,
            started: part()?.parse().ok()?,
        };
        part().is_none().then_some(read)
    }

    /// Returns whether the process has certainly ended. One of another namespace, whose numbers mean nothing here, and one
    /// of another boot, which may be that of another machine, are not known to have.
    pub(crate) fn has_ended(&self) -> bool {
        let is_of_here = boot().as_ref() == Some(&self.boot) && namespace().as_ref() == Some(&self.namespace);
        is_of_here && started(self.number) != Some(self.started)
    }

    /// Returns whether the machine was started since, or it is another one.
    pub(crate) fn is_of_another_boot(&self) -> bool {
        boot().is_some_and(|boot| boot != self.boot)
    }
}

impl std::fmt::Display for ProcessIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            boot,
            namespace,
            number,
            started,
        } = self;
        write!(formatter, "{boot}/{namespace}/{number}/{started}")
    }
}

/// Returns a text that changes with each start of the machine; `None` where the system does not report it.
pub(crate) fn boot() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

fn namespace() -> Option<String> {
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_str()?.to_owned())
}

/// Returns when a process started; `None` where there is none of this number.
fn started(number: u32) -> Option<u64> {
    field(number, 22)
}

/// Returns a field of what proc(5) has in `/proc/PID/stat`, counted from 1; those up to the third are none of numbers.
fn field(number: u32, field: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name of the program, in parentheses, may have anything in it.
    let (_, rest) = stat.rsplit_once(')')?;
    // The third field follows the name.
    rest.split_whitespace().nth(field.checked_sub(3)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_to_have_ended_only_where_its_number_means_something() {
        let own = ProcessIdentity::own().unwrap();
        assert_eq!(ProcessIdentity::parse(&own.to_string()).as_ref(), Some(&own));
        assert!(!own.has_ended() && !own.is_of_another_boot());

        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let of_child = ProcessIdentity {
            number: child.id(),
            started: started(child.id()).unwrap(),
            ..own.clone()
        };
        assert!(!of_child.has_ended());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(of_child.has_ended());
        // Its number may be another's by now.
        let earlier = ProcessIdentity {
            started: 0,
            ..own.clone()
        };
        assert!(earlier.has_ended());

        let elsewhere = ProcessIdentity {
            namespace: "pid:[1]".to_owned(),
            ..of_child.clone()
        };
        assert!(!elsewhere.has_ended());
        let before = ProcessIdentity {
            boot: "x".to_owned(),
            ..of_child
        };
        assert!(!before.has_ended() && before.is_of_another_boot());
        for text in ["", "a/b/c/d", "a/b/1/2/3", "//1/2"] {
            assert_eq!(ProcessIdentity::parse(text), None, "{text}");
        }
    }
}
