//! The meter against whole, cut and hostile answers.

use proptest::prelude::*;

use super::*;

const START: &str = r#"event: message_start
data: {"type":"message_start","message":{"model":"claude-opus-5-5","content":[],"usage":{"input_tokens":120,"cache_creation_input_tokens":30,"cache_read_input_tokens":900,"output_tokens":1}}}

"#;
const TEXT: &str = r#"event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":7000}} and the like, for a while, so that it counts"}}

"#;
const END: &str = r#"event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40}}

event: message_stop
data: {"type":"message_stop"}

"#;

/// Reads an answer in pieces of a size.
fn read(form: Form, answer: &[u8], size: usize) -> AnswerReading {
    let mut meter = Meter::new(form);
    for piece in answer.chunks(size) {
        meter.push(piece);
    }
    meter.finish()
}

/// Returns the tokens of input, written to the cache, read from it, and of output.
fn tokens(reading: &AnswerReading) -> [u64; 4] {
    let usage = reading.counts.usage;
    [usage.input, usage.cache_write, usage.cache_read, usage.output]
}

#[test]
fn a_stream_is_read_however_it_is_cut() {
    let stream = format!("{START}{TEXT}: a comment\n\n{TEXT}{END}");
    for stream in [stream.clone(), stream.replace('\n', "\r\n")] {
        for size in [1, 2, 7, 64, 5000] {
            let reading = read(Form::Events, stream.as_bytes(), size);
            assert_eq!(tokens(&reading), [120, 30, 900, 40], "{size}");
            assert!(reading.complete);
            assert_eq!(reading.model.as_deref(), Some("claude-opus-5-5"));
        }
    }
}

#[test]
fn the_figures_of_a_stream_are_cumulative() {
    let later =
        r#"data: {"type":"message_delta","usage":{"input_tokens":500,"cache_read_input_tokens":0,"output_tokens":90}}"#;
    // The last line needs no end.
    let reading = read(Form::Events, format!("{START}{END}{later}").as_bytes(), 10);
    assert_eq!(tokens(&reading), [500, 30, 900, 90]);
}

#[test]
fn a_stream_that_breaks_off_is_not_complete() {
    let cut = read(Form::Events, format!("{START}{TEXT}{TEXT}").as_bytes(), 100);
    assert_eq!(
        (tokens(&cut), cut.begun, cut.complete),
        ([120, 30, 900, 1], true, false)
    );
    let untold = read(Form::Events, format!("{TEXT}{END}").as_bytes(), 100);
    assert_eq!((untold.begun, untold.complete), (false, false));
}

#[test]
fn the_fields_of_an_event_may_come_in_any_order() {
    let end = END.replace(
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40}}"#,
        r#"{"usage":{"output_tokens":40},"type":"message_delta"}"#,
    );
    let reading = read(Form::Events, format!("{START}{TEXT}{end}").as_bytes(), 100);
    assert_eq!((tokens(&reading)[3], reading.complete), (40, true));
}

#[test]
fn a_document_is_read_whole_or_not_at_all() {
    let document = r#"{"id":"m","model":"m1","content":[{"type":"text","text":"\"usage\":{}"}],
        "usage":{"input_tokens":1,"cache_creation_input_tokens":2,"output_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":2}}}"#;
    let reading = read(Form::Document, document.as_bytes(), 9);
    assert_eq!((tokens(&reading), reading.complete), ([1, 2, 0, 3], true));
    assert_eq!((reading.counts.hour_writes, reading.model.as_deref()), (2, Some("m1")));
    for cut in ["", &document[..80], &"x".repeat(400), "[]"] {
        assert_eq!(
            read(Form::Document, cut.as_bytes(), 50),
            AnswerReading::default(),
            "{cut}"
        );
    }
}

#[test]
fn a_line_of_any_length_takes_bounded_memory() {
    let mut meter = Meter::new(Form::Events);
    meter.push(START.as_bytes());
    meter.push(b"data: ");
    for _ in 0..100 {
        meter.push(&vec![b'x'; 1 << 20]);
        assert!(meter.pending.capacity() <= 2 * LINE_LIMIT);
    }
    meter.push(b"\n");
    meter.push(END.as_bytes());
    assert_eq!(tokens(&meter.finish()), [120, 30, 900, 40]);
    let mut meter = Meter::new(Form::Document);
    for _ in 0..100 {
        meter.push(&vec![b'x'; 1 << 20]);
    }
    assert!(meter.pending.capacity() <= 2 * DOCUMENT_LIMIT);
    assert_eq!(meter.finish(), AnswerReading::default());
}

proptest! {
    #[test]
    fn no_bytes_panic_and_pieces_make_no_difference(
        pieces in prop::collection::vec(prop_oneof![
            Just(START.as_bytes().to_vec()), Just(TEXT.as_bytes().to_vec()), Just(END.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..60), Just(b"data:".to_vec()), Just(b"\n".to_vec()),
            Just(b"\"message_start\"".to_vec()),
        ], 0..12),
        size in 1..40_usize,
    ) {
        let answer = pieces.concat();
        for form in [Form::Events, Form::Document] {
            prop_assert_eq!(read(form, &answer, size), read(form, &answer, 1 << 20));
        }
    }
}
