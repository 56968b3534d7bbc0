//! What a panic says.

use std::any::Any;

use super::text::one_line;

/// Returns the message of a panic that was caught, in a line.
pub(crate) fn message(panic: Box<dyn Any + Send>) -> String {
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(panic) => {
                // Whatever it is may panic again while it is dropped.
                std::mem::forget(panic);
                "it has no message".to_owned()
            }
        },
    };
    one_line(&text, 300)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_panic_is_told_in_a_line() {
        let of = |panics: fn()| message(catch_unwind(panics).unwrap_err());
        assert_eq!(of(|| panic!("plain")), "plain");
        assert_eq!(of(|| panic!("two\nlines of {}", 2)), "two lines of 2");
        assert_eq!(of(|| std::panic::panic_any(3)), "it has no message");
    }
}
