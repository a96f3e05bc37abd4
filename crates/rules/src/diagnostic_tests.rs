use super::*;

#[test]
fn the_nearest_of_several_is_suggested_if_it_is_near_enough() {
    for (key, known, wanted) in [
        ("abcd", &["abcdef"][..], Some("abcdef")),
        ("abcde", &["abcdefgh"], None),
        ("abcdef", &["abcdefghi"], Some("abcdefghi")),
        ("abcde", &["abcdefghi"], None),
        ("abcd", &["abxx", "abcx"], Some("abcx")),
        ("abz", &["aby", "abx"], Some("aby")),
        // case, `_` and `-` do not count
        ("Min_Approvals", &["minapprovals"], Some("minapprovals")),
    ] {
        assert_eq!(
            nearest(key, known.iter().copied()),
            wanted,
            "{key} {known:?}"
        );
    }
}

#[test]
fn a_key_is_almost_another_by_one_letter_or_two_of_a_long_one() {
    for (key, known, wanted) in [
        ("abcx", &["abcd"][..], Some("abcd")),
        ("abxx", &["abcd"], None),
        ("abcdefxx", &["abcdefgh"], None),
        ("abcdefgxx", &["abcdefghi"], Some("abcdefghi")),
        ("abcdefxxx", &["abcdefghi"], None),
        ("abcd", &["abcd"], None),
        ("abcd", &["ABCD"], Some("ABCD")),
        ("abcdefghx", &["abcdefxxi", "abcdefghi"], Some("abcdefghi")),
        ("abz", &["aby", "abx"], Some("abx")),
    ] {
        assert_eq!(
            nearest_key(key, known.iter().copied()),
            wanted,
            "{key} {known:?}"
        );
    }
}

#[test]
fn a_name_is_near_by_a_third_of_its_letters_up_to_three() {
    for (name, known, wanted) in [
        ("ab", &["ax"][..], Some("ax")),
        ("abcde", &["abcdx"], Some("abcdx")),
        ("abcde", &["abcxx"], None),
        ("abcdef", &["abcdxx"], Some("abcdxx")),
        ("abcdef", &["abcxxx"], None),
        ("abcdefghi", &["abcdefxxx"], Some("abcdefxxx")),
        ("abcdefghijkl", &["abcdefghxxxx"], None),
        ("abcd", &["xbcd"], None),
        ("Abcd", &["abcx"], Some("abcx")),
        ("abcdef", &["abcdxx", "abcdex"], Some("abcdex")),
        ("abcd", &["abcy", "abcx"], Some("abcx")),
        ("Zürich", &["Zärüch"], Some("Zärüch")),
    ] {
        assert_eq!(
            nearest_name(name, known.iter().copied()),
            wanted,
            "{name} {known:?}"
        );
    }
}
