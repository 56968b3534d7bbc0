//! Cobertura's and `JaCoCo`'s XML, read event by event. A document type is not loaded, and one with declarations of its own is
//! refused, and with it every entity of a document's own.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::bad::Bad;
use super::measured::{Measuring, Totals};
use crate::base::text::one_line;

/// How deep elements may be.
const DEEPEST: usize = 64;
/// How many attributes of an element are looked at.
const MOST_ATTRIBUTES: usize = 64;

/// What is open while a document is read.
struct Open<'a, 'names> {
    measuring: &'a mut Measuring<'names>,
    depth: usize,
    format: Option<Format>,
    /// Whether there was any part that every result of the format has.
    has_parts: bool,
    /// The package of `JaCoCo`.
    package: String,
    file: Option<File>,
    /// Cobertura's source folders, and the depth of the one that is open.
    sources: Vec<String>,
    source: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Cobertura,
    Jacoco,
}

/// The file that is open.
struct File {
    path: String,
    depth: usize,
    has_lines: bool,
    /// What `JaCoCo` counts of it.
    counted: Totals,
}

pub(super) fn read(text: &str, measuring: &mut Measuring<'_>) -> Result<(), Bad> {
    let mut reader = Reader::from_str(text);
    let mut open = Open {
        measuring,
        depth: 0,
        format: None,
        has_parts: false,
        package: String::new(),
        file: None,
        sources: Vec::new(),
        source: None,
    };
    loop {
        let done = match reader.read_event() {
            Err(error) => {
                let index = index_of(text, reader.error_position());
                return Err(Bad::at(index, format!("it is not XML: {error}")));
            }
            Ok(Event::Eof) => break,
            Ok(Event::Start(element)) => open.begin(&element),
            Ok(Event::Empty(element)) => open.begin(&element).and_then(|()| open.end()),
            Ok(Event::End(_)) => open.end(),
            Ok(Event::Text(said)) if open.source.is_some() => {
                open.sources.extend([said.trim().to_owned()]);
                Ok(())
            }
            Ok(Event::DocType(kind)) if kind.contains('[') => {
                Err("its document type has declarations of its own, which are not read".to_owned())
            }
            Ok(_) => Ok(()),
        };
        done.map_err(|why| Bad::at(index_of(text, reader.buffer_position()), why))?;
    }
    let end = text.lines().count().saturating_sub(1);
    open.finish().map_err(|why| Bad::at(end, why))
}

/// Returns the index of the line that a position is in.
fn index_of(text: &str, position: u64) -> usize {
    let end = usize::try_from(position).unwrap_or(usize::MAX).min(text.len());
    memchr::memchr_iter(b'\n', &text.as_bytes()[..end]).count()
}

impl Open<'_, '_> {
    fn begin(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        if self.depth == DEEPEST {
            return Err(format!("its elements are more than {DEEPEST} deep"));
        }
        self.depth += 1;
        let name = element.name();
        match (self.format, name.as_ref()) {
            (None, "coverage") => self.format = Some(Format::Cobertura),
            (None, "report") => self.format = Some(Format::Jacoco),
            (None, other) => {
                let other = one_line(other, 60);
                return Err(format!(
                    "`{other}` is neither Cobertura's `coverage` nor JaCoCo's `report`"
                ));
            }
            (Some(Format::Cobertura), "packages") => self.has_parts = true,
            (Some(Format::Cobertura), "source") => self.source = Some(self.depth),
            (Some(Format::Cobertura), "class") => {
                let [name] = attributes(element, ["filename"])?;
                let path = self.below_source(needed("filename", name)?);
                self.open(path)?;
            }
            (Some(Format::Cobertura), "line") if self.file.is_some() => self.line(element, "number", "hits")?,
            (Some(Format::Jacoco), "package") => {
                self.has_parts = true;
                let [name] = attributes(element, ["name"])?;
                self.package = name.unwrap_or_default();
            }
            (Some(Format::Jacoco), "sourcefile") => {
                let [name] = attributes(element, ["name"])?;
                let name = needed("name", name)?;
                let package = self.package.trim_matches('/');
                let path = if package.is_empty() {
                    name
                } else {
                    format!("{package}/{name}")
                };
                self.open(path)?;
            }
            (Some(Format::Jacoco), "line") if self.file.is_some() => self.line(element, "nr", "ci")?,
            (Some(Format::Jacoco), "counter") => self.count(element)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, path: String) -> Result<(), String> {
        self.has_parts = true;
        self.measuring.file(&path)?;
        self.file = Some(File {
            path,
            depth: self.depth,
            has_lines: false,
            counted: Totals::default(),
        });
        Ok(())
    }

    /// Returns a name of Cobertura below its source folder, where it has a single one.
    fn below_source(&self, name: String) -> String {
        match self.sources.as_slice() {
            [source] if source.starts_with('/') && !name.starts_with('/') => {
                format!("{}/{name}", source.trim_end_matches('/'))
            }
            _ => name,
        }
    }

    fn line(&mut self, element: &BytesStart<'_>, number: &'static str, hits: &'static str) -> Result<(), String> {
        let [line, count] = attributes(element, [number, hits])?;
        let line = needed(number, line)?;
        let line = line.trim().parse().map_err(|_| not_a_number(number, &line))?;
        let count = needed(hits, count)?;
        let hits: i64 = count.trim().parse().map_err(|_| not_a_number(hits, &count))?;
        let Some(file) = &mut self.file else { return Ok(()) };
        file.has_lines = true;
        self.measuring.line(&file.path, line, hits > 0)
    }

    /// Reads the counter of lines of an open file, of which a result without debug information has no lines.
    fn count(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let [kind, missed, covered] = attributes(element, ["type", "missed", "covered"])?;
        let Some(file) = self.file.as_mut().filter(|_| kind.as_deref() == Some("LINE")) else {
            return Ok(());
        };
        let number = |name: &str, text: Option<String>| -> Result<u64, String> {
            let text = needed(name, text)?;
            let count: u32 = text.trim().parse().map_err(|_| not_a_number(name, &text))?;
            Ok(u64::from(count))
        };
        let (missed, covered) = (number("missed", missed)?, number("covered", covered)?);
        file.counted = Totals {
            covered,
            all: covered + missed,
        };
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if self.source == Some(self.depth) {
            self.source = None;
        }
        if let Some(file) = self.file.take_if(|file| file.depth == self.depth)
            && !file.has_lines
        {
            self.measuring.counted(&file.path, file.counted)?;
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    fn finish(&self) -> Result<(), String> {
        if self.depth > 0 {
            return Err("it ends before its elements do: the file is cut off".to_owned());
        }
        match self.format {
            None => Err("it has no element".to_owned()),
            Some(_) if self.has_parts => Ok(()),
            Some(Format::Cobertura) => Err("its `coverage` has no `packages`: is it Clover's?".to_owned()),
            Some(Format::Jacoco) => Err("its `report` has no `package`".to_owned()),
        }
    }
}

fn needed(name: &str, value: Option<String>) -> Result<String, String> {
    value.ok_or_else(|| format!("an element has no `{name}`"))
}

fn not_a_number(name: &str, value: &str) -> String {
    format!("`{name}` is `{}`, which is not a number", one_line(value, 60))
}

/// Returns the values of attributes.
fn attributes<const N: usize>(element: &BytesStart<'_>, names: [&str; N]) -> Result<[Option<String>; N], String> {
    let mut values = names.map(|_| None);
    // Checks for repeats take the square of their number.
    for attribute in element.attributes().with_checks(false).take(MOST_ATTRIBUTES) {
        let attribute = attribute.map_err(|error| format!("an attribute cannot be read: {error}"))?;
        if let Some(at) = names.iter().position(|name| attribute.key.as_ref() == *name) {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| format!("an attribute cannot be read: {error}"))?;
            values[at] = Some(value.into_owned());
        }
    }
    Ok(values)
}
