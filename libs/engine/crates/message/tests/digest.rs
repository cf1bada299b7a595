//! Digest authentication against the vectors of the RFCs.

use trunkline_message::{compute_ha1, compute_response, Algorithm, Challenge, Credentials, CredentialsError, Ha1, Qop, ResponseInput};

const MUFASA: &str = "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=ALGORITHM, \
    nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
    cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"RESPONSE\", \
    opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

fn mufasa(algorithm: &str, response: &str) -> String {
    MUFASA.replace("ALGORITHM", algorithm).replace("RESPONSE", response)
}

/// RFC 7616 §3.9.1 for the first two; it has none for the third, which was computed with OpenSSL.
const RESPONSES: [(Algorithm, &str); 3] = [
    (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
    (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    (Algorithm::Sha512_256, "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"),
];

fn mufasa_ha1(algorithm: Algorithm) -> Ha1 {
    compute_ha1(algorithm, b"Mufasa", b"http-auth@example.org", b"Circle of Life")
}

#[test]
fn the_vector_of_rfc_2617_comes_out() {
    let ha1 = compute_ha1(Algorithm::Md5, b"Mufasa", b"testrealm@host.com", b"Circle Of Life");
    let qop = Some(Qop { nc: b"00000001", cnonce: b"0a4f113b" });
    let input = ResponseInput { nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093", method: b"GET", uri: b"/dir/index.html", qop };
    assert_eq!(compute_response(&ha1, &input).as_str(), "6629fae49393a05397450978507c4ef1");
}

#[test]
fn without_qop_the_older_form_comes_out() {
    let ha1 = compute_ha1(Algorithm::Md5, b"bob", b"biloxi.com", b"zanzibar");
    let input = ResponseInput { nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093", method: b"INVITE", uri: b"sip:bob@biloxi.com", qop: None };
    assert_eq!(compute_response(&ha1, &input).as_str(), "bf57e4e0d0bffc0fbaedce64d59add5e");
    let value = "digest username=\"bob\",realm=\"biloxi.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",uri=\"sip:bob@biloxi.com\",\
                 response=\"bf57e4e0d0bffc0fbaedce64d59add5e\"";
    let credentials = Credentials::parse(value.as_bytes()).expect("parses");
    assert_eq!((credentials.algorithm, credentials.nonce_count), (Algorithm::Md5, 0));
    assert!(credentials.is_right(&ha1, b"INVITE"));
}

/// Of draft-smith-sip-auth-examples, which SIP stacks are compared by.
#[test]
fn the_sip_example_with_qop_comes_out() {
    let ha1 = compute_ha1(Algorithm::Md5, b"bob", b"biloxi.com", b"zanzibar");
    let qop = Some(Qop { nc: b"00000001", cnonce: b"0a4f113b" });
    let input = ResponseInput { nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093", method: b"INVITE", uri: b"sip:bob@biloxi.com", qop };
    assert_eq!(compute_response(&ha1, &input).as_str(), "89eb0059246c02b2f6ee02c7961d5ea3");
}

/// RFC 7616 §3.9.2 prints a userhash (488869…) and a response (ae66e6…) made with SHA-512 cut to 256 bits, which is another function;
/// its erratum 4897 has those of SHA-512/256.
#[test]
fn the_example_for_sha_512_256_comes_out_as_its_erratum_has_it() {
    let ha1 = compute_ha1(Algorithm::Sha512_256, "Jäsøn Doe".as_bytes(), b"api@example.org", b"Secret, or not?");
    let qop = Some(Qop { nc: b"00000001", cnonce: b"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v" });
    let nonce = b"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK";
    let response = compute_response(&ha1, &ResponseInput { nonce, method: b"GET", uri: b"/doe.json", qop });
    assert_eq!(response.as_str(), "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
    assert_ne!(response.as_str(), "ae66e67d6b427bd3f120414a82e4acff38e8ecd9101d6c861229025f607a79dd");
}

#[test]
fn the_vectors_of_rfc_7616_are_right_and_nothing_else_is() {
    for (algorithm, response) in RESPONSES {
        let value = mufasa(algorithm.as_str(), response);
        let credentials = Credentials::parse(value.as_bytes()).expect("parses");
        assert!(credentials.is_right(&mufasa_ha1(algorithm), b"GET"), "{algorithm:?}");
        assert!(!credentials.is_right(&mufasa_ha1(algorithm), b"PUT"));
        assert!(!credentials.is_right(&compute_ha1(algorithm, b"Mufasa", b"http-auth@example.org", b"circle of life"), b"GET"));
        for (other, _) in RESPONSES.iter().filter(|(other, _)| *other != algorithm) {
            assert!(!credentials.is_right(&mufasa_ha1(*other), b"GET"), "{algorithm:?} with the HA1 of {other:?}");
        }
    }
}

#[test]
fn a_response_is_right_in_upper_case_and_wrong_when_a_digit_differs_or_lacks() {
    let (algorithm, response) = RESPONSES[0];
    let is_right = |response: &str| {
        let value = mufasa("MD5", response);
        Credentials::parse(value.as_bytes()).expect("parses").is_right(&mufasa_ha1(algorithm), b"GET")
    };
    assert!(is_right(&response.to_ascii_uppercase()));
    for index in 0..response.len() {
        let mut changed = response.to_owned();
        changed.replace_range(index..=index, if &response[index..=index] == "0" { "1" } else { "0" });
        assert!(!is_right(&changed), "{changed}");
    }
    for wrong in ["", &response[..30], &format!("{response}00"), "zza523f5e9506fed4657c9700eebdbec"] {
        assert!(!is_right(wrong), "{wrong}");
    }
}

#[test]
fn a_response_of_zeroes_in_bad_hexadecimal_is_wrong() {
    let value = mufasa("MD5", "gggggggggggggggggggggggggggggggg");
    assert!(!Credentials::parse(value.as_bytes()).expect("parses").is_right(&mufasa_ha1(Algorithm::Md5), b"GET"));
}

#[test]
fn credentials_are_taken_as_clients_write_them() {
    let value = b"DIGEST  Username = \"al\\\"ice\" ,\r\n realm=\"sip.example.com\",nonce=n1, uri=\"sip:1,2@x\",qop=\"AUTH\",\
                  nc=\"0000000A\",cnonce=\"c,1\",algorithm=\"sha-256\",response=\"00\",unheard=\"of, x=y\",,opaque=\"\"";
    let credentials = Credentials::parse(value).expect("parses");
    assert_eq!(credentials.username.as_ref(), b"al\"ice");
    assert_eq!(credentials.realm.as_ref(), b"sip.example.com");
    assert_eq!((credentials.nonce, credentials.uri), (b"n1".as_slice(), b"sip:1,2@x".as_slice()));
    assert_eq!(credentials.algorithm, Algorithm::Sha256);
    assert_eq!(credentials.nonce_count, 10);
    assert_eq!(credentials.qop.map(|qop| qop.cnonce), Some(b"c,1".as_slice()));
    assert_eq!(credentials.opaque, Some(b"".as_slice()));
}

#[test]
fn other_schemes_algorithms_and_hashed_names_are_told_apart() {
    let parse = |value: &str| Credentials::parse(value.as_bytes()).map(|_| ()).expect_err("is refused");
    assert_eq!(parse("Basic QWxhZGRpbg=="), CredentialsError::NotDigest);
    assert_eq!(parse(""), CredentialsError::NotDigest);
    assert_eq!(parse("NoOneKnowsThisScheme opaque-data=here"), CredentialsError::NotDigest);
    assert_eq!(parse(&mufasa("MD5-sess", "00")), CredentialsError::UnknownAlgorithm);
    assert_eq!(parse(&mufasa("SHA-512", "00")), CredentialsError::UnknownAlgorithm);
    assert!(matches!(parse(&mufasa("MD5, userhash=true", "00")), CredentialsError::Unsupported(_)));
    assert!(matches!(parse(&mufasa("MD5, username*=UTF-8''x", "00")), CredentialsError::Unsupported(_)));
    assert!(matches!(parse(&mufasa("MD5", "00").replace("qop=auth", "qop=auth-int")), CredentialsError::Unsupported(_)));
    assert!(Credentials::parse(mufasa("MD5, userhash=false", "00").as_bytes()).is_ok());
}

#[test]
fn credentials_that_cannot_be_read_are_malformed() {
    let good = mufasa("MD5", "00");
    assert!(Credentials::parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("username=", "user="),
        ("realm=", "real="),
        ("nonce=\"7", "n=\"7"),
        ("uri=", "u="),
        ("response=", "r="),
        ("nc=00000001", "n=1"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=0000000g"),
        ("cnonce=", "cn="),
        ("\"Mufasa\",", "\"Mufasa,"),
        ("\"Mufasa\",", "\"Mufasa\""),
        ("realm=", "username=\"x\", realm="),
        ("realm=", "realm, x="),
        ("realm=", "r ealm="),
    ] {
        assert!(good.contains(from));
        let changed = good.replacen(from, to, 1);
        assert!(matches!(Credentials::parse(changed.as_bytes()), Err(CredentialsError::Malformed(_))), "{changed}");
    }
    let many = format!("{good}{}", ", x=y".repeat(trunkline_message::limits::CREDENTIAL_PARAMS));
    assert!(matches!(Credentials::parse(many.as_bytes()), Err(CredentialsError::Malformed(_))));
}

#[test]
fn a_response_under_the_name_of_another_algorithm_is_wrong() {
    let (_, response) = RESPONSES[1];
    let value = mufasa("SHA-512-256", response);
    assert!(!Credentials::parse(value.as_bytes()).expect("parses").is_right(&mufasa_ha1(Algorithm::Sha256), b"GET"));
}

#[test]
fn a_raw_ha1_has_the_length_of_its_algorithm_and_is_never_printed() {
    let ha1 = mufasa_ha1(Algorithm::Sha256);
    assert_eq!(Ha1::from_raw(Algorithm::Sha256, ha1.as_bytes()), Some(ha1));
    assert_eq!(Ha1::from_raw(Algorithm::Md5, ha1.as_bytes()), None);
    assert_eq!(Ha1::from_raw(Algorithm::Sha512_256, b""), None);
    assert_eq!(format!("{ha1:?}"), "Ha1(SHA-256)");
}

#[test]
fn a_challenge_names_its_algorithm() {
    let challenge = Challenge { realm: "sip.example.com", nonce: "n1", algorithm: Algorithm::Sha512_256, is_stale: true, has_qop: true };
    let mut out = Vec::new();
    challenge.write_value(&mut out);
    assert_eq!(out, b"Digest realm=\"sip.example.com\", nonce=\"n1\", algorithm=SHA-512-256, qop=\"auth\", stale=true");
    out.clear();
    Challenge { algorithm: Algorithm::Md5, is_stale: false, has_qop: false, ..challenge }.write_value(&mut out);
    assert_eq!(out, b"Digest realm=\"sip.example.com\", nonce=\"n1\", algorithm=MD5");
}
