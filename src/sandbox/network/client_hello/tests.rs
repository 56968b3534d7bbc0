use proptest::prelude::*;

use super::*;

/// Puts the length of `content` before it, in `width` bytes.
fn counted(width: usize, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    [&length[length.len() - width..], content].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), counted(2, content)].concat()
}

fn name_entry(kind: u8, name: &[u8]) -> Vec<u8> {
    [vec![kind], counted(2, name)].concat()
}

fn named(name: &[u8]) -> Vec<u8> {
    extension(0, &counted(2, &name_entry(0, name)))
}

/// Builds the body of a hello up to its extensions.
fn head() -> Vec<u8> {
    let random = [7; 32];
    [
        &[3, 3][..],
        &random,
        &counted(1, &[1; 32]),
        &counted(2, &[0x13, 1]),
        &counted(1, &[0]),
    ]
    .concat()
}

fn body(extensions: &[Vec<u8>]) -> Vec<u8> {
    [head(), counted(2, &extensions.concat())].concat()
}

fn handshake(body: &[u8]) -> Vec<u8> {
    [vec![1], counted(3, body)].concat()
}

/// Splits a message into records of `size` bytes each.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let records = message.chunks(size);
    records
        .flat_map(|content| [vec![22, 3, 1], counted(2, content)].concat())
        .collect()
}

fn whole(extensions: &[Vec<u8>]) -> Vec<u8> {
    records(&handshake(&body(extensions)), MOST_IN_A_RECORD)
}

fn hello(name: &str) -> Beginning {
    Beginning::Hello(Some(name.to_owned()))
}

#[test]
fn the_name_is_found_between_other_extensions() {
    let other = [extension(0x0a0a, &[]), named(b"Example.org"), extension(16, &[0; 300])];
    assert_eq!(read(&whole(&other)), Ok(hello("Example.org")));
    assert_eq!(read(&whole(&[extension(16, &[0])])), Ok(Beginning::Hello(None)));
    assert_eq!(read(&whole(&[])), Ok(Beginning::Hello(None)));
    assert_eq!(read(&records(&handshake(&head()), 9000)), Ok(Beginning::Hello(None)));
}

#[test]
fn the_name_within_an_encrypted_hello_is_not_looked_for() {
    let encrypted = extension(0xfe0d, &named(b"inner.example"));
    assert_eq!(
        read(&whole(&[encrypted, named(b"outer.example")])),
        Ok(hello("outer.example"))
    );
}

#[test]
fn other_protocols_are_told_by_their_first_bytes() {
    let others: [&[u8]; 6] = [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-x\r\n",
        &[0x80, 0x2e, 1, 3, 1],
        &[22, 2],
        &[21, 3],
    ];
    for other in others {
        assert_eq!(read(other), Ok(Beginning::Other), "{other:?}");
    }
    assert_eq!(read(&[]), Ok(Beginning::Incomplete));
}

#[test]
fn what_comes_after_the_hello_does_not_matter() {
    let early = [whole(&[named(b"example.org")]), vec![23, 3, 3, 0, 1, 9]].concat();
    assert_eq!(read(&early), Ok(hello("example.org")));
}

#[test]
fn malformed_names_are_refused() {
    let two = [name_entry(0, b"a.example"), name_entry(0, b"b.example")].concat();
    for extensions in [
        vec![named(b"a.example"), named(b"a.example")],
        vec![named(b"a.example"), extension(0, &[])],
        vec![extension(0, &counted(2, &two))],
        vec![extension(0, &counted(2, &name_entry(1, b"a.example")))],
        vec![named(b"")],
        vec![named(b"a.example\0.evil.example")],
        vec![named("\u{e4}.example".as_bytes())],
        vec![named(b"a .example")],
    ] {
        let found = read(&whole(&extensions));
        assert!(
            matches!(found, Err(HelloError::ServerName | HelloError::Field)),
            "{found:?}"
        );
    }
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let trailing = [body(&[named(b"a.example")]), vec![0]].concat();
    let mut beyond = body(&[named(b"a.example")]);
    let at = head().len() + 5;
    beyond[at] += 1;
    for body in [trailing, beyond, head()[..20].to_vec(), Vec::new()] {
        assert_eq!(
            read(&records(&handshake(&body), 9000)),
            Err(HelloError::Field),
            "{body:?}"
        );
    }
    let second = [handshake(&body(&[])), handshake(&body(&[]))].concat();
    assert_eq!(read(&records(&second, 9000)), Err(HelloError::Record));
}

#[test]
fn malformed_records_are_refused() {
    let message = handshake(&body(&[named(b"a.example")]));
    let alert = [records(&message[..20], 20), vec![21, 3, 1, 0, 2, 1, 0]].concat();
    let server = records(&[&[2], &message[1..]].concat(), 9000);
    for bytes in [alert, server, vec![22, 3, 1, 0, 0], vec![22, 3, 1, 0x40, 1]] {
        assert_eq!(read(&bytes), Err(HelloError::Record), "{bytes:?}");
    }
}

#[test]
fn a_hello_is_not_read_without_end() {
    let announced = [vec![1], vec![0xff; 3], vec![0; 100]].concat();
    assert_eq!(read(&records(&announced, 100)), Err(HelloError::TooLong));
    let in_small_records = records(&handshake(&body(&[extension(21, &[0; 9000])])), 1);
    assert_eq!(read(&in_small_records[..LONGEST]), Err(HelloError::TooLong));
    assert_eq!(read(&in_small_records[..LONGEST - 1]), Ok(Beginning::Incomplete));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&[&[22, 3, 1][..], &bytes].concat());
        let _ = read(&records(&handshake(&bytes), 50));
        let _ = read(&records(&handshake(&[head(), bytes].concat()), 50));
    }

    #[test]
    fn however_it_is_cut_it_is_read_the_same(name in "[a-z]{1,20}\\.[a-z]{1,20}", size in 1usize..300, cut in 0usize..2000) {
        let bytes = records(&handshake(&body(&[extension(10, &[0, 2, 0, 29]), named(name.as_bytes())])), size);
        prop_assert_eq!(read(&bytes), Ok(hello(&name)));
        let part = &bytes[..cut.min(bytes.len() - 1)];
        prop_assert_eq!(read(part), Ok(Beginning::Incomplete));
    }

    #[test]
    fn an_answer_stays_whatever_follows(bytes in prop::collection::vec(any::<u8>(), 0..60), cut in 0usize..60) {
        let bytes = [&[22, 3, 1, 0, 9, 1][..], &bytes].concat();
        let early = read(&bytes[..cut.min(bytes.len())]);
        if early != Ok(Beginning::Incomplete) {
            prop_assert_eq!(early, read(&bytes));
        }
    }
}
