//! Lines of `/proc/self/mountinfo`, see proc(5).

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mounted {
    /// The mounted part of its file system.
    pub(super) root: String,
    /// The place where it is mounted.
    pub(super) target: String,
    /// The type of the file system.
    pub(super) kind: String,
    /// Whether the mount, or the whole file system, is read-only.
    pub(super) read_only: bool,
    /// Options of the file system.
    options: Vec<String>,
}

impl Mounted {
    /// Parses a line: identifiers, root, target, options, optional fields up to ` - `, type, source, options.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, target, flags) = (mount.next()?, mount.next()?, mount.next()?);
        let mut system = system.split(' ');
        let (kind, options) = (system.next()?, system.nth(1).unwrap_or_default());
        let options: Vec<String> = options.split(',').map(str::to_owned).collect();
        let target = unescaped(target)?;
        let read_only = flags.split(',').any(|flag| flag == "ro") || options.iter().any(|option| option == "ro");
        target.starts_with('/').then_some(Self {
            root: unescaped(root)?,
            target,
            kind: kind.to_owned(),
            read_only,
            options,
        })
    }

    /// Returns the value of an option of the file system.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let values = self.options.iter().filter_map(|option| option.split_once('='));
        values.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    }

    /// Returns how large it can get, in bytes; `None` means as large as the machine's memory.
    pub(super) fn size(&self) -> Option<u64> {
        let size = self.option("size")?;
        // Linux writes kibibytes, gVisor the words of whoever mounted it.
        let units = [('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30)];
        let in_unit = units.iter().find_map(|(unit, bytes)| {
            let count = size.strip_suffix([*unit, unit.to_ascii_uppercase()])?;
            Some((count, *bytes))
        });
        let (count, bytes) = in_unit.unwrap_or((size, 1_u64));
        count.parse::<u64>().ok()?.checked_mul(bytes)
    }
}

/// Undoes the octal escapes of space, tab, newline and backslash.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..3)?, 8).ok()?);
        rest = after.get(3..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_the_kernel_writes_it() {
        let line = r"95 77 254:0 /a\040b /work\134space rw,relatime shared:1 master:2 - ext4 /dev/vda ro,discard";
        let mounted = Mounted::parse(line).unwrap();
        assert_eq!(
            (mounted.root.as_str(), mounted.target.as_str()),
            ("/a b", r"/work\space")
        );
        assert!(mounted.read_only, "the file system is");
        let tmpfs = Mounted::parse("1 2 0:4 / /tmp rw,nosuid - tmpfs tmpfs rw,size=64k,mode=755").unwrap();
        assert_eq!(
            (tmpfs.size(), tmpfs.option("mode"), tmpfs.read_only),
            (Some(65_536), Some("755"), false)
        );
        let of_gvisor = |size: &str| Mounted::parse(&format!("1 2 0:4 / /t rw - tmpfs none rw,size={size}")).unwrap();
        for (size, expect) in [
            ("64m", Some(64 << 20)),
            ("1G", Some(1 << 30)),
            ("7", Some(7)),
            ("50%", None),
            ("m", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(of_gvisor(size).size(), expect, "{size}");
        }
        for odd in [
            "",
            "1 2 3",
            "1 2 0:4 / /tmp rw",
            r"1 2 0:4 / /t\9 rw - tmpfs tmpfs rw",
            "1 2 0:4 / tmp rw - a b c",
        ] {
            assert_eq!(Mounted::parse(odd), None, "{odd}");
        }
    }
}
