//! Tables as CSV, for programs and spreadsheets.

use csv::WriterBuilder;

use crate::base::error::{Error, ErrorKind, Result};

/// One field of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A text, which an agent may have written.
    Text(String),
    /// A figure of ours.
    Figure(String),
    /// Nothing is known.
    Nothing,
}

impl Field {
    /// Builds a field of a text.
    pub(crate) fn text(text: &(impl ToString + ?Sized)) -> Self {
        Self::Text(text.to_string())
    }

    /// Builds a field of a whole number.
    pub(crate) fn count(count: impl ToString + Copy) -> Self {
        Self::Figure(count.to_string())
    }

    /// Builds a field of a number with at most so many decimals, which programs read.
    pub(crate) fn number(number: f64, decimals: usize) -> Self {
        let text = format!("{number:.decimals$}");
        let short = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        Self::Figure(short.to_owned())
    }

    /// Builds a field of what may not be known.
    pub(crate) fn known<T>(value: Option<T>, field: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Nothing, field)
    }
}

/// Writes a table as RFC 4180 describes it, but for line feeds at the ends of lines, without the last one. `shown` makes a text one
/// that may be shown. One that a spreadsheet would take for a formula gets an apostrophe in front.
///
/// # Errors
///
/// Where a row has another number of fields than the header.
pub(crate) fn csv(header: &[&str], rows: &[Vec<Field>], shown: impl Fn(&str) -> String) -> Result<String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(header).map_err(|error| failed(&error))?;
    for row in rows {
        let fields = row.iter().map(|field| match field {
            Field::Text(text) => no_formula(shown(text)),
            Field::Figure(figure) => figure.clone(),
            Field::Nothing => String::new(),
        });
        writer.write_record(fields).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| failed(&error))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

fn failed(cause: &impl ToString) -> Error {
    Error::new(ErrorKind::Unexpected, "cannot write CSV").because(cause.to_string())
}

/// Marks a text that begins as formulas do (OWASP, CSV Injection), so that spreadsheets show it and compute nothing.
fn no_formula(text: String) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[Vec<Field>]) -> String {
        csv(&["title", "money"], rows, str::to_owned).unwrap()
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let title = |title: &str| vec![Field::text(title), Field::number(0.3, 6)];
        assert_eq!(of(&[]), "title,money");
        assert_eq!(of(&[title("plain")]), "title,money\nplain,0.3");
        assert_eq!(of(&[title("a, \"b\"\nc")]), "title,money\n\"a, \"\"b\"\"\nc\",0.3");
        assert_eq!(of(&[vec![Field::Nothing, Field::Nothing]]), "title,money\n,");
    }

    #[test]
    fn no_text_is_a_formula_and_no_figure_is_changed() {
        for begin in ['=', '+', '-', '@', '\t', '\r'] {
            let rows = [vec![Field::text(&format!("{begin}1+1")), Field::number(-1.5, 2)]];
            let text = of(&rows);
            let mut read = csv::Reader::from_reader(text.as_bytes()).into_records();
            let row = read.next().unwrap().unwrap();
            assert_eq!((&row[0], &row[1]), (format!("'{begin}1+1").as_str(), "-1.5"));
        }
        assert_eq!(of(&[vec![Field::text("a=1"), Field::count(7)]]), "title,money\na=1,7");
    }

    #[test]
    fn numbers_have_no_more_digits_than_they_need() {
        for (number, decimals, expect) in [
            (0.1 + 0.2, 6, "0.3"),
            (2.0, 3, "2"),
            (100.0, 0, "100"),
            (0.000_000_4, 6, "0"),
        ] {
            assert_eq!(Field::number(number, decimals), Field::Figure(expect.to_owned()));
        }
    }
}
