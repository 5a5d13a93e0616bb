use proptest::prelude::*;
use waggle_signals::semconv;

use super::*;

/// Feeds whole chunks, one system call each.
fn read(conversation: &mut dyn Conversation, side: Side, calls: &[&str]) -> Vec<Part> {
    let mut parts = Vec::new();
    for call in calls {
        conversation.take(side, Chunk { bytes: call.as_bytes(), size: call.len() }, &mut parts);
    }
    parts
}

/// Shows parts in short: adjacent byte counts are added up.
fn shown(parts: &[Part]) -> Vec<String> {
    let mut shown = Vec::new();
    let mut bytes = 0;
    for part in parts {
        if let Part::Bytes(_, n) = part {
            bytes += n;
            continue;
        }
        if bytes > 0 {
            shown.push(format!("{bytes}"));
            bytes = 0;
        }
        shown.push(match part {
            Part::RequestBegins | Part::ResponseBegins => "begins".into(),
            Part::Request(request) => request.name.clone(),
            Part::Response(response) => response.attributes[semconv::HTTP_STATUS].clone(),
            Part::InterimResponse => "interim".into(),
            Part::Ends(_) => "ends".into(),
            Part::Uncertain(_) => "uncertain".into(),
            Part::Bytes(..) => unreachable!(),
        });
    }
    if bytes > 0 {
        shown.push(format!("{bytes}"));
    }
    shown
}

fn requests(calls: &[&str]) -> Vec<String> {
    shown(&read(&mut Http1Conversation::default(), Side::Request, calls))
}

fn responses(calls: &[&str]) -> Vec<String> {
    shown(&read(&mut Http1Conversation::default(), Side::Response, calls))
}

#[test]
fn a_head_may_be_split_anywhere() {
    let head = "POST /cart/42?token=x HTTP/1.1\r\nHost: cart\r\nContent-Length: 4\r\n\r\nbody";
    let whole = ["begins", "65", "POST /cart/{id}", "4", "ends"];
    for at in 1..head.len() {
        let (first, second) = head.split_at(at);
        assert_eq!(requests(&[first, second]), whole, "{at}");
    }
}

#[test]
fn what_a_request_says_is_kept_without_its_query() {
    let head = "GET /cart/42?token=secret HTTP/1.1\r\nHost: cart:8080\r\nX-Request-ID: r1\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
    let parts = read(&mut Http1Conversation::default(), Side::Request, &[head]);
    let request = parts.iter().find_map(|part| match part {
        Part::Request(request) => Some(request),
        _ => None,
    });
    let request = request.unwrap();
    assert_eq!(request.name, "GET /cart/{id}");
    assert_eq!(request.attributes[semconv::URL_PATH], "/cart/42");
    assert_eq!(request.host.as_deref(), Some("cart:8080"));
    assert_eq!(request.request_id.as_deref(), Some("r1"));
    assert!(request.trace_context.is_some());
}

#[test]
fn pipelined_requests_are_cut_apart() {
    let two = "GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\ncontent-length: 2\r\n\r\nxyGET /c HTTP/1.1\r\n\r\n";
    assert_eq!(
        requests(&[two]),
        [
            "begins", "19", "GET /a", "ends", "begins", "39", "POST /b", "2", "ends", "begins", "19",
            "GET /c", "ends"
        ]
    );
}

#[test]
fn a_body_ends_as_rfc_9112_says() {
    for (name, calls, expected) in [
        (
            "length",
            &["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "lo"][..],
            &["begins", "38", "200", "5", "ends"][..],
        ),
        ("none", &["HTTP/1.1 204 No Content\r\n\r\n"], &["begins", "27", "204", "ends"]),
        ("zero", &["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], &["begins", "38", "200", "ends"]),
        ("close", &["HTTP/1.0 200 OK\r\n\r\nhello", "more"], &["begins", "19", "200", "uncertain", "9"]),
        (
            "chunked",
            &[
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhel",
                "lo\r",
                "\n0\r\nx: y\r\n\r",
                "\n",
            ],
            &["begins", "47", "200", "25", "ends"],
        ),
        (
            "interim",
            &["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"],
            &["begins", "25", "interim", "begins", "27", "204", "ends"],
        ),
    ] {
        assert_eq!(responses(calls), expected, "{name}");
    }
}

#[test]
fn a_response_to_head_has_no_body() {
    let mut conversation = Http1Conversation::default();
    read(&mut conversation, Side::Request, &["HEAD /a HTTP/1.1\r\n\r\n"]);
    let parts = read(&mut conversation, Side::Response, &["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"]);
    assert_eq!(shown(&parts), ["begins", "38", "200", "ends"]);
}

#[test]
fn bytes_that_were_not_captured_are_counted() {
    let mut conversation = Http1Conversation::default();
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhello";
    let mut parts = Vec::new();
    conversation.take(Side::Response, Chunk { bytes: head, size: 3000 }, &mut parts);
    conversation.take(Side::Response, Chunk { bytes: b"", size: 5041 - 3000 }, &mut parts);
    assert_eq!(shown(&parts), ["begins", "41", "200", "5000", "ends"]);
}

#[test]
fn the_last_chunk_may_lie_in_what_was_not_captured() {
    let mut conversation = Http1Conversation::default();
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\nhello";
    let mut parts = Vec::new();
    let size = head.len() + 2000 - 5 + "\r\n0\r\n\r\n".len();
    conversation.take(Side::Response, Chunk { bytes: head, size }, &mut parts);
    assert_eq!(shown(&parts), ["begins", "47", "200", "2012", "ends"]);
}

#[test]
fn a_head_that_was_cut_still_names_the_request_and_the_next_one_is_found() {
    let mut conversation = Http1Conversation::default();
    let mut parts = Vec::new();
    let cut = format!("POST /a HTTP/1.1\r\nCookie: {}", "c".repeat(900));
    conversation.take(Side::Request, Chunk { bytes: cut.as_bytes(), size: 4000 }, &mut parts);
    conversation.take(Side::Request, Chunk { bytes: b"rest of the body", size: 16 }, &mut parts);
    let next = b"GET /b HTTP/1.1\r\n\r\n";
    conversation.take(Side::Request, Chunk { bytes: next, size: next.len() }, &mut parts);
    assert_eq!(
        shown(&parts),
        ["begins", "926", "POST /a", "uncertain", "3090", "ends", "begins", "19", "GET /b", "ends"]
    );
}

#[test]
fn a_lost_end_of_a_body_does_not_hide_the_next_exchange() {
    let mut conversation = Http1Conversation::default();
    read(&mut conversation, Side::Request, &["GET /a HTTP/1.1\r\n\r\n"]);
    read(&mut conversation, Side::Response, &["HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhello"]);
    read(&mut conversation, Side::Request, &["GET /b HTTP/1.1\r\n\r\n"]);
    let parts = read(&mut conversation, Side::Response, &["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"]);
    assert_eq!(shown(&parts), ["ends", "begins", "40", "503", "ends"]);
}

#[test]
fn nothing_is_read_from_a_tunnel() {
    let mut conversation = Http1Conversation::default();
    read(&mut conversation, Side::Request, &["GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"]);
    let parts = read(&mut conversation, Side::Response, &["HTTP/1.1 101 Switching Protocols\r\n\r\n"]);
    assert_eq!(shown(&parts), ["begins", "36", "101", "ends"]);
    assert!(read(&mut conversation, Side::Request, &["GET /b HTTP/1.1\r\n\r\n"]).is_empty());
}

#[test]
fn other_bytes_are_no_http() {
    for bytes in ["", "\x16\x03\x01", "SSH-2.0", "GETX /", "GET 1", "*1\r\n$4\r\nPING\r\n", "HTTP/2.0 200"] {
        assert!(requests(&[bytes]).is_empty(), "{bytes:?}");
    }
    assert_eq!(head::sniff(b"GET /"), Sniffed::Begins(Side::Request));
    assert_eq!(head::sniff(b"GE"), Sniffed::Maybe);
    assert_eq!(head::sniff(b"HTTP/1.1 200"), Sniffed::Begins(Side::Response));
}

/// Bytes that are often nearly HTTP.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /a",
        " HTTP/1.0\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100 C\r\n\r\n",
        "Content-Length: 7\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n",
        "\n",
        "\r",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "ffffffffffffffff\r\n",
        "HEAD / HTTP/1.1\r\n\r\n",
        ":",
        "\0",
    ]);
    let piece = prop_oneof![
        4 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn garbage_never_panics_and_no_byte_counts_twice(
        calls in prop::collection::vec((any::<bool>(), soup(), 0..3000_usize), 0..12),
    ) {
        let mut conversation = Http1Conversation::default();
        for (is_request, bytes, hole) in calls {
            let side = if is_request { Side::Request } else { Side::Response };
            let mut parts = Vec::new();
            let size = bytes.len() + hole;
            conversation.take(side, Chunk { bytes: &bytes, size }, &mut parts);
            let counted: usize = parts.iter().map(|part| if let Part::Bytes(_, n) = part { *n } else { 0 }).sum();
            prop_assert!(counted <= size);
        }
    }

    #[test]
    fn where_the_calls_are_cut_does_not_matter(cuts in prop::collection::vec(1..150_usize, 0..6)) {
        let text = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\n\r\n";
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < text.len()).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let calls: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(requests(&calls), requests(&[text]));
    }
}
